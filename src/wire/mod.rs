//! What every HTTP client of this program shares: TLS, the manners of a client, and the reading of event streams.
//!
//! Invariant: this is a leaf. It knows no provider, no surface and no command, and nothing process-wide is installed.

pub mod client;
pub mod proxies;
pub mod sse;
pub mod tls;
