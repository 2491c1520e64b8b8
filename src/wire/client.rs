//! The HTTP client that all others are made from.
//!
//! Invariant: the client decides nothing: it follows no redirect, repeats no request, and takes its cryptography from
//! its own configuration, never from the process.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use rustls_platform_verifier::Verifier;

/// A client that trusts what the platform trusts. Whoever builds it sets its times and pools.
///
/// # Errors
/// `internal` where the platform has no trust roots.
pub fn builder() -> Result<reqwest::ClientBuilder, Failure> {
    Ok(reqwest::Client::builder()
        .tls_backend_preconfigured(tls()?)
        .user_agent(concat!("mosaic/", env!("CARGO_PKG_VERSION")))
        // An API does not move, and a credential must not follow where a reply points.
        .redirect(reqwest::redirect::Policy::none())
        // Repeats are the business of those who know what they cost, and whether they are safe.
        .retry(reqwest::retry::never()))
}

/// Builds what [`builder`] began.
///
/// # Errors
/// `internal` where the client cannot be built.
pub fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder
        .build()
        .map_err(|error| Failure::new(Kind::Internal, "the HTTP client could not be built").because(error))
}

/// TLS by ring, with the platform's trust roots.
///
/// # Errors
/// `internal` where the platform has none.
pub fn tls() -> Result<rustls::ClientConfig, Failure> {
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
    use super::*;

    #[test]
    fn it_needs_no_provider_of_the_process_and_installs_none() {
        build(builder().expect("TLS")).expect("a client");
        assert!(rustls::crypto::CryptoProvider::get_default().is_none());
    }
}
