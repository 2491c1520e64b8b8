//! One provider instance as the router sees it: what is configured, and what its actors publish.
//!
//! Invariant: the published state belongs to the instance, not to an actor, and survives every restart.

mod compared;
mod comparing;
mod driven;
mod flow;
mod flowing;
mod heard;
mod looking;
mod overload;
mod pacing;
mod remaining;
mod snapshot;
mod spec;
mod traffic;

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::atomic::{AtomicBool, AtomicU64};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::sync::{oneshot, watch};

use crate::breaker::{BreakerPermit, Breakers};
use crate::bulkhead::{Bulkhead, BulkheadPermit};
use crate::call::Call;
use crate::clock::{Clock, nanos_of};
use crate::credits::{CreditGate, CreditPermit};
use crate::driver::{Capabilities, Credential, Driver};
use crate::error::{Failure, Kind};
use crate::feedback::Watch;
use crate::operation::Operations;
use crate::paces::{CredentialPaces, Paces};
use crate::policy::balance::CandidateView;
use crate::policy::concurrency::ConcurrencyLimit;
use crate::policy::estimate::{Class, Estimate, Latencies};
use crate::policy::offers::ListingSettings;
use crate::policy::offers::Offers;
use crate::policy::routing::Routable;
use crate::port::AttemptPort;
use crate::supervision::{Handle, Message};
use crate::telemetry::{Meters, ProviderMeters};

use compared::Compared;
pub(crate) use compared::{Alert, Lookout};
use driven::Driven;
use flow::Flow;
pub(crate) use heard::Heard;
pub use overload::OverloadSettings;
use remaining::Remaining;
pub use snapshot::InstanceSnapshot;
pub use spec::{CheckSettings, InstanceSpec};
pub(crate) use traffic::Traffic;
pub use traffic::{AttemptEnd, LastAttempt, LastFailure, TrafficSnapshot};

/// For how long one that refused our credential is passed over while another can serve: as long as an account that is spent
/// is, for who is not asked about its health shows only to a call that it is well again.
const CREDENTIAL_PAUSE: Duration = Duration::from_secs(300);

/// A live instance.
pub struct Instance {
    /// As configured.
    pub spec: InstanceSpec,
    /// Its circuit breaker.
    pub breaker: Arc<Breakers>,
    /// Its provider actor.
    pub(crate) provider: Handle<ProviderMsg>,
    /// What is measured of it.
    pub(crate) meters: Arc<ProviderMeters>,
    /// Its credits; none where there is no bound on what is spent there.
    pub(crate) credits: Option<Arc<CreditGate>>,
    bulkhead: Arc<Bulkhead>,
    flow: Flow,
    paces: Arc<Paces>,
    /// Those of its credential's quotas.
    paced: ArcSwap<CredentialPaces>,
    driven: Driven,
    /// What its driver said of itself when it was made.
    narrowed: ArcSwap<Narrowed>,
    offers: Arc<Offers>,
    /// How its provider's list is asked for; none where it is not.
    pub(crate) listing: Option<ListingSettings>,
    /// How its health is asked for while it serves; none where it is not.
    pub(crate) checks: Option<CheckSettings>,
    /// What was heard when it was.
    heard: Heard,
    /// Its provider was asked for its list, with whatever success.
    listed: watch::Sender<bool>,
    latencies: Latencies,
    /// What is left of what its provider grants, as last read.
    remaining: Remaining,
    /// How it does beside its equivalents.
    compared: Compared,
    /// Until when it asked not to be asked, in nanoseconds of the system's clock; 0: it did not.
    limited_until: AtomicU64,
    clock: Clock,
    accepting: AtomicBool,
    pub(crate) traffic: Traffic,
}

/// What a driver can do and whom it asks, as it found when it was made.
struct Narrowed {
    capabilities: Capabilities,
    credential_scope: u64,
}

/// What an instance finds where it is put up.
pub(crate) struct Around<'a> {
    /// Who is told of one that fails again and again.
    pub(crate) lookout: &'a Lookout,
    pub(crate) clock: Clock,
    pub(crate) meters: &'a Meters,
    /// How the quotas are spread that instances share.
    pub(crate) paces: &'a Arc<Paces>,
    /// What may be spent there; none where there is no bound on that.
    pub(crate) credits: Option<Arc<CreditGate>>,
}

