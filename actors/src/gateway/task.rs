//! One call's task: the phases after the lookup, in order.
//!
//! Invariant: the task owns the caller's one reply. Whatever ends it — an answer, a failure, a stop, a caller that went
//! away or whose deadline came, a panic — the reply port is answered once, after the call's permits are free again.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use super::{CallStage, Core, Listed, send_patiently};
use crate::cache::chain::{ChainLookup, Hit};
use crate::cache::flight::{Landing, Leader, Role};
use crate::cache::{CacheEntry, CacheKey, Tag, tags};
use crate::call::{Answer, Body, CacheStatus, Call};
use crate::error::{Failure, Kind};
use crate::policy::recover::{Next, Standing, next, share};
use crate::policy::routing::CandidateSet;
use crate::port::{AttemptPort, Outcome, ReplyPort};
use crate::quota::TenantPermit;
use crate::router::{Attempt, RouterMsg};
use crate::telemetry::Meters;

/// A call that missed, with all that its task needs.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) call: Arc<Call>,
    pub(crate) candidates: Arc<CandidateSet>,
    pub(crate) key: Option<CacheKey>,
    /// The cache's epoch when the call began.
    pub(crate) epoch: u64,
    /// An answer past its time, for the case that the provider fails.
    pub(crate) stale: Option<Arc<CacheEntry>>,
    pub(crate) held: Arc<CallPermits>,
}

/// The permits that a call holds in every bound, until its reply — or its stream — has ended.
pub(crate) struct CallPermits {
    pub(crate) listed: Listed,
    pub(crate) _tenant: TenantPermit,
    pub(crate) _gateway: OwnedSemaphorePermit,
    pub(crate) _counted: TaskTrackerToken,
    pub(crate) _in_flight: InFlight,
}

/// Counts a call in flight while it lives.
pub(crate) struct InFlight(metrics::Gauge);

