//! How an attempt ended, as a balancer that learns is told.
//!
//! Invariant: what the choice was made by stands as it stood then; what came of it, as it ended.

use std::time::Duration;

use crate::policy::estimate::Class;

/// An attempt that has ended.
#[derive(Clone, Debug, PartialEq)]
pub struct Observed {
    /// The place of the instance that was asked in its rule's list.
    pub place: usize,
    /// Who that is: see [`super::identity_of`].
    pub identity: u64,
    /// The class of the operation.
    pub class: Class,
    /// Distinguishes the model that the call named; `None`: it named none.
    pub model: Option<u64>,
    /// The size of its input, in bytes.
    pub payload_bytes: u64,
    /// Attempts in flight there when it was chosen, without this one.
    pub in_flight: usize,
    /// What was left of what its provider grants us, 0 to 1, if that was known.
    pub remaining: Option<f32>,
    /// How long it took: to its first event where it streams, else to its end.
    pub took: Duration,
    /// It was given up after that time, and would have taken longer.
    pub at_least: bool,
    /// Whether the provider did its part; `None`: how it ended says nothing of the provider.
    pub outcome: Option<bool>,
    /// What it cost, in billionths of a dollar, if that is known.
    pub cost: Option<u64>,
}
