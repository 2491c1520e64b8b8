//! The last so many calls.
//!
//! Invariant: the sums are what the slots hold, once nobody is noting.

use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::atomic::{AtomicI32, AtomicU8, AtomicUsize};

use super::{Noted, Tally};

/// The last so many calls: a byte each, and what they add up to.
#[derive(Debug)]
pub(super) struct Ring {
    next: AtomicUsize,
    /// 0: none yet; else [`CALL`], with [`FAILED`] and [`SLOW`] where it was.
    slots: Box<[AtomicU8]>,
    /// Signed: of two calls that meet in one slot, the second may be taken off before the first is added.
    calls: AtomicI32,
    failed: AtomicI32,
    slow: AtomicI32,
}

const CALL: u8 = 1;
const FAILED: u8 = 2;
const SLOW: u8 = 4;

impl Ring {
    pub(super) fn new(count: usize) -> Self {
        Ring {
            next: AtomicUsize::new(0),
            slots: (0..count).map(|_| AtomicU8::new(0)).collect(),
            calls: AtomicI32::new(0),
            failed: AtomicI32::new(0),
            slow: AtomicI32::new(0),
        }
    }

    pub(super) fn note(&self, noted: Noted) {
        let slot = self.next.fetch_add(1, Relaxed) % self.slots.len();
        let failed = if noted.failed { FAILED } else { 0 };
        let slow = if noted.slow { SLOW } else { 0 };
        self.put(&self.slots[slot], CALL | failed | slow);
    }

    /// Whoever takes a value out of a slot takes it off the sums: each is taken out once.
    fn put(&self, slot: &AtomicU8, value: u8) {
        let before = slot.swap(value, AcqRel);
        let add = |sum: &AtomicI32, bit: u8| match (before & bit != 0, value & bit != 0) {
            (false, true) => _ = sum.fetch_add(1, Relaxed),
            (true, false) => _ = sum.fetch_sub(1, Relaxed),
            _ => {}
        };
        add(&self.calls, CALL);
        add(&self.failed, FAILED);
        add(&self.slow, SLOW);
    }

    pub(super) fn tally(&self) -> Tally {
        let read = |sum: &AtomicI32| sum.load(Relaxed).max(0) as u32;
        Tally {
            calls: read(&self.calls),
            failed: read(&self.failed),
            slow: read(&self.slow),
        }
    }

    pub(super) fn clear(&self) {
        for slot in &self.slots {
            self.put(slot, 0);
        }
    }
}