impl InFlight {
    pub(crate) fn count(meters: &Meters) -> Self {
        meters.calls_in_flight.increment(1.0);
        InFlight(meters.calls_in_flight.clone())
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

/// Runs a call to its reply.
pub(crate) async fn run(job: Job, mut reply: ReplyPort, core: Arc<Core>) {
    reply.taken();
    let span =
        tracing::debug_span!(target: "mosaic::calls", "miss", id = %job.call.id, operation = job.call.operation.name);
    let outcome = tokio::select! {
        biased;
        () = reply.closed() => return,
        () = core.stop.cancelled() => Err(Failure::new(Kind::Cancelled, "the gateway was stopped")),
        outcome = carry(&job, &core).instrument(span) => outcome,
    };
    let outcome = outcome.map(|mut answer| {
        if let Body::Stream(stream) = &mut answer.body {
            job.held.listed.now(CallStage::Stream);
            stream.hold(job.held.clone());
        }
        answer
    });
    // Before the answer: who has it may call again, and finds its permits free.
    drop(job);
    reply.answer(outcome);
}

/// lookup (shared) -> attempts -> fill -> settle
async fn carry(job: &Job, core: &Arc<Core>) -> Outcome {
    let Some(key) = job.key.as_ref().filter(|_| !job.call.no_cache) else {
        // The cache is not read, but a newer answer is written to it.
        let sought = seek(job, core).await;
        let outcome = ask(job, core).await;
        return fill(job, core, outcome, sought, None).instrument(filling()).await;
    };
    loop {
        match core.flights.join(key) {
            Role::Leader(leader) => {
                // A flight may have landed between this call's lookup and its joining.
                let good_until = core.l1.epoch();
                if let Some(entry) = core.l1.filled(key, core.clock.nanos()) {
                    leader.land(Landing {
                        outcome: Ok(entry.clone()),
                        good_until,
                        stale: None,
                    });
                    core.meters.coalesced.increment(1);
                    return entry.serve(CacheStatus::Collapsed, "l1", core.clock.nanos());
                }
                let mut sought = seek(job, core).await;
                if let Some(hit) = sought.fresh.take() {
                    return bring_near(job, core, key, hit, leader).await;
                }
                let outcome = ask(job, core).await;
                return fill(job, core, outcome, sought, Some(leader))
                    .instrument(filling())
                    .await;
            }
            Role::Follower(follower) => match follower.landed().await {
                // A write ended between the flight's begin and this call's.
                Some(shared) if job.epoch > shared.good_until => {}
                Some(shared) => {
                    core.meters.coalesced.increment(1);
                    return match shared.outcome {
                        Ok(entry) => entry.serve(CacheStatus::Collapsed, "l1", core.clock.nanos()),
                        Err(failure) => {
                            let shared = shared.stale.filter(|(_, good_until)| job.epoch <= *good_until);
                            or_stale(job, core, failure, shared.map(|(hit, _)| hit))
                        }
                    };
                }
                None => {}
            },
        }
    }
}

/// Looks in the tiers behind L1. One looks for a whole flight.
async fn seek(job: &Job, core: &Arc<Core>) -> ChainLookup {
    let Some(key) = &job.key else {
        return ChainLookup::default();
    };
    let carried = || tags(job.call.operation.carries, &job.call.resource);
    core.chain.seek(key, carried).await
}

/// Serves what a farther tier had, and leaves it in L1.
async fn bring_near(job: &Job, core: &Arc<Core>, key: &CacheKey, hit: Hit, leader: Leader) -> Outcome {
    let carried = tags(job.call.operation.carries, &job.call.resource);
    // As for an answer that was asked for: a write since the call began keeps it out.
    let good_until = core.l1.fill(key.clone(), hit.entry.clone(), carried, job.epoch).await;
    leader.land(Landing {
        outcome: Ok(hit.entry.clone()),
        good_until,
        stale: None,
    });
    hit.serve(CacheStatus::Hit, core.clock.nanos())
}

/// Asks a provider, and makes invalid what a write may have changed.
async fn ask(job: &Job, core: &Arc<Core>) -> Outcome {
    let doubt = InvalidateGuard::about(job, core);
    let outcome = attempts(job, core).await;
    // A write that failed may still have happened: what it would have changed is not trusted either way.
    let may_have_happened = !matches!(&outcome, Err(failure) if failure.unsent);
    doubt.settle(may_have_happened).await;
    outcome
}

/// balance, guard, call — until it works, or nothing more may be tried.
async fn attempts(job: &Job, core: &Arc<Core>) -> Outcome {
    let mut excluded: Vec<Arc<str>> = Vec::new();
    let mut prefer: Option<Arc<str>> = None;
    let mut asked: Vec<Arc<str>> = Vec::new();
    let mut told: Option<Failure> = None;
    for attempts in 1.. {
        job.held.listed.attempt(attempts);
        let more = attempts < core.settings.recover.max_attempts && job.call.may_repeat();
        let others = |here: Option<&Arc<str>>| {
            let mut left = job.candidates.instances.iter();
            left.any(|name| Some(name) != here && !excluded.contains(name))
        };
        let could_follow = more && job.candidates.instances.len() > excluded.len() + 1;
        let failure = match attempt(job, core, &excluded, prefer.clone(), could_follow).await {
            Ok(mut answer) => {
                answer.head.attempts = attempts;
                answer.head.cache = if job.key.is_some() {
                    CacheStatus::Miss
                } else {
                    CacheStatus::Bypass
                };
                return Ok(answer);
            }
            Err(failure) => failure,
        };
        asked.extend(failure.provider.clone());
        let here = failure.provider.as_ref();
        let standing = Standing {
            attempts,
            attempts_here: here.map_or(0, |here| asked.iter().filter(|name| *name == here).count() as u32),
            repeatable: job.call.may_repeat(),
            others: others(here),
            remaining: job.call.deadline.saturating_duration_since(Instant::now()),
            chance: fastrand::f64(),
        };
        match next(&failure, &standing, &core.settings.recover) {
            // What a provider said tells the caller more than that no other could be asked.
            Next::GiveUp if here.is_none() => return Err(told.unwrap_or(failure)),
            Next::GiveUp => return Err(failure),
            Next::Retry(wait) => {
                core.meters.retries.increment(1);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), ?wait, "retry");
                prefer = here.cloned();
                if here.is_some() {
                    told = Some(failure);
                }
                job.held.listed.now(CallStage::Wait);
                tokio::time::sleep(wait).await;
            }
            Next::Failover => {
                core.meters.failovers.increment(1);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), from = here.map(|h| &**h), "failover");
                excluded.extend(here.cloned());
                prefer = None;
                told = Some(failure);
            }
        }
    }
    unreachable!("the error flow gives up after its bound of attempts")
}

