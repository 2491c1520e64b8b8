//! How an instance is kept from more than it can bear.
//!
//! Invariant: within the ranges of the keys, what the engine is given is sound.

use std::time::Duration;

use mosaic_actors::instance::OverloadSettings;
use mosaic_actors::policy::concurrency::LimitSettings;
use mosaic_actors::policy::pacing::PacingSettings;
use mosaic_actors::policy::waiting::WaitingSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// `[defaults.overload]`: the short queue before an instance's places, and what bounds and spreads its calls.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverloadConfig {
    /// Calls that may wait for a place at once; 0: none.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_waiting: usize,
    /// The longest that one waits.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, MINUTE>")]
    pub max_wait: Duration,
    /// The part of the places and of the queue that one tenant may have while another wants them.
    #[schemars(schema_with = "units::part::<1>")]
    pub tenant_share: f64,
    /// A bound on attempts in flight that adapts.
    pub adaptive: AdaptiveLimitConfig,
    /// How what is left of the provider's quota is spread until it is granted anew.
    pub pacing: PacingConfig,
}

/// `[defaults.overload.adaptive]`: as many attempts in flight as an instance takes without becoming slower.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveLimitConfig {
    /// Whether the bound adapts.
    pub enabled: bool,
    /// What it starts from.
    #[schemars(range(min = 1, max = 100_000))]
    pub initial: usize,
    /// It never falls below this; `max_in_flight` is the most.
    #[schemars(range(min = 1, max = 100_000))]
    pub min: usize,
    /// How much slower than in the long run an instance may become before it is given less.
    #[schemars(schema_with = "units::fraction::<1, 100>")]
    pub tolerance: f64,
}

/// `[defaults.overload.pacing]`: spreads what is left of a provider's quota.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PacingConfig {
    /// Whether it is spread.
    pub enabled: bool,
    /// Below which part of the quota calls of low priority keep to the pace.
    #[schemars(schema_with = "units::share")]
    pub low_below: f64,
    /// Below which part those of normal priority do; never above `low_below`.
    #[schemars(schema_with = "units::share")]
    pub normal_below: f64,
    /// The longest that a call really waits for its turn; where it would be longer, it is told how long.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, { 10 * MINUTE }>")]
    pub max_wait: Duration,
}

impl Default for OverloadConfig {
    fn default() -> Self {
        let waiting = WaitingSettings::default();
        OverloadConfig {
            max_waiting: waiting.max_waiting,
            max_wait: waiting.max_wait,
            tenant_share: waiting.tenant_share,
            adaptive: AdaptiveLimitConfig::default(),
            pacing: PacingConfig::default(),
        }
    }
}

impl Default for AdaptiveLimitConfig {
    /// Off: it takes the time of an answer for a measure of load, which is wrong where operations differ much. Its numbers
    /// are those of Netflix's concurrency-limits.
    fn default() -> Self {
        let engine = LimitSettings::default();
        AdaptiveLimitConfig {
            enabled: false,
            initial: engine.initial,
            min: engine.min,
            tolerance: engine.tolerance,
        }
    }
}

impl Default for PacingConfig {
    fn default() -> Self {
        let engine = PacingSettings::default();
        PacingConfig {
            enabled: true,
            low_below: engine.low_below,
            normal_below: engine.normal_below,
            max_wait: engine.max_wait,
        }
    }
}

impl OverloadConfig {
    /// As the engine takes it.
    pub(crate) fn settings(&self) -> OverloadSettings {
        let (adaptive, pacing) = (&self.adaptive, &self.pacing);
        OverloadSettings {
            waiting: WaitingSettings {
                max_waiting: self.max_waiting,
                max_wait: self.max_wait,
                tenant_share: self.tenant_share,
            },
            limit: adaptive.enabled.then_some(LimitSettings {
                initial: adaptive.initial,
                min: adaptive.min,
                tolerance: adaptive.tolerance,
                ..LimitSettings::default()
            }),
            pacing: pacing.enabled.then_some(PacingSettings {
                low_below: pacing.low_below,
                normal_below: pacing.normal_below,
                max_wait: pacing.max_wait,
                ..PacingSettings::default()
            }),
        }
    }
}

