//! The calls that a breaker looks back on, counted by whoever made them.
//!
//! Invariant: of a fixed size, and nothing is allocated after it was made. Once nobody is noting, what it tells is exact; a
//! reader beside a writer may miss the calls that are being noted at that instant. Times are nanoseconds since any fixed
//! origin.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicU64, AtomicUsize};

use super::settings::{WindowSettings, WindowSpan};
use crate::policy::nanos_of;

/// How a call ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Noted {
    /// It is evidence against the provider.
    pub failed: bool,
    /// It took too long, however it ended.
    pub slow: bool,
}

/// The calls of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// All of them.
    pub calls: u32,
    /// Those that failed.
    pub failed: u32,
    /// Those that took too long.
    pub slow: u32,
}

/// A window of calls. Written from many attempts at once, hence without a lock.
#[derive(Debug)]
pub struct Window(Kept);

#[derive(Debug)]
enum Kept {
    Calls(Ring),
    Time(Buckets),
}

impl Window {
    /// An empty one.
    pub fn new(settings: &WindowSettings) -> Self {
        Window(match settings.span {
            WindowSpan::Calls(count) => Kept::Calls(Ring::new(count.clamp(1, WindowSettings::MOST_CALLS) as usize)),
            WindowSpan::Time(time) => Kept::Time(Buckets::new(nanos_of(time))),
        })
    }

    /// A call ended at `now`.
    pub fn note(&self, noted: Noted, now: u64) {
        match &self.0 {
            Kept::Calls(ring) => ring.note(noted),
            Kept::Time(buckets) => buckets.note(noted, now),
        }
    }

    /// What it holds at `now`.
    pub fn tally(&self, now: u64) -> Tally {
        match &self.0 {
            Kept::Calls(ring) => ring.tally(),
            Kept::Time(buckets) => buckets.tally(now),
        }
    }

    /// Forgets all calls.
    pub fn clear(&self) {
        match &self.0 {
            Kept::Calls(ring) => ring.clear(),
            Kept::Time(buckets) => buckets.clear(),
        }
    }
}

/// The last so many calls: a byte each, and what they add up to.
#[derive(Debug)]
struct Ring {
    next: AtomicUsize,
    /// 0: none yet; else [`CALL`], with [`FAILED`] and [`SLOW`] where it was.
    slots: Box<[AtomicU8]>,
    /// Signed: of two calls that meet in one slot, the second may be taken off before the first is added.
    calls: AtomicI32,
    failed: AtomicI32,
    slow: AtomicI32,
}

const CALL: u8 = 1;
const FAILED: u8 = 2;
const SLOW: u8 = 4;

impl Ring {
    fn new(count: usize) -> Self {
        Ring {
            next: AtomicUsize::new(0),
            slots: (0..count).map(|_| AtomicU8::new(0)).collect(),
            calls: AtomicI32::new(0),
            failed: AtomicI32::new(0),
            slow: AtomicI32::new(0),
        }
    }

    fn note(&self, noted: Noted) {
        let slot = self.next.fetch_add(1, Relaxed) % self.slots.len();
        let failed = if noted.failed { FAILED } else { 0 };
        let slow = if noted.slow { SLOW } else { 0 };
        self.put(&self.slots[slot], CALL | failed | slow);
    }

    /// Whoever takes a value out of a slot takes it off the sums: each is taken out once.
    fn put(&self, slot: &AtomicU8, value: u8) {
        let before = slot.swap(value, AcqRel);
        let add = |sum: &AtomicI32, bit: u8| match (before & bit != 0, value & bit != 0) {
            (false, true) => _ = sum.fetch_add(1, Relaxed),
            (true, false) => _ = sum.fetch_sub(1, Relaxed),
            _ => {}
        };
        add(&self.calls, CALL);
        add(&self.failed, FAILED);
        add(&self.slow, SLOW);
    }

    fn tally(&self) -> Tally {
        let read = |sum: &AtomicI32| sum.load(Relaxed).max(0) as u32;
        Tally {
            calls: read(&self.calls),
            failed: read(&self.failed),
            slow: read(&self.slow),
        }
    }

    fn clear(&self) {
        for slot in &self.slots {
            self.put(slot, 0);
        }
    }
}

/// Buckets of a window of time.
const BUCKETS: u64 = 10;
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
struct Buckets {
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
    fn new(span: u64) -> Self {
        Buckets {
            width: (span / BUCKETS).max(1),
            words: Default::default(),
        }
    }

