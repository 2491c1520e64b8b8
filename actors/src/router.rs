//! The router actor: balances, guards, forwards.
//!
//! Invariant: it handles an attempt in one turn, without waiting; "no candidate left" is its answer, too. The directory
//! that it publishes is the only list of instances.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use tokio_util::task::AbortOnDropHandle;

use crate::breaker::BreakerPermit;
use crate::call::Call;
use crate::error::{Failure, Kind};
use crate::gateway::{CallPermits, CallRecord, Core};
use crate::instance::{Instance, InstancePermit};
use crate::plugin::Registry;
use crate::policy::balance::{Balancer, RoundRobin};
use crate::policy::routing::{CandidateSet, RoutingTable, Rule};
use crate::port::AttemptPort;
use crate::provider::{GuardedAttempt, ProviderMsg};
use crate::supervision::{ChildSpec, Context, Fault, Handle, Message, Unavailable, Worker};
use crate::telemetry::{phase, sampled};
use tokio::time::Instant;

/// The instances and the routing table over them, as every call reads them.
#[derive(Default)]
pub(crate) struct Directory {
    pub(crate) table: RoutingTable,
    pub(crate) instances: HashMap<Arc<str>, Arc<Instance>>,
}

impl Directory {
    /// Compiles the rules over the plugins that are registered. Those that do not serve now are known to the table,
    /// and missing among the instances.
    fn of(rules: &[Rule], registry: &Registry) -> Self {
        let (routables, unloaded) = registry.routables();
        let serving = registry.serving().into_iter();
        Directory {
            table: RoutingTable::new(rules, &routables, &unloaded),
            instances: serving.map(|instance| (instance.spec.name.clone(), instance)).collect(),
        }
    }
}

/// What the router is told.
pub(crate) enum RouterMsg {
    /// Find a candidate for one attempt.
    Attempt(Attempt),
    /// The registry of plugins has changed.
    Refresh,
}

impl Message for RouterMsg {
    fn label(&self) -> &'static str {
        match self {
            RouterMsg::Attempt(attempt) => attempt.call.operation.name,
            RouterMsg::Refresh => "refresh",
        }
    }
}

/// One attempt that looks for a candidate.
pub(crate) struct Attempt {
    pub(crate) call: Arc<Call>,
    pub(crate) candidates: Arc<CandidateSet>,
    /// Instances that failed this call.
    pub(crate) excluded: Vec<Arc<str>>,
    /// The instance to ask again, if it may be asked.
    pub(crate) prefer: Option<Arc<str>>,
    /// When it must have its answer.
    pub(crate) until: Instant,
    /// The call's permits: a call that is given up frees them only when its message has left this mailbox.
    pub(crate) held: Arc<CallPermits>,
    pub(crate) port: AttemptPort,
}

/// Balancers at most; candidate sets are few, but a bound holds everywhere.
const MAX_BALANCERS: usize = 10_000;

struct Router {
    core: Arc<Core>,
    balancers: HashMap<u64, Box<dyn Balancer>>,
    /// Tells it when the registry has changed.
    follower: Option<AbortOnDropHandle<()>>,
}

/// The child spec of the router actor.
pub(crate) fn router_spec(core: &Arc<Core>) -> ChildSpec {
    let handle = core.router.clone();
    let core = core.clone();
    ChildSpec::worker("router", &handle, move || {
        Ok(Router {
            core: core.clone(),
            balancers: HashMap::new(),
            follower: None,
        })
    })
    .kind("router")
}

impl Worker for Router {
    type Msg = RouterMsg;

    async fn start(&mut self, cx: &Context<RouterMsg>) -> Result<(), Fault> {
        let follow = follow(self.core.plugins.clone(), cx.handle().clone());
        self.follower = Some(AbortOnDropHandle::new(tokio::spawn(follow)));
        self.refresh();
        Ok(())
    }

    async fn handle(&mut self, message: RouterMsg, _cx: &Context<RouterMsg>) -> Result<(), Fault> {
        match message {
            RouterMsg::Attempt(attempt) => self.forward(attempt),
            RouterMsg::Refresh => self.refresh(),
        }
        Ok(())
    }
}

/// When to tell a router that is not live yet.
const STARTING: Duration = Duration::from_millis(1);

/// Tells the router of changes, one message at a time however many there are: the next when it has caught up.
async fn follow(plugins: Arc<Registry>, router: Handle<RouterMsg>) {
    let mut versions = plugins.versions();
    loop {
        versions.mark_unchanged();
        while let Some(version) = plugins.unrouted() {
            match router.send(RouterMsg::Refresh) {
                Ok(()) => plugins.routed(version).await,
                Err(_starting) => tokio::time::sleep(STARTING).await,
            }
        }
        // Its sender is the registry's, which is held here.
        let _open = versions.changed().await;
    }
}

