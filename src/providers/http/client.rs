//! The one HTTP client that all drivers of a process part share.
//!
//! Invariant: the client decides nothing: it follows no redirect, repeats no request, and takes its cryptography from
//! its own configuration, never from the process.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use rustls_platform_verifier::Verifier;

/// How long a connection may take to stand, TLS included. A healthy provider needs far less than a second.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections kept for each host; more only holds sockets that a burst has left behind.
const IDLE_PER_HOST: usize = 32;
/// How long an idle connection is kept. Below the 60 s after which common load balancers drop theirs.
const IDLE: Duration = Duration::from_secs(50);

/// Builds the shared client: connection pools, TLS by ring, the platform's trust roots.
///
/// # Errors
/// `internal` where the platform has no trust roots, or the client cannot be built.
pub fn http_client() -> Result<reqwest::Client, Failure> {
    reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .user_agent(concat!("mosaic/", env!("CARGO_PKG_VERSION")))
        .connect_timeout(CONNECT)
        .pool_idle_timeout(IDLE)
        .pool_max_idle_per_host(IDLE_PER_HOST)
        // Redirects are judged by the sender, which knows what the credential is for.
        .redirect(reqwest::redirect::Policy::none())
        // Repeats are the engine's business: it pays for them from a budget.
        .retry(reqwest::retry::never())
        .build()
        .map_err(|error| Failure::new(Kind::Internal, "the HTTP client could not be built").because(error))
}

fn tls() -> Result<rustls::ClientConfig, Failure> {
    let wrong =
        |error: rustls::Error| Failure::new(Kind::Internal, "TLS could not be set up on this machine").because(error);
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier = Verifier::new(provider.clone()).map_err(wrong)?;
    let mut config = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(wrong)?
        // The method is called dangerous because any verifier may be given; ours is the platform's.
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth();
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

#[cfg(test)]
mod tests {
    #[test]
    fn it_needs_no_provider_of_the_process_and_installs_none() {
        super::http_client().expect("a client");
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }
}
