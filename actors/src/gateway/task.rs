//! One call's task: the phases after the lookup in memory, in order.
//!
//! Invariant: the task owns the caller's one reply. Whatever ends it — an answer, a failure, a stop, a caller that went
//! away or whose deadline came, a panic — the reply port is answered once, after the call's permits are free again.

use std::sync::Arc;

use tracing::Instrument;

use super::attempts::attempts;
use super::calls::CallStage;
use super::env::TaskEnv;
use super::fill::{fill, or_stale};
use super::invalidate::InvalidateGuard;
use super::job::Job;
use super::renewal::Renewal;
use crate::cache::chain::{ChainLookup, Hit};
use crate::cache::flight::{Landed, Landing, Leader, Role};
use crate::cache::l1::Fill;
use crate::cache::{CacheKey, looked_up};
use crate::call::{Body, CacheStatus};
use crate::error::Kind;
use crate::port::{Outcome, ReplyPort};

/// Runs a call to its reply.
pub(crate) async fn run(job: Arc<Job>, mut reply: ReplyPort, env: Arc<TaskEnv>) {
    reply.taken();
    let span =
        tracing::debug_span!(target: "mosaic::calls", "miss", id = %job.call.id, operation = job.call.operation.name);
    let outcome = tokio::select! {
        biased;
        () = reply.closed() => return,
        failure = job.record().cancelled() => Err(failure),
        outcome = carry(&job, &env).instrument(span) => outcome,
    };
    // Before the answer: who has it may call again, and finds its permits free. The router may hold the job for a moment
    // after it has passed an attempt on; only one that was given up on may wait in its mailbox still, and stays counted.
    match &outcome {
        Ok(answer) if !matches!(answer.body, Body::Bytes(_)) => {}
        Err(failure) if matches!(failure.kind, Kind::Timeout | Kind::Cancelled) => {}
        _ => job.permits.give_back(),
    }
    let outcome = outcome.map(|mut answer| {
        match &mut answer.body {
            Body::Bytes(_) => {}
            Body::Stream(stream) => stream.hold(job.permits.clone()),
            Body::Raw(raw) => raw.bytes.hold(job.permits.clone()),
        }
        if !matches!(answer.body, Body::Bytes(_)) {
            job.record().now(CallStage::Stream);
        }
        answer
    });
    drop(job);
    reply.answer(outcome);
}

/// lookup (shared) -> attempts -> fill
async fn carry(job: &Arc<Job>, env: &Arc<TaskEnv>) -> Outcome {
    let Some(key) = job.key.as_ref().filter(|_| !job.call.no_cache) else {
        // The cache is not read, but a newer answer is written to it.
        return alone(job, env).await;
    };
    loop {
        match env.cache.flights.join(key, job.epoch) {
            Role::Leader(leader) => return lead(job, env, key, leader).await,
            // In memory, but for the moment that its actor needs.
            Role::Ready(landing, since) if job.record().since() > since => {
                return match landing.kept && landing.is_fresh(env.clock.nanos()) {
                    true => served(job, env, landing, CacheStatus::Hit),
                    false => alone(job, env).await,
                };
            }
            Role::Ready(landing, _) => {
                env.meters.coalesced.increment(1);
                return served(job, env, landing, CacheStatus::Collapsed);
            }
            Role::Follower(follower) => match follower.landed().await {
                // A write ended between the flight's begin and this call's.
                Landed::With(landing) if job.epoch > landing.good_until => {}
                Landed::With(landing) => {
                    env.meters.coalesced.increment(1);
                    return served(job, env, landing, CacheStatus::Collapsed);
                }
                Landed::Lost => {}
                Landed::Unconfirmed => return alone(job, env).await,
            },
        }
    }
}

/// Asks for this call alone, where no tier has the answer that it would take.
async fn alone(job: &Arc<Job>, env: &Arc<TaskEnv>) -> Outcome {
    let mut lookup = seek(job, env).await;
    if job.call.no_cache {
        // Refused, stale as fresh; the lookup is for the fill alone.
        lookup.stale = None;
    } else if let Some(hit) = &lookup.fresh {
        return hit.serve(CacheStatus::Hit, env.clock.nanos());
    }
    let outcome = ask(job, env, &lookup).await;
    fill(job, env, outcome, lookup, None)
}

/// Asks for all who miss the same.
async fn lead(job: &Arc<Job>, env: &Arc<TaskEnv>, key: &CacheKey, leader: Leader) -> Outcome {
    // A flight may have landed between this call's lookup and its joining.
    let good_until = env.cache.l1.epoch();
    if let Some(entry) = env.cache.l1.filled(key, env.clock.nanos()) {
        leader.land(Landing::of(entry.clone(), good_until));
        // It was there before this call came, and only the map did not show it yet; or the call shared the flight.
        let status = match entry.arrived_at() < job.record().since() {
            true => CacheStatus::Hit,
            false => CacheStatus::Collapsed,
        };
        if status == CacheStatus::Collapsed {
            env.meters.coalesced.increment(1);
        }
        return entry.serve(status, "l1", env.clock.nanos());
    }
    let mut lookup = seek(job, env).await;
    if let Some(hit) = lookup.fresh.take() {
        return bring_near(job, env, key, hit, leader);
    }
    let outcome = ask(job, env, &lookup).await;
    fill(job, env, outcome, lookup, Some(leader))
}

/// Serves what another caller's flight came to.
fn served(job: &Job, env: &TaskEnv, landing: Landing, status: CacheStatus) -> Outcome {
    if status == CacheStatus::Collapsed {
        job.trace.write(|decision| decision.coalesced());
    }
    match landing.outcome {
        Ok(entry) => entry.serve(status, "l1", env.clock.nanos()),
        Err(failure) => {
            let stale = landing.stale.filter(|(_, good_until)| job.epoch <= *good_until);
            or_stale(job, env, failure, stale.map(|(hit, _)| hit))
        }
    }
}

/// Looks in the tiers behind L1. One looks for a whole flight.
async fn seek(job: &Job, env: &TaskEnv) -> ChainLookup {
    match &job.key {
        Some(key) => env.cache.chain.seek(key, || looked_up(job)).await,
        None => ChainLookup::default(),
    }
}

/// Serves what a farther tier had, and leaves it in L1.
fn bring_near(job: &Job, env: &TaskEnv, key: &CacheKey, hit: Hit, leader: Leader) -> Outcome {
    let now = env.clock.nanos();
    let landing = Landing {
        kept: env.cache.l1.keeps(&hit.entry),
        ..Landing::of(hit.entry.clone(), job.epoch)
    };
    leader.ready(landing, now);
    // As for an answer that was asked for: a write since the call began keeps it out.
    env.cache.l1.fill(Fill {
        key: key.clone(),
        entry: hit.entry.clone(),
        tags: looked_up(job),
        epoch: job.epoch,
        leader: Some(leader),
    });
    hit.serve(CacheStatus::Hit, now)
}

/// Asks a provider, and makes invalid what a write may have changed.
async fn ask(job: &Arc<Job>, env: &Arc<TaskEnv>, lookup: &ChainLookup) -> Outcome {
    let renewal = Renewal::of(job, lookup, env.clock.nanos());
    let mut guard = InvalidateGuard::new(job, &env.cache);
    let outcome = attempts(job, env, &mut guard, renewal).await;
    guard.settle(&outcome).await;
    outcome
}
