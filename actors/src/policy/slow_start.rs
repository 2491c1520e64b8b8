//! Slow start: who comes back gets its share of the calls little by little.
//!
//! Invariant: a share is more than 0 and at most 1, and never falls as time passes. Pure.

use std::time::Duration;

/// How the weight of an instance grows that came back: after a start, an ejection, or an open circuit.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SlowStart {
    /// How long it takes to its whole weight; zero: it has that at once.
    pub window: Duration,
    /// The share of its weight that it begins with (more than 0, at most 1).
    pub least: f32,
    /// How fast it grows at first: 1 is a straight line, more is faster (more than 0).
    pub aggression: f32,
}

impl Default for SlowStart {
    /// Off; where a window is set, Envoy's: from 10 %, in a straight line.
    fn default() -> Self {
        SlowStart {
            window: Duration::ZERO,
            least: 0.1,
            aggression: 1.0,
        }
    }
}

impl SlowStart {
    /// The share of its weight of one that came back so long ago (nanoseconds): Envoy's slow start,
    /// `max(least, (time / window) ^ (1 / aggression))`.
    pub fn share(&self, since: u64) -> f32 {
        let window = super::nanos_of(self.window);
        if since >= window {
            return 1.0;
        }
        let passed = since as f64 / window as f64;
        let aggression = f64::from(self.aggression.max(f32::MIN_POSITIVE));
        let grown = passed.powf(1.0 / aggression) as f32;
        grown.max(self.least.max(f32::MIN_POSITIVE)).min(1.0)
    }

    /// The key of the first setting that cannot be meant, and what it must be.
    ///
    /// # Errors
    /// That.
    pub fn check(&self) -> Result<(), (&'static str, &'static str)> {
        if !(self.least > 0.0 && self.least <= 1.0) {
            return Err(("least", "more than 0 and at most 1"));
        }
        if !(self.aggression > 0.0 && self.aggression.is_finite()) {
            return Err(("aggression", "more than 0"));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn it_grows_as_envoy_has_it() {
        let line = SlowStart {
            window: Duration::from_secs(10),
            ..SlowStart::default()
        };
        let shares: Vec<_> = [0, 1, 5, 10, 99].map(|seconds| line.share(seconds * SECOND)).to_vec();
        assert_eq!(shares, [0.1, 0.1, 0.5, 1.0, 1.0]);
        let fast = SlowStart {
            aggression: 2.0,
            ..line
        };
        assert_eq!(fast.share(25 * SECOND / 10), 0.5);
        assert_eq!(SlowStart::default().share(0), 1.0);
    }

    proptest! {
        #[test]
        fn it_never_falls_and_ends_at_one(
            window in 0u64..100, least in 0.001..=1.0f32, aggression in 0.01..10.0f32, mut times in prop::collection::vec(0u64..200, 1..50),
        ) {
            let start = SlowStart { window: Duration::from_secs(window), least, aggression };
            prop_assert_eq!(start.check(), Ok(()));
            times.sort_unstable();
            let mut before = 0.0;
            for at in times {
                let share = start.share(at * SECOND);
                prop_assert!(share >= before && share >= least.min(1.0) && share <= 1.0);
                prop_assert!(at < window || share == 1.0);
                before = share;
            }
        }
    }
}
