//! The circuit breaker's policy: open after too many failures, let probes through after a while, close on success.
//!
//! Invariant: an open circuit closes only through probes that succeeded, or by an administrator's reset. Times are
//! nanoseconds since any fixed origin.

mod settings;
#[cfg(test)]
mod tests;
mod unreadable;
mod window;

pub use settings::{BreakerMode, BreakerSettings, SlowCalls, Unfit, WindowSettings, WindowSpan};
pub use unreadable::Unreadable;
pub use window::{Noted, Tally, Window};

/// What a breaker knows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Circuit {
    /// Calls pass.
    Closed {
        /// Failures since the last success.
        failures: u32,
    },
    /// Calls are refused until a time.
    Open {
        /// When probes may pass.
        until: u64,
        /// How often it opened since it was last closed (1 or more).
        openings: u32,
    },
    /// That time is over: probes pass, a few at once.
    HalfOpen {
        /// How often it opened since it was last closed (1 or more).
        openings: u32,
        /// Probes that succeeded since it opened last.
        successes: u32,
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

/// An attempt that has ended, as a circuit sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ended {
    /// How.
    pub outcome: AttemptOutcome,
    /// It took longer than [`SlowCalls::threshold`]; never, where that is not set.
    pub slow: bool,
    /// It was let through although the circuit was not closed.
    pub probe: bool,
}

impl Circuit {
    /// A breaker that has seen nothing.
    pub const NEW: Circuit = Circuit::Closed { failures: 0 };

    /// How often it opened since it was last closed.
    pub fn openings(self) -> u32 {
        match self {
            Circuit::Closed { .. } => 0,
            Circuit::Open { openings, .. } | Circuit::HalfOpen { openings, .. } => openings,
        }
    }

    /// The state at `now`, where nothing but time has passed: open until its time is over, then half open.
    #[must_use]
    pub fn at(self, now: u64) -> Circuit {
        match self {
            Circuit::Open { until, openings } if now >= until => Circuit::HalfOpen { openings, successes: 0 },
            other => other,
        }
    }

    /// The state after an attempt ended at `now`. `tally`: the window, with this attempt in it; of a circuit that is not closed
    /// it says nothing, so that there a slow probe counts as one that failed: who opened for being slow does not close while it
    /// is. `chance` is between 0 and 1, and spreads the time for which it opens.
    #[must_use]
    pub fn after(self, ended: Ended, tally: Tally, settings: &BreakerSettings, now: u64, chance: f64) -> Circuit {
        let Ended { outcome, slow, probe } = ended;
        match (self.at(now), outcome) {
            // Whoever holds an `Unreadable` turns it into failures.
            (same, AttemptOutcome::Unreadable(_)) => same,
            (Circuit::Closed { failures }, verdict) => {
                let failures = match verdict {
                    AttemptOutcome::Failure => failures.saturating_add(1),
                    _ => 0,
                };
                match settings.opens(failures, tally) {
                    true => opened(1, settings, now, chance),
                    false => Circuit::Closed { failures },
                }
            }
            (Circuit::HalfOpen { openings, successes }, AttemptOutcome::Success) if probe && !slow => {
                let successes = successes.saturating_add(1);
                match successes >= settings.successes_to_close {
                    true => Circuit::NEW,
                    false => Circuit::HalfOpen { openings, successes },
                }
            }
            (Circuit::HalfOpen { openings, .. }, _) if probe => {
                opened(openings.saturating_add(1), settings, now, chance)
            }
            // Attempts that began before it opened say nothing new.
            (same @ (Circuit::Open { .. } | Circuit::HalfOpen { .. }), _) => same,
        }
    }
}

fn opened(openings: u32, settings: &BreakerSettings, now: u64, chance: f64) -> Circuit {
    let doubled = settings.open_for.saturating_mul(1 << (openings - 1).min(20));
    let most = doubled.min(settings.open_max.max(settings.open_for));
    let off = super::nanos_of(most) as f64 * (settings.jitter * chance).clamp(0.0, 1.0);
    Circuit::Open {
        until: now.saturating_add(super::nanos_of(most).saturating_sub(off as u64)),
        openings,
    }
}
