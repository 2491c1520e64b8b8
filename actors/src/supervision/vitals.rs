//! The clock of a tree, and the vital signs of one incarnation.
//!
//! Invariant: a message costs its actor one reading of the clock and a few relaxed stores, and its sender one addition.

use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::time::Duration;

use tokio::time::Instant;

/// The clock of one tree: milliseconds since it started, so that instants fit atomics. Follows tokio's time, which
/// tests may pause.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock(Instant);

impl Clock {
    pub(crate) fn start() -> Self {
        // One millisecond back, so that zero can mean "never".
        let now = Instant::now();
        Clock(now.checked_sub(Duration::from_millis(1)).unwrap_or(now))
    }

    pub(crate) fn now(&self) -> u64 {
        self.at(Instant::now())
    }

    pub(crate) fn at(&self, instant: Instant) -> u64 {
        let elapsed = instant.saturating_duration_since(self.0).as_millis();
        u64::try_from(elapsed).unwrap_or(u64::MAX)
    }
}

/// The labels that one incarnation can show before the rest are called `other`.
const LABELS: usize = 16;

/// The vital signs of one incarnation, written by it and by its senders.
pub(crate) struct Vitals {
    clock: Clock,
    pub(crate) depth: AtomicUsize,
    /// Milliseconds since the tree's start (high 56 bits) and label index plus one (low 8 bits); zero when idle.
    /// One word, so that a message costs one store and a reader never sees half of it.
    busy: AtomicU64,
    labels: [OnceLock<&'static str>; LABELS],
}

/// The message that an incarnation handles now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Busy {
    pub(crate) since: u64,
    pub(crate) label: &'static str,
}

impl Vitals {
    pub(crate) fn new(clock: Clock) -> Self {
        Vitals {
            clock,
            depth: AtomicUsize::new(0),
            busy: AtomicU64::new(0),
            labels: [const { OnceLock::new() }; LABELS],
        }
    }

    pub(crate) fn begin(&self, label: &'static str) {
        let index = self.index(label) as u64 + 1;
        self.busy.store(self.clock.now() << 8 | index, Relaxed);
    }

    pub(crate) fn idle(&self) {
        self.busy.store(0, Relaxed);
    }

    pub(crate) fn busy(&self) -> Option<Busy> {
        let word = self.busy.load(Relaxed);
        let index = usize::try_from(word & 0xff).ok()?.checked_sub(1)?;
        let label = self.labels.get(index).and_then(OnceLock::get);
        Some(Busy {
            since: word >> 8,
            label: label.copied().unwrap_or("other"),
        })
    }

    /// The slot of `label`, taken at its first use. A linear scan: an actor has a handful of messages.
    fn index(&self, label: &'static str) -> usize {
        let known = |slot: &OnceLock<&'static str>| *slot.get_or_init(|| label) == label;
        self.labels.iter().position(known).unwrap_or(LABELS)
    }
}
