//! The calls of the last so long.
//!
//! Invariant: a bucket is one word, so no reader sees half of a call.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};

use super::{Noted, Tally};

/// Buckets of a window of time.
pub(super) const BUCKETS: u64 = 10;
/// The bits of a bucket's counters.
const COUNT_BITS: u32 = 14;
const COUNT: u64 = (1 << COUNT_BITS) - 1;
/// The bits of a bucket's round.
const ROUND_BITS: u32 = 22;
const ROUND: u64 = (1 << ROUND_BITS) - 1;

/// The calls of the last so long. A bucket is one word, so that no writer waits for another: the round of the window that
/// it is of, and its calls, those that failed and those that were slow. A round comes again after four million windows (of
/// ten seconds: 480 days), to a window in which nothing was noted all that time.
#[derive(Debug)]
pub(super) struct Buckets {
    /// Nanoseconds of one.
    width: u64,
    words: [AtomicU64; BUCKETS as usize],
}

#[derive(Clone, Copy)]
struct Bucket {
    round: u64,
    calls: u64,
    failed: u64,
    slow: u64,
}

impl Bucket {
    fn of(word: u64) -> Self {
        Bucket {
            round: word >> (3 * COUNT_BITS),
            calls: word >> (2 * COUNT_BITS) & COUNT,
            failed: word >> COUNT_BITS & COUNT,
            slow: word & COUNT,
        }
    }

    fn word(self) -> u64 {
        self.round << (3 * COUNT_BITS) | self.calls << (2 * COUNT_BITS) | self.failed << COUNT_BITS | self.slow
    }

    /// With another call. A bucket that is full is halved first: its shares stay as they are, nearly.
    fn with(mut self, noted: Noted) -> Self {
        if self.calls == COUNT {
            self.calls /= 2;
            self.failed = self.failed.div_ceil(2).min(self.calls);
            self.slow = self.slow.div_ceil(2).min(self.calls);
        }
        self.calls += 1;
        self.failed += u64::from(noted.failed);
        self.slow += u64::from(noted.slow);
        self
    }
}

impl Buckets {
    pub(super) fn new(span: u64) -> Self {
        Buckets {
            width: (span / BUCKETS).max(1),
            words: Default::default(),
        }
    }

    pub(super) fn note(&self, noted: Noted, now: u64) {
        let tick = now / self.width;
        let round = (tick / BUCKETS) & ROUND;
        let word = &self.words[(tick % BUCKETS) as usize];
        // Refused only where it is of a later round: whoever comes a whole window late has nothing to say.
        let _late = word.fetch_update(AcqRel, Relaxed, |word| {
            let bucket = Bucket::of(word);
            let ahead = bucket.round.wrapping_sub(round) & ROUND;
            let fresh = Bucket {
                round,
                calls: 0,
                failed: 0,
                slow: 0,
            };
            match ahead {
                0 => Some(bucket.with(noted).word()),
                ahead if ahead < ROUND / 2 => None,
                _ => Some(fresh.with(noted).word()),
            }
        });
    }

    pub(super) fn tally(&self, now: u64) -> Tally {
        let newest = now / self.width;
        let oldest = newest.saturating_sub(BUCKETS - 1);
        (oldest..=newest).fold(Tally::default(), |tally, tick| {
            let bucket = Bucket::of(self.words[(tick % BUCKETS) as usize].load(Relaxed));
            if bucket.round != (tick / BUCKETS) & ROUND {
                return tally;
            }
            Tally {
                calls: tally.calls + bucket.calls as u32,
                failed: tally.failed + bucket.failed as u32,
                slow: tally.slow + bucket.slow as u32,
            }
        })
    }

    pub(super) fn clear(&self) {
        for word in &self.words {
            word.fetch_and(ROUND << (3 * COUNT_BITS), AcqRel);
        }
    }
}
