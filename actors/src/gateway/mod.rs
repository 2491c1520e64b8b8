//! The gateway: the handle that callers hold, and the actor that starts a task for each miss.
//!
//! Invariant: every call ends in exactly one reply by its deadline, which the handle itself keeps, whatever becomes of the
//! actors; and a hit crosses no mailbox.

mod actor;
mod calls;
mod task;

use std::sync::Arc;
use std::sync::atomic::Ordering::{Acquire, SeqCst};
use std::sync::atomic::{AtomicBool, fence};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::cache::chain::Chain;
use crate::cache::flight::Flights;
use crate::cache::l1::{L1, Lookup};
use crate::cache::{CacheKey, Tag};
use crate::call::{Answer, CacheStatus, Call};
use crate::clock::Clock;
use crate::error::{Failure, Kind};
use crate::plugin::Registry;
use crate::policy::recover::RecoverSettings;
use crate::policy::routing::Rule;
use crate::port::ReplyPort;
use crate::quota::Tenants;
use crate::router::{Directory, RouterMsg};
use crate::supervision::{Handle, Message, Unavailable};
use crate::telemetry::{Meters, phase, sampled};

pub(crate) use actor::{GatewayMsg, gateway_spec};
pub(crate) use calls::{CallRecord, Listed, Listing};
pub use calls::{CallSnapshot, CallStage};
pub(crate) use task::{CallPermits, Job};

/// Bounds of the call path.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Calls past the lookup at most; beyond, `overloaded`.
    pub max_in_flight: usize,
    /// The error flow.
    pub recover: RecoverSettings,
    /// A stream without a frame for so long has failed.
    pub stream_idle: Duration,
    /// The longest that a stream may take.
    pub stream_max: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Settings {
            max_in_flight: 10_000,
            recover: RecoverSettings::default(),
            stream_idle: Duration::from_secs(30),
            stream_max: Duration::from_secs(600),
        }
    }
}

/// What the parts of the call path share: snapshots, bounds, and handles of actors. It belongs to the system, so that
/// no restart loses it.
pub(crate) struct Core {
    pub(crate) settings: Arc<Settings>,
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) directory: ArcSwap<Directory>,
    pub(crate) rules: Vec<Rule>,
    pub(crate) plugins: Arc<Registry>,
    pub(crate) l1: Arc<L1>,
    pub(crate) chain: Chain,
    pub(crate) flights: Arc<Flights>,
    pub(crate) permits: Arc<Semaphore>,
    pub(crate) calls: TaskTracker,
    pub(crate) listing: Arc<Listing>,
    pub(crate) draining: AtomicBool,
    pub(crate) stop: CancellationToken,
    pub(crate) gateway: Handle<GatewayMsg>,
    pub(crate) router: Handle<RouterMsg>,
}

impl Core {
    /// Makes every answer invalid that carries one of `tags`, in every tier, L1 last: what a farther tier still had could
    /// come back to it.
    pub(crate) async fn invalidate(&self, tags: Vec<Tag>) {
        if tags.is_empty() {
            return;
        }
        self.chain.invalidate(&tags).await;
        self.l1.invalidate(tags).await;
    }
}

/// What callers hold. Cheap to clone; works over every restart.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) core: Arc<Core>,
}

/// How a drain ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Drained {
    /// Every call had its reply.
    Finished,
    /// The time was up; the rest was cancelled.
    Cancelled,
}

/// A job that a crashed actor took along is sent again so often: it was not begun.
const RESUBMISSIONS: usize = 3;
/// A refused caller is told to come back after this: about the time of one short upstream call.
const COME_BACK: Duration = Duration::from_millis(100);
/// What is left to cancelled calls to answer.
const CANCEL_GRACE: Duration = Duration::from_secs(1);

