//! MosAIc: one supervised gateway in front of the systems a software organisation works with.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod admin;
pub mod catalogue;
pub mod cli;
pub mod config;
pub mod demo;
pub mod dispatch;
pub mod doctor;
pub mod embed;
pub mod failures;
pub mod program;
pub mod providers;
pub mod sandbox;
pub mod secret;
pub mod server;
pub mod stores;
pub mod surfaces;
pub mod telemetry;
pub mod wire;

pub use embed::Mosaic;