impl Instance {
    pub(crate) fn new(
        spec: InstanceSpec,
        listing: ListingSettings,
        checks: Option<CheckSettings>,
        around: Around<'_>,
    ) -> Arc<Self> {
        let Around {
            lookout,
            clock,
            meters,
            paces,
            credits,
        } = around;
        let parts = meters.breaker_parts(&spec.name, &spec.breaker_per.metered());
        let meters = meters.provider(&spec.name);
        let limit = spec
            .overload
            .limit
            .map(|limit| ConcurrencyLimit::new(limit, spec.max_in_flight));
        let places = limit.as_ref().map_or(spec.max_in_flight, ConcurrencyLimit::limit);
        meters.max_in_flight.set(spec.max_in_flight as f64);
        Arc::new(Instance {
            breaker: Breakers::new(spec.breaker_per, spec.breaker, clock, meters.breaker.clone(), parts),
            provider: Handle::new(),
            bulkhead: Bulkhead::new(places, spec.overload.waiting, clock, &meters),
            flow: Flow::new(limit),
            paces: paces.clone(),
            paced: ArcSwap::new(paces.of(spec.credential_scope)),
            driven: Driven::default(),
            narrowed: ArcSwap::from_pointee(Narrowed {
                capabilities: spec.capabilities.clone(),
                credential_scope: spec.credential_scope,
            }),
            offers: Arc::new(Offers::new(&spec.offers)),
            // Patterns decide alone. Whether its health is asked is another matter.
            listing: spec.offers.is_empty().then_some(listing),
            checks,
            heard: Heard::default(),
            listed: watch::Sender::new(false),
            latencies: Latencies::default(),
            remaining: Remaining::default(),
            compared: Compared::by(lookout.clone()),
            limited_until: AtomicU64::new(0),
            clock,
            accepting: AtomicBool::new(true),
            traffic: Traffic::default(),
            credits,
            meters,
            spec,
        })
    }

    /// Whether it takes new attempts; it does not while it drains.
    pub fn accepting(&self) -> bool {
        self.accepting.load(Relaxed)
    }

    /// Takes no new attempts from now on.
    pub(crate) fn stop_accepting(&self) {
        self.accepting.store(false, Relaxed);
    }

    /// Takes new attempts again.
    pub(crate) fn resume(&self) {
        self.accepting.store(true, Relaxed);
    }

    /// Its provider actor is live.
    pub fn is_up(&self) -> bool {
        self.provider.is_live()
    }

    /// As [`Instance::is_up`], but does not mistake the microseconds of a restart for an absence.
    pub(crate) async fn is_up_soon(&self) -> bool {
        let mut pause = Duration::from_millis(1);
        while !self.is_up() && pause < Duration::from_millis(300) {
            tokio::time::sleep(pause).await;
            pause *= 2;
        }
        self.is_up()
    }

    /// Resolves when no attempt is in flight.
    pub(crate) async fn idle(&self) {
        self.bulkhead.idle().await;
    }

    /// Takes a permit among its attempts in flight, if there is one: `held`, where that is one of its own.
    pub(crate) fn acquire(&self, call: &Call, held: &mut Option<BulkheadPermit>) -> Option<BulkheadPermit> {
        let own = held.take_if(|held| held.is_of(&self.bulkhead));
        own.or_else(|| self.bulkhead.acquire(call))
    }

    /// Whether another attempt may be in flight.
    pub(crate) fn has_room(&self) -> bool {
        self.bulkhead.has_room()
    }

    /// What routing must know of it now.
    pub(crate) fn routable(&self) -> Routable {
        let narrowed = self.narrowed.load();
        Routable {
            name: self.spec.name.clone(),
            capabilities: narrowed.capabilities.clone(),
            credential_scope: narrowed.credential_scope,
            offers: self.offers.clone(),
            labels: self.spec.labels.clone(),
            prices: self.spec.billing.prices.clone(),
            credited: self.credits.is_some(),
        }
    }

