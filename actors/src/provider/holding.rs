//! What an attempt holds until it has ended, and what is learnt from its end.
//!
//! Invariant: the breaker is told once, and the permits are given back, before the outcome is known.

use std::any::Any;
use std::future::pending;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::{Instant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::panics::panic_text;
use crate::breaker::BreakerPermit;
use crate::bulkhead::BulkheadPermit;
use crate::call::{Answer, Call, Operation};
use crate::credits::CreditPermit;
use crate::driver::Driver;
use crate::error::{Failure, Kind};
use crate::feedback::Watch;
use crate::gateway::calls::CallRecord;
use crate::gateway::settings::Settings;
use crate::instance::{AttemptEnd, Granted, Instance, ProviderMsg};
use crate::paces::Paced;
use crate::policy::breaker::AttemptOutcome;
use crate::policy::estimate::Class;
use crate::policy::hedge::HedgeSettings;
use crate::stream::{Upload, Usage};
use crate::supervision::Handle;

/// What one attempt may take, and what ends it.
pub(crate) struct AttemptEnv {
    pub(crate) settings: Arc<Settings>,
    pub(crate) stop: CancellationToken,
    /// Says when its call is to end before its time.
    pub(crate) record: Arc<CallRecord>,
    /// Its share of the time until the call's deadline.
    pub(crate) share: Duration,
    /// How long its instance lets it take; `None`: as long as its call. Of an upload, how long its provider may keep it
    /// waiting at a time.
    pub(crate) limit: Option<Duration>,
}

/// What an attempt holds until it has ended, and what it tells then.
pub(super) struct Holding {
    pub(super) instance: Arc<Instance>,
    permit: BreakerPermit,
    /// What it may spend.
    pub(super) credits: CreditPermit,
    _place: InFlight,
    /// Its place in the pace of a quota, until its answer has begun.
    paced: Mutex<Option<Paced>>,
    /// Tells the balancer that chose how it ends.
    watch: Option<Box<Watch>>,
    class: Class,
    started: Instant,
    /// What its answer's beginning took.
    took: OnceLock<Duration>,
    /// What the call is about, for evidence that counts by resource.
    resource: u64,
    upload: Option<Arc<Upload>>,
    model: Option<Arc<str>>,
    actor: Handle<ProviderMsg>,
    generation: u64,
    operation: &'static str,
}

/// What is learnt of a provider; `None`: nothing.
pub(super) type Evidence = Option<AttemptOutcome>;

/// What a failure says of its provider.
fn evidence_of(failure: &Failure, resource: u64) -> Evidence {
    match failure.kind {
        // It says nothing of the provider: the work was stopped.
        Kind::Cancelled => None,
        // The driver itself refused it. What a connection refused was unsent as well, and tells much.
        Kind::InvalidInput | Kind::Unsupported | Kind::Internal if failure.unsent => None,
        // Ours is the bound, and ours the refusal to follow.
        _ if failure.unreadable && failure.sound => None,
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

/// An attempt's place among those of its instance. The bytes of an upload that are on their way keep it, too.
struct InFlight {
    upload: Option<Arc<Upload>>,
    _permit: Arc<BulkheadPermit>,
}

impl InFlight {
    fn of(permit: BulkheadPermit, upload: Option<Arc<Upload>>) -> Self {
        let permit = Arc::new(permit);
        if let Some(upload) = &upload {
            upload.occupies(Some(permit.clone()));
        }
        InFlight {
            upload,
            _permit: permit,
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(upload) = &self.upload {
            upload.occupies(None);
        }
    }
}

impl Holding {
    /// What was granted, and the driver to run.
    pub(super) fn of(mut granted: Granted, call: &Call) -> (Self, Arc<dyn Driver>) {
        let paced = granted.bulkhead.paced.take();
        let holding = Holding {
            instance: granted.instance,
            permit: granted.permit,
            credits: granted.credits.sent(),
            watch: granted.watch,
            class: Class::of(&call.operation),
            started: Instant::now(),
            took: OnceLock::new(),
            paced: Mutex::new(paced),
            _place: InFlight::of(granted.bulkhead, call.upload.clone()),
            resource: resource_of(call),
            upload: call.upload.clone(),
            model: call.attributes.model.clone(),
            actor: granted.actor,
            generation: granted.generation,
            operation: call.operation.name,
        };
        (holding, granted.driver)
    }

    /// What a failure of this attempt says of its provider: nothing where the upload itself broke off, nor where the
    /// connection did while it was sent. So ends one that is too large for who takes it, and any caller can send such.
    pub(super) fn evidence_of(&self, failure: &Failure) -> Evidence {
        let says_nothing = |upload: &Arc<Upload>| {
            let cut_short = failure.kind == Kind::Network && !failure.unsent && !upload.is_through();
            upload.failure().is_some() || cut_short
        };
        if self.upload.as_ref().is_some_and(says_nothing) {
            None
        } else {
            evidence_of(failure, self.resource)
        }
    }

    /// The provider waits for what the caller still has to send.
    pub(super) fn waits_for_upload(&self) -> bool {
        self.upload.as_ref().is_some_and(|upload| upload.is_waiting())
    }

    /// Resolves when the provider has kept an upload waiting for `limit`: has taken nothing more of it, or has it all and
    /// did not answer. Where there is none, or it is its maker who is waited for, never.
    pub(super) async fn kept_waiting(&self, limit: Option<Duration>) -> Duration {
        let (Some(upload), Some(limit)) = (&self.upload, limit) else {
            return pending().await;
        };
        let asked = Instant::now();
        loop {
            let now = Instant::now();
            // Whatever comes while it waits for its maker moves the time on.
            let until = upload.provider_waited_for_since(asked).unwrap_or(now) + limit;
            if until <= now {
                return limit;
            }
            sleep_until(until).await;
        }
    }

    /// Its answer has begun: whatever is said of its quota from now on counts it, however long its body takes.
    pub(super) fn began(&self) {
        let begun = self.paced.lock().unwrap_or_else(PoisonError::into_inner).take();
        drop(begun);
    }

    /// What was asked for took so long: to its first event where it streams, else to its end.
    pub(super) fn took(&self, took: Duration) {
        self.instance.took(self.class, took);
        self.took.get_or_init(|| took);
    }

    /// The first event of its stream came, so long after it began.
    pub(super) fn first_event(&self, took: Duration) {
        self.took(took);
        self.permit.heard();
    }

    /// What was asked for cost so much.
    pub(super) fn spent(&self, usage: Option<Usage>) {
        if let (Some(watch), Some(usage)) = (&self.watch, usage) {
            watch.spent(&usage);
        }
    }

    /// Tells the balancer that chose. `served`: whether the provider did its part, if that is known.
    fn tell(&mut self, served: Option<bool>) {
        if let Some(watch) = self.watch.take() {
            self.instance.read_remaining();
            let took = self.took.get().copied();
            watch.ended(took.unwrap_or_else(|| self.started.elapsed()), served);
        }
    }

    /// Learns from the time that an attempt took, if it shows how fast the instance is: not from a quick refusal.
    pub(super) fn learn(
        &self,
        operation: &Operation,
        took: Duration,
        ended: &Result<Answer, (Evidence, Failure)>,
        hedge: &HedgeSettings,
    ) {
        let shows = match ended {
            Ok(_) => true,
            Err((evidence, failure)) => failure.kind == Kind::Timeout && evidence.is_some(),
        };
        if shows {
            self.instance.learn(operation, took, hedge);
        }
    }

    /// The attempt ended as it should.
    pub(super) fn succeeded(mut self) {
        self.tell(Some(true));
        self.instance.meters.attempts.count(None);
        self.instance.count(AttemptEnd::Answered, None, true);
        self.instance.learnt(AttemptOutcome::Success);
        self.instance.met_model(self.model.as_ref(), true);
        self.permit.tell(AttemptOutcome::Success);
        self.credits.served();
    }

    /// The attempt failed.
    pub(super) fn failed(mut self, evidence: Evidence, failure: Failure) -> Failure {
        // A refusal comes soon: who refuses everything is not to be taken for the fastest.
        let at_fault = matches!(evidence, Some(AttemptOutcome::Failure | AttemptOutcome::Unreadable(_)));
        self.tell(at_fault.then_some(false));
        self.instance.meters.attempts.count(Some(failure.kind));
        self.instance.heed_limit(&failure);
        self.instance.met_model(self.model.as_ref(), false);
        let failure = failure.by(&self.instance.spec.name);
        self.credits.failed(&failure);
        let end = AttemptEnd::of(&failure, evidence.is_some());
        let did_its_part = evidence == Some(AttemptOutcome::Success);
        self.instance.count(end, Some(&failure), did_its_part);
        if let Some(outcome) = evidence {
            self.instance.learnt(outcome);
            match failure.kind {
                Kind::UpstreamRateLimited | Kind::UpstreamAuth if did_its_part => self.permit.refused(),
                _ => self.permit.tell(outcome),
            }
        }
        failure
    }

    /// The stream broke with `failure`.
    pub(super) fn broke(self, failure: Failure) -> Failure {
        let evidence = self.evidence_of(&failure);
        self.failed(evidence, failure)
    }

    /// The driver panicked: the attempt has failed, and its actor ends with this driver.
    pub(super) fn panicked(self, panic: &(dyn Any + Send)) -> Failure {
        let (operation, generation) = (self.operation, self.generation);
        self.instance.traffic.count_panic();
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
}
