//! What every driver over HTTP shares: sending, auth, paging, waits, refusals, bodies and server-sent events.
//!
//! Invariant: no text of a provider's answer, no credential and no URL reaches a `Failure`; sentences are our own.
//!
//! A driver describes itself with a [`Dialect`], makes its [`Endpoint`] from the connection, builds each request with
//! [`Endpoint::get`] or [`Endpoint::post`], and reads the [`Received`] answer. It never touches a socket itself.

mod ask;
mod body;
pub(super) mod client;
pub(super) mod endpoint;
pub mod link;
pub mod pages;
mod refusal;
mod send;
mod settings;
pub mod sse;
mod transport;
mod upload;
pub mod waits;

pub use body::{Received, Row};
pub use client::{HttpClient, http_client};
pub use endpoint::{Dialect, Endpoint, Outgoing};
pub use refusal::{Refusal, by_status};
pub use send::Opened;
pub use settings::settings;
pub use upload::Form;