    /// Takes over what a new driver says of itself. True where routing must know.
    pub(crate) fn narrow(&self, capabilities: Option<Capabilities>, credential_scope: Option<u64>) -> bool {
        let narrowed = Narrowed {
            capabilities: match capabilities {
                Some(able) => self.spec.capabilities.narrowed(&able),
                None => self.spec.capabilities.clone(),
            },
            credential_scope: credential_scope.unwrap_or(self.spec.credential_scope),
        };
        let known = self.narrowed.load();
        let differs =
            known.capabilities != narrowed.capabilities || known.credential_scope != narrowed.credential_scope;
        if differs {
            self.paced.store(self.paces.of(narrowed.credential_scope));
            self.narrowed.store(Arc::new(narrowed));
        }
        differs
    }

    /// Takes over the names that its provider lists.
    pub(crate) fn offer(&self, names: Option<Vec<Arc<str>>>) {
        self.offers.list(names);
    }

    /// Its provider was asked for its list.
    pub(crate) fn listed(&self) {
        self.listed.send_replace(true);
    }

    /// Resolves when its provider has been asked for its list once, and at the latest when that has had its time: who is
    /// to take calls should know which.
    pub(crate) async fn first_listed(&self) {
        let Some(settings) = self.listing else {
            return;
        };
        let mut listed = self.listed.subscribe();
        // The sender is here.
        let _late = tokio::time::timeout(settings.timeout, listed.wait_for(|listed| *listed)).await;
    }

    /// Where a failure tells of a rate limit, it is not asked while that lasts.
    pub(crate) fn heed_limit(&self, failure: &Failure) {
        if let (Kind::UpstreamRateLimited, Some(wait)) = (failure.kind, failure.retry_after) {
            let until = self.clock.nanos().saturating_add(nanos_of(wait));
            self.limited_until.fetch_max(until, Relaxed);
        }
    }

    /// A call that names this model has ended; `answered`: as it should. There is such a model if it was, or if it is listed:
    /// then it has a circuit of its own from now on, where each has one.
    pub(crate) fn met_model(&self, model: Option<&Arc<str>>, answered: bool) {
        if let Some(model) = model.filter(|model| answered || self.offers.names(model)) {
            self.breaker.has_model(model);
        }
    }

    /// An attempt that succeeded took so long: to its first event where it streams, else to its end.
    pub(crate) fn took(&self, class: Class, took: Duration) {
        self.latencies.of(class).note(took, self.clock.nanos());
    }

    /// As a balancer that looks for who serves `call` sees it at `now`.
    pub(crate) fn view(&self, call: &Call, now: u64) -> CandidateView {
        let limited_until = self.limited_until.load(Relaxed);
        // Who refuses our credential refuses it to every call, until a health check or an attempt finds that it serves.
        let refused_until = self.traffic.credential_refused_at();
        let refused_until = refused_until.map_or(0, |at| at.saturating_add(nanos_of(CREDENTIAL_PAUSE)));
        let limited_until = limited_until.max(refused_until);
        let gate = self.breaker.of(call);
        CandidateView {
            available: self.accepting() && self.has_room() && gate.wait(now).is_none(),
            in_flight: self.bulkhead.taken(),
            max_in_flight: self.limit(),
            latency: self.latencies.of(Class::of(&call.operation)).estimate(now),
            limited_until: if limited_until > now { limited_until } else { 0 },
            scarce: self.driven.is_scarce(),
            remaining: self.remaining.get(),
            weight: self.spec.weight,
            share: self.share(gate, now),
        }
    }

    /// What is expected of its next attempt's time, for operations of a class; `None`: nothing was measured so far.
    pub fn latency(&self, class: Class, now: u64) -> Option<Estimate> {
        self.latencies.of(class).estimate(now)
    }

    /// What is left of what its provider grants, 0 to 1, as last read.
    pub(crate) fn remaining(&self) -> Option<f32> {
        self.remaining.get()
    }

    /// Reads what is left of what its provider grants, for who learns from it.
    pub(crate) fn read_remaining(&self) {
        self.remaining.set(&self.driven.rate_limits());
    }

    /// Its actor has made this driver.
    pub(crate) fn driven_by(&self, driver: &Arc<dyn Driver>) {
        self.driven.by(driver);
        self.compared.back(self.now());
    }

