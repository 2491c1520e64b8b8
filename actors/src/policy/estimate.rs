//! A latency estimate that forgets: an exponentially weighted moving average over time, of the peak kind.
//!
//! Invariant: a sample weighs less the longer ago it was, and one above the estimate counts whole at once; two readers never
//! see half an update. Times are nanoseconds since any fixed origin.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::call::{CostClass, Operation};

/// The time after which a sample weighs 1/e: the decay of Finagle's and linkerd's estimates.
pub const DECAY: Duration = Duration::from_secs(10);

/// What is expected, and since when nothing was measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Estimate {
    /// The expected time.
    pub expected: Duration,
    /// The age of the newest sample.
    pub age: Duration,
}

/// What operations have in common whose attempts take about the same time: their cost class, those that stream apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Class {
    /// The cost class.
    pub cost: CostClass,
    /// They stream: what is measured is the time to the first event.
    pub streaming: bool,
}

impl Class {
    /// How many there are.
    pub const COUNT: usize = 8;

    /// Of an operation.
    pub fn of(operation: &Operation) -> Self {
        Class {
            cost: operation.cost,
            streaming: operation.streaming,
        }
    }

    /// Its number, below [`Class::COUNT`].
    pub fn index(self) -> usize {
        self.cost as usize * 2 + usize::from(self.streaming)
    }
}

/// The estimates of one instance, one for each class of operations.
#[derive(Debug, Default)]
pub struct Latencies([Latency; Class::COUNT]);

impl Latencies {
    /// That of a class.
    pub fn of(&self, class: Class) -> &Latency {
        &self.0[class.index()]
    }
}

/// The estimate of one instance and class. Written from many attempts at once; of two concurrent samples one may be lost, which an
/// average bears.
#[derive(Debug, Default)]
pub struct Latency {
    /// Microseconds of the estimate (high 32 bits) and milliseconds of the newest sample's time, plus one (low 32 bits);
    /// 0: no sample so far.
    word: AtomicU64,
}

impl Latency {
    /// Takes a sample.
    pub fn note(&self, took: Duration, now: u64) {
        let micros = u32::try_from(took.as_micros()).unwrap_or(u32::MAX);
        let at = millis(now);
        let word = self.word.load(Relaxed);
        let expected = match word as u32 {
            0 => micros,
            before => {
                let elapsed = at.saturating_sub(before);
                blend((word >> 32) as u32, micros, Duration::from_millis(u64::from(elapsed)))
            }
        };
        self.word.store(u64::from(expected) << 32 | u64::from(at), Relaxed);
    }

    /// What is expected at `now`; `None`: nothing was measured so far.
    pub fn estimate(&self, now: u64) -> Option<Estimate> {
        let word = self.word.load(Relaxed);
        let at = word as u32;
        (at != 0).then(|| Estimate {
            expected: Duration::from_micros(word >> 32),
            age: Duration::from_millis(u64::from(millis(now).saturating_sub(at))),
        })
    }
}

/// Milliseconds, plus one, in 32 bits: 49 days, then the newest sample stays young for ever, which harms nothing.
fn millis(nanos: u64) -> u32 {
    u32::try_from(nanos / 1_000_000 + 1).unwrap_or(u32::MAX)
}

/// The old estimate keeps e^(-elapsed / DECAY) of its weight. A sample right after another still counts a little; one above
/// it is the new estimate (Finagle's peak EWMA): who becomes slow is avoided at once, and believed again only with time.
fn blend(old: u32, new: u32, elapsed: Duration) -> u32 {
    if new > old {
        return new;
    }
    const LEAST: f64 = 0.05;
    let keep = (-elapsed.as_secs_f64() / DECAY.as_secs_f64()).exp().min(1.0 - LEAST);
    (f64::from(old) * keep + f64::from(new) * (1.0 - keep)) as u32
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    #[test]
    fn the_first_sample_is_the_estimate_and_old_ones_fade() {
        let latency = Latency::default();
        assert_eq!(latency.estimate(0), None);
        latency.note(Duration::from_millis(100), SECOND);
        let first = latency.estimate(3 * SECOND).unwrap();
        assert_eq!(
            (first.expected, first.age),
            (Duration::from_millis(100), Duration::from_secs(2))
        );
        latency.note(Duration::from_millis(10), 101 * SECOND);
        assert!(latency.estimate(101 * SECOND).unwrap().expected < Duration::from_millis(11));
    }

    #[test]
    fn a_sample_above_the_estimate_counts_whole_at_once() {
        let latency = Latency::default();
        latency.note(Duration::from_millis(10), SECOND);
        latency.note(Duration::from_millis(500), SECOND);
        assert_eq!(latency.estimate(SECOND).unwrap().expected, Duration::from_millis(500));
        latency.note(Duration::from_millis(10), SECOND);
        let after = latency.estimate(SECOND).unwrap().expected;
        assert!(after < Duration::from_millis(500) && after > Duration::from_millis(400));
    }

    #[test]
    fn each_class_of_operations_has_its_own_estimate() {
        static READ: Operation = Operation::read("t", "t.read");
        static STREAM: Operation = Operation {
            streaming: true,
            ..Operation::read("t", "t.stream")
        };
        static WRITE: Operation = Operation::write("t", "t.write");
        let latencies = Latencies::default();
        latencies.of(Class::of(&READ)).note(Duration::from_millis(10), SECOND);
        for other in [&STREAM, &WRITE] {
            assert_eq!(latencies.of(Class::of(other)).estimate(SECOND), None);
        }
        let mut numbers: Vec<usize> = [CostClass::Read, CostClass::Heavy, CostClass::Write, CostClass::Tokens]
            .into_iter()
            .flat_map(|cost| [false, true].map(|streaming| Class { cost, streaming }.index()))
            .collect();
        numbers.dedup();
        assert_eq!(numbers, (0..Class::COUNT).collect::<Vec<_>>());
    }

    proptest! {
        #[test]
        fn an_estimate_lies_between_its_samples(samples in proptest::collection::vec((1u64..1_000_000, 0u64..20), 1..50)) {
            let latency = Latency::default();
            let mut now = 0;
            for (micros, seconds) in &samples {
                now += seconds * SECOND;
                latency.note(Duration::from_micros(*micros), now);
            }
            let expected = latency.estimate(now).unwrap().expected.as_micros() as u64;
            let least = samples.iter().map(|(micros, _)| *micros).min().unwrap();
            let most = samples.iter().map(|(micros, _)| *micros).max().unwrap();
            // Rounded down at each step.
            prop_assert!(expected + samples.len() as u64 >= least && expected <= most);
        }
    }
}
