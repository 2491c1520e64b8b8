//! How an instance does beside its equivalents: its attempts count, its health checks and the router speak.
//!
//! Invariant: whatever is told of it here costs an attempt a few additions.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Instance;
use super::compared::Alert;
use crate::breaker::BreakerGate;
use crate::policy::breaker::AttemptOutcome;
use crate::policy::outlier::{Interval, Standing};

impl Instance {
    /// An attempt told something of it.
    pub(crate) fn learnt(&self, outcome: AttemptOutcome) {
        let compared = &self.compared;
        compared.attempts.fetch_add(1, Relaxed);
        match outcome {
            AttemptOutcome::Success => {
                // Read first: nearly always there is nothing to clear.
                if compared.in_a_row.load(Relaxed) != 0 {
                    compared.in_a_row.store(0, Relaxed);
                }
            }
            // Evidence only together with others: the breaker's actor weighs it.
            AttemptOutcome::Unreadable(_) => {}
            AttemptOutcome::Failure => {
                compared.failed.fetch_add(1, Relaxed);
                let in_a_row = compared.in_a_row.fetch_add(1, Relaxed).saturating_add(1);
                let wanted = compared.lookout.consecutive_failures;
                // Told again after as many more: there may be room by then.
                if wanted != 0 && in_a_row.is_multiple_of(wanted) {
                    (compared.lookout.tell)(Alert::Failing(self.spec.name.clone()));
                }
            }
        }
    }

    /// A health check found it well: an ejection is over.
    pub(super) fn found_well(&self, now: u64) {
        if self.is_ejected(now) {
            (self.compared.lookout.tell)(Alert::Well(self.spec.name.clone()));
        }
    }

    /// Whether it failed so often in a row that it is to be ejected for it.
    pub(crate) fn fails_in_a_row(&self) -> bool {
        let wanted = self.compared.lookout.consecutive_failures;
        wanted != 0 && self.compared.in_a_row.load(Relaxed) >= wanted
    }

    /// All that its attempts have told since it was made.
    pub(crate) fn record(&self) -> Interval {
        // The failures first: they are never more than the attempts.
        let failed = self.compared.failed.load(Relaxed);
        let attempts = self.compared.attempts.load(Relaxed);
        Interval { attempts, failed }
    }

    /// Whether it is ejected at `now`.
    pub(crate) fn is_ejected(&self, now: u64) -> bool {
        now < self.compared.ejected_until.load(Relaxed)
    }

    /// Where it stands.
    pub(crate) fn standing(&self) -> Standing {
        Standing {
            until: self.compared.ejected_until.load(Relaxed),
            times: self.compared.times.load(Relaxed),
        }
    }

    /// Called by the router alone: where it stands from `now` on.
    pub(crate) fn stand(&self, standing: Standing, now: u64) {
        let compared = &self.compared;
        let before = compared.ejected_until.swap(standing.until, Relaxed);
        compared.times.store(standing.times, Relaxed);
        if standing.is_ejected(now) {
            // Who comes back begins anew.
            compared.in_a_row.store(0, Relaxed);
        } else {
            compared.back(before.min(now));
        }
    }

    /// The share of its weight that it gets at `now` of the calls that pass this gate.
    pub(super) fn share(&self, gate: &Arc<BreakerGate>, now: u64) -> f32 {
        let start = &self.spec.slow_start;
        if start.window.is_zero() {
            return 1.0;
        }
        let ejected_until = self.compared.ejected_until.load(Relaxed).min(now);
        let back_at = self
            .compared
            .back_at
            .load(Relaxed)
            .max(gate.closed_at())
            .max(ejected_until);
        start.share(now.saturating_sub(back_at))
    }
}
