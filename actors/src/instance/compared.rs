//! How an instance does beside its equivalents: what its attempts count, and what the router makes of it.
//!
//! Invariant: attempts count, and the router alone ejects. Who is ejected, every reader sees at the same time.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicU32, AtomicU64};

/// What is told of an instance.
pub(crate) enum Alert {
    /// The one of this name failed again and again.
    Failing(Arc<str>),
    /// A health check found the one of this name well, which is ejected.
    Well(Arc<str>),
}

/// Who wants to know of an instance that fails again and again.
#[derive(Clone)]
pub(crate) struct Lookout {
    /// Is told. Who is away hears of the next.
    pub(crate) tell: Arc<dyn Fn(Alert) + Send + Sync>,
    /// Failures in a row that the router wants to know of; 0: of none.
    pub(crate) consecutive_failures: u32,
}

pub(super) struct Compared {
    pub(super) lookout: Lookout,
    /// Attempts that told something of it, and those of them that were evidence against it, since it was made.
    pub(super) attempts: AtomicU64,
    pub(super) failed: AtomicU64,
    pub(super) in_a_row: AtomicU32,
    /// [`Standing`](crate::policy::outlier::Standing), as the router has published it.
    pub(super) ejected_until: AtomicU64,
    pub(super) times: AtomicU32,
    /// When it came back last: after a start, or an ejection.
    pub(super) back_at: AtomicU64,
}

impl Compared {
    pub(super) fn by(lookout: Lookout) -> Self {
        Compared {
            lookout,
            attempts: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            in_a_row: AtomicU32::new(0),
            ejected_until: AtomicU64::new(0),
            times: AtomicU32::new(0),
            back_at: AtomicU64::new(0),
        }
    }

    /// It serves from now on.
    pub(super) fn back(&self, now: u64) {
        self.back_at.fetch_max(now, Relaxed);
    }
}
