//! Whether predictions are worth going by.
//!
//! Invariant: they are only while they are nearer to what happens than the mean of what has happened is.

use super::rate::Mean;
use crate::policy::estimate::Class;

/// Observations before which nothing is known.
const LEAST: u64 = 60;

/// Observations that the errors are means of.
const MEMORY: f64 = 300.0;

/// The share of the error of somebody who knows nothing below which predictions are gone by, and above which no more.
const ENTER: f64 = 0.9;
const LEAVE: f64 = 1.0;

/// An error beyond which it counts no more: squares of the logarithm of latencies.
const FARTHEST: f64 = 9.0;

/// The record of predictions.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Trust {
    observations: u64,
    predicted: Mean,
    ignorant: Mean,
    /// The mean logarithm of all latencies of a class.
    usual: [Mean; Class::COUNT],
    earned: bool,
}

impl Trust {
    /// A latency whose logarithm is `value`, of which the prediction was off by `error`.
    pub(super) fn note(&mut self, class: Class, value: f64, error: f64) {
        self.observations += 1;
        let usual = &mut self.usual[class.index()];
        if usual.samples > 0.0 {
            self.predicted.note((error * error).min(FARTHEST), MEMORY);
            self.ignorant.note((value - usual.value).powi(2).min(FARTHEST), MEMORY);
        }
        usual.note(value, MEMORY);
        let bound = self.ignorant.value * if self.earned { LEAVE } else { ENTER };
        self.earned = self.observations >= LEAST && self.predicted.value < bound;
    }

    /// Whether predictions are gone by.
    pub(super) fn is_earned(&self) -> bool {
        self.earned
    }

    /// How many there were.
    pub(super) fn observations(&self) -> u64 {
        self.observations
    }
}
