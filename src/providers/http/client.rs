//! The one HTTP client that all drivers of a process part share.
//!
//! Invariant: all drivers draw on the same pools, so that a provider with several instances is connected to once.

use std::time::Duration;

use mosaic_actors::error::Failure;

use crate::wire::client::{self, Outbound};

/// How long a connection may take to stand, TLS included. A healthy provider needs far less than a second.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections kept for each host; more only holds sockets that a burst has left behind.
const IDLE_PER_HOST: usize = 32;
/// How long an idle connection is kept unless told otherwise: below the 5 s of common application servers.
const IDLE: Duration = Duration::from_secs(4);

/// Builds a client as the process's environment says.
///
/// # Errors
/// As [`http_client_by`], and as [`Outbound::from_env`].
pub fn http_client() -> Result<reqwest::Client, Failure> {
    http_client_by(&Outbound::from_env()?, IDLE)
}

/// Builds the shared client, which keeps an idle connection for `idle`. Redirects are judged by the sender, which knows
/// what the credential is for.
///
/// # Errors
/// `internal` where there are no trust roots, or the client cannot be built.
pub fn http_client_by(outbound: &Outbound, idle: Duration) -> Result<reqwest::Client, Failure> {
    client::build(
        outbound
            .builder()?
            .connect_timeout(CONNECT)
            .pool_idle_timeout(idle)
            .pool_max_idle_per_host(IDLE_PER_HOST),
    )
}