    /// Brings the gauges up to date that nothing tells when they change.
    pub(crate) fn refresh_gauges(&self) {
        self.meters.rate_limits.show(&self.driven.rate_limits());
    }

    /// The least that is left of the limits that its provider tells of.
    pub(crate) fn least_left(&self) -> Option<u64> {
        let limits = self.driven.rate_limits();
        limits.iter().filter_map(|limit| limit.remaining).min()
    }

    /// Nanoseconds of its system's clock.
    pub(crate) fn now(&self) -> u64 {
        self.clock.nanos()
    }

    /// Times that its driver panicked. More than its actor's restarts, where several attempts of one driver did.
    pub fn panics(&self) -> u64 {
        self.traffic.panics()
    }

    /// Attempts in flight.
    pub fn in_flight(&self) -> usize {
        self.bulkhead.taken()
    }

    /// As of `now`; `operations` give the names of what it can do.
    pub fn snapshot(&self, operations: &Operations, now: u64) -> InstanceSnapshot {
        let limited_until = self.limited_until.load(Relaxed);
        InstanceSnapshot {
            name: self.spec.name.clone(),
            kind: self.spec.kind.clone(),
            accepting: self.accepting(),
            in_flight: self.in_flight(),
            max_in_flight: self.spec.max_in_flight,
            limit: self.limit(),
            waiting: self.waiting(),
            traffic: self.traffic.snapshot(now),
            breaker: self.breaker.snapshot(now),
            breakers: match self.breaker.is_divided() {
                true => self.breaker.snapshots(now),
                false => Vec::new(),
            },
            share: self.share(self.breaker.first(), now),
            ejected_for_ms: self
                .is_ejected(now)
                .then(|| self.standing().until.saturating_sub(now) / 1_000_000),
            limited_for_ms: (limited_until > now).then(|| (limited_until - now) / 1_000_000),
            rate_limits: self.driven.rate_limits(),
            operations: self.narrowed.load().capabilities.names(operations),
        }
    }
}

/// What a provider actor is told.
pub(crate) enum ProviderMsg {
    /// Hand out the driver for one attempt.
    Attempt(GuardedAttempt),
    /// Ask the driver whether its provider is well.
    Health(oneshot::Sender<Result<Credential, Failure>>),
    /// An attempt's driver panicked.
    Crashed {
        /// The driver of which incarnation.
        generation: u64,
        /// During which operation.
        operation: &'static str,
        /// What the panic said.
        text: String,
    },
}

impl Message for ProviderMsg {
    fn label(&self) -> &'static str {
        match self {
            ProviderMsg::Attempt(_) => "attempt",
            ProviderMsg::Health(_) => "health",
            ProviderMsg::Crashed { operation, .. } => operation,
        }
    }
}

/// An attempt that its breaker and bulkhead let through.
pub(crate) struct GuardedAttempt {
    /// Tells the balancer that chose how it ends, where that learns.
    pub(crate) watch: Option<Box<Watch>>,
    pub(crate) permit: BreakerPermit,
    pub(crate) bulkhead: BulkheadPermit,
    pub(crate) credits: CreditPermit,
    pub(crate) port: AttemptPort<Grant>,
}

/// What comes of looking for a candidate.
pub(crate) enum Grant {
    /// An attempt may be run.
    Run(Granted),
    /// This one can be asked, once there is a place.
    Crowded(Arc<Instance>),
    /// This one can be asked after this time, if its provider's quota is to last.
    Paced(Arc<Instance>, Duration),
    /// Some can be asked once their credits are leased; what a caller is told who does not wait for that.
    Short(Failure),
}

/// The right to run one attempt with a driver. The call's task runs it.
pub(crate) struct Granted {
    pub(crate) instance: Arc<Instance>,
    pub(crate) driver: Arc<dyn Driver>,
    /// Who is told when the driver panics.
    pub(crate) actor: Handle<ProviderMsg>,
    /// The incarnation that the driver belongs to.
    pub(crate) generation: u64,
    /// Tells the balancer that chose how it ends, where that learns.
    pub(crate) watch: Option<Box<Watch>>,
    pub(crate) permit: BreakerPermit,
    pub(crate) bulkhead: BulkheadPermit,
    pub(crate) credits: CreditPermit,
}
