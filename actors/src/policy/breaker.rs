//! The circuit breaker's policy: open after consecutive failures, let probes through after a while, close on success.
//!
//! Invariant: an open circuit closes only through a probe that succeeded, or by an administrator's reset. Times are
//! nanoseconds since any fixed origin.

use std::time::Duration;

/// What a breaker is told at start.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct BreakerSettings {
    /// Consecutive failures that open it (at least 1).
    pub failures_to_open: u32,
    /// How long it stays open the first time; doubled at each failed probe.
    pub open_for: Duration,
    /// The longest it stays open.
    pub open_max: Duration,
    /// Probes that may be out at once when that time is over (at least 1).
    pub probes: u32,
}

impl Default for BreakerSettings {
    /// Five failures and 30 s, as Envoy's outlier detection; doubled up to its 300 s; one probe, as linkerd's.
    fn default() -> Self {
        BreakerSettings {
            failures_to_open: 5,
            open_for: Duration::from_secs(30),
            open_max: Duration::from_secs(300),
            probes: 1,
        }
    }
}

/// What a breaker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Calls pass.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Calls are refused until a time; after it, probes pass.
    Open {
        /// When probes may pass.
        until: u64,
        /// How often it opened since it was last closed (1 or more).
        openings: u32,
    },
}

/// How an attempt ended, as a breaker sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AttemptOutcome {
    /// The provider did its part, even if the caller was told no.
    Success,
    /// Evidence against the provider.
    Failure,
}

impl Circuit {
    /// A breaker that has seen nothing.
    pub const NEW: Circuit = Circuit::Closed { failures: 0 };

    /// The state after an attempt ended. `probe`: the attempt was let through although the circuit was open.
    #[must_use]
    pub fn after(self, verdict: AttemptOutcome, probe: bool, settings: &BreakerSettings, now: u64) -> Circuit {
        match (self, verdict) {
            (Circuit::Closed { .. }, AttemptOutcome::Success) => Circuit::NEW,
            (Circuit::Closed { failures }, AttemptOutcome::Failure) => {
                let failures = failures.saturating_add(1);
                if failures >= settings.failures_to_open.max(1) {
                    opened(1, settings, now)
                } else {
                    Circuit::Closed { failures }
                }
            }
            // Attempts that began before it opened say nothing new.
            (Circuit::Open { .. }, _) if !probe => self,
            (Circuit::Open { .. }, AttemptOutcome::Success) => Circuit::NEW,
            (Circuit::Open { openings, .. }, AttemptOutcome::Failure) => {
                opened(openings.saturating_add(1), settings, now)
            }
        }
    }
}

fn opened(openings: u32, settings: &BreakerSettings, now: u64) -> Circuit {
    let doubled = settings.open_for.saturating_mul(1 << (openings - 1).min(20));
    let wait = doubled.min(settings.open_max.max(settings.open_for));
    Circuit::Open {
        until: now.saturating_add(u64::try_from(wait.as_nanos()).unwrap_or(u64::MAX)),
        openings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        /// Against a model that keeps the whole history.
        #[test]
        fn opens_and_closes_as_the_history_says(events in proptest::collection::vec((any::<bool>(), any::<bool>(), 0u64..50), 1..200)) {
            let settings = BreakerSettings { failures_to_open: 3, open_for: Duration::from_nanos(20), open_max: Duration::from_nanos(60), probes: 1 };
            let mut circuit = Circuit::NEW;
            let (mut streak, mut openings, mut until, mut now) = (0, 0u32, 0, 0);
            for (ok, probe, step) in events {
                now += step;
                let verdict = if ok { AttemptOutcome::Success } else { AttemptOutcome::Failure };
                circuit = circuit.after(verdict, probe, &settings, now);
                if openings == 0 {
                    streak = if ok { 0 } else { streak + 1 };
                    if streak == 3 { openings = 1; until = now + 20; }
                } else if probe {
                    if ok { openings = 0; streak = 0; } else { openings += 1; until = now + (20u64 << (openings - 1).min(20)).min(60); }
                }
                let expected = if openings == 0 { Circuit::Closed { failures: streak } } else { Circuit::Open { until, openings } };
                prop_assert_eq!(circuit, expected);
            }
        }
    }
}
