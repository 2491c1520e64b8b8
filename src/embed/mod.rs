//! Embedding: a whole gateway as a value, inside any program that runs tokio.
//!
//! Invariant: nothing here is global. Several gateways live in one process, each with its own tree, metrics and state. The
//! builder stands on top: what it puts together does not import it.

#[cfg(feature = "server")]
mod admin;
#[cfg(feature = "mcp")]
mod admin_asked;
#[cfg(feature = "mcp")]
mod admin_tools;
#[cfg(feature = "mcp")]
mod agents;
mod answers;
mod billing;
mod builder;
mod calls;
#[cfg(feature = "server")]
mod certificates;
mod commons;
mod credentials;
mod digest;
mod drift;
#[cfg(feature = "server")]
mod ears;
mod effective;
mod error;
mod homes;
#[cfg(feature = "server")]
mod inlet;
mod instances;
#[cfg(feature = "server")]
mod introduced;
#[cfg(feature = "server")]
mod issuer;
mod keep;
mod lessons;
mod life;
mod looked;
mod maker;
mod manifest;
mod models;
mod mosaic;
mod native;
mod notice;
mod notices;
#[cfg(feature = "server")]
mod offering;
pub mod operations;
pub(crate) mod outbound;
mod owners;
mod polls;
#[cfg(feature = "server")]
mod public;
mod reaches;
mod record;
#[cfg(feature = "server")]
mod records;
mod registry;
#[cfg(feature = "cli")]
mod replayed;
mod request;
#[cfg(feature = "server")]
mod rule_words;
#[cfg(feature = "server")]
pub mod serve;
mod services;
mod shadows;
mod survey;
mod told;
mod typed;
pub mod upload;
mod wiring;

pub use builder::Builder;
#[cfg(feature = "cli")]
pub(crate) use builder::all_faults;
pub use effective::effective;
pub use error::StartError;
pub use looked::Looked;
pub use mosaic::Mosaic;
pub use notice::Notice;
pub use notices::notices;
pub use registry::Registry;
#[cfg(feature = "cli")]
pub(crate) use replayed::replayed;
pub use request::Request;
pub use typed::Typed;
pub use wiring::{Named, drivers};
