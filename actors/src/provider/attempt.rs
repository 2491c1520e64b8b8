//! One attempt: a driver is run to its answer, within the attempt's time.
//!
//! Invariant: whatever the driver does, its breaker is told what was learnt and its permits are given back before the
//! outcome is known; dropped midway, the driver's work ends with it.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::{Instant, sleep_until};
use tracing::Instrument;

use super::holding::{AttemptEnv, Evidence, Holding};
use super::pump::{Pump, pumped, too_large};
use crate::call::{Answer, Body, Call};
use crate::driver::Driver;
use crate::error::{Failure, Kind, Source};
use crate::instance::{Granted, Instance};
use crate::policy::breaker::AttemptOutcome;
use crate::port::Outcome;
use crate::stream::UPLOAD_FIELD;

/// Runs an attempt with the driver that was granted to it.
pub(crate) async fn run(granted: Granted, call: Arc<Call>, env: AttemptEnv) -> Outcome {
    let started = Instant::now();
    let (operation, follows) = (call.operation, call.operation.follows);
    let (mut holding, driver) = Holding::of(granted, &call);
    let driven = AssertUnwindSafe(drive(driver, call.clone(), &holding, &env, started)).catch_unwind();
    let answered = match driven.await {
        Ok(answered) => answered,
        Err(panic) => return Err(holding.panicked(panic.as_ref())),
    };
    let took = started.elapsed();
    holding.instance.meters.seconds.record(took.as_secs_f64());
    holding.instance.meters.call_phase.record(took.as_secs_f64());
    holding.learn(&operation, took, &answered, &env.settings.hedge);
    match answered {
        Err((evidence, failure)) => Err(holding.failed(evidence, failure)),
        Ok(Answer { head, body, value }) => {
            holding.began();
            if let Some(price) = holding.instance.spec.billing.prices.price(&call) {
                env.record.priced(*price);
            }
            holding.credits.follow(head.tally.as_ref());
            holding.credits.used(head.usage);
            let body = match body {
                Body::Bytes(bytes) => {
                    holding.took(took);
                    holding.spent(head.usage);
                    holding.succeeded();
                    Body::Bytes(bytes)
                }
                Body::Stream(source) => Body::Stream(pumped(source, Pump::of_events(holding, &env, started, follows))),
                Body::Raw(mut raw) => {
                    let bound = env.settings.transfer_bytes;
                    if raw.length.is_some_and(|length| length > bound) {
                        return Err(holding.failed(None, too_large(bound)));
                    }
                    raw.bytes = pumped(raw.bytes, Pump::of_file(holding, &env, started));
                    Body::Raw(raw)
                }
            };
            Ok(Answer { head, body, value })
        }
    }
}

async fn drive(
    driver: Arc<dyn Driver>,
    call: Arc<Call>,
    holding: &Holding,
    env: &AttemptEnv,
    started: Instant,
) -> Result<Answer, (Evidence, Failure)> {
    let own = env.limit.filter(|_| call.upload.is_none());
    let limit = own.map_or(env.share, |limit| limit.min(env.share));
    let asked_about = call.validator.is_some();
    let span = tracing::debug_span!(target: "mosaic::calls", "call", provider = %holding.instance.spec.name);
    tokio::select! {
        biased;
        result = driver.call(call).instrument(span) => {
            let result = result.and_then(|answer| match answer.head.unchanged && !asked_about {
                true => Err(unasked()),
                false => Ok(answer),
            });
            result.map_err(|failure| (holding.evidence_of(&failure), failure))
        }
        limit = holding.kept_waiting(env.limit) => Err(silent(&holding.instance, Some(limit), limit)),
        () = sleep_until(started + limit) => Err(match holding.waits_for_upload() {
            true => (None, unfinished(limit)),
            false => silent(&holding.instance, own, limit),
        }),
    }
}

/// Nobody asked whether anything has changed.
fn unasked() -> Failure {
    Failure::new(
        Kind::UpstreamFailed,
        "it says that nothing has changed, and was not asked",
    )
    .not_usable()
}

/// The provider did not answer in time. Half of what it may take is evidence; a caller in a greater hurry proves nothing,
/// nor does one who alone says how long it may take.
fn silent(instance: &Instance, own: Option<Duration>, waited: Duration) -> (Evidence, Failure) {
    let evidence = own
        .is_some_and(|own| waited >= own / 2)
        .then_some(AttemptOutcome::Failure);
    let why = match own {
        Some(limit) if limit <= waited => "its attempt_timeout",
        _ => "what the call's deadline leaves",
    };
    let sentence = format!("{} did not answer within {waited:.1?}, {why}", instance.spec.name);
    (evidence, Failure::new(Kind::Timeout, sentence))
}

/// The caller did not send its upload in time.
fn unfinished(waited: Duration) -> Failure {
    let sentence = format!("the body had not arrived within {waited:.1?}, what the call's deadline leaves");
    let mut failure = Failure::new(Kind::Timeout, sentence);
    failure.source = Source::Caller;
    failure.field = Some(Arc::from(UPLOAD_FIELD));
    failure
}
