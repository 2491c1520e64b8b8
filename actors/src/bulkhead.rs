//! Bulkheads: how many attempts may be in flight at one instance, and the short queue in front of it.
//!
//! Invariant: a permit is given back when it is dropped, however its attempt ended, and goes to whose turn it is; what is
//! read of it on the way of every call is read without a lock.

use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use metrics::Gauge;
use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, timeout_at};

use crate::call::Call;
use crate::clock::Clock;
use crate::paces::Paced;
use crate::policy::places::{Asking, Given, Places};
use crate::policy::waiting::{Ticket, WaitingSettings};
use crate::telemetry::ProviderMeters;

/// Who waits is given its permit by this.
type Waiter = oneshot::Sender<BulkheadPermit>;

/// The bound on one instance's attempts.
pub(crate) struct Bulkhead {
    settings: WaitingSettings,
    clock: Clock,
    /// Permits that there are; read without the lock, written under it.
    limit: AtomicUsize,
    /// Permits taken, likewise.
    taken: AtomicUsize,
    waiting: AtomicUsize,
    places: Mutex<Places<Waiter>>,
    idle: Notify,
    meters: Arc<ProviderMeters>,
}

/// A permit among an instance's attempts in flight; given back when dropped.
pub(crate) struct BulkheadPermit {
    bulkhead: Arc<Bulkhead>,
    tenant: Arc<str>,
    upload: bool,
    /// The attempt's place in the pace of its provider's quota.
    pub(crate) paced: Option<Paced>,
}

/// One who waits, until its turn or until it is dropped.
struct InQueue {
    bulkhead: Arc<Bulkhead>,
    ticket: Ticket,
}

fn asking(call: &Call) -> Asking<'_> {
    Asking {
        tenant: &call.caller.tenant,
        upload: call.upload.is_some(),
    }
}

impl BulkheadPermit {
    /// Whether it is one of this bulkhead.
    pub(crate) fn is_of(&self, bulkhead: &Arc<Bulkhead>) -> bool {
        Arc::ptr_eq(&self.bulkhead, bulkhead)
    }
}

impl Drop for BulkheadPermit {
    fn drop(&mut self) {
        let (bulkhead, now) = (&self.bulkhead, self.bulkhead.clock.nanos());
        let asking = Asking {
            tenant: &self.tenant,
            upload: self.upload,
        };
        bulkhead.change(|places| places.give_back(asking, now));
        if bulkhead.taken() == 0 {
            bulkhead.idle.notify_waiters();
        }
    }
}

impl Drop for InQueue {
    fn drop(&mut self) {
        let ticket = self.ticket;
        self.bulkhead.change(|places| {
            places.leave(ticket);
        });
    }
}

impl Bulkhead {
    pub(crate) fn new(
        limit: usize,
        settings: WaitingSettings,
        clock: Clock,
        meters: &Arc<ProviderMeters>,
    ) -> Arc<Self> {
        meters.flow.limit.set(limit as f64);
        Arc::new(Bulkhead {
            settings,
            clock,
            limit: AtomicUsize::new(limit),
            taken: AtomicUsize::new(0),
            waiting: AtomicUsize::new(0),
            places: Mutex::new(Places::new(limit)),
            idle: Notify::new(),
            meters: meters.clone(),
        })
    }

    /// Takes a permit for an attempt of `call`, if there is one that its tenant may have.
    pub(crate) fn acquire(self: &Arc<Self>, call: &Call) -> Option<BulkheadPermit> {
        let mut places = self.places();
        self.take(&mut places, call)
    }

    fn take(self: &Arc<Self>, places: &mut Places<Waiter>, call: &Call) -> Option<BulkheadPermit> {
        let taken = places.take(asking(call), self.clock.nanos(), &self.settings);
        self.show(places);
        taken.then(|| self.permit(call.caller.tenant.clone(), call.upload.is_some()))
    }

