//! How providers are reached: proxies, trust, and the connections to them.
//!
//! Invariant: the defaults send no credential where others than its provider can read it.

use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use url::Url;

use super::units;

const MINUTE: u64 = 60_000;

/// `[outbound]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OutboundConfig {
    /// What goes through a proxy.
    pub proxy: ProxyConfig,
    /// Hosts with what is below them, addresses and networks that are asked directly, beside those of `NO_PROXY`.
    #[schemars(length(max = 256), inner(length(min = 1, max = 253)))]
    pub no_proxy: Vec<String>,
    /// Whether a credential may go to a provider at `http://` through a proxy, which can read it.
    pub credentials_in_clear: bool,
    /// A PEM file of authorities that are trusted beside the system's.
    #[schemars(with = "Option<String>", length(max = 4096))]
    pub ca_file: Option<PathBuf>,
    /// How long an idle connection is kept. Servers close theirs after 5 s and more, as a rule; a write that meets a
    /// closing one cannot be repeated.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, { 10 * MINUTE }>")]
    pub idle_timeout: Duration,
}

impl Default for OutboundConfig {
    fn default() -> Self {
        OutboundConfig {
            proxy: ProxyConfig::Environment,
            no_proxy: vec![],
            credentials_in_clear: false,
            ca_file: None,
            idle_timeout: Duration::from_secs(4),
        }
    }
}

/// Which proxies are used. This machine and its link are always asked directly.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum ProxyConfig {
    /// Those of the environment: `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY`.
    #[default]
    Environment,
    /// None.
    None,
    /// This one, for everything.
    Address(Url),
}

impl ProxyConfig {
    /// Parses `environment`, `none`, or an address.
    ///
    /// # Errors
    /// What is wrong with it, without quoting it: a password may stand in it.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        match text {
            "environment" => return Ok(ProxyConfig::Environment),
            "none" => return Ok(ProxyConfig::None),
            _ => {}
        }
        let url = Url::parse(text)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
            .ok_or("expected \"environment\", \"none\", or an address such as \"http://proxy.example.com:3128\"")?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err("must not contain a user or password; a proxy that asks for them is set by HTTPS_PROXY");
        }
        if url.path() != "/" || url.query().is_some() || url.fragment().is_some() {
            return Err("must not contain a path, query or fragment");
        }
        Ok(ProxyConfig::Address(url))
    }
}

impl TryFrom<String> for ProxyConfig {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        ProxyConfig::parse(&text)
    }
}

impl From<ProxyConfig> for String {
    fn from(proxy: ProxyConfig) -> String {
        match proxy {
            ProxyConfig::Environment => "environment".to_owned(),
            ProxyConfig::None => "none".to_owned(),
            ProxyConfig::Address(url) => url.into(),
        }
    }
}

impl schemars::JsonSchema for ProxyConfig {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "ProxyConfig".into()
    }

    fn inline_schema() -> bool {
        true
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "format": "proxy" })
    }
}
