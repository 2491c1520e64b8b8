//! The load of our own making: retries, failovers and hedges.
//!
//! Invariant: within the ranges of the keys, what the engine is given is sound.

use std::time::Duration;

use mosaic_actors::policy::hedge::HedgeSettings;
use mosaic_actors::policy::retry_budget::BudgetSettings;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

const SECOND: u64 = 1_000;
const MINUTE: u64 = 60 * SECOND;

/// `[gateway.retry_budget]`: what retries and failovers may be on top of what callers ask for, at each instance.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RetryBudgetConfig {
    /// What may be spent of each request: 0.2 is one retry for five requests.
    #[schemars(schema_with = "units::share")]
    pub share: f64,
    /// What may be spent in any case, each second.
    #[schemars(range(min = 0, max = 10_000))]
    pub floor_per_second: u32,
    /// How long a request counts, and what was spent.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 10 * MINUTE }>")]
    pub window: Duration,
}

impl Default for RetryBudgetConfig {
    /// Finagle's, and Linkerd's.
    fn default() -> Self {
        let engine = BudgetSettings::default();
        RetryBudgetConfig {
            share: engine.share,
            floor_per_second: engine.floor_per_second,
            window: engine.window,
        }
    }
}

impl RetryBudgetConfig {
    /// As the engine takes it.
    pub(crate) fn settings(&self) -> BudgetSettings {
        BudgetSettings {
            share: self.share,
            floor_per_second: self.floor_per_second,
            window: self.window,
        }
    }
}

/// `[hedging]`: when a second instance is asked the same.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct HedgingConfig {
    /// Whether it is done: of calls that change nothing and cost nothing.
    pub enabled: bool,
    /// The part of an instance's answers that came sooner than a call waits before its hedge.
    #[schemars(schema_with = "units::part::<1>")]
    pub quantile: f64,
    /// The most hedges for each call, over `window`.
    #[schemars(schema_with = "units::share")]
    pub share: f64,
    /// Over which time that share holds.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 60 * MINUTE }>")]
    pub window: Duration,
    /// No call is hedged sooner.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<0, MINUTE>")]
    pub min_delay: Duration,
    /// Answers of an instance to calls of the same kind that must have been measured.
    #[schemars(range(min = 1, max = 1000))]
    pub min_samples: u32,
}

impl Default for HedgingConfig {
    fn default() -> Self {
        let engine = HedgeSettings::default();
        HedgingConfig {
            enabled: engine.enabled,
            quantile: engine.quantile,
            share: engine.share,
            window: engine.window,
            min_delay: engine.min_delay,
            min_samples: engine.min_samples,
        }
    }
}

impl HedgingConfig {
    /// As the engine takes it.
    pub(crate) fn settings(&self) -> HedgeSettings {
        HedgeSettings {
            enabled: self.enabled,
            quantile: self.quantile,
            share: self.share,
            window: self.window,
            min_delay: self.min_delay,
            min_samples: self.min_samples,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_given_what_is_set() {
        assert_eq!(RetryBudgetConfig::default().settings(), BudgetSettings::default());
        assert_eq!(HedgingConfig::default().settings(), HedgeSettings::default());
    }
}