/// `[providers.NAME.overload]`: differences from `[defaults.overload]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct OverloadOverrides {
    /// Calls that may wait for a place at once; 0: none.
    #[schemars(range(min = 0, max = 10_000))]
    pub max_waiting: Option<usize>,
    /// The longest that one waits.
    #[serde(with = "units::optional_duration")]
    #[schemars(schema_with = "units::optional_time::<1, MINUTE>")]
    pub max_wait: Option<Duration>,
    /// The part of the places and of the queue that one tenant may have while another wants them.
    #[schemars(schema_with = "units::optional_part::<1>")]
    pub tenant_share: Option<f64>,
    /// A bound on attempts in flight that adapts.
    pub adaptive: AdaptiveLimitOverrides,
    /// How what is left of the provider's quota is spread.
    pub pacing: PacingOverrides,
}

/// `[providers.NAME.overload.adaptive]`: differences from `[defaults.overload.adaptive]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct AdaptiveLimitOverrides {
    /// Whether the bound adapts.
    pub enabled: Option<bool>,
    /// What it starts from.
    #[schemars(range(min = 1, max = 100_000))]
    pub initial: Option<usize>,
    /// It never falls below this.
    #[schemars(range(min = 1, max = 100_000))]
    pub min: Option<usize>,
    /// How much slower than in the long run an instance may become before it is given less.
    #[schemars(schema_with = "units::optional_fraction::<1, 100>")]
    pub tolerance: Option<f64>,
}

/// `[providers.NAME.overload.pacing]`: differences from `[defaults.overload.pacing]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct PacingOverrides {
    /// Whether the quota is spread.
    pub enabled: Option<bool>,
    /// Below which part of the quota calls of low priority keep to the pace.
    #[schemars(schema_with = "units::optional_share")]
    pub low_below: Option<f64>,
    /// Below which part those of normal priority do.
    #[schemars(schema_with = "units::optional_share")]
    pub normal_below: Option<f64>,
    /// The longest that a call really waits for its turn.
    #[serde(with = "units::optional_duration")]
    #[schemars(schema_with = "units::optional_time::<0, { 10 * MINUTE }>")]
    pub max_wait: Option<Duration>,
}

impl OverloadOverrides {
    /// With the defaults filled in.
    pub(super) fn over(&self, default: &OverloadConfig) -> OverloadConfig {
        let (adaptive, pacing) = (&self.adaptive, &self.pacing);
        OverloadConfig {
            max_waiting: self.max_waiting.unwrap_or(default.max_waiting),
            max_wait: self.max_wait.unwrap_or(default.max_wait),
            tenant_share: self.tenant_share.unwrap_or(default.tenant_share),
            adaptive: AdaptiveLimitConfig {
                enabled: adaptive.enabled.unwrap_or(default.adaptive.enabled),
                initial: adaptive.initial.unwrap_or(default.adaptive.initial),
                min: adaptive.min.unwrap_or(default.adaptive.min),
                tolerance: adaptive.tolerance.unwrap_or(default.adaptive.tolerance),
            },
            pacing: PacingConfig {
                enabled: pacing.enabled.unwrap_or(default.pacing.enabled),
                low_below: pacing.low_below.unwrap_or(default.pacing.low_below),
                normal_below: pacing.normal_below.unwrap_or(default.pacing.normal_below),
                max_wait: pacing.max_wait.unwrap_or(default.pacing.max_wait),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_given_what_is_set() {
        let mut config = OverloadConfig::default();
        assert_eq!(config.settings(), OverloadSettings::default());
        config.adaptive.enabled = true;
        config.pacing.enabled = false;
        let settings = config.settings();
        assert_eq!(
            (settings.limit, settings.pacing),
            (Some(LimitSettings::default()), None)
        );
    }
}
