//! What is kept of what an instance may be asked beyond what callers ask for, and of how much it can bear.
//!
//! Invariant: written by the attempts' tasks, under locks that are held for a few additions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::operation::{CostClass, Operation};
use crate::policy::concurrency::ConcurrencyLimit;
use crate::policy::hedge::{Durations, HedgeSettings};
use crate::policy::recover::RecoverSettings;
use crate::policy::retry_budget::RetryBudget;

/// What is kept of one instance's flow.
pub(super) struct Flow {
    pub(super) budgets: Mutex<Budgets>,
    /// By class of operation: reads and heavier ones.
    pub(super) durations: [Mutex<Durations>; 2],
    pub(super) limit: Option<Mutex<ConcurrencyLimit>>,
}

#[derive(Default)]
pub(super) struct Budgets {
    pub(super) retries: RetryBudget,
    pub(super) hedges: RetryBudget,
}

impl Budgets {
    /// Whether a hedge may be sent. Nothing is spent by the look.
    pub(super) fn has_hedge(&mut self, recover: &RecoverSettings, hedge: &HedgeSettings, now: u64) -> bool {
        self.hedges.has_left(&hedge.budget(), now) && self.retries.has_left(&recover.budget, now)
    }

    /// Spends for a hedge, of both budgets or of none: what one of them refuses costs the other nothing.
    pub(super) fn hedge(&mut self, recover: &RecoverSettings, hedge: &HedgeSettings, now: u64) -> bool {
        self.has_hedge(recover, hedge, now)
            && self.hedges.spend(&hedge.budget(), now)
            && self.retries.spend(&recover.budget, now)
    }
}

/// Held for a few additions; no panic leaves half of one that matters.
pub(super) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn class(operation: &Operation) -> usize {
    usize::from(operation.cost != CostClass::Read)
}

/// Whether asking another for the same harms nobody: it changes nothing, costs nothing and holds nothing for long.
pub(super) fn may_be_hedged(operation: &Operation) -> bool {
    operation.safe && !operation.paid && !operation.streaming && !operation.waits
}

impl Flow {
    pub(super) fn new(limit: Option<ConcurrencyLimit>) -> Self {
        Flow {
            budgets: Mutex::default(),
            durations: Default::default(),
            limit: limit.map(Mutex::new),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::retry_budget::BudgetSettings;

    #[test]
    fn a_hedge_spends_of_both_budgets_or_of_none() {
        let hedge = HedgeSettings {
            share: 1.0,
            ..HedgeSettings::default()
        };
        let of = |floor_per_second| RecoverSettings {
            budget: BudgetSettings {
                share: 0.0,
                floor_per_second,
                ..BudgetSettings::default()
            },
            ..RecoverSettings::default()
        };
        let mut budgets = Budgets::default();
        budgets.hedges.requested(&hedge.budget(), 0);
        assert!(!budgets.hedge(&of(0), &hedge, 0), "nothing may be repeated");
        assert!(budgets.has_hedge(&of(1), &hedge, 0), "it is there still");
        assert!(budgets.hedge(&of(1), &hedge, 0));
        assert!(!budgets.hedge(&of(1), &hedge, 0), "there was one");
        let left = (0..20).filter(|_| budgets.retries.spend(&of(1).budget, 0)).count();
        assert_eq!(left, 9, "of ten, it took one");
    }
}
