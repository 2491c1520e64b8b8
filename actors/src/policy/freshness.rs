//! Freshness: how long a cached answer may be served, and how.
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
    }
}