/// Why a candidate could not be asked.
#[derive(Default)]
struct Refusals {
    open: Option<Duration>,
    full: bool,
}

impl Router {
    /// Makes the directory anew, if it is behind.
    fn refresh(&self) {
        let plugins = &self.core.plugins;
        if let Some(version) = plugins.unrouted() {
            self.core.publish(Directory::of(&self.core.rules, plugins));
            plugins.set_routed(version);
        }
    }

    fn forward(&mut self, attempt: Attempt) {
        let Attempt {
            call,
            candidates,
            excluded,
            prefer,
            until,
            held,
            port,
        } = attempt;
        let entry = held.listed.entry().clone();
        // Before the answer can come: who has it may call again, and finds its permit free.
        drop(held);
        if port.is_closed() {
            return;
        }
        let directory = self.core.directory.load_full();
        let usable = |name: &Arc<str>| {
            let instance = directory.instances.get(name).filter(|instance| instance.accepting())?;
            (!excluded.contains(name)).then_some(instance)
        };
        let now = self.core.clock.nanos();
        let (meters, sampled) = (self.core.meters.clone(), sampled());
        let mut refusals = Refusals::default();
        let mut offer = Offer {
            call,
            until,
            entry,
            port,
        };
        let all = &candidates.instances;
        let mut preferred = prefer.and_then(|name| all.iter().position(|candidate| *candidate == name));
        // Each turn is the balancer's over all of them, so that the turn of one who cannot be asked is shared evenly.
        // Nearly always the first takes it: nobody looks at the others, of whom there may be a thousand.
        for _ in 0..=all.len() {
            let preferred = preferred.take();
            let turn = phase!(meters, sampled, "balance", {
                preferred.or_else(|| self.pick(candidates.id, all.len()))
            });
            let Some(index) = turn else { break };
            let Some(instance) = all.get(index).and_then(usable) else {
                continue;
            };
            match phase!(meters, sampled, "guard", offer.made_to(instance, now, &mut refusals)) {
                None => return,
                Some(declined) => offer = declined,
            }
        }
        offer.port.answer(Err(refusals.failure()));
    }

    fn pick(&mut self, set: u64, count: usize) -> Option<usize> {
        if count < 2 {
            return count.checked_sub(1);
        }
        if self.balancers.len() >= MAX_BALANCERS {
            self.balancers.clear();
        }
        self.balancers
            .entry(set)
            .or_insert_with(|| Box::new(RoundRobin::default()))
            .pick(count)
    }
}

/// An attempt that nobody has taken so far.
struct Offer {
    call: Arc<Call>,
    until: Instant,
    /// The call in the list of those in flight.
    entry: Arc<CallRecord>,
    port: AttemptPort,
}

impl Offer {
    /// Guards, and forwards to the instance's provider actor; given back where it cannot be asked now.
    fn made_to(self, instance: &Arc<Instance>, now: u64, refusals: &mut Refusals) -> Option<Offer> {
        let Some((permit, bulkhead)) = guard(instance, now, refusals) else {
            return Some(self);
        };
        let Offer {
            call,
            until,
            entry,
            port,
        } = self;
        entry.asked(&instance.spec.name);
        let guarded = GuardedAttempt {
            call,
            until,
            permit,
            bulkhead,
            port,
        };
        match instance.provider.send(ProviderMsg::Attempt(guarded)) {
            Ok(()) => None,
            Err(Unavailable(ProviderMsg::Attempt(back))) => Some(Offer {
                call: back.call,
                until: back.until,
                entry,
                port: back.port,
            }),
            Err(Unavailable(_)) => unreachable!("the message that comes back is the one that was sent"),
        }
    }
}

fn guard(instance: &Arc<Instance>, now: u64, refusals: &mut Refusals) -> Option<(BreakerPermit, InstancePermit)> {
    let permit = match instance.breaker.permit(now) {
        Ok(permit) => permit,
        Err(wait) => {
            refusals.open = Some(refusals.open.map_or(wait, |known| known.min(wait)));
            return None;
        }
    };
    let Some(bulkhead) = instance.acquire() else {
        refusals.full = true;
        return None;
    };
    Some((permit, bulkhead))
}

impl Refusals {
    fn failure(self) -> Failure {
        let failure = if self.full {
            Failure::new(Kind::Overloaded, "every provider that could serve this is busy")
                .after(Duration::from_millis(100))
        } else if let Some(wait) = self.open {
            Failure::new(Kind::CircuitOpen, "every provider that could serve this is failing").after(wait)
        } else {
            Failure::new(Kind::NoProvider, "no provider that could serve this is running").after(Duration::from_secs(1))
        };
        failure.never_sent()
    }
}
