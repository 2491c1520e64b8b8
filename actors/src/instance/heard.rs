//! What was heard of an instance's health while it serves.
//!
//! Invariant: an illness holds until a check finds none, or a call is answered.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwapOption;

#[derive(Default)]
pub(crate) struct Heard {
    /// When it was last asked; 0: never.
    asked: AtomicU64,
    /// What its last check failed with, and since when it does.
    ill: ArcSwapOption<(Arc<str>, u64)>,
}

impl Heard {
    pub(super) fn asked(&self, now: u64) {
        self.asked.fetch_max(now, Relaxed);
    }

    /// When it was last asked.
    pub(super) fn last(&self) -> Option<u64> {
        Some(self.asked.load(Relaxed)).filter(|asked| *asked != 0)
    }

    pub(super) fn ill(&self, why: Arc<str>, now: u64) {
        let since = self.ill.load().as_ref().map_or(now, |before| before.1);
        self.ill.store(Some(Arc::new((why, since))));
    }

    /// It is well. True where it was not.
    pub(super) fn well(&self) -> bool {
        // Read first: this is on every attempt's path, and nearly always there is nothing to clear.
        self.ill.load().is_some() && self.ill.swap(None).is_some()
    }

    /// Why it is not well, and since when.
    pub(super) fn illness(&self) -> Option<(Arc<str>, u64)> {
        self.ill.load().as_deref().cloned()
    }
}