impl Gateway {
    /// Carries one call to its reply. Dropping the future cancels the work.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let started = Instant::now();
        let mut unsettled = Unsettled {
            gateway: Some(self),
            operation: call.operation.name,
            started,
        };
        // A hit waits for nothing; without this, a task that calls in a loop would starve its neighbours.
        tokio::task::coop::consume_budget().await;
        let outcome = self.carry(call, started).await;
        unsettled.gateway = None;
        phase!(
            self.core.meters,
            sampled(),
            "settle",
            self.settle(unsettled.operation, &outcome, started)
        );
        outcome
    }

    async fn carry(&self, call: Call, started: Instant) -> Result<Answer, Failure> {
        let core = &*self.core;
        let now = core.clock.nanos_at(started);
        if core.draining.load(Acquire) {
            return Err(self.draining());
        }
        if call.deadline <= started {
            return Err(Failure::new(Kind::Timeout, "the deadline had passed when the call came").never_sent());
        }
        let (meters, sampled) = (&core.meters, sampled());
        let gate = phase!(meters, sampled, "admit", core.tenants.admit(&call.caller.tenant, now))?;
        let directory = core.directory.load();
        let candidates = phase!(meters, sampled, "route", directory.table.route(&call))?;
        let key = CacheKey::of(&call, candidates.id);
        let epoch = core.l1.epoch();
        let mut stale = None;
        if let Some(key) = key.as_ref().filter(|_| !call.no_cache) {
            match phase!(meters, sampled, "lookup", core.l1.get(key, now)) {
                Lookup::Fresh(entry) => return entry.serve(CacheStatus::Hit, "l1", now),
                Lookup::Stale(entry) => stale = Some(entry),
                Lookup::Miss => {}
            }
        }
        // Only a miss keeps its candidates: a count that all hits share would be what they wait for.
        let candidates = candidates.clone();
        drop(directory);
        // A miss: it takes its permits, and becomes a message. It is counted first: either it sees that a drain began, or
        // the drain waits for it.
        let counted = core.calls.token();
        fence(SeqCst);
        if core.draining.load(Acquire) {
            return Err(self.draining());
        }
        let held = CallPermits {
            _tenant: core.tenants.acquire(gate, now)?,
            _gateway: core.permits.clone().try_acquire_owned().map_err(|_| {
                self.overloaded(
                    "gateway",
                    format!("{} calls are in flight", core.settings.max_in_flight),
                )
            })?,
            _counted: counted,
            _in_flight: task::InFlight::count(&core.meters),
            listed: core.listing.enter(&call, now),
        };
        let job = Job {
            call: Arc::new(call),
            candidates,
            key,
            epoch,
            stale,
            held: Arc::new(held),
        };
        self.submit(job).await
    }

    async fn submit(&self, job: Job) -> Result<Answer, Failure> {
        let deadline = job.call.deadline;
        for _ in 0..RESUBMISSIONS {
            let (reply, waiting) = ReplyPort::new();
            let message = GatewayMsg::Carry(job.clone(), reply);
            if send_patiently(&self.core.gateway, message, deadline).await.is_err() {
                return Err(self
                    .overloaded("gateway", "the gateway is being restarted")
                    .never_sent());
            }
            // Leaving at the deadline cancels the task, as any caller's leaving does.
            match tokio::time::timeout_at(deadline, waiting).await {
                Ok(Ok(outcome)) => return outcome,
                // The message was lost with the actor's mailbox; no task began.
                Ok(Err(_)) => {}
                Err(_) => return Err(Failure::new(Kind::Timeout, "no answer came before the deadline")),
            }
        }
        Err(Failure::new(Kind::Internal, "the gateway was restarted again and again").never_sent())
    }

    fn draining(&self) -> Failure {
        self.overloaded("draining", "the gateway is draining")
    }

    fn settle(&self, operation: &'static str, outcome: &Result<Answer, Failure>, started: Instant) {
        let took = started.elapsed();
        self.core.meters.settled(operation, outcome.as_ref().err(), took);
        match outcome {
            Ok(answer) => {
                tracing::debug!(target: "mosaic::calls", operation, provider = %answer.head.provider, cache = ?answer.head.cache,
                    attempts = answer.head.attempts, ?took, "call served");
            }
            Err(failure) => {
                tracing::info!(target: "mosaic::calls", operation, code = failure.kind.code(), provider = failure.provider.as_deref(),
                    ?took, "call failed: {}", failure.message());
            }
        }
    }

    fn overloaded(&self, bound: &'static str, sentence: impl AsRef<str>) -> Failure {
        self.core.meters.refused(bound);
        Failure::new(Kind::Overloaded, sentence).after(COME_BACK)
    }

    /// Refuses new calls and waits for those in flight, streams included; what is left after `limit` is cancelled.
    pub async fn drain(&self, limit: Duration) -> Drained {
        let core = &self.core;
        core.draining.store(true, SeqCst);
        fence(SeqCst);
        core.calls.close();
        if tokio::time::timeout(limit, core.calls.wait()).await.is_ok() {
            return Drained::Finished;
        }
        core.stop.cancel();
        if tokio::time::timeout(CANCEL_GRACE, core.calls.wait()).await.is_err() {
            tracing::warn!(
                left = core.calls.len(),
                "calls were still in flight when the drain gave up"
            );
        }
        Drained::Cancelled
    }

    /// It takes calls.
    pub fn accepting(&self) -> bool {
        !self.core.draining.load(Acquire)
    }

    /// Calls in flight, streams included.
    pub fn in_flight(&self) -> usize {
        self.core.calls.len()
    }

    /// The calls in flight, streams included, at most `limit` and those that last longest; without their payloads.
    pub fn calls(&self, limit: usize) -> Vec<CallSnapshot> {
        self.core.listing.oldest(limit, self.core.clock.nanos())
    }
}

/// A call whose caller may leave before its reply; then it is counted as cancelled.
struct Unsettled<'a> {
    gateway: Option<&'a Gateway>,
    operation: &'static str,
    started: Instant,
}

impl Drop for Unsettled<'_> {
    fn drop(&mut self) {
        if let Some(gateway) = self.gateway {
            let left = Failure::new(Kind::Cancelled, "the caller went away");
            gateway.settle(self.operation, &Err(left), self.started);
        }
    }
}

/// Sends to an actor that may be in the microseconds of a restart. Bounded by `deadline` and half a second.
pub(crate) async fn send_patiently<M: Message>(
    handle: &Handle<M>,
    message: M,
    deadline: Instant,
) -> Result<(), Unavailable<M>> {
    const PATIENCE: Duration = Duration::from_millis(500);
    let give_up = deadline.min(Instant::now() + PATIENCE);
    let mut message = message;
    let mut pause = Duration::from_millis(1);
    loop {
        match handle.send(message) {
            Ok(()) => return Ok(()),
            Err(unavailable) if Instant::now() + pause > give_up => return Err(unavailable),
            Err(Unavailable(back)) => message = back,
        }
        tokio::time::sleep(pause).await;
        pause *= 2;
    }
}

impl Core {
    /// Swaps the directory; the router alone calls it.
    pub(crate) fn publish(&self, directory: Directory) {
        self.directory.store(Arc::new(directory));
    }
}
