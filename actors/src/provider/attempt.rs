//! One attempt: a driver is run to its answer, within the attempt's time.
//!
//! Invariant: whatever the driver does, its breaker is told what was learnt and its permits are given back before the
//! outcome is known; dropped midway, the driver's work ends with it.

use std::any::Any;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use super::panics::panic_text;
use super::pump::{Pump, pumped};
use crate::breaker::BreakerPermit;
use crate::bulkhead::BulkheadPermit;
use crate::call::{Answer, Body, Call};
use crate::driver::Driver;
use crate::error::{Failure, Kind};
use crate::gateway::settings::Settings;
use crate::instance::{Granted, Instance, ProviderMsg};
use crate::policy::breaker::AttemptOutcome;
use crate::port::Outcome;
use crate::supervision::Handle;

/// What one attempt may take, and what ends it.
pub(crate) struct AttemptEnv {
    pub(crate) settings: Arc<Settings>,
    pub(crate) stop: CancellationToken,
    /// Its share of the time until the call's deadline.
    pub(crate) share: Duration,
    /// How long its instance lets it take; `None`: as long as its call.
    pub(crate) limit: Option<Duration>,
}

/// What an attempt holds until it has ended, and what it tells then.
pub(super) struct Holding {
    pub(super) instance: Arc<Instance>,
    permit: BreakerPermit,
    _bulkhead: BulkheadPermit,
    /// What the call is about, for evidence that counts by resource.
    resource: u64,
    actor: Handle<ProviderMsg>,
    generation: u64,
    operation: &'static str,
}

/// Runs an attempt with the driver that was granted to it.
pub(crate) async fn run(granted: Granted, call: Arc<Call>, env: AttemptEnv) -> Outcome {
    let started = Instant::now();
    let holding = Holding {
        instance: granted.instance,
        permit: granted.permit,
        _bulkhead: granted.bulkhead,
        resource: resource_of(&call),
        actor: granted.actor,
        generation: granted.generation,
        operation: call.operation.name,
    };
    let driven = AssertUnwindSafe(drive(granted.driver, call, &holding.instance, &env, started)).catch_unwind();
    let answered = match driven.await {
        Ok(answered) => answered,
        Err(panic) => return Err(holding.panicked(panic.as_ref())),
    };
    let took = started.elapsed();
    holding.instance.meters.seconds.record(took.as_secs_f64());
    holding.instance.meters.call_phase.record(took.as_secs_f64());
    match answered {
        Err((evidence, failure)) => Err(holding.failed(evidence, failure)),
        Ok(Answer { head, body, value }) => {
            let body = match body {
                Body::Bytes(bytes) => {
                    holding.instance.took(took);
                    holding.succeeded();
                    Body::Bytes(bytes)
                }
                Body::Stream(source) => Body::Stream(pumped(source, Pump::new(holding, &env, started))),
                Body::Raw(mut raw) => {
                    raw.bytes = pumped(raw.bytes, Pump::new(holding, &env, started));
                    Body::Raw(raw)
                }
            };
            Ok(Answer { head, body, value })
        }
    }
}

type Evidence = Option<AttemptOutcome>;

async fn drive(
    driver: Arc<dyn Driver>,
    call: Arc<Call>,
    instance: &Instance,
    env: &AttemptEnv,
    started: Instant,
) -> Result<Answer, (Evidence, Failure)> {
    let limit = env.limit.map_or(env.share, |limit| limit.min(env.share));
    let span = tracing::debug_span!(target: "mosaic::calls", "call", provider = %instance.spec.name);
    let resource = resource_of(&call);
    match tokio::time::timeout_at(started + limit, driver.call(call).instrument(span)).await {
        Ok(result) => result.map_err(|failure| (evidence_of(&failure, resource), failure)),
        Err(_elapsed) => Err(silent(instance, env, limit)),
    }
}

/// The provider did not answer in time. Half of what it may take is evidence; a caller in a greater hurry proves nothing.
fn silent(instance: &Instance, env: &AttemptEnv, waited: Duration) -> (Evidence, Failure) {
    let own = env.limit.unwrap_or(instance.spec.attempt_timeout);
    let evidence = (waited >= own / 2).then_some(AttemptOutcome::Failure);
    let why = match env.limit {
        Some(limit) if limit <= waited => "its attempt_timeout",
        _ => "what the call's deadline leaves",
    };
    let sentence = format!("{} did not answer within {waited:.1?}, {why}", instance.spec.name);
    (evidence, Failure::new(Kind::Timeout, sentence))
}

/// What a failure says of its provider.
fn evidence_of(failure: &Failure, resource: u64) -> Evidence {
    match failure.kind {
        // It says nothing of the provider: the work was stopped, or never left.
        Kind::Cancelled => None,
        _ if failure.unreadable => Some(AttemptOutcome::Unreadable(resource)),
        // The provider itself says that this call is the matter.
        kind if kind.blames_provider() && !failure.retryable => None,
        kind if kind.blames_provider() => Some(AttemptOutcome::Failure),
        _ => Some(AttemptOutcome::Success),
    }
}

fn resource_of(call: &Call) -> u64 {
    let mut hasher = DefaultHasher::new();
    call.resource.native().hash(&mut hasher);
    hasher.finish()
}

impl Holding {
    /// The attempt ended as it should.
    pub(super) fn succeeded(self) {
        self.instance.meters.attempts.count(None);
        self.tell(Some(AttemptOutcome::Success));
    }

    /// The attempt failed.
    pub(super) fn failed(self, evidence: Evidence, failure: Failure) -> Failure {
        self.instance.meters.attempts.count(Some(failure.kind));
        if let (Kind::UpstreamRateLimited, Some(wait)) = (failure.kind, failure.retry_after) {
            self.instance.limit(wait);
        }
        let failure = failure.by(&self.instance.spec.name);
        self.tell(evidence);
        failure
    }

    /// The stream broke with `failure`.
    pub(super) fn broke(self, failure: Failure) -> Failure {
        let evidence = evidence_of(&failure, self.resource);
        self.failed(evidence, failure)
    }

    /// The driver panicked: the attempt has failed, and its actor ends with this driver.
    pub(super) fn panicked(self, panic: &(dyn Any + Send)) -> Failure {
        let (operation, generation) = (self.operation, self.generation);
        self.instance.count_panic();
        let crashed = ProviderMsg::Crashed {
            generation,
            operation,
            text: panic_text(panic),
        };
        if self.actor.send(crashed).is_err() {
            tracing::warn!(provider = %self.instance.spec.name, operation, "a driver panicked while its actor was away");
        }
        let failure = Failure::new(Kind::Internal, format!("the driver failed in {operation}"));
        self.failed(Some(AttemptOutcome::Failure), failure)
    }

    fn tell(self, evidence: Evidence) {
        if let Some(outcome) = evidence {
            self.instance.count(outcome == AttemptOutcome::Failure);
            self.permit.tell(outcome);
        }
    }
}
