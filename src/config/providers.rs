//! Providers.
//!
//! Invariant: nothing here knows a kind of provider; kinds are given by whoever registers drivers.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::billing::{CreditsConfig, PriceConfig};
use super::breaker::{BreakerConfig, BreakerOverrides};
use super::credential::{AppConfig, OAuthConfig, TokenKind};
use super::ejection::{SlowStartConfig, SlowStartOverrides};
use super::engine::DefaultsConfig;
use super::overload::{OverloadConfig, OverloadOverrides};
use super::units::{self, BaseUrl};
use crate::secret::SecretRef;

const SECOND: u64 = 1000;
const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// `[providers.NAME]`: one instance of a provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProviderConfig {
    /// The driver that speaks to it.
    #[schemars(length(max = 40))]
    pub kind: String,
    /// Where its API is; the vendor's own where left out, if the driver knows one.
    #[serde(default)]
    pub base_url: Option<BaseUrl>,
    /// The credential, where it is a token.
    #[serde(default)]
    pub token: Option<SecretRef>,
    /// What kind of token that is; an access token where left out.
    #[serde(default)]
    pub token_kind: Option<TokenKind>,
    /// The name of the user whose API token `token` is, or whose password is beside it.
    #[serde(default)]
    #[schemars(length(max = 256))]
    pub user: Option<String>,
    /// The user's password, in place of a token.
    #[serde(default)]
    pub password: Option<SecretRef>,
    /// An app's private key, in place of a token.
    #[serde(default)]
    pub app: Option<AppConfig>,
    /// Tokens that are renewed by OAuth, in place of a token.
    #[serde(default)]
    pub oauth: Option<OAuthConfig>,
    /// A PEM file of authorities that are trusted for it, beside the system's and those of `[outbound]`.
    #[serde(default)]
    #[schemars(with = "Option<String>", length(max = 4096))]
    pub ca_file: Option<PathBuf>,
    /// The most attempts in flight; as in `[defaults.limits]` where left out.
    #[serde(default)]
    #[schemars(range(min = 1, max = 100_000))]
    pub max_in_flight: Option<usize>,
    /// The longest attempt; as in `[gateway]` where left out.
    #[serde(default, with = "units::optional_duration")]
    #[schemars(schema_with = "units::optional_time::<10, HOUR>")]
    pub attempt_timeout: Option<Duration>,
    /// Whether its health is asked, before it takes calls and while it does.
    #[serde(default = "yes")]
    pub health_check: bool,
    /// How often it is asked while it takes calls, unless `health_check` is off; as in `[defaults]` where left out.
    #[serde(default, with = "units::optional_interval")]
    #[schemars(schema_with = "units::optional_interval_of::<SECOND, { 24 * HOUR }>")]
    pub health_interval: Option<Duration>,
    /// Where its circuit breaker differs from `[defaults.breaker]`.
    #[serde(default)]
    pub breaker: BreakerOverrides,
    /// Where its start differs from `[defaults.slow_start]`.
    #[serde(default)]
    pub slow_start: SlowStartOverrides,
    /// Where what keeps it from overload differs from `[defaults.overload]`.
    #[serde(default)]
    pub overload: OverloadOverrides,
    /// What it sends by itself.
    #[serde(default)]
    pub webhook: WebhookConfig,
    /// Patterns of the models that it offers, with `*` for any run of characters; where left out, those that it lists.
    #[serde(default)]
    pub models: Vec<String>,
    /// What routes may select it by: names and values, such as `hosting` and `self`.
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    /// Its share among equivalents, for balancers that weigh.
    #[serde(default = "one")]
    #[schemars(range(min = 1, max = 1000))]
    pub weight: u32,
    /// What its calls cost.
    #[serde(default)]
    #[schemars(length(max = 1000))]
    pub prices: Vec<PriceConfig>,
    /// What may be spent on them; absent: there is no bound.
    #[serde(default)]
    pub credits: Option<CreditsConfig>,
    /// Whether tenants that reach it share what it keeps by ids: files, batches and stored responses of AI.
    #[serde(default)]
    pub tenants_share: bool,
    /// Settings of its driver alone, which checks them.
    #[serde(default)]
    pub settings: serde_json::Map<String, serde_json::Value>,
}

/// `[providers.NAME.webhook]`: how it tells what happens. Without a secret nothing that is sent for it is taken.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct WebhookConfig {
    /// Proves that a delivery comes from it.
    pub secret: Option<SecretRef>,
    /// What stands behind its name in the path of its deliveries; required where it proves nothing.
    pub path_secret: Option<SecretRef>,
    /// Projects whose runs are looked at from time to time, where it sends nothing.
    #[schemars(length(max = 100), inner(length(min = 1, max = 1024)))]
    pub poll: Vec<String>,
    /// How often.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 24 * HOUR }>")]
    pub poll_every: Duration,
}

impl Default for WebhookConfig {
    fn default() -> Self {
        WebhookConfig {
            secret: None,
            path_secret: None,
            poll: Vec::new(),
            poll_every: Duration::from_secs(60),
        }
    }
}

fn yes() -> bool {
    true
}

fn one() -> u32 {
    1
}

impl ProviderConfig {
    /// An instance of `kind` with defaults: the vendor's own address, no credential.
    pub fn new(kind: impl Into<String>) -> Self {
        ProviderConfig {
            kind: kind.into(),
            base_url: None,
            token: None,
            token_kind: None,
            user: None,
            password: None,
            app: None,
            oauth: None,
            ca_file: None,
            max_in_flight: None,
            attempt_timeout: None,
            health_check: true,
            health_interval: None,
            breaker: BreakerOverrides::default(),
            slow_start: SlowStartOverrides::default(),
            overload: OverloadOverrides::default(),
            webhook: WebhookConfig::default(),
            models: Vec::new(),
            labels: BTreeMap::new(),
            weight: 1,
            prices: Vec::new(),
            credits: None,
            tenants_share: false,
            settings: serde_json::Map::new(),
        }
    }

    /// The same, at another address.
    #[must_use]
    pub fn at(self, base_url: BaseUrl) -> Self {
        ProviderConfig {
            base_url: Some(base_url),
            ..self
        }
    }

    /// The breaker's settings with the defaults filled in.
    pub fn breaker(&self, defaults: &DefaultsConfig) -> BreakerConfig {
        self.breaker.over(&defaults.breaker)
    }

    /// How its weight grows when it comes back, with the defaults filled in.
    pub fn slow_start(&self, defaults: &DefaultsConfig) -> SlowStartConfig {
        self.slow_start.over(&defaults.slow_start)
    }

    /// What keeps it from overload, with the defaults filled in.
    pub fn overload(&self, defaults: &DefaultsConfig) -> OverloadConfig {
        self.overload.over(&defaults.overload)
    }

    /// The bulkhead's size with the default filled in.
    pub fn max_in_flight(&self, defaults: &DefaultsConfig) -> usize {
        self.max_in_flight.unwrap_or(defaults.limits.max_in_flight)
    }
}
