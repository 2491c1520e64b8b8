//! How long a child waits before it is started again.
//!
//! Invariant: no delay exceeds `max`, and the first failure after a quiet time costs no delay at all.

use std::time::Duration;

/// Exponential back-off with jitter.
///
/// The first restart is immediate, because a crash is normally a fluke; from the second on the delay is
/// `base * factor^n`, capped at `max`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Backoff {
    /// The delay of the second consecutive restart.
    pub base: Duration,
    /// No delay is longer.
    pub max: Duration,
    /// The growth per further failure; below 1 it is taken as 1.
    pub factor: f64,
    /// The share of a delay, in `0..=1`, that chance may take off. Taking off, never adding, keeps `max` true.
    pub jitter: f64,
    /// A child that ran for so long is well again: its next failure counts as the first.
    pub reset_after: Duration,
}

impl Default for Backoff {
    /// 100 ms doubling to 30 s, a quarter of it jitter, forgotten after a minute of health. With the default
    /// intensity (5 in 10 s) a child that cannot work at all escalates within two seconds.
    fn default() -> Self {
        Backoff {
            base: Duration::from_millis(100),
            max: Duration::from_secs(30),
            factor: 2.0,
            jitter: 0.25,
            reset_after: Duration::from_secs(60),
        }
    }
}

impl Backoff {
    /// Restart at once, always. For tests, and for children whose start is a wait in itself.
    pub const NONE: Backoff = Backoff {
        base: Duration::ZERO,
        max: Duration::ZERO,
        factor: 1.0,
        jitter: 0.0,
        reset_after: Duration::ZERO,
    };

    /// The wait before the next start, after `consecutive` failures that came before this one without a quiet time
    /// between them. `sample` is a random number in `[0, 1)`.
    pub fn delay(&self, consecutive: u32, sample: f64) -> Duration {
        let Some(exponent) = consecutive.checked_sub(1) else {
            return Duration::ZERO;
        };
        let exponent = i32::try_from(exponent).unwrap_or(i32::MAX);
        let growth = self.factor.max(1.0).powi(exponent);
        let full = (self.base.as_secs_f64() * growth).min(self.max.as_secs_f64());
        let kept = 1.0 - self.jitter.clamp(0.0, 1.0) * sample.clamp(0.0, 1.0);
        // A NaN (0 * infinity, when base is zero) becomes zero: max() drops it.
        Duration::try_from_secs_f64((full * kept).max(0.0))
            .unwrap_or(self.max)
            .min(self.max)
    }
}

/// The consecutive failures of one child.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Failures {
    consecutive: u32,
}

impl Failures {
    /// Counts a failure of a child that ran for `uptime` (zero if it did not even start) and says how long to wait.
    pub fn next(&mut self, policy: &Backoff, uptime: Duration, sample: f64) -> Duration {
        if uptime >= policy.reset_after {
            self.consecutive = 0;
        }
        let delay = policy.delay(self.consecutive, sample);
        self.consecutive = self.consecutive.saturating_add(1);
        delay
    }

    /// Forgets the past, as when an operator restarts the child.
    pub fn reset(&mut self) {
        self.consecutive = 0;
    }
}
