//! Pacing: what is left of a provider's quota is spread until it is granted anew, instead of being run into the wall.
//!
//! Invariant: nothing passes where nothing is left; a call of high priority waits for nothing else; one of low priority
//! never passes where one of normal priority would wait.

use std::time::Duration;

use crate::call::Priority;

/// Words on the end of one window differ by what they were under way for, and by the seconds that providers round to.
const SAME_WINDOW: u64 = 5_000_000_000;

/// Bounds of pacing.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct PacingSettings {
    /// Below which part of the quota calls of low priority keep to the pace.
    pub low_below: f64,
    /// Below which part those of normal priority do.
    pub normal_below: f64,
    /// How far ahead of the pace calls of low priority may be, as a part of the time that is left.
    pub low_ahead: f64,
    /// How far those of normal priority may be.
    pub normal_ahead: f64,
    /// The longest that a call really waits for its turn; where it would be longer, it is told how long.
    pub max_wait: Duration,
}

impl Default for PacingSettings {
    /// On: it does nothing before half of a known quota is used, and then only to who uses it faster than it lasts. The wall
    /// that it spares everybody is a refusal of all calls for the rest of a window, often most of an hour.
    fn default() -> Self {
        PacingSettings {
            low_below: 0.5,
            normal_below: 0.25,
            low_ahead: 0.01,
            normal_ahead: 0.05,
            max_wait: Duration::from_secs(2),
        }
    }
}

/// A provider's word on what is left of a quota.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Quota {
    /// What a window grants, where that is known.
    pub limit: Option<u64>,
    /// What is left.
    pub remaining: u64,
    /// When it is granted anew, in nanoseconds of the clock of `now`.
    pub reset: u64,
}

/// What a call may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Pace {
    /// Go.
    Go,
    /// Its turn comes after this time.
    Wait(Duration),
}

/// How the use of one quota goes.
#[derive(Clone, Debug, Default)]
pub struct Pacer {
    quota: Option<Quota>,
    /// The most that was ever left in this window: its limit, where nobody says it.
    most: u64,
    /// Calls on their way, which the last word may not know of.
    on_their_way: u64,
    /// Calls that have gone since the last word.
    gone: u64,
    /// When the next call would go, if all had kept to the pace since it was needed.
    next: u64,
}

impl Pacer {
    /// The provider said something. What is on its way is not counted in it yet.
    pub fn heard(&mut self, quota: Quota) {
        let same = |before: Quota| before.reset.abs_diff(quota.reset) <= SAME_WINDOW;
        let same_window = self.quota.is_some_and(same);
        self.most = if same_window { self.most } else { 0 }.max(quota.remaining);
        if !same_window {
            self.next = 0;
        }
        self.quota = Some(quota);
        self.gone = self.on_their_way;
    }

    /// What is left at `now`, and until when; none where nothing is known.
    pub fn left(&self, now: u64) -> Option<(u64, Duration)> {
        let quota = self.quota.filter(|quota| quota.reset > now)?;
        Some((
            quota.remaining.saturating_sub(self.gone),
            Duration::from_nanos(quota.reset - now),
        ))
    }

    /// Whether a call of this priority may go at `now`.
    pub fn ask(&self, priority: Priority, now: u64, settings: &PacingSettings) -> Pace {
        let Some((left, until_reset)) = self.left(now) else {
            return Pace::Go;
        };
        if left == 0 {
            return Pace::Wait(until_reset);
        }
        let (below, ahead) = match priority {
            Priority::High => return Pace::Go,
            Priority::Normal => (settings.normal_below.min(settings.low_below), settings.normal_ahead),
            Priority::Low => (settings.low_below, settings.low_ahead.min(settings.normal_ahead)),
        };
        if left as f64 >= self.limit() as f64 * below {
            return Pace::Go;
        }
        let ahead = super::nanos_of(until_reset.mul_f64(ahead.clamp(0.0, 1.0)));
        match self.next.saturating_sub(now) {
            early if early <= ahead => Pace::Go,
            early => Pace::Wait(Duration::from_nanos(early - ahead).min(until_reset)),
        }
    }

    /// A call has gone at `now`.
    pub fn went(&mut self, now: u64, settings: &PacingSettings) {
        if let Some((left, until_reset)) = self.left(now)
            && (left as f64) < self.limit() as f64 * settings.low_below
        {
            let step = super::nanos_of(until_reset) / left.max(1);
            // What was used too soon is not owed: what is left is spread from here on.
            let ahead = super::nanos_of(until_reset.mul_f64(settings.normal_ahead.clamp(0.0, 1.0)));
            let next = self.next.clamp(now, now.saturating_add(ahead));
            self.next = next.saturating_add(step);
        }
        self.on_their_way += 1;
        self.gone += 1;
    }

