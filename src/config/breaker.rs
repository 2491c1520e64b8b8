//! Circuit breakers: when a circuit opens, which calls share one, and how it closes again.
//!
//! Invariant: within the ranges of the keys, what the engine is given is sound.

use std::time::Duration;

use mosaic_actors::breaker::BreakerPer;
use mosaic_actors::policy::breaker::{BreakerMode, BreakerSettings, SlowCalls, WindowSettings, WindowSpan};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::units;

const MINUTE: u64 = 60_000;
const HOUR: u64 = 60 * MINUTE;

/// Whether a circuit breaker acts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum BreakerAction {
    /// It opens and closes by what it learns.
    #[default]
    Automatic,
    /// It counts, and opens by order alone.
    Disabled,
}

/// Which calls of an instance share a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum CircuitPer {
    /// All of them.
    #[default]
    Instance,
    /// Those of one cost class: read, heavy, write, tokens.
    CostClass,
    /// Those that name one model.
    Model,
}

/// `[defaults.breaker]`: when a circuit opens, and how it closes again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerConfig {
    /// Whether it acts.
    pub mode: BreakerAction,
    /// Consecutive failures that open it; 0: they do not.
    #[schemars(range(min = 0, max = 1000))]
    pub failures_to_open: u32,
    /// The calls whose rates may open it, too; none: no rate does.
    pub window: Option<BreakerWindowConfig>,
    /// How long it stays open the first time before a probe is let through; doubled at each probe that fails.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, HOUR>")]
    pub open_for: Duration,
    /// The longest that becomes; `open_for` where that is longer.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<100, { 24 * HOUR }>")]
    pub open_max: Duration,
    /// The share of that time that chance may take off, so that many do not probe one provider in step.
    #[schemars(schema_with = "units::share")]
    pub jitter: f64,
    /// Calls let through at the same time while half open.
    #[schemars(range(min = 1, max = 100))]
    pub half_open_probes: u32,
    /// Probes that must succeed, with none that fails between them, for it to close.
    #[schemars(range(min = 1, max = 1000))]
    pub successes_to_close: u32,
    /// Which calls share a circuit.
    pub per: CircuitPer,
    /// With one for each model: models that have their own, in the order in which they are answered or listed.
    #[schemars(range(min = 1, max = 64))]
    pub models: usize,
}

impl Default for BreakerConfig {
    /// Those of the engine, whose documentation has their reasons; and a tenth of jitter, because the nodes of a deployment
    /// meet a provider's trouble together.
    fn default() -> Self {
        let engine = BreakerSettings::default();
        BreakerConfig {
            mode: BreakerAction::default(),
            failures_to_open: engine.failures_to_open,
            window: None,
            open_for: engine.open_for,
            open_max: engine.open_max,
            jitter: 0.1,
            half_open_probes: engine.probes,
            successes_to_close: engine.successes_to_close,
            per: CircuitPer::default(),
            models: 16,
        }
    }
}

/// `[defaults.breaker.window]`: the calls whose rates may open a circuit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerWindowConfig {
    /// The last so many.
    #[schemars(range(min = 1, max = 10_000))]
    pub calls: u32,
    /// In place of those, the ones that ended within the last so long; zero: not so.
    #[serde(with = "units::interval")]
    #[schemars(schema_with = "units::interval_of::<10, HOUR>")]
    pub time: Duration,
    /// Fewer calls decide nothing.
    #[schemars(range(min = 1, max = 8000))]
    pub minimum_calls: u32,
    /// The share of failures that opens the circuit; 0: none does.
    #[schemars(schema_with = "units::share")]
    pub failure_share: f64,
    /// The share of slow calls that opens it; 0: none does.
    #[schemars(schema_with = "units::share")]
    pub slow_share: f64,
    /// A call is slow that took longer: to its first event where it streams, else to its end.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<1, HOUR>")]
    pub slow_threshold: Duration,
}

impl Default for BreakerWindowConfig {
    /// The last 100 calls, half of them failed; a call is slow after a minute: resilience4j's.
    fn default() -> Self {
        let engine = WindowSettings::default();
        BreakerWindowConfig {
            calls: 100,
            time: Duration::ZERO,
            minimum_calls: engine.minimum_calls,
            failure_share: 0.5,
            slow_share: 0.0,
            slow_threshold: Duration::from_secs(60),
        }
    }
}

impl BreakerWindowConfig {
    /// None where no rate is to open a circuit.
    fn settings(&self) -> Option<WindowSettings> {
        let window = WindowSettings {
            span: match self.time.is_zero() {
                true => WindowSpan::Calls(self.calls),
                false => WindowSpan::Time(self.time),
            },
            minimum_calls: self.minimum_calls,
            failure_share: (self.failure_share != 0.0).then_some(self.failure_share),
            slow: (self.slow_share != 0.0).then_some(SlowCalls {
                threshold: self.slow_threshold,
                share: self.slow_share,
            }),
        };
        (window.failure_share.is_some() || window.slow.is_some()).then_some(window)
    }
}

