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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn policies() -> impl Strategy<Value = Backoff> {
        (0..5_000_u64, 0..60_000_u64, 1.0..4.0_f64, 0.0..=1.0_f64, 1..60_000_u64).prop_map(
            |(base, max, factor, jitter, reset)| Backoff {
                base: Duration::from_millis(base),
                max: Duration::from_millis(max),
                factor,
                jitter,
                reset_after: Duration::from_millis(reset),
            },
        )
    }

    /// The reference: the same growth, step by step, in seconds.
    fn naive(policy: &Backoff, consecutive: u32) -> f64 {
        if consecutive == 0 {
            return 0.0;
        }
        let mut delay = policy.base.as_secs_f64();
        for _ in 1..consecutive {
            delay = (delay * policy.factor).min(policy.max.as_secs_f64());
        }
        delay.min(policy.max.as_secs_f64())
    }

    proptest! {
        #[test]
        fn delays_follow_the_naive_growth(policy in policies(), consecutive in 0..200_u32) {
            let delay = policy.delay(consecutive, 0.0).as_secs_f64();
            let expected = naive(&policy, consecutive);
            prop_assert!((delay - expected).abs() <= 1e-6 * expected.max(1.0), "{delay} {expected}");
        }

        #[test]
        fn jitter_only_takes_off(policy in policies(), consecutive in any::<u32>(), sample in 0.0..1.0_f64) {
            let full = policy.delay(consecutive, 0.0);
            let delay = policy.delay(consecutive, sample);
            prop_assert!(delay <= full && full <= policy.max);
            let least = full.as_secs_f64() * (1.0 - policy.jitter);
            prop_assert!(delay.as_secs_f64() >= least - 1e-6);
        }

        #[test]
        fn a_quiet_time_resets(policy in policies(), uptimes in prop::collection::vec(0..120_000_u64, 1..50)) {
            let mut failures = Failures::default();
            let mut run = 0;
            for uptime in uptimes.into_iter().map(Duration::from_millis) {
                run = if uptime >= policy.reset_after { 0 } else { run };
                let delay = failures.next(&policy, uptime, 0.0);
                prop_assert_eq!(delay, policy.delay(run, 0.0));
                prop_assert!(run > 0 || delay.is_zero());
                run += 1;
            }
        }
    }

    #[test]
    fn the_default_is_what_it_says() {
        let delays: Vec<_> = (0..5).map(|n| Backoff::default().delay(n, 0.0).as_millis()).collect();
        assert_eq!(delays, [0, 100, 200, 400, 800]);
        assert_eq!(Backoff::default().delay(u32::MAX, 0.0), Duration::from_secs(30));
        assert_eq!(Backoff::default().delay(2, 1.0), Duration::from_millis(150));
    }

    #[test]
    fn absurd_settings_stay_within_their_cap() {
        let absurd = Backoff {
            base: Duration::ZERO,
            max: Duration::MAX,
            factor: f64::INFINITY,
            jitter: f64::NAN,
            reset_after: Duration::ZERO,
        };
        assert!(absurd.delay(9, 0.5) <= absurd.max);
        assert_eq!(Backoff::NONE.delay(u32::MAX, 0.9), Duration::ZERO);
    }
}
