//! The generic cell rate algorithm: a rate limit in one number.
//!
//! Invariant: over any span of `t` no more than `burst + t / interval` calls pass. The number is the *theoretical
//! arrival time* (TAT): when the bucket would be full again if nothing more came (ITU-T I.371, annex A).

use std::time::Duration;

/// A rate and the burst above it. Times are nanoseconds since any fixed origin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Rate {
    /// Nanoseconds that one call costs; 0: unlimited.
    interval: u64,
    /// Nanoseconds that the TAT may run ahead of now.
    tolerance: u64,
}

/// What a rate leaves, in the terms of a quota for a window of time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Calls that pass at once when nothing was called for as long as `window`.
    pub quota: u64,
    /// In which a quota that is used up is whole again.
    pub window: Duration,
    /// Calls that would pass now.
    pub remaining: u64,
    /// Where none would: until one does. Else until the quota is whole again.
    pub reset: Duration,
}

impl Rate {
    /// No limit.
    pub const UNLIMITED: Rate = Rate {
        interval: 0,
        tolerance: 0,
    };

    /// `per_second` calls a second on average, at most `burst` at once (at least 1). A rate that is not positive
    /// and finite means no limit.
    pub fn new(per_second: f64, burst: u32) -> Self {
        if !per_second.is_finite() || per_second <= 0.0 {
            return Rate::UNLIMITED;
        }
        // A cast from f64 saturates; a rate so slow that one call costs centuries stays a rate.
        let interval = ((1e9 / per_second) as u64).clamp(1, u64::MAX / 1_000_000);
        Rate {
            interval,
            tolerance: interval.saturating_mul(u64::from(burst.max(1)) - 1),
        }
    }

    /// Decides one call: the new TAT if it passes, else how long to wait.
    pub fn decide(self, tat: u64, now: u64) -> Result<u64, Duration> {
        let start = tat.max(now);
        let ahead = start - now;
        if self.interval > 0 && ahead > self.tolerance {
            return Err(Duration::from_nanos(ahead - self.tolerance));
        }
        Ok(start.saturating_add(self.interval))
    }

    /// How many calls would pass at `now`; `None`: unlimited.
    pub fn remaining(self, tat: u64, now: u64) -> Option<u64> {
        if self.interval == 0 {
            return None;
        }
        let ahead = tat.saturating_sub(now);
        Some((self.tolerance + self.interval).saturating_sub(ahead) / self.interval)
    }

    /// What of it is left at `now`; `None`: unlimited.
    pub fn allowance(self, tat: u64, now: u64) -> Option<Allowance> {
        let remaining = self.remaining(tat, now)?;
        let (whole, ahead) = (self.tolerance + self.interval, tat.saturating_sub(now));
        let reset = match remaining {
            0 => ahead.saturating_sub(self.tolerance),
            _ => ahead,
        };
        Some(Allowance {
            quota: whole / self.interval,
            window: Duration::from_nanos(whole),
            remaining,
            reset: Duration::from_nanos(reset),
        })
    }

    /// Splits into two words, for atomics.
    pub(crate) fn words(self) -> (u64, u64) {
        (self.interval, self.tolerance)
    }

    /// Joins what [`Rate::words`] split.
    pub(crate) fn of_words(interval: u64, tolerance: u64) -> Self {
        Rate { interval, tolerance }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference: a token bucket that is refilled continuously, in exact integer arithmetic (one token is
    /// `interval` nanoseconds).
    struct Bucket {
        level: u64,
        full: u64,
        interval: u64,
        at: u64,
    }

    impl Bucket {
        fn take(&mut self, now: u64) -> bool {
            self.level = self.full.min(self.level + (now - self.at));
            self.at = now;
            let enough = self.level >= self.interval;
            if enough {
                self.level -= self.interval;
            }
            enough
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(5_000))]
        #[test]
        fn passes_what_a_token_bucket_passes(
            per_second in 1u32..2000,
            burst in 1u32..20,
            steps in proptest::collection::vec(0u64..3_000_000, 1..200),
        ) {
            let rate = Rate::new(f64::from(per_second), burst);
            let full = rate.interval * u64::from(burst);
            let mut bucket = Bucket { level: full, full, interval: rate.interval, at: 0 };
            let (mut now, mut tat) = (0, 0);
            for step in steps {
                now += step;
                let expected = bucket.take(now);
                match rate.decide(tat, now) {
                    Ok(next) => {
                        prop_assert!(expected);
                        tat = next;
                    }
                    Err(wait) => {
                        prop_assert!(!expected);
                        prop_assert!(rate.decide(tat, now + wait.as_nanos() as u64).is_ok());
                    }
                }
                prop_assert_eq!(rate.remaining(tat, now), Some(bucket.level / rate.interval));
            }
        }
    }

    #[test]
    fn what_is_left_is_told_as_a_quota_for_a_window() {
        let second = 1_000_000_000;
        let rate = Rate::new(2.0, 4);
        let told = |tat, now| {
            let left = rate.allowance(tat, now).expect("a limit");
            assert_eq!((left.quota, left.window), (4, Duration::from_secs(2)));
            (left.remaining, left.reset)
        };
        assert_eq!(told(0, second), (4, Duration::ZERO));
        let mut tat = 0;
        for left in [3, 2, 1] {
            tat = rate.decide(tat, second).expect("it passes");
            assert_eq!(
                told(tat, second),
                (left, Duration::from_millis(500) * (4 - left as u32))
            );
        }
        tat = rate.decide(tat, second).expect("the last one");
        let wait = rate.decide(tat, second).expect_err("the quota is used up");
        assert_eq!(told(tat, second), (0, wait));
        assert!(Rate::UNLIMITED.allowance(0, 0).is_none());
    }

    #[test]
    fn odd_rates_mean_no_limit() {
        for rate in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert_eq!(Rate::new(rate, 5), Rate::UNLIMITED);
        }
        assert!((0..1000).all(|_| Rate::UNLIMITED.decide(0, 0).is_ok()));
    }
}
