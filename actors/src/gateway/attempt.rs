//! One attempt of a call: the driver that was granted is run within its share of the time.
//!
//! Invariant: the driver is told by when it must have answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::calls::CallStage;
use super::env::TaskEnv;
use super::job::Job;
use super::renewal::Renewal;
use crate::call::{Answer, Call};
use crate::decision::AttemptResult;
use crate::error::Failure;
use crate::instance::Granted;
use crate::policy::recover::share;
use crate::port::Outcome;
use crate::provider::{AttemptEnv, run};

/// How long an attempt may take in all, where its instance says it. How long an upload takes is its sender's affair: only the
/// call's deadline bounds it.
pub(super) fn in_all(job: &Job, granted: &Granted) -> Option<Duration> {
    let limit = granted.instance.spec.attempt_limit(&job.call.operation);
    limit.filter(|_| job.call.upload.is_none())
}

/// Waits before an attempt.
pub(super) async fn pause(job: &Job, wait: Duration) {
    job.record().waits(wait);
    tokio::time::sleep(wait).await;
    job.record().now(CallStage::Call);
}

/// The attempt of this number begins.
pub(super) fn begin(job: &Job, number: u32) {
    job.record().attempt(number);
    job.trace.write(|decision| decision.attempt(Instant::now()));
}

/// The attempt of this number has ended.
pub(super) fn ended(job: &Job, number: u32, outcome: Result<&Answer, &Failure>) {
    let result = outcome.map(|answer| match answer.head.unchanged {
        true => AttemptResult::Unchanged,
        false => AttemptResult::Answered,
    });
    job.trace
        .write(|decision| decision.attempt_ended(number, Instant::now(), result));
}

/// The attempt of this number was given up: the other of two has the call's outcome.
pub(super) fn outrun(job: &Job, number: u32) {
    job.trace
        .write(|decision| decision.attempt_ended(number, Instant::now(), Ok(AttemptResult::Outrun)));
}

/// Runs the attempt of this number within its share of the time.
pub(super) async fn run_one(
    job: &Job,
    env: &TaskEnv,
    (number, could_follow): (u32, bool),
    granted: Granted,
    renewal: Option<&Renewal>,
) -> Outcome {
    let remaining = job.call.deadline.saturating_duration_since(Instant::now());
    let share = share(remaining, could_follow);
    let until = Instant::now() + in_all(job, &granted).map_or(share, |limit| limit.min(share));
    let about_it = renewal.and_then(|renewal| renewal.call(&job.call, &granted.instance.spec.name));
    let call = Call {
        until: Some(until),
        ..about_it.map_or_else(|| (*job.call).clone(), Arc::unwrap_or_clone)
    };
    let attempt = AttemptEnv {
        settings: env.settings.clone(),
        stop: env.stop.clone(),
        record: job.record().clone(),
        share,
        limit: granted.instance.spec.attempt_limit(&call.operation),
    };
    let span = tracing::debug_span!(target: "mosaic::calls", "attempt");
    let instance = granted.instance.clone();
    let outcome = run(granted, Arc::new(call), attempt).instrument(span).await;
    if job.trace.is_on() {
        let left = instance.least_left();
        job.trace.write(|decision| decision.upstream_left(number, left));
    }
    ended(job, number, outcome.as_ref());
    outcome
}
