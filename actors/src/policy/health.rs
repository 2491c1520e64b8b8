//! When an instance's health is asked for between its starts. Pure.
//!
//! Invariant: it is never asked sooner than an interval after the last word of the provider, nor while the provider wants
//! to be left alone or little of its quota is left.

use std::time::Duration;

use super::nanos_of;

/// One whose check failed is asked again after so long, unless its interval is shorter.
const AGAIN: Duration = Duration::from_secs(15);
/// Each wait is up to so much of its interval longer, so that instances do not ask in step.
const JITTER: f64 = 0.1;

/// Where a check gets the numbers between 0 and 1 that spread it.
pub type Chance = fn() -> f64;

/// What the next check goes by. Times are nanoseconds of the system's clock.
#[derive(Clone, Copy, Debug)]
pub struct Pulse {
    /// How long a word of the provider is relied on; `None`: it is never asked.
    pub every: Option<Duration>,
    /// When it was asked last, or first could have been.
    pub asked: u64,
    /// When it last did its part in a call, if only by refusing what that was, and was not ill; 0: never.
    pub answered: u64,
    /// The last check failed, and no call has shown since that it is well.
    pub ill: bool,
    /// Until when it wants not to be asked; 0: it does not.
    pub limited_until: u64,
    /// Little is left of the quota that it grants.
    pub scarce: bool,
    /// Between 0 and 1.
    pub chance: f64,
}

/// What to do now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Beat {
    /// Nothing, ever.
    Never,
    /// Ask.
    Ask,
    /// Look again after so long: more may be known by then.
    Wait(Duration),
}

impl Pulse {
    /// What to do at `now`.
    pub fn beat(&self, now: u64) -> Beat {
        let Some(every) = self.every else {
            return Beat::Never;
        };
        let every = if self.ill { every.min(AGAIN) } else { every };
        let wait = nanos_of(every.mul_f64(1.0 + JITTER * self.chance.clamp(0.0, 1.0)));
        // From the end of a limit everybody would come at once: it is waited for as any other word.
        let heard = self.asked.max(self.answered).max(self.limited_until);
        let due = heard.saturating_add(wait);
        match (due > now, self.scarce) {
            (true, _) => Beat::Wait(Duration::from_nanos(due - now)),
            (false, true) => Beat::Wait(Duration::from_nanos(wait.max(1))),
            (false, false) => Beat::Ask,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SECOND: u64 = 1_000_000_000;

    fn pulse() -> impl Strategy<Value = Pulse> {
        let time = || 0..1_000 * SECOND;
        let every = prop::option::of((1..500u64).prop_map(Duration::from_secs));
        (every, time(), time(), any::<bool>(), time(), any::<bool>(), 0.0..1.0f64).prop_map(
            |(every, asked, answered, ill, limited_until, scarce, chance)| Pulse {
                every,
                asked,
                answered,
                ill,
                limited_until,
                scarce,
                chance,
            },
        )
    }

    proptest! {
        #[test]
        fn it_is_asked_an_interval_after_the_last_word_and_never_from_what_is_scarce(
            pulse in pulse(), now in 0..2_000 * SECOND,
        ) {
            let last = pulse.asked.max(pulse.answered);
            match (pulse.every, pulse.beat(now)) {
                (None, beat) => prop_assert_eq!(beat, Beat::Never),
                (Some(_), Beat::Never) => prop_assert!(false, "it has an interval"),
                (Some(every), Beat::Ask) => {
                    let least = if pulse.ill { every.min(AGAIN) } else { every };
                    prop_assert!(now - last >= nanos_of(least) && now > pulse.limited_until && !pulse.scarce);
                }
                (Some(every), Beat::Wait(wait)) => {
                    prop_assert!(!wait.is_zero(), "a loop would spin");
                    let due = now + nanos_of(wait);
                    // The wait ends: what is not scarce is asked then, at most a tenth late.
                    let rested = Pulse { scarce: false, ..pulse };
                    prop_assert_eq!(rested.beat(due), Beat::Ask);
                    let since = last.max(pulse.limited_until).max(now);
                    prop_assert!(due <= since + nanos_of(every) / 10 * 11 + 1);
                }
            }
        }
    }
}
