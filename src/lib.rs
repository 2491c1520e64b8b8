//! MosAIc: one supervised gateway in front of Git forges, CI servers, documentation, trackers and AI models.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod config;
pub mod secret;
pub mod stores;
pub mod telemetry;
