//! What every HTTP client of this program shares: TLS, the manners of a client, the reading of event streams, and the
//! names of files.
//!
//! Invariant: this is a leaf. It knows no provider, no surface and no command, and nothing process-wide is installed.

pub mod client;
mod connect;
pub mod file;
pub mod hops;
pub mod near;
pub mod proxies;
pub mod sender;
pub mod sse;
pub mod tls;
pub mod upstream;