    /// A call that had gone has ended: the provider's next word knows of it.
    pub fn ended(&mut self) {
        self.on_their_way = self.on_their_way.saturating_sub(1);
    }

    fn limit(&self) -> u64 {
        let said = self.quota.and_then(|quota| quota.limit);
        said.unwrap_or(self.most).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;
    const ALL: [Priority; 3] = [Priority::Low, Priority::Normal, Priority::High];

    fn quota(remaining: u64) -> Quota {
        Quota {
            limit: Some(1_000),
            remaining,
            reset: 1_000 * SECOND,
        }
    }

    /// How many of 2,000 calls that come at once may go.
    fn burst(remaining: u64, priority: Priority) -> u64 {
        let (mut pacer, settings) = (Pacer::default(), PacingSettings::default());
        pacer.heard(quota(remaining));
        let mut gone = 0;
        while gone < 2_000 && pacer.ask(priority, 0, &settings) == Pace::Go {
            pacer.went(0, &settings);
            gone += 1;
        }
        gone
    }

    #[test]
    fn low_priority_waits_first_then_normal_and_high_goes_until_the_wall() {
        assert_eq!(ALL.map(|priority| burst(1_000, priority)), [506, 751, 1_000]);
        assert_eq!(ALL.map(|priority| burst(200, priority)), [2, 10, 200]);
        assert_eq!(ALL.map(|priority| burst(0, priority)), [0, 0, 0]);
    }

    #[test]
    fn who_waits_is_told_for_how_long_and_may_go_then() {
        let (mut pacer, settings) = (Pacer::default(), PacingSettings::default());
        pacer.heard(quota(100));
        let mut now = 0;
        let mut gone = 0;
        while now < 1_000 * SECOND {
            match pacer.ask(Priority::Low, now, &settings) {
                Pace::Go => {
                    pacer.went(now, &settings);
                    gone += 1;
                }
                Pace::Wait(wait) => now += crate::policy::nanos_of(wait),
            }
        }
        assert!(
            (95..=100).contains(&gone),
            "{gone}: it is spread until the reset, and used"
        );
        assert_eq!(pacer.ask(Priority::Low, now, &settings), Pace::Go, "a new window");
    }

    #[test]
    fn a_word_that_does_not_know_what_is_on_its_way_gives_nothing_back() {
        let (mut pacer, settings) = (Pacer::default(), PacingSettings::default());
        pacer.heard(quota(10));
        for _ in 0..4 {
            pacer.went(0, &settings);
        }
        pacer.ended();
        // Said with the answer to the one that has ended.
        pacer.heard(quota(9));
        assert_eq!(pacer.left(0).unwrap().0, 6);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(2_000))]
        /// A provider that counts as it is asked, and says what is left with each answer.
        #[test]
        fn no_more_goes_than_is_left_and_the_urgent_wait_for_nothing_but_the_wall(
            events in proptest::collection::vec((0u8..3, 0usize..3, 0u64..5), 1..200), granted in 1u64..150, known: bool,
        ) {
            let settings = PacingSettings::default();
            let (mut pacer, mut now) = (Pacer::default(), 0);
            // What is left there, and how many are on their way there.
            let (mut there, mut on_their_way) = (granted, 0);
            let reset = 500 * SECOND;
            let word = |remaining| Quota { limit: known.then_some(granted), remaining, reset };
            pacer.heard(word(there));
            for (what, priority, step) in events {
                now += step * SECOND;
                if now >= reset { break; }
                if what == 0 && on_their_way > 0 {
                    on_their_way -= 1;
                    there -= 1;
                    pacer.ended();
                    pacer.heard(word(there));
                    continue;
                }
                let asked = ALL.map(|priority| pacer.ask(priority, now, &settings) == Pace::Go);
                prop_assert!(!asked[0] || asked[1]);
                prop_assert!(!asked[1] || asked[2]);
                let left = there - on_their_way;
                prop_assert_eq!(asked[2], left > 0);
                if let Pace::Wait(wait) = pacer.ask(ALL[priority], now, &settings) {
                    prop_assert!(!wait.is_zero() && now + crate::policy::nanos_of(wait) <= reset);
                } else {
                    prop_assert!(left > 0, "more than the quota");
                    pacer.went(now, &settings);
                    on_their_way += 1;
                }
            }
        }
    }
}
