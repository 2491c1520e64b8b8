//! The attempts of a call: balance, guard, call — until it works, or nothing more may be tried.
//!
//! Invariant: what follows a failed attempt is decided by [`next`] alone; and a failure says that nothing was sent only if no
//! attempt may have arrived.

use std::sync::Arc;

use metrics::Counter;
use tokio::time::Instant;
use tracing::Instrument;

use super::env::TaskEnv;
use super::invalidate::InvalidateGuard;
use super::job::Job;
use super::patience::send_patiently;
use super::renewal::Renewal;
use crate::call::{Answer, CacheStatus, Head};
use crate::error::{Failure, Kind};
use crate::instance::Granted;
use crate::messages::{Attempt, RouterMsg};
use crate::policy::recover::{Next, Standing, next, share};
use crate::port::{AttemptPort, Outcome};
use crate::provider::{AttemptEnv, run};
use crate::telemetry::ProviderMeters;

/// What the attempts of one call have shown so far.
struct Tried {
    attempts: u32,
    /// Instances that are not asked again.
    excluded: Vec<Arc<str>>,
    /// The instance to ask again.
    prefer: Option<Arc<str>>,
    /// Who failed, once for each time.
    asked: Vec<Arc<str>>,
    /// The last failure of a provider.
    told: Option<Failure>,
    /// No attempt may have arrived.
    unsent: bool,
}

/// Asks candidates until one answers, or the failure is final. Where there is a kept answer that one can be asked about, that
/// one is asked about it first.
pub(crate) async fn attempts(
    job: &Arc<Job>,
    env: &Arc<TaskEnv>,
    guard: &mut InvalidateGuard,
    mut renewal: Option<Renewal>,
) -> Outcome {
    let mut tried = Tried {
        attempts: 0,
        excluded: Vec::new(),
        prefer: renewal.as_ref().map(|renewal| renewal.instance().clone()),
        asked: Vec::new(),
        told: None,
        unsent: true,
    };
    loop {
        tried.attempts += 1;
        job.record().attempt(tried.attempts);
        let failure = match attempt(job, env, &tried, guard, renewal.as_ref()).await {
            Ok(answer) if answer.head.unchanged => match renewed(job, env, renewal.take(), answer.head, tried.attempts)
            {
                Some(answer) => return Ok(answer),
                // What it is about was purged meanwhile: all of it is asked for.
                None => continue,
            },
            Ok(answer) => return Ok(answered(job, answer, tried.attempts)),
            Err(failure) => failure,
        };
        tried.unsent &= failure.unsent;
        guard.failed(&failure);
        let standing = tried.standing(job, &failure);
        match next(&failure, &standing, &env.settings.recover) {
            Next::GiveUp => return Err(tried.final_failure(failure)),
            Next::Retry(wait) => {
                counted(env, &failure, |meters| &meters.retries);
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), ?wait, "retry");
                tried.again(failure);
                job.record().waits(wait);
                tokio::time::sleep(wait).await;
            }
            Next::Failover => {
                counted(env, &failure, |meters| &meters.failovers);
                let from = failure.provider.as_deref();
                tracing::debug!(target: "mosaic::calls", code = failure.kind.code(), from, "failover");
                tried.elsewhere(failure);
            }
        }
    }
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

impl Tried {
    fn standing(&mut self, job: &Job, failure: &Failure) -> Standing {
        let here = failure.provider.as_ref();
        self.asked.extend(here.cloned());
        let times = |here: &Arc<str>| self.asked.iter().filter(|name| *name == here).count();
        let untried = |name: &&Arc<str>| Some(*name) != here && !self.excluded.contains(name);
        Standing {
            attempts: self.attempts,
            attempts_here: here.map_or(0, times) as u32,
            safe: job.call.operation.safe,
            repeatable: job.call.may_repeat(),
            paid: job.call.operation.paid,
            sendable: job.call.can_be_sent(),
            others: job.candidates.instances.iter().any(|name| untried(&name)),
            remaining: job.call.deadline.saturating_duration_since(Instant::now()),
            chance: fastrand::f64(),
        }
    }

    /// Whether another attempt could follow the next one, as far as that is known before it.
    fn could_follow(&self, job: &Job, max_attempts: u32) -> bool {
        let call = &job.call;
        self.attempts < max_attempts
            && call.may_repeat()
            && !call.operation.paid
            && !call.operation.waits
            && job.candidates.instances.len() > self.excluded.len() + 1
    }

    fn again(&mut self, failure: Failure) {
        self.prefer = failure.provider.clone();
        if failure.provider.is_some() {
            self.told = Some(failure);
        }
    }

    fn elsewhere(&mut self, failure: Failure) {
        self.excluded.extend(failure.provider.clone());
        self.prefer = None;
        self.told = Some(failure);
    }

    /// What the caller is told. What a provider said tells more than that no other could be asked.
    fn final_failure(self, failure: Failure) -> Failure {
        let mut failure = match (&failure.provider, self.told) {
            (None, Some(told)) => told,
            _ => failure,
        };
        failure.unsent = self.unsent;
        failure
    }
}

/// One attempt: a message to the router, which comes back as the right to run a provider's driver.
async fn attempt(
    job: &Arc<Job>,
    env: &Arc<TaskEnv>,
    tried: &Tried,
    guard: &mut InvalidateGuard,
    renewal: Option<&Renewal>,
) -> Outcome {
    let remaining = job.call.deadline.saturating_duration_since(Instant::now());
    let granted = grant(job, env, tried).await?;
    let span = tracing::debug_span!(target: "mosaic::calls", "attempt");
    let share = share(remaining, tried.could_follow(job, env.settings.recover.max_attempts));
    let limit = granted.instance.spec.attempt_limit(&job.call.operation);
    // How long an upload takes in all is its sender's affair: only the call's deadline bounds it.
    let in_all = limit.filter(|_| job.call.upload.is_none());
    guard.asking(in_all.unwrap_or(remaining));
    let attempt = AttemptEnv {
        settings: env.settings.clone(),
        stop: env.stop.clone(),
        record: job.record().clone(),
        share,
        limit,
    };
    let about_it = renewal.and_then(|renewal| renewal.call(&job.call, &granted.instance.spec.name));
    let call = about_it.unwrap_or_else(|| job.call.clone());
    run(granted, call, attempt).instrument(span).await
}

async fn grant(job: &Arc<Job>, env: &TaskEnv, tried: &Tried) -> Result<Granted, Failure> {
    env.credits.stock(&job.call, &job.candidates.credited).await;
    let (port, granted) = AttemptPort::new();
    let attempt = Attempt {
        job: job.clone(),
        excluded: tried.excluded.clone(),
        prefer: tried.prefer.clone(),
        first: tried.attempts == 1,
        port,
    };
    let message = RouterMsg::Attempt(attempt);
    if send_patiently(&env.router, message, job.call.deadline).await.is_err() {
        let failure = Failure::new(Kind::Overloaded, "the router is being restarted");
        return Err(failure.after(std::time::Duration::from_millis(100)).never_sent());
    }
    granted
        .await
        .unwrap_or_else(|_| Err(Failure::new(Kind::Internal, "the attempt vanished").never_sent()))
}
