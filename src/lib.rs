//! MosAIc: one supervised gateway in front of the systems a software organisation works with.
#![forbid(unsafe_code)]

pub mod catalogue;
pub mod cli;
pub mod dispatch;
pub mod providers;