    /// Waits for a permit until `until`, and no longer than this bulkhead has anyone wait.
    ///
    /// # Errors
    /// After which time to come back, where too many wait or the time has passed.
    pub(crate) async fn wait(self: &Arc<Self>, call: &Call, until: Instant) -> Result<BulkheadPermit, Duration> {
        let began = Instant::now();
        let until = until.min(began + self.settings.max_wait);
        let (place, turn) = oneshot::channel();
        let joined = {
            let mut places = self.places();
            if let Some(permit) = self.take(&mut places, call) {
                return Ok(permit);
            }
            let joined = places.wait(asking(call), call.attributes.priority, place, &self.settings);
            self.show(&places);
            joined
        };
        let Ok(ticket) = joined else {
            self.meters.flow.shed(call.attributes.priority);
            return Err(self.come_back());
        };
        let queued = InQueue {
            bulkhead: self.clone(),
            ticket,
        };
        let given = timeout_at(until, turn).await;
        drop(queued);
        self.meters.flow.waited.record(began.elapsed().as_secs_f64());
        match given {
            Ok(Ok(permit)) => Ok(permit),
            _ => {
                self.meters.flow.shed(call.attributes.priority);
                Err(self.come_back())
            }
        }
    }

    /// Whether anybody may wait here.
    pub(crate) fn has_queue(&self) -> bool {
        self.settings.max_waiting > 0
    }

    /// Whether a permit is free now.
    pub(crate) fn has_room(&self) -> bool {
        self.taken.load(Relaxed) < self.limit.load(Relaxed)
    }

    /// Permits taken.
    pub(crate) fn taken(&self) -> usize {
        self.taken.load(SeqCst)
    }

    /// How many wait for one.
    pub(crate) fn waiting(&self) -> usize {
        self.waiting.load(Relaxed)
    }

    /// Permits that there are.
    pub(crate) fn limit(&self) -> usize {
        self.limit.load(Relaxed)
    }

    /// After which time one who finds no permit should come back.
    pub(crate) fn come_back(&self) -> Duration {
        self.places().come_back(self.clock.nanos())
    }

    /// There are so many permits now.
    pub(crate) fn set_limit(self: &Arc<Self>, limit: usize) {
        self.limit.store(limit, Relaxed);
        self.meters.flow.limit.set(limit as f64);
        self.change(|places| places.set_limit(limit));
    }

    /// Resolves when no permit is taken.
    pub(crate) async fn idle(&self) {
        loop {
            let idle = self.idle.notified();
            tokio::pin!(idle);
            // Before the look: whatever is given back after it wakes this.
            idle.as_mut().enable();
            if self.taken() == 0 {
                return;
            }
            idle.await;
        }
    }

    /// Changes the places, and gives what is free now to whose turn it is.
    fn change(self: &Arc<Self>, change: impl FnOnce(&mut Places<Waiter>)) {
        let (mut given, now): (Vec<Given<Waiter>>, _) = (Vec::new(), self.clock.nanos());
        {
            let mut places = self.places();
            change(&mut places);
            while let Some(one) = places.next(now, &self.settings) {
                given.push(one);
            }
            self.show(&places);
        }
        // Without the lock: whoever has left meanwhile gives its permit back at once.
        for Given { tenant, upload, to } in given {
            let _left = to.send(self.permit(tenant, upload));
        }
    }

    fn permit(self: &Arc<Self>, tenant: Arc<str>, upload: bool) -> BulkheadPermit {
        BulkheadPermit {
            bulkhead: self.clone(),
            tenant,
            upload,
            paced: None,
        }
    }

    /// Publishes what has changed.
    fn show(&self, places: &Places<Waiter>) {
        let (taken, waiting) = (places.taken(), places.waiting());
        // Added, because one that is on its way out and its successor have their gauges in common.
        let add = |gauge: &Gauge, now: usize, before: usize| {
            if now != before {
                gauge.increment(now as f64 - before as f64);
            }
        };
        add(&self.meters.in_flight, taken, self.taken.swap(taken, SeqCst));
        add(&self.meters.flow.waiting, waiting, self.waiting.swap(waiting, Relaxed));
    }

    /// Held for a few steps; no panic leaves half of them.
    fn places(&self) -> MutexGuard<'_, Places<Waiter>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
