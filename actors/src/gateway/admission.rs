//! The bounds that a call must be inside of before it becomes a message, and the count that a drain waits for.
//!
//! Invariant: a call is counted before it looks whether a drain has begun, so a drain waits for it or it sees the drain.

use std::sync::atomic::Ordering::{Acquire, Relaxed, SeqCst};
use std::sync::atomic::{AtomicBool, AtomicUsize, fence};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::calls::{CallRecord, CallsInFlight, Listed};
use crate::call::Call;
use crate::error::{Failure, Kind};
use crate::quota::{QuotaGate, TenantPermit, Tenants};
use crate::telemetry::Meters;

/// A refused caller is told to come back after this: about the time of one short upstream call.
const COME_BACK: Duration = Duration::from_millis(100);
/// The same while it drains: whoever comes back sooner meets the same gateway, not its successor.
const DRAINING: Duration = Duration::from_secs(1);
/// What is left to cancelled calls to answer.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call had its reply.
    Finished,
    /// The time was up; the rest was cancelled.
    Cancelled,
}

/// Who is in, and who may come in.
pub(crate) struct Admission {
    meters: Arc<Meters>,
    pub(crate) tenants: Arc<Tenants>,
    permits: Arc<Semaphore>,
    max: usize,
    calls: TaskTracker,
    pub(crate) listing: Arc<CallsInFlight>,
    /// Who stays without a call.
    attending: Arc<AtomicUsize>,
    draining: AtomicBool,
    /// Ends the work when a drain gives up.
    pub(crate) stop: CancellationToken,
}

/// The permits that a call holds in every bound, until its reply — or its stream — has ended. They go with the last who
/// has them, or when they are given back.
pub(crate) struct CallPermits {
    record: Arc<CallRecord>,
    held: Mutex<Option<Held>>,
}

struct Held {
    _listed: Listed,
    _tenant: TenantPermit,
    _gateway: OwnedSemaphorePermit,
    _counted: TaskTrackerToken,
    _in_flight: InFlight,
}

/// The place among its tenant's calls in flight of one who stays without a call; given back when it is dropped.
pub struct Attendance {
    _tenant: TenantPermit,
    all: Arc<AtomicUsize>,
}

impl Drop for Attendance {
    fn drop(&mut self) {
        self.all.fetch_sub(1, Relaxed);
    }
}

impl CallPermits {
    /// What the list of calls in flight says of it.
    pub(crate) fn record(&self) -> &Arc<CallRecord> {
        &self.record
    }

    /// Gives them back, though somebody who has no use for them may not have let go of them yet.
    pub(crate) fn give_back(&self) {
        let held = self.held.lock().unwrap_or_else(PoisonError::into_inner).take();
        // Whoever waits for the lock waits for nothing that a permit's end does.
        drop(held);
    }
}

/// Counts a call in flight while it lives.
struct InFlight(metrics::Gauge);

impl InFlight {
    fn count(meters: &Meters) -> Self {
        meters.calls_in_flight.increment(1.0);
        InFlight(meters.calls_in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

impl Admission {
    pub(crate) fn new(max: usize, tenants: Arc<Tenants>, meters: Arc<Meters>, stop: CancellationToken) -> Self {
        meters.max_calls_in_flight.set(max as f64);
        Admission {
            meters,
            tenants,
            permits: Arc::new(Semaphore::new(max)),
            max,
            calls: TaskTracker::new(),
            listing: Arc::default(),
            attending: Arc::default(),
            draining: AtomicBool::new(false),
            stop,
        }
    }

    /// Whether calls are taken.
    ///
    /// # Errors
    /// `overloaded` while it drains.
    pub(crate) fn check_open(&self) -> Result<(), Failure> {
        match self.is_open() {
            true => Ok(()),
            false => Err(self.overloaded("draining", "the gateway is draining").after(DRAINING)),
        }
    }

    /// Whether no drain has begun.
    pub(crate) fn is_open(&self) -> bool {
        !self.draining.load(Acquire)
    }

    /// Takes the permits of a call that passed `gate`.
    ///
    /// # Errors
    /// `overloaded` at a bound, or while it drains.
    pub(crate) fn enter(&self, call: &Arc<Call>, gate: Arc<QuotaGate>, now: u64) -> Result<CallPermits, Failure> {
        let counted = self.calls.token();
        fence(SeqCst);
        self.check_open()?;
        let tenant = self.tenants.acquire(gate, now)?;
        let gateway = self.permits.clone().try_acquire_owned();
        let gateway = gateway.map_err(|_| self.overloaded("gateway", format!("{} calls are in flight", self.max)))?;
        let listed = self.listing.enter(call, now);
        Ok(CallPermits {
            record: listed.record().clone(),
            held: Mutex::new(Some(Held {
                _listed: listed,
                _tenant: tenant,
                _gateway: gateway,
                _counted: counted,
                _in_flight: InFlight::count(&self.meters),
            })),
        })
    }

    /// Lets one of `tenant` in who asks for no operation but stays: it passes the tenant's rate, and is among its calls in
    /// flight. A drain does not wait for it.
    ///
    /// # Errors
    /// As of a call: `rate_limited`, `overloaded`.
    pub(crate) fn attend(&self, tenant: &Arc<str>, now: u64) -> Result<Attendance, Failure> {
        self.check_open()?;
        let gate = self.tenants.admit(tenant, now)?;
        let tenant = self.tenants.acquire(gate, now)?;
        self.attending.fetch_add(1, Relaxed);
        Ok(Attendance {
            _tenant: tenant,
            all: self.attending.clone(),
        })
    }

    /// The refusal at a bound, counted by the bound's name.
    pub(crate) fn overloaded(&self, bound: &'static str, sentence: impl AsRef<str>) -> Failure {
        self.meters.refused(bound);
        Failure::new(Kind::Overloaded, sentence).after(COME_BACK).never_sent()
    }

    /// Refuses new calls and waits for those in flight, streams included; what is left after `limit` is cancelled.
    pub(crate) async fn drain(&self, limit: Duration) -> Drained {
        self.draining.store(true, SeqCst);
        fence(SeqCst);
        self.calls.close();
        if tokio::time::timeout(limit, self.calls.wait()).await.is_ok() {
            return Drained::Finished;
        }
        self.stop.cancel();
        self.listing.cancel_all();
        if tokio::time::timeout(CANCEL_GRACE, self.calls.wait()).await.is_err() {
            let left = self.calls.len();
            tracing::warn!(left, "calls were still in flight when the drain gave up");
        }
        Drained::Cancelled
    }

    /// Calls in flight, streams included.
    pub(crate) fn in_flight(&self) -> usize {
        self.calls.len()
    }

    /// Those who stay without a call.
    pub(crate) fn attending(&self) -> usize {
        self.attending.load(Relaxed)
    }

    /// The bound on them.
    pub(crate) fn max_in_flight(&self) -> usize {
        self.max
    }

    /// What could come in now.
    pub(crate) fn free_permits(&self) -> usize {
        self.permits.available_permits()
    }
}