impl BreakerConfig {
    /// As the engine takes it.
    pub(crate) fn settings(&self) -> BreakerSettings {
        BreakerSettings {
            mode: match self.mode {
                BreakerAction::Automatic => BreakerMode::Automatic,
                BreakerAction::Disabled => BreakerMode::Disabled,
            },
            failures_to_open: self.failures_to_open,
            window: self.window.and_then(|window| window.settings()),
            open_for: self.open_for,
            open_max: self.open_max.max(self.open_for),
            jitter: self.jitter,
            probes: self.half_open_probes,
            successes_to_close: self.successes_to_close,
        }
    }

    /// Which calls share a circuit, as the engine takes it.
    pub(crate) fn shared(&self) -> BreakerPer {
        match self.per {
            CircuitPer::Instance => BreakerPer::Instance,
            CircuitPer::CostClass => BreakerPer::CostClass,
            CircuitPer::Model => BreakerPer::Model { most: self.models },
        }
    }
}

/// `[providers.NAME.breaker]`: differences from `[defaults.breaker]`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct BreakerOverrides {
    /// Whether it acts.
    pub mode: Option<BreakerAction>,
    /// Consecutive failures that open it; 0: they do not.
    #[schemars(range(min = 0, max = 1000))]
    pub failures_to_open: Option<u32>,
    /// The calls whose rates may open it, in place of those of the defaults.
    pub window: Option<BreakerWindowConfig>,
    /// How long it stays open the first time before a probe is let through.
    #[serde(with = "units::optional_duration")]
    #[schemars(schema_with = "units::optional_time::<100, HOUR>")]
    pub open_for: Option<Duration>,
    /// The longest that becomes; `open_for` where that is longer.
    #[serde(with = "units::optional_duration")]
    #[schemars(schema_with = "units::optional_time::<100, { 24 * HOUR }>")]
    pub open_max: Option<Duration>,
    /// The share of that time that chance may take off.
    #[schemars(schema_with = "units::optional_share")]
    pub jitter: Option<f64>,
    /// Calls let through at the same time while half open.
    #[schemars(range(min = 1, max = 100))]
    pub half_open_probes: Option<u32>,
    /// Probes that must succeed for it to close.
    #[schemars(range(min = 1, max = 1000))]
    pub successes_to_close: Option<u32>,
    /// Which calls share a circuit.
    pub per: Option<CircuitPer>,
    /// With one for each model: models that have their own.
    #[schemars(range(min = 1, max = 64))]
    pub models: Option<usize>,
}

impl BreakerOverrides {
    /// With the defaults filled in.
    pub(super) fn over(&self, default: &BreakerConfig) -> BreakerConfig {
        BreakerConfig {
            mode: self.mode.unwrap_or(default.mode),
            failures_to_open: self.failures_to_open.unwrap_or(default.failures_to_open),
            window: self.window.or(default.window),
            open_for: self.open_for.unwrap_or(default.open_for),
            open_max: self.open_max.unwrap_or(default.open_max),
            jitter: self.jitter.unwrap_or(default.jitter),
            half_open_probes: self.half_open_probes.unwrap_or(default.half_open_probes),
            successes_to_close: self.successes_to_close.unwrap_or(default.successes_to_close),
            per: self.per.unwrap_or(default.per),
            models: self.models.unwrap_or(default.models),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_engine_is_given_what_is_set() {
        let mut config = BreakerConfig::default();
        let engine = BreakerSettings {
            jitter: 0.1,
            ..BreakerSettings::default()
        };
        assert_eq!((config.settings(), config.shared()), (engine, BreakerPer::Instance));
        config.open_for = Duration::from_secs(3600);
        config.per = CircuitPer::Model;
        config.window = Some(BreakerWindowConfig::default());
        let settings = config.settings();
        assert_eq!(settings.open_max, settings.open_for);
        assert_eq!(settings.window, Some(WindowSettings::default()));
        assert_eq!(config.shared(), BreakerPer::Model { most: 16 });
        let window = |failure_share, slow_share| BreakerWindowConfig {
            time: Duration::from_secs(10),
            failure_share,
            slow_share,
            ..BreakerWindowConfig::default()
        };
        assert_eq!(window(0.0, 0.0).settings(), None);
        for (failure_share, slow_share) in [(1.0, 0.0), (0.0, 0.001), (0.5, 1.0)] {
            config.window = Some(window(failure_share, slow_share));
            let settings = config.settings();
            assert_eq!(settings.check(), Ok(()));
            let window = settings.window.expect("it looks back");
            assert_eq!(window.span, WindowSpan::Time(Duration::from_secs(10)));
            assert_eq!(
                window.slow.map(|slow| slow.share),
                (slow_share > 0.0).then_some(slow_share)
            );
        }
    }
}
