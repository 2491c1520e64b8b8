//! One call's task: the phases after the lookup, in order.
//!
//! Invariant: the task owns the caller's one reply. Whatever ends it — an answer, a failure, the deadline, a caller that
//! went away, a panic — the reply port is answered once.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::OwnedSemaphorePermit;
use tokio::time::Instant;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::Instrument;

use super::{Core, Listed, Phase, send_patiently};
use crate::cache::flight::{Leader, Role};
use crate::cache::{CacheKey, Entry, tags};
use crate::call::{Answer, Body, CacheStatus, Call};
use crate::error::{Failure, Kind};
use crate::policy::recover::{Next, Standing, next};
use crate::policy::routing::CandidateSet;
use crate::port::{AttemptPort, Outcome, ReplyPort};
use crate::quota::TenantPlace;
use crate::router::{Attempt, RouterMsg};
use crate::telemetry::Meters;

/// A call that missed, with all that its task needs.
#[derive(Clone)]
pub(crate) struct Job {
    pub(crate) call: Arc<Call>,
    pub(crate) listed: Arc<Listed>,
    pub(crate) candidates: Arc<CandidateSet>,
    pub(crate) key: Option<CacheKey>,
    /// The cache's epoch when the call began.
    pub(crate) epoch: u64,
    /// An answer past its time, for the case that the provider fails.
    pub(crate) stale: Option<Arc<Entry>>,
    pub(crate) held: Arc<Held>,
}

/// The places that a call holds in every bound, until its reply — or its stream — has ended.
pub(crate) struct Held {
    pub(crate) _tenant: TenantPlace,
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
        tracing::debug_span!(target: "mosaic::calls", "call", id = %job.call.id, operation = job.call.operation.name);
    let deadline = job.call.deadline;
    let outcome = tokio::select! {
        biased;
        () = reply.closed() => return,
        () = core.stop.cancelled() => Err(Failure::new(Kind::Cancelled, "the gateway was stopped")),
        outcome = carry(&job, &core).instrument(span) => outcome,
        () = tokio::time::sleep_until(deadline) => {
            Err(Failure::new(Kind::Timeout, "no answer came before the deadline"))
        }
    };
    let outcome = outcome.map(|mut answer| {
        if let Body::Stream(stream) = &mut answer.body {
            job.listed.now(Phase::Stream);
            stream.hold(Arc::new((job.held.clone(), job.listed.clone())));
        }
        answer
    });
    reply.answer(outcome);
}

/// lookup (shared) -> attempts -> fill -> settle
async fn carry(job: &Job, core: &Arc<Core>) -> Outcome {
    let Some(key) = job.key.as_ref().filter(|_| !job.call.no_cache) else {
        let outcome = attempts(job, core).await;
        return fill(job, core, outcome, None).await;
    };
    loop {
        match core.flights.join(key) {
            Role::Leader(leader) => {
                let outcome = attempts(job, core).await;
                return fill(job, core, outcome, Some(leader)).await;
            }
            Role::Follower(follower) => match follower.landed().await {
                Some(Ok(entry)) => {
                    core.meters.coalesced.increment(1);
                    return entry.serve(CacheStatus::Collapsed, core.clock.nanos());
                }
                Some(Err(failure)) => return or_stale(job, core, failure),
                None => {}
            },
        }
    }
}

/// balance, guard, call — until it works, or nothing more may be tried.
async fn attempts(job: &Job, core: &Arc<Core>) -> Outcome {
    let mut excluded: Vec<Arc<str>> = Vec::new();
    let mut prefer: Option<Arc<str>> = None;
    let mut asked: Vec<Arc<str>> = Vec::new();
    for attempts in 1.. {
        job.listed.attempt(attempts);
        let failure = match attempt(job, core, &excluded, prefer.clone()).await {
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
            others: job
                .candidates
                .instances
                .iter()
                .any(|name| Some(name) != here && !excluded.contains(name)),
            remaining: job.call.deadline.saturating_duration_since(Instant::now()),
            chance: fastrand::f64(),
        };
        match next(&failure, &standing, &core.settings.recover) {
            Next::GiveUp => return Err(failure),
            Next::Retry(wait) => {
                core.meters.retries.increment(1);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), ?wait, "retry");
                prefer = here.cloned();
                job.listed.now(Phase::Wait);
                tokio::time::sleep(wait).await;
            }
            Next::Failover => {
                core.meters.failovers.increment(1);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), from = here.map(|h| &**h), "failover");
                excluded.extend(here.cloned());
                prefer = None;
            }
        }
    }
    unreachable!("the error flow gives up after its bound of attempts")
}

/// One attempt: a message to the router that comes back as an outcome.
async fn attempt(job: &Job, core: &Arc<Core>, excluded: &[Arc<str>], prefer: Option<Arc<str>>) -> Outcome {
    let (port, outcome) = AttemptPort::new();
    let attempt = Attempt {
        call: job.call.clone(),
        listed: job.listed.clone(),
        candidates: job.candidates.clone(),
        excluded: excluded.to_vec(),
        prefer,
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

/// Writes the cache, or makes its tags invalid; shares the outcome with the flight.
async fn fill(job: &Job, core: &Arc<Core>, outcome: Outcome, leader: Option<Leader>) -> Outcome {
    let started = Instant::now();
    let operation = job.call.operation;
    let now = core.clock.nanos();
    let entry = Entry::of(&outcome, operation, now).map(Arc::new);
    if let (Some(entry), Some(key)) = (&entry, &job.key) {
        let carried = tags(operation.carries, &job.call.resource);
        core.l1.fill(key.clone(), entry.clone(), carried, job.epoch).await;
    }
    // A write that failed may still have happened: what it would have changed is not trusted either way.
    if !operation.invalidates.is_empty() && !matches!(&outcome, Err(failure) if failure.unsent) {
        core.l1
            .invalidate(tags(operation.invalidates, &job.call.resource))
            .await;
    }
    if let Some(leader) = leader {
        match (&outcome, entry) {
            (_, Some(entry)) => leader.land(Ok(entry)),
            // What is this caller's own (its deadline, its leaving) is not shared: the flight is led by another.
            (Err(failure), None) if !matches!(failure.kind, Kind::Timeout | Kind::Cancelled | Kind::Internal) => {
                leader.land(Err(failure.clone()));
            }
            _ => drop(leader),
        }
    }
    core.meters.phase("fill", started.elapsed());
    match outcome {
        Ok(answer) => Ok(answer),
        Err(failure) => or_stale(job, core, failure),
    }
}

/// A stale answer is better than a provider's failure.
fn or_stale(job: &Job, core: &Arc<Core>, failure: Failure) -> Result<Answer, Failure> {
    let excusable =
        failure.kind.blames_provider() || matches!(failure.kind, Kind::CircuitOpen | Kind::UpstreamRateLimited);
    match &job.stale {
        Some(entry) if excusable => {
            core.meters.l1.stale.increment(1);
            entry.serve(CacheStatus::Stale, core.clock.nanos())
        }
        _ => Err(failure),
    }
}