/// One attempt: a message to the router that comes back as an outcome.
async fn attempt(
    job: &Job,
    core: &Arc<Core>,
    excluded: &[Arc<str>],
    prefer: Option<Arc<str>>,
    another_could_follow: bool,
) -> Outcome {
    let (port, outcome) = AttemptPort::new();
    let now = Instant::now();
    let remaining = job.call.deadline.saturating_duration_since(now);
    let attempt = Attempt {
        call: job.call.clone(),
        candidates: job.candidates.clone(),
        excluded: excluded.to_vec(),
        prefer,
        until: now + share(remaining, another_could_follow),
        held: job.held.clone(),
        port,
    };
    if send_patiently(&core.router, RouterMsg::Attempt(attempt), job.call.deadline)
        .await
        .is_err()
    {
        let failure = Failure::new(Kind::Overloaded, "the router is being restarted");
        return Err(failure.after(Duration::from_millis(100)).never_sent());
    }
    let span = tracing::debug_span!(target: "mosaic::calls", "attempt");
    outcome
        .instrument(span)
        .await
        .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the attempt vanished")))
}

/// The doubt that a write leaves behind until its outcome is known: it may have happened. A write that is given up (its
/// caller left, its deadline came) casts it on the cache.
struct InvalidateGuard {
    core: Arc<Core>,
    tags: Vec<Tag>,
}

impl InvalidateGuard {
    fn about(job: &Job, core: &Arc<Core>) -> Self {
        InvalidateGuard {
            core: core.clone(),
            tags: tags(job.call.operation.invalidates, &job.call.resource),
        }
    }

    async fn settle(mut self, may_have_happened: bool) {
        if may_have_happened {
            self.core.invalidate(self.tags.clone()).await;
        }
        self.tags.clear();
    }
}

impl Drop for InvalidateGuard {
    fn drop(&mut self) {
        if !self.tags.is_empty() {
            let (core, tags) = (self.core.clone(), std::mem::take(&mut self.tags));
            tokio::spawn(async move { core.invalidate(tags).await });
        }
    }
}

fn filling() -> tracing::Span {
    tracing::debug_span!(target: "mosaic::calls", "fill")
}

/// Writes the cache and shares the outcome with the flight.
async fn fill(
    job: &Job,
    core: &Arc<Core>,
    outcome: Outcome,
    mut sought: ChainLookup,
    leader: Option<Leader>,
) -> Outcome {
    let started = Instant::now();
    let operation = job.call.operation;
    let now = core.clock.nanos();
    let entry = CacheEntry::of(&outcome, operation, now).map(Arc::new);
    let mut good_until = job.epoch;
    if let (Some(entry), Some(key)) = (&entry, &job.key) {
        sought.fill(key, entry);
        let carried = tags(operation.carries, &job.call.resource);
        good_until = core.l1.fill(key.clone(), entry.clone(), carried, job.epoch).await;
    }
    if let Some(leader) = leader {
        match (&outcome, entry) {
            (_, Some(entry)) => leader.land(Landing {
                outcome: Ok(entry),
                good_until,
                stale: None,
            }),
            // What is this caller's own (its deadline, its leaving) is not shared: the flight is led by another.
            (Err(failure), None) if !matches!(failure.kind, Kind::Timeout | Kind::Cancelled | Kind::Internal) => {
                // A failure says what the provider is like now; no write makes it untrue.
                leader.land(Landing {
                    outcome: Err(failure.clone()),
                    good_until: u64::MAX,
                    stale: sought.stale.clone().map(|hit| (hit, job.epoch)),
                });
            }
            _ => drop(leader),
        }
    }
    core.meters.phase("fill", started.elapsed());
    match outcome {
        Ok(answer) => Ok(answer),
        Err(failure) => or_stale(job, core, failure, sought.stale),
    }
}

/// A stale answer is better than a provider's failure: that of L1, or the one that a farther tier had.
fn or_stale(job: &Job, core: &Arc<Core>, failure: Failure, farther: Option<Hit>) -> Result<Answer, Failure> {
    let excusable = failure.kind.blames_provider()
        || matches!(
            failure.kind,
            Kind::CircuitOpen | Kind::NoProvider | Kind::UpstreamRateLimited
        );
    let here = job.stale.clone().map(|entry| Hit { entry, tier: None });
    match farther.or(here) {
        Some(hit) if excusable => {
            match &hit.tier {
                Some(tier) => tier.count_stale(),
                None => core.meters.l1.stale.increment(1),
            }
            hit.serve(CacheStatus::Stale, core.clock.nanos())
        }
        _ => Err(failure),
    }
}