    fn note(&self, noted: Noted, now: u64) {
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

    fn tally(&self, now: u64) -> Tally {
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

    fn clear(&self) {
        for word in &self.words {
            word.fetch_and(ROUND << (3 * COUNT_BITS), AcqRel);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::*;

    fn window(span: WindowSpan) -> Window {
        Window::new(&WindowSettings {
            span,
            ..WindowSettings::default()
        })
    }

    /// The reference: counts what it is given.
    fn counted<'a>(calls: impl IntoIterator<Item = &'a Noted>) -> Tally {
        calls.into_iter().fold(Tally::default(), |tally, noted| Tally {
            calls: tally.calls + 1,
            failed: tally.failed + u32::from(noted.failed),
            slow: tally.slow + u32::from(noted.slow),
        })
    }

    fn noted() -> impl Strategy<Value = Noted> {
        (any::<bool>(), any::<bool>()).prop_map(|(failed, slow)| Noted { failed, slow })
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]

        /// Against the whole history, of which the last are looked at. A break in it forgets all.
        #[test]
        fn it_holds_the_last_calls(size in 1u32..20, history in prop::collection::vec(prop::option::weighted(0.95, noted()), 0..100)) {
            let window = window(WindowSpan::Calls(size));
            let mut known: Vec<Noted> = Vec::new();
            for step in history {
                match step {
                    Some(noted) => { window.note(noted, 0); known.push(noted); }
                    None => { window.clear(); known.clear(); }
                }
                let last = known.len().saturating_sub(size as usize);
                prop_assert_eq!(window.tally(0), counted(&known[last..]));
            }
        }

        /// Against the whole history with its times: what is of the last ten tenths is there.
        #[test]
        fn it_holds_the_calls_of_the_last_tenths(
            tenth in 1u64..50,
            history in prop::collection::vec((prop::option::weighted(0.95, noted()), 0u64..200), 0..100),
        ) {
            let window = window(WindowSpan::Time(Duration::from_nanos(tenth * BUCKETS)));
            let (mut known, mut now): (Vec<(u64, Noted)>, u64) = (Vec::new(), 0);
            for (step, wait) in history {
                now += wait;
                match step {
                    Some(noted) => { window.note(noted, now); known.push((now / tenth, noted)); }
                    None => { window.clear(); known.clear(); }
                }
                let there = known.iter().filter(|(tick, _)| tick + BUCKETS > now / tenth).map(|(_, noted)| noted);
                prop_assert_eq!(window.tally(now), counted(there));
            }
        }
    }

    #[test]
    fn a_full_bucket_keeps_its_shares() {
        let window = window(WindowSpan::Time(Duration::from_secs(10)));
        for number in 0..100_000 {
            window.note(
                Noted {
                    failed: number % 4 == 0,
                    slow: number % 100 == 0,
                },
                7,
            );
        }
        let tally = window.tally(7);
        assert!(tally.calls >= WindowSettings::MOST_MINIMUM, "{tally:?}");
        let share = |count: u32| f64::from(count) / f64::from(tally.calls);
        assert!(
            (share(tally.failed) - 0.25).abs() < 0.001 && (share(tally.slow) - 0.01).abs() < 0.001,
            "{tally:?}"
        );
    }

    #[test]
    fn who_comes_a_window_late_changes_nothing() {
        let window = window(WindowSpan::Time(Duration::from_nanos(10)));
        window.note(Noted::default(), 25);
        window.note(
            Noted {
                failed: true,
                slow: true,
            },
            5,
        );
        assert_eq!(
            window.tally(25),
            Tally {
                calls: 1,
                failed: 0,
                slow: 0
            }
        );
    }

    #[test]
    fn none_is_lost_between_threads() {
        for span in [WindowSpan::Calls(64), WindowSpan::Time(Duration::from_secs(1))] {
            let window = window(span);
            std::thread::scope(|scope| {
                for thread in 0..4 {
                    let window = &window;
                    scope.spawn(move || {
                        for number in 0..2_000 {
                            window.note(
                                Noted {
                                    failed: (number + thread) % 2 == 0,
                                    slow: false,
                                },
                                0,
                            );
                        }
                    });
                }
            });
            match span {
                WindowSpan::Time(_) => assert_eq!(
                    window.tally(0),
                    Tally {
                        calls: 8_000,
                        failed: 4_000,
                        slow: 0
                    }
                ),
                WindowSpan::Calls(_) => {
                    assert_eq!(window.tally(0).calls, 64);
                    // What the sums say is what the slots hold, whoever was first.
                    window.clear();
                    assert_eq!(window.tally(0), Tally::default());
                }
            }
        }
    }
}
