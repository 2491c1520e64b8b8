//! Bulkheads: how many attempts may be in flight at one instance.
//!
//! Invariant: a permit is given back when it is dropped, however its attempt ended.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use metrics::Gauge;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// The bound on one instance's attempts.
pub(crate) struct Bulkhead {
    permits: Arc<Semaphore>,
    max: usize,
    /// Permits taken. The semaphore's own count would show those that a drain has gathered, too.
    taken: AtomicUsize,
    gauge: Gauge,
}

/// A permit among an instance's attempts in flight; given back when dropped.
pub(crate) struct BulkheadPermit {
    bulkhead: Arc<Bulkhead>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        self.bulkhead.taken.fetch_sub(1, Relaxed);
        self.bulkhead.gauge.decrement(1.0);
    }
}

impl Bulkhead {
    pub(crate) fn new(max: usize, gauge: Gauge) -> Arc<Self> {
        Arc::new(Bulkhead {
            permits: Arc::new(Semaphore::new(max)),
            max,
            taken: AtomicUsize::new(0),
            gauge,
        })
    }

    /// Takes a permit, if there is one.
    pub(crate) fn acquire(self: &Arc<Self>) -> Option<BulkheadPermit> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        self.taken.fetch_add(1, Relaxed);
        self.gauge.increment(1.0);
        Some(BulkheadPermit {
            bulkhead: self.clone(),
            _permit: permit,
        })
    }

    /// Whether a permit is free now.
    pub(crate) fn has_room(&self) -> bool {
        self.permits.available_permits() > 0
    }

    /// Permits taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(Relaxed)
    }

    /// Resolves when no permit is taken.
    pub(crate) async fn idle(&self) {
        let all = u32::try_from(self.max).unwrap_or(u32::MAX);
        // The semaphore is never closed; all its permits together mean that nobody else has one.
        let _all = self.permits.acquire_many(all).await;
    }
}
