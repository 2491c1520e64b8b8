//! Rate limits that name no time: how long to wait, the longer the more often. Pure.
//!
//! Invariant: refusals of requests that were under way together are one; answers end the row only when none
//! was refused for as long again as the last wait: what is limited may be another kind of request than what is answered.

use std::time::Duration;

/// The longest wait.
const LONGEST: Duration = Duration::from_secs(3600);

/// The refusals in a row that one credential met.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Strikes {
    in_a_row: u32,
    /// Until when the last wait lasts, in milliseconds since the Unix epoch.
    until: u64,
    /// How long it is, in milliseconds.
    last: u64,
}

impl Strikes {
    /// A request was refused at `now`: so long is to be waited, `least` at first, and twice as long as before where the last
    /// wait was heeded.
    pub(super) fn refused(&mut self, least: Duration, now: u64) -> Duration {
        if now >= self.until.saturating_add(millis(LONGEST)) {
            self.in_a_row = 0;
        }
        // One that was sent before the wait began tells nothing more; nor does one that did not heed it, but it prolongs it.
        if now >= self.until {
            self.in_a_row = self.in_a_row.saturating_add(1);
        } else {
            let left = Duration::from_millis(self.until - now);
            return self.wait(left.max(least), now);
        }
        let doubled = least.saturating_mul(1 << (self.in_a_row - 1).min(16));
        self.wait(doubled.min(LONGEST.max(least)), now)
    }

    /// A request was answered.
    pub(super) fn answered(&mut self, now: u64) {
        if now >= self.until.saturating_add(self.last) {
            self.in_a_row = 0;
        }
    }

    fn wait(&mut self, wait: Duration, now: u64) -> Duration {
        self.last = millis(wait);
        self.until = now.saturating_add(millis(wait));
        wait
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MINUTE: Duration = Duration::from_secs(60);
    const START: u64 = 1_700_000_000_000;

    #[test]
    fn each_wait_that_was_heeded_in_vain_doubles_the_next() {
        let (mut strikes, mut now) = (Strikes::default(), START);
        let mut waits = vec![];
        for _ in 0..9 {
            let wait = strikes.refused(MINUTE, now);
            waits.push(wait.as_secs());
            now += millis(wait);
        }
        assert_eq!(waits, [60, 120, 240, 480, 960, 1920, 3600, 3600, 3600]);
        // Reads go on while writes are limited.
        strikes.answered(now);
        assert_eq!(strikes.refused(MINUTE, now), LONGEST);
        now += 2 * millis(LONGEST);
        strikes.answered(now);
        assert_eq!(strikes.refused(MINUTE, now), MINUTE, "a quiet time ends the row");
    }

    #[test]
    fn refusals_of_one_moment_are_one() {
        let mut strikes = Strikes::default();
        let waits = [0, 10, 1_000, 5_000].map(|later| strikes.refused(MINUTE, START + later));
        assert_eq!(waits, [MINUTE; 4]);
        // An answer to what was sent before is none to whoever waited.
        strikes.answered(START + 6_000);
        assert_eq!(strikes.refused(MINUTE, START + 65_000), MINUTE * 2);
        // Long afterwards, it is another row.
        assert_eq!(strikes.refused(MINUTE, START + 24 * 3_600_000), MINUTE);
    }

    proptest! {
        #[test]
        fn no_wait_is_shorter_than_the_least_or_longer_than_the_longest(
            least in 1_u64..7_200, steps in proptest::collection::vec((any::<u32>(), any::<bool>()), 0..60),
        ) {
            let (mut strikes, mut now, least) = (Strikes::default(), START, Duration::from_secs(least));
            for (step, answered) in steps {
                now += u64::from(step);
                if answered {
                    strikes.answered(now);
                    continue;
                }
                let wait = strikes.refused(least, now);
                prop_assert!(wait >= least && wait <= LONGEST.max(least));
            }
        }
    }
}
