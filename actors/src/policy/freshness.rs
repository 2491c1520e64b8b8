//! Freshness: how long a cached answer may be served, how, and of which a provider is asked whether it has changed.
//!
//! Invariant: an entry goes from fresh to stale to expired and never back.

use std::time::Duration;

/// What an entry of some age is good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Freshness {
    /// Serve it.
    Fresh,
    /// Serve it only when the provider fails (RFC 5861, `stale-if-error`).
    Stale,
    /// Forget it.
    Expired,
}

/// Judges an entry by its age.
pub fn judge(age: Duration, fresh: Duration, stale: Duration) -> Freshness {
    if age < fresh {
        Freshness::Fresh
    } else if age < fresh.saturating_add(stale) {
        Freshness::Stale
    } else {
        Freshness::Expired
    }
}

/// An answer that is kept past its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kept {
    /// How old it is.
    pub age: Duration,
    /// Its provider can be asked whether it has changed.
    pub recognisable: bool,
}

/// Of which of several kept answers to ask whether it has changed: the youngest that can be asked about. `None`: ask for all
/// of it.
pub fn asked_about(kept: &[Kept]) -> Option<usize> {
    let recognisable = kept.iter().enumerate().filter(|(_, kept)| kept.recognisable);
    recognisable.min_by_key(|(_, kept)| kept.age).map(|(place, _)| place)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn an_entry_never_grows_younger(age in 0u64..1000, later in 0u64..1000, fresh in 0u64..500, stale in 0u64..500) {
            let at = |age| judge(Duration::from_millis(age), Duration::from_millis(fresh), Duration::from_millis(stale)) as u8;
            prop_assert!(at(age) <= at(age + later));
            prop_assert_eq!(at(age) == Freshness::Fresh as u8, age < fresh);
            prop_assert_eq!(at(age) == Freshness::Expired as u8, age >= fresh + stale);
        }

        #[test]
        fn the_youngest_that_can_be_is_asked_about(kept in proptest::collection::vec((0u64..20, any::<bool>()), 0..6)) {
            let kept: Vec<Kept> = kept
                .into_iter()
                .map(|(age, recognisable)| Kept { age: Duration::from_secs(age), recognisable })
                .collect();
            let able = || kept.iter().filter(|kept| kept.recognisable);
            match asked_about(&kept) {
                None => prop_assert_eq!(able().count(), 0),
                Some(place) => {
                    prop_assert!(kept[place].recognisable);
                    prop_assert!(able().all(|other| kept[place].age <= other.age));
                }
            }
        }
    }
}
