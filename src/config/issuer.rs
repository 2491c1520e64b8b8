//! `[oauth]`: whose access tokens are taken beside keys.
//!
//! Invariant: without an issuer no token is taken, and none is spoken of.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use mosaic_actors::policy::scopes::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::units;

const MINUTE: u64 = 60 * 1000;

/// The authorization server whose JWTs are taken, and what they mean here.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssuerConfig {
    /// Who issues them: their `iss`, to the letter.
    #[schemars(length(min = 1, max = 2048))]
    pub issuer: String,
    /// Whom they are for: among their `aud`.
    #[schemars(length(min = 1, max = 2048))]
    pub audience: String,
    /// Where the issuer's public keys are; absent: where its metadata says (OpenID Connect Discovery, RFC 8414).
    #[serde(default)]
    #[schemars(length(max = 2048))]
    pub jwks_url: Option<String>,
    /// The claim that names the caller's tenant.
    #[serde(default = "tenant_claim")]
    #[schemars(length(min = 1, max = 128))]
    pub tenant_claim: String,
    /// The tenant of tokens without that claim; absent: they are refused.
    #[serde(default)]
    #[schemars(length(max = 40))]
    pub tenant: Option<String>,
    /// By how much the issuer's clock may differ.
    #[serde(default = "leeway", with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, { 5 * MINUTE }>")]
    pub leeway: Duration,
    /// What each of the issuer's scopes grants here; absent: its scopes are ours.
    #[serde(default)]
    #[schemars(schema_with = "units::optional_scopes_by_name")]
    pub scopes: Option<BTreeMap<String, Vec<Scope>>>,
}

fn tenant_claim() -> String {
    "tenant".to_owned()
}

const fn leeway() -> Duration {
    Duration::from_secs(30)
}

/// Whether a text is an address of the web.
pub(crate) fn is_web_address(text: &str) -> bool {
    Url::parse(text).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

/// Whether what an address leads to can be believed: over HTTPS, or on this machine.
pub(crate) fn is_trustworthy(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else { return false };
    let is_here = || match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(ip)) => IpAddr::from(ip).is_loopback(),
        Some(url::Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    let bare =
        url.fragment().is_none() && url.query().is_none() && url.username().is_empty() && url.password().is_none();
    bare && (url.scheme() == "https" || (url.scheme() == "http" && is_here()))
}
