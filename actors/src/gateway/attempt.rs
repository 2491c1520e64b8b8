//! One attempt of a call: the driver that was granted is run within its share of the time.
//!
//! Invariant: the driver is told by when it must have answered.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;
use tracing::Instrument;

use super::env::TaskEnv;
use super::job::Job;
use super::renewal::Renewal;
use crate::call::Call;
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

/// Runs one attempt within its share of the time.
pub(super) async fn run_one(
    job: &Job,
    env: &TaskEnv,
    could_follow: bool,
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
    run(granted, Arc::new(call), attempt).instrument(span).await
}
