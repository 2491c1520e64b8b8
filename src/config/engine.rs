//! The engine's sections: cache, gateway, supervision, and the defaults that providers inherit.
//!
//! Invariant: every bound has a range whose upper end one process can bear.

use std::time::Duration;

use mosaic_actors::decision::DecisionSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::breaker::BreakerConfig;
use super::ejection::SlowStartConfig;
use super::overload::OverloadConfig;
use super::recovery::RetryBudgetConfig;
use super::redis_url::RedisUrl;
use super::units;
use crate::secret::SecretRef;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

/// `[cache]`: the tiers.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct CacheConfig {
    /// Memory of this process.
    pub l1: L1Config,
    /// A Redis that nodes share.
    pub l2: L2Config,
}

/// `[cache.l1]`: answers kept in memory.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct L1Config {
    /// Whether the tier exists.
    pub enabled: bool,
    /// The most bytes it holds.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 64 * KIB }, { 256 * GIB }>")]
    pub max_bytes: usize,
    /// The largest answer it holds, in bytes.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, GIB>")]
    pub max_entry: usize,
}

impl Default for L1Config {
    fn default() -> Self {
        L1Config {
            enabled: true,
            max_bytes: 64 << 20,
            max_entry: 1 << 20,
        }
    }
}

/// `[cache.l2]`: answers kept in a Redis that the nodes of a deployment share.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct L2Config {
    /// Where it is; without it the tier does not exist.
    pub url: Option<RedisUrl>,
    /// Its password.
    pub password: Option<SecretRef>,
    /// What every key there begins with.
    #[schemars(length(max = 64))]
    pub prefix: String,
    /// How long a lookup may take before it counts as a miss.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, SECOND>")]
    pub get_timeout: Duration,
    /// How long a put or an invalidation may take; the caller of a write waits for the latter.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, { 5 * SECOND }>")]
    pub put_timeout: Duration,
    /// The largest answer it holds, in bytes.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, { 64 << 20 }>")]
    pub max_entry: usize,
}

impl Default for L2Config {
    fn default() -> Self {
        L2Config {
            url: None,
            password: None,
            prefix: "mosaic:".to_owned(),
            get_timeout: Duration::from_millis(25),
            put_timeout: Duration::from_millis(250),
            max_entry: 1 << 20,
        }
    }
}

/// `[gateway]`: the bounds of a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct GatewayConfig {
    /// The most calls in flight that the cache could not answer.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub max_in_flight: usize,
    /// The longest a single attempt may take, within the call's deadline.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, HOUR>")]
    pub attempt_timeout: Duration,
    /// The most attempts of one call, the first included.
    #[schemars(range(min = 1, max = 10))]
    pub max_attempts: u32,
    /// The first wait between two attempts at one instance; doubled each time, and drawn by chance from zero to that.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, MINUTE>")]
    pub backoff: Duration,
    /// The longest such wait.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, MINUTE>")]
    pub backoff_max: Duration,
    /// The longest that a call waits because a provider told it to, where it can be done elsewhere.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, HOUR>")]
    pub wait_max: Duration,
    /// What retries and failovers may be on top of what callers ask for.
    pub retry_budget: RetryBudgetConfig,
    /// How long a stream may be silent.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub stream_idle_timeout: Duration,
    /// How long comments and other signs of life alone keep a stream of events in which none comes; not less than
    /// `stream_idle_timeout` counts. A log that is followed stays: a run that writes nothing for long is usual.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, { 24 * HOUR }>")]
    pub max_silence: Duration,
    /// How long a stream of events may last.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 24 * HOUR }>")]
    pub max_stream: Duration,
    /// How long the transfer of a file may last. The call's deadline bounds the time until its first byte.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 24 * HOUR }>")]
    pub max_transfer: Duration,
    /// The largest file that is carried, in bytes.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<KIB, { 1024 * GIB }>")]
    pub max_transfer_size: usize,
    /// What the answers of providers that are held whole may take together, in bytes.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<MIB, { 256 * GIB }>")]
    pub max_collected: usize,
}

