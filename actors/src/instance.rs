//! One provider instance as the router sees it: what is configured, and what its actors publish.
//!
//! Invariant: the published state belongs to the instance, not to an actor, and survives every restart.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize};
use std::time::Duration;

use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::breaker::{BreakerGate, BreakerSnapshot};
use crate::clock::Clock;
use crate::driver::{Capabilities, DriverFactory};
use crate::error::{Failure, Kind};
use crate::policy::breaker::BreakerSettings;
use crate::policy::routing::Routable;
use crate::provider::ProviderMsg;
use crate::supervision::Handle;
use crate::telemetry::{Meters, ProviderMeters};

/// An instance as it is configured.
#[derive(Clone)]
pub struct InstanceSpec {
    /// Its name, unique in a system.
    pub name: Arc<str>,
    /// The kind of its driver, for people.
    pub kind: Arc<str>,
    /// What its driver can do.
    pub capabilities: Capabilities,
    /// Makes its driver, at each start.
    pub factory: DriverFactory,
    /// Attempts in flight at most: the bulkhead.
    pub max_in_flight: usize,
    /// How long one attempt may take to its answer's head.
    pub attempt_timeout: Duration,
    /// Its circuit breaker.
    pub breaker: BreakerSettings,
    /// Distinguishes whom it asks and with which credential, so that answers had with another are never met (a hash, never
    /// the credential). The same on every node that is configured the same.
    pub credential_scope: u64,
}

impl InstanceSpec {
    /// What routing must know.
    pub fn routable(&self) -> Routable {
        Routable {
            name: self.name.clone(),
            capabilities: self.capabilities.clone(),
            credential_scope: self.credential_scope,
        }
    }
}

/// A live instance.
pub struct Instance {
    /// As configured.
    pub spec: InstanceSpec,
    /// Its circuit breaker's gate.
    pub breaker: Arc<BreakerGate>,
    /// Its provider actor.
    pub(crate) provider: Handle<ProviderMsg>,
    /// What is measured of it.
    pub meters: Arc<ProviderMeters>,
    permits: Arc<Semaphore>,
    /// Permits taken. The semaphore's own count would show those that a drain has gathered, too.
    taken: AtomicUsize,
    /// When the last attempt ended, doubled, and one more where the instance was to blame; 0: none yet.
    last: AtomicU64,
    clock: Clock,
    accepting: AtomicBool,
    succeeded: AtomicU64,
    failed: AtomicU64,
    panics: AtomicU64,
}

/// A permit among an instance's attempts in flight; given back when dropped.
pub struct InstancePermit {
    instance: Arc<Instance>,
    _permit: OwnedSemaphorePermit,
}

impl Drop for InstancePermit {
    fn drop(&mut self) {
        self.instance.taken.fetch_sub(1, Relaxed);
        self.instance.meters.in_flight.decrement(1.0);
    }
}

/// An instance as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct InstanceSnapshot {
    /// Its name.
    pub name: Arc<str>,
    /// The kind of its driver.
    pub kind: Arc<str>,
    /// It takes new attempts.
    pub accepting: bool,
    /// Attempts in flight.
    pub in_flight: usize,
    /// The bound on them.
    pub max_in_flight: usize,
    /// Attempts that succeeded.
    pub succeeded: u64,
    /// Attempts that failed by its fault.
    pub failed: u64,
    /// How the last attempt ended; none yet where absent.
    pub last: Option<LastAttempt>,
    /// Its circuit breaker.
    pub breaker: BreakerSnapshot,
    /// What it can do.
    pub operations: Vec<&'static str>,
}

/// How an instance's last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastAttempt {
    /// It did not fail by the instance's fault.
    pub succeeded: bool,
    /// Milliseconds ago.
    pub ago_ms: u64,
}

