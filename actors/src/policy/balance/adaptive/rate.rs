//! Rates and means that fade with time and with what comes after.
//!
//! Invariant: a rate lies between 0 and 1; one that nothing renews returns to what is expected of anybody.

use crate::policy::nanos_of;
use std::time::Duration;

/// The rate of failures of whom nothing is known.
const USUAL: f64 = 0.01;

/// How a rate fades.
#[derive(Clone, Copy, Debug)]
pub(super) struct Fading {
    /// What is kept of all before, at each sample.
    pub(super) keep: f64,
    /// The time after which a sample weighs 1/e.
    pub(super) decay: Duration,
    /// The weight of what is expected of anybody, in samples.
    pub(super) prior: f64,
}

/// Notices within a few attempts, and forgives within seconds.
pub(super) const FAST: Fading = Fading {
    keep: 0.85,
    decay: Duration::from_secs(8),
    prior: 2.0,
};

/// What a candidate is like in the long run.
pub(super) const SLOW: Fading = Fading {
    keep: 0.99,
    decay: Duration::from_secs(60),
    prior: 4.0,
};

/// A rate of failures.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Rate {
    pub(super) failures: f64,
    pub(super) all: f64,
    pub(super) at: u64,
}

impl Rate {
    fn faded(&self, fading: &Fading, now: u64) -> f64 {
        let age = now.saturating_sub(self.at) as f64;
        (-age / nanos_of(fading.decay) as f64).exp()
    }

    pub(super) fn note(&mut self, failed: bool, fading: &Fading, now: u64) {
        let keep = fading.keep * self.faded(fading, now);
        self.failures = self.failures * keep + f64::from(u8::from(failed));
        self.all = self.all * keep + 1.0;
        self.at = self.at.max(now);
    }

    pub(super) fn rate(&self, fading: &Fading, now: u64) -> f64 {
        let keep = self.faded(fading, now);
        (self.failures * keep + USUAL * fading.prior) / (self.all * keep + fading.prior)
    }

    pub(super) fn is_sound(&self) -> bool {
        (0.0..=1e6).contains(&self.all) && self.failures >= 0.0 && self.failures <= self.all
    }
}

/// A running mean.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Mean {
    pub(super) value: f64,
    pub(super) samples: f64,
}

impl Mean {
    /// Takes a sample; each counts a share of 1 / `most`, the first ones more.
    pub(super) fn note(&mut self, sample: f64, most: f64) {
        self.samples = (self.samples + 1.0).min(most);
        self.value += (sample - self.value) / self.samples;
    }

    pub(super) fn is_sound(&self) -> bool {
        self.value.is_finite() && (0.0..=1e6).contains(&self.samples)
    }
}
