//! What is kept of what an instance may be asked beyond what callers ask for, and of how much it can bear.
//!
//! Invariant: written by the attempts' tasks, under locks that are held for a few additions.

use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::operation::{CostClass, Operation};
use crate::policy::concurrency::ConcurrencyLimit;
use crate::policy::hedge::Durations;
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
