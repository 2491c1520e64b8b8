//! The one HTTP client that all drivers of a process part share.
//!
//! Invariant: all drivers draw on the same pools, so that a provider with several instances is connected to once.

use std::time::Duration;

use mosaic_actors::error::Failure;

use crate::wire::client;

/// How long a connection may take to stand, TLS included. A healthy provider needs far less than a second.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections kept for each host; more only holds sockets that a burst has left behind.
const IDLE_PER_HOST: usize = 32;
/// How long an idle connection is kept. Below the 60 s after which common load balancers drop theirs.
const IDLE: Duration = Duration::from_secs(50);

/// Builds the shared client. Redirects are judged by the sender, which knows what the credential is for.
///
/// # Errors
/// `internal` where the platform has no trust roots, or the client cannot be built.
pub fn http_client() -> Result<reqwest::Client, Failure> {
    client::build(
        client::builder()?
            .connect_timeout(CONNECT)
            .pool_idle_timeout(IDLE)
            .pool_max_idle_per_host(IDLE_PER_HOST),
    )
}
