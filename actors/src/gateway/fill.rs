//! The fill: an answer is left in the cache and shared with those who wait for it.
//!
//! Invariant: it waits for nothing, so no tier can hold an answer back.

use std::time::Duration;

use super::env::TaskEnv;
use super::job::Job;
use crate::cache::chain::{ChainLookup, Hit};
use crate::cache::flight::{Landing, Leader};
use crate::cache::l1::Fill;
use crate::cache::{CacheEntry, carried};
use crate::call::{Answer, CacheStatus};
use crate::error::{Failure, Kind};
use crate::port::Outcome;

use std::sync::Arc;

/// Writes the cache and shares the outcome with the flight.
pub(crate) fn fill(
    job: &Job,
    env: &TaskEnv,
    outcome: Outcome,
    mut lookup: ChainLookup,
    leader: Option<Leader>,
) -> Outcome {
    let span = tracing::debug_span!(target: "mosaic::calls", "fill").entered();
    let now = env.clock.nanos();
    match (CacheEntry::of(&outcome, &job.call, now), &job.key) {
        (Some(entry), Some(key)) => {
            let entry = Arc::new(entry);
            // What only the answer knows that it depends on, a lookup in a farther tier could not find to be invalid.
            let told = outcome.as_ref().map_or(&[][..], |answer| &answer.head.tags[..]);
            if told.iter().all(|tag| lookup.looked_at(tag)) && !env.cache.l1.was_purged(key, job.epoch) {
                lookup.fill(key, &entry);
            }
            if let Some(leader) = &leader {
                let landing = Landing {
                    kept: env.cache.l1.keeps(&entry),
                    ..Landing::of(entry.clone(), job.epoch)
                };
                leader.ready(landing, now);
            }
            env.cache.l1.fill(Fill {
                key: key.clone(),
                entry,
                tags: carried(job, &outcome),
                epoch: job.epoch,
                leader,
            });
        }
        _ => share_failure(job, &outcome, &lookup, leader),
    }
    drop(span);
    env.meters.phase("fill", Duration::from_nanos(env.clock.nanos() - now));
    outcome.or_else(|failure| or_stale(job, env, failure, lookup.stale))
}

/// What is this caller's own (its deadline, its leaving) is not shared: the flight is led by another.
fn share_failure(job: &Job, outcome: &Outcome, lookup: &ChainLookup, leader: Option<Leader>) {
    if let (Err(failure), Some(leader)) = (outcome, leader)
        && !matches!(failure.kind, Kind::Timeout | Kind::Cancelled | Kind::Internal)
    {
        // A failure says what the provider is like now; no write makes it untrue.
        leader.land(Landing {
            outcome: Err(failure.clone()),
            good_until: u64::MAX,
            stale: lookup.stale.clone().map(|hit| (hit, job.epoch)),
            kept: false,
        });
    }
}

/// A stale answer is better than a provider's failure: that of L1, or the one that a farther tier had.
pub(crate) fn or_stale(job: &Job, env: &TaskEnv, failure: Failure, farther: Option<Hit>) -> Result<Answer, Failure> {
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
                None => env.meters.l1.stale.increment(1),
            }
            let mut answer = hit.serve(CacheStatus::Stale, env.clock.nanos())?;
            // Those that failed; none where this call waited for another's.
            answer.head.attempts = job.record().attempts();
            Ok(answer)
        }
        _ => Err(failure),
    }
}
