//! Who is left out among equivalents for a time, and how it comes back.
//!
//! Invariant: within the ranges of the keys, what the engine is given is sound.

use std::time::Duration;

use mosaic_actors::policy::outlier::{FailurePercentage, OutlierSettings, SuccessRate};
use mosaic_actors::policy::slow_start::SlowStart;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

const HOUR: u64 = 3_600_000;

/// `[ejection]`: when an instance is left out from among its equivalents for a time.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct EjectionConfig {
    /// Whether it is done.
    pub enabled: bool,
    /// Failures in a row that eject one at once; 0: they do not.
    #[schemars(range(min = 0, max = 1000))]
    pub consecutive_failures: u32,
    /// The rates are compared so often, each over the time since the last.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, HOUR>")]
    pub interval: Duration,
    /// How long the first ejection lasts; those that follow, as many times as long.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, HOUR>")]
    pub base_ejection: Duration,
    /// No ejection is longer, its jitter aside.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<10, { 24 * HOUR }>")]
    pub max_ejection: Duration,
    /// Up to so much is added to each by chance.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, HOUR>")]
    pub jitter: Duration,
    /// The share of equivalents that may be ejected at once; one always may.
    #[schemars(schema_with = "units::share")]
    pub max_ejected_share: f64,
    /// Where less than this share of equivalents is healthy, ejections are ignored; 0: they never are.
    #[schemars(schema_with = "units::share")]
    pub panic_share: f64,
    /// Ejects who lies far below the rest.
    pub success_rate: SuccessRateConfig,
    /// Ejects of whom nearly all fails.
    pub failure_percentage: FailurePercentageConfig,
}

/// `[ejection.success_rate]`: ejects whose success rate lies far below the mean.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SuccessRateConfig {
    /// Whether it is done.
    pub enabled: bool,
    /// Fewer instances with enough attempts are not compared.
    #[schemars(range(min = 2, max = 1000))]
    pub hosts: usize,
    /// One with fewer attempts in the interval is left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempts: u64,
    /// Standard deviations below the mean.
    #[schemars(schema_with = "units::fraction::<0, 100>")]
    pub deviations: f64,
}

/// `[ejection.failure_percentage]`: ejects of whom nearly all fails, whatever the rest.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct FailurePercentageConfig {
    /// Whether it is done.
    pub enabled: bool,
    /// The share of failures that ejects.
    #[schemars(schema_with = "units::part::<1>")]
    pub share: f64,
    /// With fewer instances that have enough attempts, nobody is ejected by this.
    #[schemars(range(min = 1, max = 1000))]
    pub hosts: usize,
    /// One with fewer attempts in the interval is left out.
    #[schemars(range(min = 1, max = 1_000_000))]
    pub attempts: u64,
}

impl Default for EjectionConfig {
    /// Envoy's outlier detection. A tenth at once is enough beside circuit breakers: those keep calls from whoever fails, and
    /// let it be tried again sooner. Ejection is for who fails now and then, and more often than its equivalents.
    fn default() -> Self {
        let engine = OutlierSettings::default();
        EjectionConfig {
            enabled: true,
            consecutive_failures: engine.consecutive_failures,
            interval: engine.interval,
            base_ejection: engine.base_ejection,
            max_ejection: engine.max_ejection,
            jitter: engine.jitter,
            max_ejected_share: engine.max_ejected_share,
            panic_share: engine.panic_share,
            success_rate: SuccessRateConfig::default(),
            failure_percentage: FailurePercentageConfig::default(),
        }
    }
}

impl Default for SuccessRateConfig {
    fn default() -> Self {
        let engine = SuccessRate::default();
        SuccessRateConfig {
            enabled: true,
            hosts: engine.minimum_hosts,
            attempts: engine.minimum_attempts,
            deviations: engine.deviations,
        }
    }
}

impl Default for FailurePercentageConfig {
    fn default() -> Self {
        let engine = FailurePercentage::default();
        FailurePercentageConfig {
            enabled: false,
            share: engine.share,
            hosts: engine.minimum_hosts,
            attempts: engine.minimum_attempts,
        }
    }
}

