//! The engine of MosAIc: actors under supervision, the call path, and the pure policies that they run.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod call;
pub mod driver;
pub mod error;
pub mod policy;
pub mod stream;
pub mod supervision;
