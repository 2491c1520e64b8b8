//! What is left of what an instance's provider grants us, as balancers that learn see it.
//!
//! Invariant: read from the driver when an attempt ends, never when one is chosen for: choosing asks nobody.

use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::Relaxed;

use crate::rate_limit::RateLimit;

/// The smallest share that is left of any limit, in millionths, plus one; 0: not known.
#[derive(Debug, Default)]
pub(super) struct Remaining(AtomicU32);

const WHOLE: f32 = 1e6;

impl Remaining {
    /// Takes over what the provider said.
    pub(super) fn set(&self, limits: &[RateLimit]) {
        let shares = limits.iter().filter_map(|limit| {
            let granted = limit.limit.filter(|granted| *granted > 0)?;
            Some((limit.remaining? as f32 / granted as f32).clamp(0.0, 1.0))
        });
        let word = shares.reduce(f32::min).map_or(0, |least| (least * WHOLE) as u32 + 1);
        // Nearly always it is as it was: then no other core's copy is made stale.
        if self.0.load(Relaxed) != word {
            self.0.store(word, Relaxed);
        }
    }

    /// The share, 0 to 1; `None`: not known.
    pub(super) fn get(&self) -> Option<f32> {
        self.0
            .load(Relaxed)
            .checked_sub(1)
            .map(|millionths| millionths as f32 / WHOLE)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;

    fn limit(limit: Option<u64>, remaining: Option<u64>) -> RateLimit {
        RateLimit {
            resource: Arc::from("core"),
            limit,
            remaining,
            used: None,
            reset_unix_ms: None,
            seen_unix_ms: 0,
        }
    }

    #[test]
    fn the_limit_that_is_nearest_counts_and_what_is_unknown_counts_not() {
        let remaining = Remaining::default();
        assert_eq!(remaining.get(), None);
        remaining.set(&[
            limit(Some(100), Some(50)),
            limit(Some(10), Some(1)),
            limit(None, Some(0)),
            limit(Some(9), None),
        ]);
        assert!((remaining.get().unwrap() - 0.1).abs() < 1e-3);
        remaining.set(&[limit(Some(10), Some(0))]);
        assert_eq!(remaining.get(), Some(0.0));
        remaining.set(&[]);
        assert_eq!(remaining.get(), None);
    }
}
