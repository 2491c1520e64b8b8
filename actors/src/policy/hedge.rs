//! Hedging: when a second instance is asked the same, because the first takes longer than nearly all of its answers did.
//!
//! Invariant: nothing is hedged before enough was measured; an estimate is at most an eighth above the quantile of what it
//! remembers.

use std::time::Duration;

use super::retry_budget::BudgetSettings;

/// Bounds of hedging.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HedgeSettings {
    /// Whether it is done.
    pub enabled: bool,
    /// The part of an instance's answers that came sooner than a call waits before its hedge.
    pub quantile: f64,
    /// The most hedges for each call that was first asked of an instance, over [`HedgeSettings::window`].
    pub share: f64,
    /// Over which time that share holds.
    pub window: Duration,
    /// No call is hedged sooner.
    pub min_delay: Duration,
    /// Answers of an instance and class that must have been measured.
    pub min_samples: u32,
}

impl Default for HedgeSettings {
    /// Off: a hedge spends of the other provider's quota, which is what callers of metered services have least of; who asks
    /// servers of its own turns it on. After the 95th percentile, at most 5 % more, as "The Tail at Scale" found enough.
    fn default() -> Self {
        HedgeSettings {
            enabled: false,
            quantile: 0.95,
            share: 0.05,
            window: Duration::from_secs(60),
            min_delay: Duration::from_millis(5),
            min_samples: 20,
        }
    }
}

impl HedgeSettings {
    /// The bound on hedges, as a budget without a floor.
    pub fn budget(&self) -> BudgetSettings {
        BudgetSettings {
            share: self.share,
            floor_per_second: 0,
            window: self.window,
        }
    }
}

/// Buckets of one doubling.
const STEPS: usize = 8;
/// What the first doubling begins at: a tenth of a millisecond, in nanoseconds. What is shorter counts as this.
const SHORTEST: u64 = 100_000;
/// Doublings that are told apart: up to half an hour. What is longer counts as that.
const DOUBLINGS: usize = 24;
/// Samples after which the older half is forgotten.
const HALF: u32 = 500;

/// How long the answers of one instance took, to one class of operations: the last 500 to 1,000 of them.
#[derive(Clone, Debug)]
pub struct Durations {
    /// Of the samples so far, and of the 500 before those.
    halves: [[u16; STEPS * DOUBLINGS]; 2],
    counts: [u32; 2],
}

impl Default for Durations {
    fn default() -> Self {
        Durations {
            halves: [[0; STEPS * DOUBLINGS]; 2],
            counts: [0; 2],
        }
    }
}

impl Durations {
    /// One answer took so long.
    pub fn note(&mut self, took: Duration) {
        if self.counts[0] == HALF {
            self.halves.swap(0, 1);
            self.counts.swap(0, 1);
            self.halves[0].fill(0);
            self.counts[0] = 0;
        }
        self.halves[0][bucket(super::nanos_of(took))] += 1;
        self.counts[0] += 1;
    }

    /// Samples that are remembered.
    pub fn samples(&self) -> u32 {
        self.counts[0] + self.counts[1]
    }

    /// What that part of them did not exceed; `None` where there is none.
    pub fn quantile(&self, part: f64) -> Option<Duration> {
        let rank = (f64::from(self.samples()) * part.clamp(0.0, 1.0)).ceil().max(1.0) as u32;
        let mut seen = 0;
        let both = self.halves[0].iter().zip(&self.halves[1]);
        let found = both
            .map(|(new, old)| u32::from(*new) + u32::from(*old))
            .position(|count| {
                seen += count;
                seen >= rank
            });
        found.map(|bucket| Duration::from_nanos(end_of(bucket)))
    }

    /// How long to wait for an answer before another instance is asked; `None`: not at all is another asked.
    pub fn delay(&self, settings: &HedgeSettings) -> Option<Duration> {
        let known = self.samples() >= settings.min_samples.max(1);
        let delay = known.then(|| self.quantile(settings.quantile))??;
        Some(delay.max(settings.min_delay))
    }
}

/// The bucket of a duration in nanoseconds.
fn bucket(nanos: u64) -> usize {
    let scaled = nanos.max(SHORTEST);
    let doubling = (scaled / SHORTEST).ilog2() as usize;
    let base = SHORTEST << doubling.min(DOUBLINGS);
    let step = ((scaled - base.min(scaled)) * STEPS as u64 / base) as usize;
    (doubling * STEPS + step.min(STEPS - 1)).min(STEPS * DOUBLINGS - 1)
}

/// Where a bucket ends, in nanoseconds.
fn end_of(bucket: usize) -> u64 {
    let base = SHORTEST << (bucket / STEPS);
    base + base / STEPS as u64 * (bucket % STEPS + 1) as u64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn nothing_is_known_before_enough_was_measured_and_the_old_is_forgotten() {
        let (mut durations, settings) = (Durations::default(), HedgeSettings::default());
        for _ in 0..19 {
            durations.note(Duration::from_millis(10));
            assert_eq!(durations.delay(&settings), None);
        }
        durations.note(Duration::from_millis(10));
        let delay = durations.delay(&settings).unwrap();
        assert!((10.0..=11.5).contains(&(delay.as_secs_f64() * 1e3)), "{delay:?}");
        for _ in 0..2 * HALF {
            durations.note(Duration::from_nanos(1));
        }
        assert_eq!(durations.delay(&settings), Some(settings.min_delay), "no sooner");
        assert!(durations.samples() <= 2 * HALF);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]
        /// Against a sorted list of what is remembered.
        #[test]
        fn a_quantile_is_right_to_an_eighth(
            micros in proptest::collection::vec(100u64..1_000_000_000, 1..1_600), part in 0.0f64..=1.0,
        ) {
            let mut durations = Durations::default();
            for took in &micros { durations.note(Duration::from_micros(*took)); }
            let kept = durations.samples() as usize;
            prop_assert!(kept >= micros.len().min(HALF as usize));
            let mut last = micros[micros.len() - kept..].to_vec();
            last.sort_unstable();
            let rank = ((kept as f64 * part).ceil() as usize).max(1);
            let exact = Duration::from_micros(last[rank - 1]);
            let told = durations.quantile(part).unwrap();
            prop_assert!(told >= exact && told <= exact.mul_f64(1.126), "{told:?} for {exact:?}");
        }
    }
}