impl Default for GatewayConfig {
    fn default() -> Self {
        GatewayConfig {
            max_in_flight: 10_000,
            attempt_timeout: Duration::from_secs(10),
            max_attempts: 3,
            backoff: Duration::from_millis(50),
            backoff_max: Duration::from_secs(2),
            wait_max: Duration::from_secs(2),
            retry_budget: RetryBudgetConfig::default(),
            stream_idle_timeout: Duration::from_secs(30),
            max_silence: Duration::from_secs(300),
            max_stream: Duration::from_secs(600),
            max_transfer: Duration::from_secs(3_600),
            max_transfer_size: 10 << 30,
            max_collected: 256 << 20,
        }
    }
}

/// `[supervision]`: how often a child may be restarted, and how long it waits.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SupervisionConfig {
    /// Intensity: more restarts than this within `period` escalate.
    #[schemars(range(min = 1, max = 1000))]
    pub max_restarts: u32,
    /// The period of the intensity.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, HOUR>")]
    pub period: Duration,
    /// The wait before the first restart; it doubles with each more, with jitter.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, MINUTE>")]
    pub backoff_base: Duration,
    /// The longest wait before a restart.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, HOUR>")]
    pub backoff_max: Duration,
}

impl Default for SupervisionConfig {
    fn default() -> Self {
        SupervisionConfig {
            max_restarts: 5,
            period: Duration::from_secs(30),
            backoff_base: Duration::from_millis(50),
            backoff_max: Duration::from_secs(30),
        }
    }
}

/// `[explain]`: the decision records of calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ExplainConfig {
    /// Records of calls that have ended that are kept; the oldest go first. 0: none.
    #[schemars(range(max = 1_000_000))]
    pub kept: usize,
    /// Calls under way that have a record at most; beyond, a call goes without, which is counted.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub under_way: usize,
    /// One in so many answers from memory has a record; 0: none has. Every other call has one.
    #[schemars(range(max = 1_000_000))]
    pub hits: u32,
}

impl Default for ExplainConfig {
    fn default() -> Self {
        let DecisionSettings { kept, under_way, .. } = DecisionSettings::default();
        ExplainConfig {
            kept,
            under_way,
            hits: 256,
        }
    }
}

/// `[defaults]`: what a provider has unless its own table says otherwise.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct DefaultsConfig {
    /// How long a word of a provider is relied on before its health is asked, while it takes calls; an answered call is
    /// such a word. Each wait is up to a tenth longer. Nothing is asked while the provider wants to be left alone, or
    /// little is left of its quota.
    #[serde(with = "units::interval")]
    #[schemars(schema_with = "units::interval_of::<SECOND, { 24 * HOUR }>")]
    pub health_interval: Duration,
    /// The circuit breaker.
    pub breaker: BreakerConfig,
    /// How the weight of one that came back grows.
    pub slow_start: SlowStartConfig,
    /// The bulkhead.
    pub limits: LimitsConfig,
    /// The queue before it, and what bounds and spreads its calls.
    pub overload: OverloadConfig,
    /// The lists of models.
    pub models: ListingConfig,
}

impl Default for DefaultsConfig {
    fn default() -> Self {
        DefaultsConfig {
            health_interval: Duration::from_secs(60),
            breaker: BreakerConfig::default(),
            slow_start: SlowStartConfig::default(),
            limits: LimitsConfig::default(),
            overload: OverloadConfig::default(),
            models: ListingConfig::default(),
        }
    }
}

/// `[defaults.models]`: how providers are asked which models they offer. How that ends bears on nothing else.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct ListingConfig {
    /// How long a list is relied on before it is asked for again; each wait is up to a tenth longer.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 24 * HOUR }>")]
    pub refresh: Duration,
    /// How long it may take; a start waits no longer for the first one.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, MINUTE>")]
    pub timeout: Duration,
}

impl Default for ListingConfig {
    fn default() -> Self {
        ListingConfig {
            refresh: Duration::from_secs(600),
            timeout: Duration::from_secs(3),
        }
    }
}

/// `[defaults.limits]`: bulkheads.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct LimitsConfig {
    /// The most attempts in flight to one provider.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_in_flight: usize,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        LimitsConfig { max_in_flight: 256 }
    }
}
