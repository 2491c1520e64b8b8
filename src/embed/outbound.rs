//! The ways out of a gateway, as its configuration says.
//!
//! Invariant: a file of authorities is read here, at the start of what uses it, so that a renewed one takes effect at a
//! restart.

use std::path::Path;

use mosaic_actors::error::Failure;
use url::Url;

use crate::config::{OutboundConfig, ProxyConfig};
use crate::providers::http::HttpClient;
use crate::wire::client::Outbound;
use crate::wire::proxies::Proxies;
use crate::wire::tls;

/// The ways that all of a gateway's providers share.
///
/// # Errors
/// `invalid_input` naming the key or variable at fault.
pub(crate) fn outbound(config: &OutboundConfig) -> Result<Outbound, Failure> {
    let proxies = match &config.proxy {
        ProxyConfig::Environment => Proxies::from_env()?,
        ProxyConfig::None => Proxies::none(),
        ProxyConfig::Address(url) => Proxies::all(url).except_by_env(),
    };
    let ca_file = config.ca_file.as_deref();
    Ok(Outbound {
        proxies: proxies.except(config.no_proxy.iter().map(String::as_str)),
        authorities: ca_file.map_or(Ok(vec![]), |path| tls::authorities("outbound.ca_file", path))?,
    })
}

/// Ways that also trust the authorities of a provider's `ca_file`.
///
/// # Errors
/// `invalid_input` on `ca_file`.
pub(crate) fn trusting(mut outbound: Outbound, ca_file: Option<&Path>) -> Result<Outbound, Failure> {
    if let Some(path) = ca_file {
        outbound.authorities.extend(tls::authorities("ca_file", path)?);
    }
    Ok(outbound)
}

/// The client of one provider: the `shared` one, or its own where it trusts more.
///
/// # Errors
/// `invalid_input` on `ca_file`.
pub(super) fn client_of(
    ca_file: Option<&Path>,
    shared: &HttpClient,
    outbound: &Outbound,
    config: &OutboundConfig,
) -> Result<HttpClient, Failure> {
    match ca_file {
        Some(_) => HttpClient::new(&trusting(outbound.clone(), ca_file)?, config.idle_timeout),
        None => Ok(shared.clone()),
    }
}

/// Refuses to let a proxy read a credential on its way to `base`.
///
/// # Errors
/// `invalid_input` on `base_url`.
pub(super) fn keep_from_proxies(
    base: Option<&Url>,
    outbound: &Outbound,
    config: &OutboundConfig,
) -> Result<(), Failure> {
    let readable = base.is_some_and(|base| base.scheme() == "http" && outbound.proxies.of(base).is_some());
    if readable && !config.credentials_in_clear {
        return Err(Failure::invalid(
            "base_url",
            "what is sent to this base_url goes through a proxy, and the credential would go in clear: use https, name the host in outbound.no_proxy or NO_PROXY, \
             or allow it by outbound.credentials_in_clear",
        )
        .never_sent());
    }
    Ok(())
}