impl Instance {
    pub(crate) fn new(spec: InstanceSpec, clock: Clock, meters: &Meters) -> Arc<Self> {
        let meters = meters.provider(&spec.name);
        Arc::new(Instance {
            breaker: BreakerGate::new(spec.breaker, clock, meters.breaker.clone()),
            provider: Handle::new(),
            permits: Arc::new(Semaphore::new(spec.max_in_flight)),
            taken: AtomicUsize::new(0),
            last: AtomicU64::new(0),
            clock,
            accepting: AtomicBool::new(true),
            succeeded: AtomicU64::new(0),
            failed: AtomicU64::new(0),
            panics: AtomicU64::new(0),
            meters,
            spec,
        })
    }

    /// Whether it takes new attempts; it does not while it drains.
    pub fn accepting(&self) -> bool {
        self.accepting.load(Relaxed)
    }

    /// Takes no new attempts from now on.
    pub(crate) fn stop_accepting(&self) {
        self.accepting.store(false, Relaxed);
    }

    /// Takes new attempts again.
    pub(crate) fn resume(&self) {
        self.accepting.store(true, Relaxed);
    }

    /// Its provider actor is live.
    pub fn is_up(&self) -> bool {
        self.provider.is_live()
    }

    /// As [`Instance::is_up`], but does not mistake the microseconds of a restart for an absence.
    pub(crate) async fn is_up_soon(&self) -> bool {
        let mut pause = Duration::from_millis(1);
        while !self.is_up() && pause < Duration::from_millis(300) {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.is_up()
    }

    /// Resolves when no attempt is in flight.
    pub(crate) async fn idle(&self) {
        let all = u32::try_from(self.spec.max_in_flight).unwrap_or(u32::MAX);
        // The semaphore is never closed; all its permits together mean that nobody else has one.
        let _all = self.permits.acquire_many(all).await;
    }

    /// Asks the provider whether it is well.
    pub(crate) async fn health(&self) -> Result<(), Failure> {
        let down = || Failure::new(Kind::NoProvider, "its actor is down");
        let (done, told) = oneshot::channel();
        self.provider.send(ProviderMsg::Health(done)).map_err(|_| down())?;
        told.await.unwrap_or_else(|_| Err(down()))
    }

    /// Takes a permit, if there is one.
    pub(crate) fn acquire(self: &Arc<Self>) -> Option<InstancePermit> {
        let permit = self.permits.clone().try_acquire_owned().ok()?;
        self.taken.fetch_add(1, Relaxed);
        self.meters.in_flight.increment(1.0);
        Some(InstancePermit {
            instance: self.clone(),
            _permit: permit,
        })
    }

    pub(crate) fn count(&self, blamed: bool) {
        if blamed { &self.failed } else { &self.succeeded }.fetch_add(1, Relaxed);
        let now = self.clock.nanos().max(1);
        self.last.store(now << 1 | u64::from(blamed), Relaxed);
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    /// Times that its driver panicked. More than its actor's restarts, where several attempts of one driver did.
    pub fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
    }

    /// Attempts in flight.
    pub fn in_flight(&self) -> usize {
        self.taken.load(Relaxed)
    }

    fn last(&self, now: u64) -> Option<LastAttempt> {
        let word = self.last.load(Relaxed);
        (word != 0).then(|| LastAttempt {
            succeeded: word & 1 == 0,
            ago_ms: now.saturating_sub(word >> 1) / 1_000_000,
        })
    }

    /// As of `now`.
    pub fn snapshot(&self, now: u64) -> InstanceSnapshot {
        InstanceSnapshot {
            name: self.spec.name.clone(),
            kind: self.spec.kind.clone(),
            accepting: self.accepting(),
            in_flight: self.in_flight(),
            max_in_flight: self.spec.max_in_flight,
            succeeded: self.succeeded.load(Relaxed),
            failed: self.failed.load(Relaxed),
            last: self.last(now),
            breaker: self.breaker.snapshot(now),
            operations: self.spec.capabilities.names(),
        }
    }
}
