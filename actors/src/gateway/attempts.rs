//! The attempts of a call: balance, guard, call — until it works, or nothing more may be tried.
//!
//! Invariant: what follows a failed attempt is decided by [`next`], and paid for from the budget of the instance that failed;
//! and a failure says that nothing was sent only if no attempt may have arrived.

use std::sync::Arc;
use std::time::Duration;

use metrics::Counter;
use tokio::time::Instant;

use super::attempt::{begin, ended, in_all, pause, run_one};
use super::env::TaskEnv;
use super::grant::{Wanted, grant};
use super::hedged::race;
use super::invalidate::InvalidateGuard;
use super::job::Job;
use super::renewal::Renewal;
use super::tried::Tried;
use crate::call::{Answer, CacheStatus, Head};
use crate::decision::Why;
use crate::error::Failure;
use crate::policy::recover::{Next, next};
use crate::port::Outcome;
use crate::telemetry::ProviderMeters;

/// Asks candidates until one answers, or the failure is final. Where there is a kept answer that one can be asked about, that
/// one is asked about it first.
pub(crate) async fn attempts(
    job: &Arc<Job>,
    env: &Arc<TaskEnv>,
    guard: &mut InvalidateGuard,
    mut renewal: Option<Renewal>,
) -> Outcome {
    let mut tried = Tried::nothing(renewal.as_ref().map(|renewal| renewal.instance().clone()));
    loop {
        tried.attempts += 1;
        begin(job, tried.attempts);
        let failure = match attempt(job, env, &mut tried, guard, renewal.as_ref()).await {
            Ok(answer) if answer.head.unchanged => match renewed(job, env, renewal.take(), answer.head, tried.attempts)
            {
                Some(answer) => return Ok(answer),
                // What it is about was purged meanwhile: all of it is asked for.
                None => continue,
            },
            Ok(answer) => return Ok(answered(job, answer, tried.attempts)),
            Err(failure) => failure,
        };
        tried.note(&failure);
        guard.failed(&failure);
        let standing = tried.standing(job, &failure, env.clock.nanos());
        let decided = next(&failure, &standing, &env.settings.recover);
        if decided != Next::GiveUp && !affordable(env, &tried) {
            let failure = tried.final_failure(failure);
            return Err(failure.also("what may be tried again is used up"));
        }
        match decided {
            Next::GiveUp => return Err(tried.final_failure(failure)),
            Next::Retry(wait) => {
                counted(env, &failure, |meters| &meters.retries);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), ?wait, "retry");
                tried.again(failure);
                job.trace.write(|decision| decision.then(Why::Retry, wait));
                pause(job, wait).await;
            }
            Next::Failover => {
                counted(env, &failure, |meters| &meters.failovers);
                let from = failure.provider.as_deref();
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), from, "failover");
                tried.elsewhere(failure);
                job.trace.write(|decision| decision.then(Why::Failover, Duration::ZERO));
            }
            Next::Return(wait) => {
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), ?wait, "return");
                tried.back();
                job.trace.write(|decision| decision.then(Why::Retry, wait));
                pause(job, wait).await;
            }
        }
    }
}

/// Whether the budget of the instance that failed allows another attempt. Where none was reached, none has to bear it.
fn affordable(env: &TaskEnv, tried: &Tried) -> bool {
    tried
        .payer()
        .is_none_or(|payer| payer.may_repeat(&env.settings.recover))
}

/// Counts what follows a failure at the instance that failed; what no instance was reached for is none's.
fn counted(env: &TaskEnv, failure: &Failure, counter: fn(&ProviderMeters) -> &Counter) {
    if let Some(provider) = &failure.provider {
        counter(&env.meters.provider(provider)).increment(1);
    }
}

/// The kept answer, unless an operator had it forgotten while it was asked about.
fn renewed(job: &Job, env: &TaskEnv, renewal: Option<Renewal>, said: Head, attempts: u32) -> Option<Answer> {
    let key = job.key.as_ref()?;
    if env.cache.l1.was_purged(key, job.epoch) {
        return None;
    }
    env.meters.provider(&said.provider).revalidated.increment(1);
    renewal?.answer(Head { attempts, ..said })
}

fn answered(job: &Job, mut answer: Answer, attempts: u32) -> Answer {
    answer.head.attempts = attempts;
    answer.head.cache = match job.key {
        Some(_) if !job.call.no_cache => CacheStatus::Miss,
        _ => CacheStatus::Bypass,
    };
    answer
}

/// One attempt: a message to the router, which comes back as the right to run a provider's driver.
async fn attempt(
    job: &Arc<Job>,
    env: &Arc<TaskEnv>,
    tried: &mut Tried,
    guard: &mut InvalidateGuard,
    renewal: Option<&Renewal>,
) -> Outcome {
    let wanted = Wanted {
        excluded: tried.excluded.clone(),
        prefer: tried.prefer.clone(),
        first: tried.attempts == 1,
        patient: true,
    };
    tried.at = None;
    let number = tried.attempts;
    let granted = match grant(job, env, wanted).await {
        Ok(granted) => granted,
        Err(failure) => {
            ended(job, number, Err(&failure));
            return Err(failure);
        }
    };
    tried.at = Some(granted.instance.clone());
    let remaining = job.call.deadline.saturating_duration_since(Instant::now());
    guard.asking(in_all(job, &granted).unwrap_or(remaining));
    let first = number == 1;
    if first {
        granted.instance.requested(&env.settings.recover, &env.settings.hedge);
    }
    if first && renewal.is_none() {
        return race(job, env, tried, granted).await;
    }
    let could_follow = tried.could_follow(job, env.settings.recover.max_attempts);
    run_one(job, env, (number, could_follow), granted, renewal).await
}
