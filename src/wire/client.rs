//! The HTTP client that all others are made from.
//!
//! Invariant: the client decides nothing: it follows no redirect, repeats no request, and takes its cryptography from
//! its own configuration, never from the process.

use mosaic_actors::error::{Failure, Kind};
use rustls::pki_types::CertificateDer;

use super::proxies::Proxies;
use super::tls;

/// Ways out of this process.
#[derive(Clone, Debug, Default)]
pub struct Outbound {
    /// What is asked through a proxy.
    pub proxies: Proxies,
    /// Authorities that are trusted beside the platform's.
    pub authorities: Vec<CertificateDer<'static>>,
}

impl Outbound {
    /// As the process's environment says.
    ///
    /// # Errors
    /// As [`Proxies::from_env`].
    pub fn from_env() -> Result<Self, Failure> {
        Ok(Outbound {
            proxies: Proxies::from_env()?,
            authorities: vec![],
        })
    }

    /// Reads what the platform trusts.
    ///
    /// # Errors
    /// `internal` where there is nothing to trust.
    pub fn ways(&self) -> Result<Ways, Failure> {
        Ok(Ways {
            proxies: self.proxies.clone(),
            tls: tls::config(&self.authorities)?,
        })
    }

    /// A client that goes these ways. Whoever builds it sets its times and pools.
    ///
    /// # Errors
    /// As [`ways`](Outbound::ways).
    pub fn builder(&self) -> Result<reqwest::ClientBuilder, Failure> {
        self.ways().map(|ways| ways.builder())
    }
}

/// What we call ourselves.
pub(super) const NAME: &str = concat!("mosaic/", env!("CARGO_PKG_VERSION"));

/// Ways with their trust read, of which any number of clients can be made.
#[derive(Clone, Debug)]
pub struct Ways {
    pub(super) proxies: Proxies,
    pub(super) tls: rustls::ClientConfig,
}

impl Ways {
    /// As [`Outbound::builder`].
    pub fn builder(&self) -> reqwest::ClientBuilder {
        let builder = reqwest::Client::builder();
        let builder = if self.proxies.are_none() {
            // Otherwise the library would look for proxies itself.
            builder.no_proxy()
        } else {
            let proxies = self.proxies.clone();
            builder.proxy(reqwest::Proxy::custom(move |url| proxies.of(url).cloned()))
        };
        builder
            .tls_backend_preconfigured(self.tls.clone())
            .user_agent(NAME)
            // An API does not move, and a credential must not follow where a reply points.
            .redirect(reqwest::redirect::Policy::none())
            // Repeats are the business of those who know what they cost, and whether they are safe.
            .retry(reqwest::retry::never())
    }
}

/// A client that trusts what the platform trusts, and goes through the proxies of the environment.
///
/// # Errors
/// `internal` where the platform has no trust roots; `invalid_input` naming a variable that is no proxy's address.
pub fn builder() -> Result<reqwest::ClientBuilder, Failure> {
    Outbound::from_env()?.builder()
}

/// Builds what a builder began.
///
/// # Errors
/// `internal` where the client cannot be built.
pub fn build(builder: reqwest::ClientBuilder) -> Result<reqwest::Client, Failure> {
    builder
        .build()
        .map_err(|error| Failure::new(Kind::Internal, "the HTTP client could not be built").because(error))
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
