//! The bytes of answers that clients have not taken: how many one connection holds, and how many all of a listener's.
//!
//! Invariant: every byte that is counted is given back, as it is taken or when its answer is dropped.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use super::activity::Activity;

/// What one connection holds, and through it its listener.
pub(super) struct Unread {
    all: Arc<AtomicUsize>,
    own: AtomicUsize,
}

/// The bytes of one answer.
pub(super) struct Held {
    activity: Arc<Activity>,
    bytes: usize,
}

impl Unread {
    pub(super) fn new(all: Arc<AtomicUsize>) -> Self {
        Unread {
            all,
            own: AtomicUsize::new(0),
        }
    }

    /// What this connection holds.
    pub(super) fn own(&self) -> usize {
        self.own.load(Relaxed)
    }

    /// What all hold.
    pub(super) fn all(&self) -> usize {
        self.all.load(Relaxed)
    }
}

impl Held {
    pub(super) fn hold(activity: &Arc<Activity>, bytes: usize) -> Self {
        activity.unread.own.fetch_add(bytes, Relaxed);
        activity.unread.all.fetch_add(bytes, Relaxed);
        Held {
            activity: activity.clone(),
            bytes,
        }
    }

    /// So many more wait, of an answer that did not say how many there will be.
    pub(super) fn add(&mut self, bytes: usize) {
        self.bytes += bytes;
        self.activity.unread.own.fetch_add(bytes, Relaxed);
        self.activity.unread.all.fetch_add(bytes, Relaxed);
    }

    /// So many more have been taken.
    pub(super) fn release(&mut self, bytes: usize) {
        let bytes = bytes.min(self.bytes);
        self.bytes -= bytes;
        self.activity.unread.own.fetch_sub(bytes, Relaxed);
        self.activity.unread.all.fetch_sub(bytes, Relaxed);
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.release(self.bytes);
    }
}
