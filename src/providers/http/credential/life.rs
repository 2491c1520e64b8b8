//! How long a token lasts, and when it is renewed.
//!
//! Invariant: nothing here looks at a clock: what time it is, it is told.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

/// How long before its end a token is renewed: for the time that requests are under way, and for clocks that differ.
const AHEAD: SignedDuration = SignedDuration::from_secs(60);
/// Of a token that lasts shorter than ten times that, such a part.
const PART: i32 = 10;

/// Tells what time it is.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// A clock of one's own.
    pub fn new(now: impl Fn() -> Timestamp + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now))
    }

    /// The time.
    pub fn now(&self) -> Timestamp {
        (self.0)()
    }
}

impl Default for Clock {
    /// The system's.
    fn default() -> Self {
        Clock::new(Timestamp::now)
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}

/// From when until when a token lasts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Life {
    /// When we had it.
    pub(super) since: Timestamp,
    /// Its end; `None`: nobody said.
    pub(super) until: Option<Timestamp>,
}

impl Life {
    /// A life without a known end.
    pub(super) fn open(since: Timestamp) -> Self {
        Life { since, until: None }
    }

    /// Whether it is to be renewed.
    pub(super) fn is_due(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| {
            let whole = until.duration_since(self.since).max(SignedDuration::ZERO);
            now >= until - AHEAD.min(whole / PART)
        })
    }

    /// Whether it is over.
    pub(super) fn is_over(&self, now: Timestamp) -> bool {
        self.until.is_some_and(|until| now >= until)
    }

    /// Whether we have had it for less than `patience`.
    pub(super) fn is_fresh(&self, now: Timestamp, patience: Duration) -> bool {
        let age = now.duration_since(self.since);
        !age.is_negative() && age.unsigned_abs() < patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_700_000_000 + second).unwrap()
    }

    fn life(seconds: i64) -> Life {
        Life {
            since: at(0),
            until: Some(at(seconds)),
        }
    }

    #[test]
    fn it_is_renewed_before_its_end() {
        let hour = life(3600);
        assert_eq!([3539, 3540].map(|second| hour.is_due(at(second))), [false, true]);
        assert_eq!([3599, 3600].map(|second| hour.is_over(at(second))), [false, true]);
        // A short one is used for most of its time.
        let minute = life(60);
        assert_eq!([53, 54].map(|second| minute.is_due(at(second))), [false, true]);
        assert!(!Life::open(at(0)).is_due(at(1_000_000)) && !Life::open(at(0)).is_over(at(1_000_000)));
    }

    #[test]
    fn it_is_fresh_for_a_while() {
        let patience = Duration::from_secs(5);
        let fresh = [-1, 0, 4, 5].map(|second| life(60).is_fresh(at(second), patience));
        assert_eq!(fresh, [false, true, true, false]);
    }

    proptest! {
        #[test]
        fn what_is_over_is_due_and_what_is_new_is_not(whole in -100i64..100_000, now in -100i64..200_000) {
            let life = life(whole);
            prop_assert!(!life.is_over(at(now)) || life.is_due(at(now)));
            prop_assert!(whole < 1 || !life.is_due(at(0)));
        }
    }
}
