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
    /// The answer for this resource (a hash of it) could not be used: evidence only together with others, see
    /// [`Unreadable`].
    Unreadable(u64),
}

/// How long an answer that could not be used is remembered: about as long as a breaker's first opening, twice.
const UNREADABLE_WINDOW: Duration = Duration::from_secs(60);

/// Answers that could not be used. One resource may be odd for ever and says nothing of its provider; a server that answers
/// garbage for three different ones answers garbage.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unreadable {
    seen: [Option<(u64, u64)>; 3],
}

impl Unreadable {
    /// Remembers an answer for `resource` and tells how many failures it is evidence of: none while fewer than three
    /// resources are concerned, all three with the third, then one each.
    pub fn note(&mut self, resource: u64, now: u64) -> u32 {
        let window = UNREADABLE_WINDOW.as_nanos() as u64;
        let recent = |seen: &Option<(u64, u64)>| seen.is_some_and(|(_, at)| now.saturating_sub(at) <= window);
        let before = self.seen.iter().filter(|seen| recent(seen)).count();
        let known = self
            .seen
            .iter()
            .position(|seen| seen.is_some_and(|(known, _)| known == resource));
        // Its own place, a free one, or that of the oldest.
        let place = known.or_else(|| self.seen.iter().position(|seen| !recent(seen)));
        let oldest = || (0..self.seen.len()).min_by_key(|place| self.seen[*place].map(|(_, at)| at));
        if let Some(place) = place.or_else(oldest) {
            self.seen[place] = Some((resource, now));
        }
        let after = self.seen.iter().filter(|seen| recent(seen)).count();
        match (before, after) {
            (_, after) if after < self.seen.len() => 0,
            (before, _) if before < self.seen.len() => self.seen.len() as u32,
            _ => 1,
        }
    }
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
            // Whoever holds an `Unreadable` turns it into failures.
            (_, AttemptOutcome::Unreadable(_)) => self,
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
        until: now.saturating_add(super::nanos_of(wait)),
        openings,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_odd_resource_is_no_evidence_and_three_are() {
        const SECOND: u64 = 1_000_000_000;
        let mut unreadable = Unreadable::default();
        assert_eq!((0..100).map(|n| unreadable.note(1, n)).sum::<u32>(), 0);
        assert_eq!(unreadable.note(2, 100), 0);
        assert_eq!(unreadable.note(3, 101), 3);
        assert_eq!((unreadable.note(4, 102), unreadable.note(1, 103)), (1, 1));
        // Forgotten after the window.
        assert_eq!(unreadable.note(5, 62 * SECOND), 0);
        assert_eq!(
            (unreadable.note(6, 62 * SECOND), unreadable.note(7, 62 * SECOND)),
            (0, 3)
        );
    }

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
