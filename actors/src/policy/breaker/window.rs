//! The calls that a breaker looks back on, counted by whoever made them.
//!
//! Invariant: of a fixed size, and nothing is allocated after it was made. Once nobody is noting, what it tells is exact; a
//! reader beside a writer may miss the calls that are being noted at that instant. Times are nanoseconds since any fixed
//! origin.

mod buckets;
mod ring;

use buckets::Buckets;
use ring::Ring;

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

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use proptest::prelude::*;

    use super::buckets::BUCKETS;
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
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        /// Against the whole history, of which the last are looked at. A break in it forgets all.
        #[test]
        fn it_holds_the_last_calls(size in 1u32..20, history in prop::collection::vec(prop::option::weighted(0.95, noted()), 0..60)) {
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
            history in prop::collection::vec((prop::option::weighted(0.95, noted()), 0u64..200), 0..60),
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