impl EjectionConfig {
    /// As the engine takes it. Panic is about who is chosen from among the unhealthy, so it has its share also without
    /// ejection.
    pub(crate) fn settings(&self) -> OutlierSettings {
        if !self.enabled {
            return OutlierSettings {
                panic_share: self.panic_share,
                ..OutlierSettings::OFF
            };
        }
        let (rate, percentage) = (&self.success_rate, &self.failure_percentage);
        OutlierSettings {
            consecutive_failures: self.consecutive_failures,
            interval: self.interval,
            base_ejection: self.base_ejection,
            max_ejection: self.max_ejection,
            jitter: self.jitter,
            max_ejected_share: self.max_ejected_share,
            success_rate: rate.enabled.then_some(SuccessRate {
                minimum_hosts: rate.hosts,
                minimum_attempts: rate.attempts,
                deviations: rate.deviations,
            }),
            failure_percentage: percentage.enabled.then_some(FailurePercentage {
                share: percentage.share,
                minimum_hosts: percentage.hosts,
                minimum_attempts: percentage.attempts,
            }),
            panic_share: self.panic_share,
        }
    }
}

/// `[defaults.slow_start]`: how the weight of an instance grows that came back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlowStartConfig {
    /// How long it takes to its whole weight; zero: it has that at once.
    #[serde(with = "units::interval")]
    #[schemars(schema_with = "units::interval_of::<10, HOUR>")]
    pub window: Duration,
    /// The share of its weight that it begins with.
    #[schemars(schema_with = "units::part::<1>")]
    pub least: f64,
    /// How fast it grows at first: 1 is a straight line, more is faster.
    #[schemars(schema_with = "units::part::<100>")]
    pub aggression: f64,
}

impl Default for SlowStartConfig {
    /// Off, and Envoy's where a window is set.
    fn default() -> Self {
        SlowStartConfig {
            window: Duration::ZERO,
            least: 0.1,
            aggression: 1.0,
        }
    }
}

impl SlowStartConfig {
    /// As the engine takes it.
    pub(crate) fn settings(&self) -> SlowStart {
        SlowStart {
            window: self.window,
            // A number within the range of the key may still be less than the least of the shorter type.
            least: (self.least as f32).max(f32::MIN_POSITIVE),
            aggression: (self.aggression as f32).max(f32::MIN_POSITIVE),
        }
    }
}

/// `[providers.NAME.slow_start]`: differences from `[defaults.slow_start]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SlowStartOverrides {
    /// How long it takes to its whole weight; zero: it has that at once.
    #[serde(with = "units::optional_interval")]
    #[schemars(schema_with = "units::optional_interval_of::<10, HOUR>")]
    pub window: Option<Duration>,
    /// The share of its weight that it begins with.
    #[schemars(schema_with = "units::optional_part::<1>")]
    pub least: Option<f64>,
    /// How fast it grows at first.
    #[schemars(schema_with = "units::optional_part::<100>")]
    pub aggression: Option<f64>,
}

impl SlowStartOverrides {
    /// With the defaults filled in.
    pub(super) fn over(&self, default: &SlowStartConfig) -> SlowStartConfig {
        SlowStartConfig {
            window: self.window.unwrap_or(default.window),
            least: self.least.unwrap_or(default.least),
            aggression: self.aggression.unwrap_or(default.aggression),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_given_what_is_set() {
        let mut config = EjectionConfig::default();
        assert_eq!(config.settings(), OutlierSettings::default());
        config.failure_percentage.enabled = true;
        let settings = config.settings();
        assert_eq!(settings.failure_percentage, Some(FailurePercentage::default()));
        assert_eq!(settings.check(), Ok(()));
        config.success_rate.enabled = false;
        assert_eq!(config.settings().success_rate, None);
        config.enabled = false;
        assert!(!config.settings().is_on());
        assert_eq!(SlowStartConfig::default().settings(), SlowStart::default());
        let least = SlowStartConfig {
            least: f64::MIN_POSITIVE,
            ..SlowStartConfig::default()
        };
        assert_eq!(least.settings().check(), Ok(()));
    }
}
