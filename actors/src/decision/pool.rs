//! The pool of records, and the handle that a call's path writes through.
//!
//! Invariant: there are never more records than the bound. One that is used again has another serial, so that whoever is
//! late with an earlier call's writes nothing.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::time::Instant;

use super::record::Decision;
use super::words::Phase;
use crate::call::Call;
use crate::supervision::unix_ms;

/// One record, shared by those who write it and those who read it.
#[derive(Default)]
pub(super) struct Slot(Mutex<Decision>);

impl Slot {
    /// Held for a few stores, or to render; no panic leaves half of one.
    pub(super) fn lock(&self) -> MutexGuard<'_, Decision> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A record, as the record of one call.
#[derive(Clone)]
pub(super) struct Ticket {
    slot: Arc<Slot>,
    serial: u64,
}

impl Ticket {
    fn of(slot: Arc<Slot>) -> Self {
        let serial = slot.lock().serial;
        Ticket { slot, serial }
    }

    /// Looks at the record, if it still is this call's.
    pub(super) fn read<T>(&self, look: impl FnOnce(&Decision) -> T) -> Option<T> {
        let decision = self.slot.lock();
        (decision.serial == self.serial).then(|| look(&decision))
    }

    /// Writes to the record, if it still is this call's and open.
    pub(super) fn write(&self, change: impl FnOnce(&mut Decision)) {
        let mut decision = self.slot.lock();
        if decision.serial == self.serial && !decision.closed {
            change(&mut decision);
        }
    }
}

/// What the path of a call writes its decisions to; a call without a record has an empty one, which costs a look.
#[derive(Clone, Default)]
pub(crate) struct Trace(pub(super) Option<Ticket>);

impl Trace {
    /// The empty one.
    pub(crate) const NOWHERE: Trace = Trace(None);

    /// A record of `call` that is kept nowhere.
    pub(crate) fn alone(call: &Call, started: Instant) -> Self {
        let ticket = Ticket::of(Arc::default());
        ticket.write(|decision| decision.begin(call, started, unix_ms()));
        Trace(Some(ticket))
    }

    /// Whether there is a record.
    pub(crate) fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// A phase has ended. The clock is read only where there is a record.
    pub(crate) fn passed(&self, phase: Phase) {
        self.write(|decision| decision.passed(phase, Instant::now()));
    }

    /// Writes to the record, if there is one and its call has not ended.
    pub(crate) fn write(&self, change: impl FnOnce(&mut Decision)) {
        if let Some(ticket) = &self.0 {
            ticket.write(change);
        }
    }
}

/// Records that no call uses, and how many there are in all.
pub(super) struct Pool {
    free: Mutex<Vec<Arc<Slot>>>,
    made: AtomicUsize,
    most: usize,
}

impl Pool {
    /// At most so many records; each is made when it is first wanted.
    pub(super) fn new(most: usize) -> Self {
        Pool {
            free: Mutex::default(),
            made: AtomicUsize::new(0),
            most,
        }
    }

    /// A record that is nobody's, if there is one.
    pub(super) fn take(&self) -> Option<Ticket> {
        let free = self.free.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let room = |made: usize| (made < self.most).then_some(made + 1);
        match free {
            Some(slot) => Some(Ticket::of(slot)),
            None => {
                self.made.fetch_update(AcqRel, Acquire, room).ok()?;
                Some(Ticket::of(Arc::default()))
            }
        }
    }

    /// Takes a record back, empty. Given back twice, it is taken once.
    pub(super) fn give_back(&self, ticket: Ticket) {
        {
            let mut decision = ticket.slot.lock();
            if decision.serial != ticket.serial {
                return;
            }
            decision.clear();
        }
        let mut free = self.free.lock().unwrap_or_else(PoisonError::into_inner);
        free.push(ticket.slot);
    }

    /// Records that are nobody's, those that were not made so far included.
    pub(super) fn free(&self) -> usize {
        let made = self.made.load(Acquire);
        let idle = self.free.lock().unwrap_or_else(PoisonError::into_inner).len();
        self.most - made + idle
    }

    /// The bound on them.
    pub(super) fn most(&self) -> usize {
        self.most
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;
    use std::sync::atomic::Ordering::Relaxed;

    use super::*;

    #[test]
    fn who_is_late_writes_to_nobody_elses_record() {
        let pool = Pool::new(1);
        let first = pool.take().unwrap();
        assert!(pool.take().is_none());
        pool.give_back(first.clone());
        let second = pool.take().unwrap();
        first.write(|_| panic!("it is another's"));
        assert!(first.read(|_| ()).is_none());
        pool.give_back(first);
        assert_eq!(pool.free(), 0, "only who has it gives it back");
        assert!(second.read(|_| ()).is_some());
    }

    #[test]
    fn under_contention_no_record_is_anybodys_twice_and_none_is_lost() {
        let (pool, refused) = (Pool::new(4), AtomicU64::new(0));
        std::thread::scope(|scope| {
            for thread in 0..8u64 {
                let (pool, refused) = (&pool, &refused);
                scope.spawn(move || {
                    for _ in 0..2_000 {
                        let Some(ticket) = pool.take() else {
                            refused.fetch_add(1, Relaxed);
                            continue;
                        };
                        ticket.write(|decision| decision.at_unix_ms = thread);
                        std::thread::yield_now();
                        assert_eq!(ticket.read(|decision| decision.at_unix_ms), Some(thread));
                        pool.give_back(ticket);
                    }
                });
            }
        });
        assert_eq!(pool.free(), 4);
        assert!(refused.into_inner() < 8 * 2_000);
    }
}
