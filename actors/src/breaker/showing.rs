//! A breaker's state among the metrics.
//!
//! Invariant: what is shown is the worst of its circuits; nothing is written after it was hidden.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::telemetry::BreakerMeters;

/// The states as the metrics have them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Shown {
    Closed = 0,
    HalfOpen = 1,
    Open = 2,
}

impl Shown {
    fn gauge(self) -> f64 {
        f64::from(self as u8)
    }
}

/// The meters of a breaker's circuits.
pub(super) struct Showing {
    whole: BreakerMeters,
    /// Of each circuit, where they are told apart.
    parts: Vec<BreakerMeters>,
    /// A lock, so that nothing is written after `hide`; taken where a state changes.
    states: Mutex<States>,
}

struct States {
    /// Its state is the one in the metrics.
    shown: bool,
    /// By the circuits' numbers.
    of: Vec<Shown>,
}

impl Showing {
    /// Of so many closed circuits, which are not shown yet.
    pub(super) fn new(circuits: usize, whole: BreakerMeters, parts: Vec<BreakerMeters>) -> Self {
        Showing {
            whole,
            parts,
            states: Mutex::new(States {
                shown: false,
                of: vec![Shown::Closed; circuits],
            }),
        }
    }

    fn states(&self) -> MutexGuard<'_, States> {
        self.states.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A circuit is in this state now.
    pub(super) fn set(&self, circuit: usize, state: Shown) {
        let mut states = self.states();
        states.of[circuit] = state;
        self.write(&states);
    }

    /// A circuit opened, and with it the breaker as a whole.
    pub(super) fn opened(&self, circuit: usize, whole: bool) {
        if whole {
            self.whole.opened.increment(1);
        }
        if let Some(part) = self.parts.get(circuit) {
            part.opened.increment(1);
        }
    }

    /// Shows its state in the metrics from now on, where it follows another of the same name.
    pub(super) fn show(&self) {
        let mut states = self.states();
        states.shown = true;
        self.write(&states);
    }

    /// Shows it no more; what is read is a closed one, until another is shown.
    pub(super) fn hide(&self) {
        let mut states = self.states();
        if std::mem::take(&mut states.shown) {
            self.whole.state.set(Shown::Closed.gauge());
            self.parts.iter().for_each(|part| part.state.set(Shown::Closed.gauge()));
        }
    }

    fn write(&self, states: &States) {
        if !states.shown {
            return;
        }
        let worst = states.of.iter().copied().max().unwrap_or(Shown::Closed);
        self.whole.state.set(worst.gauge());
        for (part, state) in self.parts.iter().zip(&states.of) {
            part.state.set(state.gauge());
        }
    }
}
