//! What rules in shadow would have changed.
//!
//! Invariant: a rule in shadow is counted for each call that it would have decided: same, or different.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use serde::Serialize;

/// The counts of every rule, by its number. They outlive the table, which is made anew with each change of the instances.
#[derive(Debug, Default)]
pub struct Shadows(Vec<[AtomicU64; 2]>);

/// What a rule in shadow came to so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct ShadowReport {
    /// The rule's number: its place in the list that the table was made of.
    pub rule: usize,
    /// Calls that it would have sent where they went, in the same order.
    pub same: u64,
    /// Calls that it would have sent elsewhere, or to the same instances in another order, or refused, or not.
    pub different: u64,
}

impl Shadows {
    /// Of so many rules.
    pub fn new(rules: usize) -> Self {
        let zero = || [const { AtomicU64::new(0) }; 2];
        Shadows(std::iter::repeat_with(zero).take(rules).collect())
    }

    pub(super) fn count(&self, rule: usize, same: bool) {
        if let Some(counts) = self.0.get(rule) {
            counts[usize::from(same)].fetch_add(1, Relaxed);
        }
    }

    /// The counts of a rule; none for a rule that is not known.
    pub fn report(&self, rule: usize) -> Option<ShadowReport> {
        self.0.get(rule).map(|[different, same]| ShadowReport {
            rule,
            same: same.load(Relaxed),
            different: different.load(Relaxed),
        })
    }
}
