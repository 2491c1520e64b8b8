//! MosAIc: one supervised gateway in front of the systems a software organisation works with.
#![forbid(unsafe_code)]

pub mod admin;
pub mod catalogue;
pub mod dispatch;
pub mod providers;
pub mod server;
pub mod surfaces;
