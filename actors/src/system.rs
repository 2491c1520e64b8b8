//! The whole tree on one page.
//!
//! Invariant: children start left to right and stop right to left, so the gateway is the last to come and the first to
//! go, and everything that it reads is there before it.

mod spec;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::join_all;
use serde::Serialize;
use tokio::sync::oneshot;
use tokio_util::sync::CancellationToken;

use crate::balancers::Lessons;
use crate::cache::chain::Chain;
use crate::cache::l1::{L1, L1Snapshot, l1_spec};
use crate::cache::purge::{Purge, TierPurged};
use crate::cache::tier::TierSnapshot;
use crate::cache::tiered::TieredCache;
use crate::cache::{CacheKey, Tag};
use crate::call::Call;
use crate::clock::Clock;
use crate::credits::{CreditBook, CreditSnapshot, credits_spec};
use crate::decision::{DecisionCounts, Decisions};
use crate::directory::{Published, Rulebook};
use crate::error::{Failure, Kind};
use crate::gateway::actor::gateway_spec;
use crate::gateway::admission::{Admission, Drained};
use crate::gateway::env::TaskEnv;
use crate::gateway::handle::{Front, Gateway};
use crate::instance::{Alert, Instance, InstanceSnapshot, Lookout};
use crate::messages::RouterMsg;
use crate::operation::{OperationRef, Operations};
use crate::plugin::{InstanceEnv, PluginSpec, Plugins, ReadyMade, Registry, manager_spec};
use crate::policy::balance::Learned;
use crate::policy::intensity::Intensity;
use crate::policy::routing::{CandidateSet, RouteTrace, ShadowReport, Shadows};
use crate::quota::{QuotaSnapshot, TenantSettings, Tenants, TenantsOwner};
use crate::router::{RouterEnv, router_spec};
use crate::supervision::{
    ChildSpec, Event, Events, Handle, RestartPolicy, StartError, State, Strategy, SupervisorHandle, SupervisorSpec,
    Tree, TreeOptions,
};
use crate::telemetry::Meters;

pub use crate::clock::Wall;
pub use spec::SystemSpec;

/// The name of the tree's root.
const ROOT: &str = "root";
/// The actors below it without which no call past the memory tier is served.
pub const VITAL: [&str; 2] = ["router", "gateway"];

/// A running system.
#[derive(Clone)]
pub struct System {
    gateway: Gateway,
    router: Handle<RouterMsg>,
    lessons: Arc<Lessons>,
    operations: Arc<Operations>,
    plugins: Plugins,
    tree: Tree,
    events: Events,
    routing: Arc<RouterEnv>,
    credits: Arc<CreditBook>,
}

/// A system as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct SystemSnapshot {
    /// It takes calls.
    pub accepting: bool,
    /// Calls in flight, streams included.
    pub in_flight: usize,
    /// The bound on them.
    pub max_in_flight: usize,
    /// The provider instances.
    pub instances: Vec<InstanceSnapshot>,
    /// The memory tier.
    pub l1: L1Snapshot,
    /// The tiers behind it.
    pub tiers: Vec<TierSnapshot>,
    /// Tenants with a gate.
    pub tenants: usize,
}

impl System {
    /// Starts the tree, then puts up the plugins, all at once. A plugin that does not come up is told in the log and
    /// looked at again; it does not keep the others from serving.
    ///
    /// # Errors
    /// What kept a child from starting; whatever had started is stopped again. So is it where the future is dropped before
    /// its end, as by a timeout around it.
    pub async fn start(spec: SystemSpec) -> Result<System, StartError> {
        let operations = spec.operations;
        let meters = Arc::new(Meters::new(spec.recorder.clone(), &operations, spec.metered_tenants));
        let clock = Clock::start();
        let settings = Arc::new(spec.settings);
        let mut loaders = spec.loaders;
        loaders.push(Arc::new(ReadyMade));
        let restarts = RestartPolicy {
            intensity: spec.intensity,
            backoff: spec.backoff,
        };
        let (stop, events) = (CancellationToken::new(), Events::default());
        let (router, gateway) = (Handle::default(), Handle::default());
        let credits = CreditBook::new(spec.credits, spec.wall.clone());
        let env = InstanceEnv {
            clock,
            credits: credits.clone(),
            meters: meters.clone(),
            lookout: lookout(&router, settings.outlier.consecutive_failures),
            restarts,
            operations: operations.clone(),
            events: events.clone(),
            paces: Arc::default(),
        };
        let registry = Registry::new(loaders, spec.plugin_settings, env);
        let cache = TieredCache::new(
            L1::new(spec.l1, meters.clone()),
            Chain::new(spec.tiers, clock, &meters),
            stop.clone(),
        );
        let tenants = Tenants::new(spec.limits_of, spec.tenants, clock, meters.clone());
        let admission = Arc::new(Admission::new(
            settings.max_in_flight,
            tenants.clone(),
            meters.clone(),
            stop.clone(),
        ));
        let directory = Arc::new(Published::default());
        let lessons = Arc::new(Lessons::new(
            spec.learned,
            router.clone(),
            meters.observations_dropped.clone(),
        ));
        let routing = Arc::new(RouterEnv {
            lessons: lessons.clone(),
            clock,
            meters: meters.clone(),
            rulebook: Rulebook {
                operations: operations.clone(),
                shadows: Arc::new(Shadows::new(spec.rules.len())),
                wall: spec.wall,
                rules: spec.rules,
                reaches: spec.reaches,
            },
            registry: registry.clone(),
            directory: directory.clone(),
            outlier: settings.outlier,
            events: events.clone(),
        });
        let tasks = Arc::new(TaskEnv {
            settings,
            clock,
            meters: meters.clone(),
            cache: cache.clone(),
            router: router.clone(),
            credits: credits.clone(),
            stop,
        });
        let front = Arc::new(Front {
            clock,
            decisions: Arc::new(Decisions::new(spec.decisions, meters.clone())),
            router: router.clone(),
            credits: credits.clone(),
            meters,
            admission: admission.clone(),
            directory,
            registry: registry.clone(),
            cache: cache.clone(),
            actor: gateway.clone(),
        });
        let plugins = Plugins { registry };
        let mut root = restarts.supervisor(Strategy::OneForOne);
        for service in spec.services {
            root = root.child(service);
        }
        let root = root
            .child(restarts.child(cache_spec(&cache, restarts, &events)))
            .child(restarts.child(tenants_spec(&tenants, spec.tenants, restarts)))
            .child(restarts.child(credits_spec(&credits)))
            .child(restarts.child(plugins_spec(&plugins, restarts)))
            .child(restarts.child(router_spec(&router, &routing)))
            .child(restarts.child(gateway_spec(&gateway, &tasks, &admission)));
        let options = TreeOptions {
            ledger_capacity: spec.ledger_capacity,
            recorder: spec.recorder,
            events: events.clone(),
            ..TreeOptions::default()
        };
        let tree = Tree::start_owned(ROOT, root, options).await?;
        let ready_made = spec.instances.into_iter().map(ReadyMade::spec);
        come_up(&plugins, spec.plugins.into_iter().chain(ready_made)).await;
        Ok(System {
            gateway: Gateway { front },
            router,
            lessons,
            operations,
            plugins,
            tree: tree.into_whole(),
            events,
            routing,
            credits,
        })
    }

    /// Leads plugins through their lives.
    pub fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// What callers hold.
    pub fn gateway(&self) -> &Gateway {
        &self.gateway
    }

    /// The supervision tree.
    pub fn tree(&self) -> &Tree {
        &self.tree
    }

    /// What happens in it: to actors, breakers and plugins, and by order.
    pub fn events(&self) -> &Events {
        &self.events
    }

    /// What keeps every call past the memory tier from being served, if anything does, by the name of the actor.
    pub fn outages(&self) -> Vec<(&'static str, String)> {
        let down = |name| {
            let node = self.tree.node(&format!("/{ROOT}/{name}"));
            let state = node.map_or(State::Stopped, |node| node.state());
            (state != State::Running).then(|| (name, format!("the {name} is {}", state.as_str().replace('_', " "))))
        };
        VITAL.into_iter().filter_map(down).collect()
    }

    /// Has the cache forget.
    ///
    /// # Errors
    /// `invalid_input` where no tier has the name; `network` where one still holds the one answer that was to be purged.
    pub async fn purge(&self, purge: &Purge) -> Result<Vec<TierPurged>, Failure> {
        self.gateway.front.cache.purge(purge).await
    }

    /// Has the cache forget what carries any of these tags: something has changed that no call of ours has changed.
    pub async fn invalidate(&self, tags: Vec<Tag>) {
        if !tags.is_empty() {
            self.gateway.front.cache.invalidate(tags).await;
        }
    }

    /// The tiers that a purge is about.
    ///
    /// # Errors
    /// `invalid_input` where no tier has the name.
    pub fn purged_tiers(&self, purge: &Purge) -> Result<Vec<&'static str>, Failure> {
        self.gateway.front.cache.purged_tiers(purge)
    }

    /// Whether the memory tier keeps an answer under `key`.
    pub fn cached(&self, key: &CacheKey) -> bool {
        self.gateway.front.cache.l1.holds(key)
    }

    /// The catalogue.
    pub fn operations(&self) -> &Arc<Operations> {
        &self.operations
    }

    /// The instances within `tenant`'s reach that can do `operation`.
    pub fn capable(&self, operation: OperationRef, tenant: &str) -> Vec<Arc<str>> {
        self.gateway.front.directory.load().table.capable(operation, tenant)
    }

    /// Whether an instance can do `operation`, whoever asks.
    pub fn can(&self, operation: OperationRef, instance: &str) -> bool {
        self.gateway.front.directory.load().table.can(operation, instance)
    }

    /// Whether `tenant` may know of an instance.
    pub fn reaches(&self, tenant: &str, instance: &str) -> bool {
        self.gateway.front.directory.load().table.reaches(tenant, instance)
    }

    /// Whether `tenant` may know of what is called `name`, and is of `service`, as operations are called and of services.
    pub fn allows(&self, tenant: &str, service: &str, name: &str) -> bool {
        self.gateway.front.directory.load().table.allows(tenant, service, name)
    }

    /// Whether `tenant` may know of every operation and every instance.
    pub fn is_unbounded(&self, tenant: &str) -> bool {
        self.gateway.front.directory.load().table.is_unbounded(tenant)
    }

    /// Whether `operation` is there for `tenant`: it may use it, and some instance within its reach may be able to do it.
    pub fn is_there_for(&self, operation: OperationRef, tenant: &str) -> bool {
        self.gateway
            .front
            .directory
            .load()
            .table
            .is_there_for(operation, tenant)
    }

    /// Where a call would go, with every step of the decision told to `trace`. Nothing is asked, taken or counted.
    ///
    /// # Errors
    /// As a call that came now would be refused.
    pub fn route(&self, call: &Call, trace: &mut dyn RouteTrace) -> Result<Arc<CandidateSet>, Failure> {
        self.gateway.front.directory.load().explain(call, trace)
    }

    /// What each rule in shadow would have changed so far.
    pub fn shadows(&self) -> Vec<ShadowReport> {
        let rulebook = &self.routing.rulebook;
        let rules = rulebook.rules.iter().enumerate();
        let shadowed = rules.filter(|(_, rule)| rule.enabled && rule.shadow);
        shadowed
            .filter_map(|(number, _)| rulebook.shadows.report(number))
            .collect()
    }

    /// The credits of providers that have any, by name.
    pub fn credits(&self) -> Vec<CreditSnapshot> {
        self.credits.snapshot()
    }

    /// A live instance.
    ///
    /// # Errors
    /// `not_found`.
    pub fn instance(&self, name: &str) -> Result<Arc<Instance>, Failure> {
        let found = self
            .plugins
            .registry
            .record(name)
            .and_then(|record| record.placed().cloned());
        found
            .map(|placed| placed.instance.clone())
            .ok_or_else(|| Failure::new(Kind::NotFound, format!("no provider is called {name}")))
    }

    /// As it stands; asks no mailbox.
    pub fn snapshot(&self) -> SystemSnapshot {
        let front = &self.gateway.front;
        let now = front.clock.nanos();
        let placed = self
            .plugins
            .registry
            .records()
            .into_iter()
            .filter_map(|record| record.placed().cloned());
        let instances = placed
            .map(|placed| placed.instance.snapshot(&self.operations, now))
            .collect();
        SystemSnapshot {
            accepting: self.gateway.accepting(),
            in_flight: self.gateway.in_flight(),
            max_in_flight: front.admission.max_in_flight(),
            instances,
            l1: front.cache.l1.snapshot(),
            tiers: front.cache.chain.snapshot(),
            tenants: front.admission.tenants.len(),
        }
    }

    /// How many decision records there are, and where.
    pub fn decision_counts(&self) -> DecisionCounts {
        self.gateway.front.decisions.counts()
    }

    /// Brings the gauges up to date that are set when somebody looks.
    pub fn refresh_gauges(&self) {
        self.tree.refresh_gauges();
        self.credits.refresh_gauges();
        for ShadowReport { rule, same, different } in self.shadows() {
            let name = &self.routing.rulebook.rules[rule].name;
            let name = if name.is_empty() {
                rule.to_string()
            } else {
                name.to_string()
            };
            self.routing.meters.shadow(name, [same, different]);
        }
        for record in self.plugins.registry.records() {
            if let Some(placed) = record.placed() {
                placed.instance.refresh_gauges();
            }
        }
    }

    /// The tenants' quotas as they stand.
    pub fn quotas(&self) -> Vec<QuotaSnapshot> {
        self.gateway.front.admission.tenants.snapshot()
    }

    /// Asks every tenant's limits again.
    pub fn limits_changed(&self) {
        self.gateway.front.admission.tenants.limits_changed();
    }

    /// What the balancers of rules have learned so far, by the numbers of their rules, to be kept and given to
    /// [`SystemSpec::learned`] of the next run. Of a router that is away, what it told last.
    pub async fn learned(&self) -> Vec<(usize, Learned)> {
        let (done, told) = oneshot::channel();
        // Where it is away, the question comes back and is dropped, and so is its answer.
        let _away = self.router.send(RouterMsg::Learned(done));
        told.await.unwrap_or_else(|_| self.lessons.kept())
    }

    /// Drains the calls in flight, then stops the tree in order.
    pub async fn shutdown(&self, limit: Duration) -> Drained {
        let drained = self.gateway.drain(limit).await;
        if let Err(error) = self.tree.shutdown().await {
            tracing::warn!(%error, "the tree did not stop in order");
        }
        self.events.tell(Event::Ended);
        drained
    }
}

/// cache: its tiers; those outside of this process with a circuit breaker each.
fn cache_spec(cache: &TieredCache, restarts: RestartPolicy, events: &Events) -> ChildSpec {
    let mut tiers = restarts
        .supervisor(Strategy::OneForOne)
        .child(restarts.child(l1_spec(&cache.l1)));
    for (name, children) in cache.chain.specs(events) {
        let tier = children
            .into_iter()
            .fold(restarts.supervisor(Strategy::OneForOne), |tier, child| {
                tier.child(restarts.child(child))
            });
        tiers = tiers.child(restarts.child(ChildSpec::supervisor(name, tier, None)));
    }
    ChildSpec::supervisor("cache", tiers, None)
}

/// tenants: their owner, and under a supervisor of its own one quota actor for each active tenant.
fn tenants_spec(tenants: &Arc<Tenants>, settings: TenantSettings, restarts: RestartPolicy) -> ChildSpec {
    let quotas = SupervisorHandle::new();
    let dynamic = SupervisorSpec::new(Strategy::OneForOne)
        .intensity(TIRELESS)
        .max_children(settings.max_tenants + 1);
    let owner = tenants.owner.clone();
    let tenants = tenants.clone();
    let reached = quotas.clone();
    let owner = ChildSpec::worker("owner", &owner, move || {
        Ok(TenantsOwner {
            tenants: tenants.clone(),
            quotas: reached.clone(),
            backoff: restarts.backoff,
        })
    })
    .kind("tenants");
    // Rest for one: when the quotas' supervisor comes back empty, the owner is started after it and fills it again.
    let spec = restarts
        .supervisor(Strategy::RestForOne)
        .child(restarts.child(ChildSpec::supervisor("quotas", dynamic, Some(&quotas))))
        .child(restarts.child(owner));
    ChildSpec::supervisor("tenants", spec, None)
}

/// plugins: their manager, and under a supervisor of their own one supervisor for each instance, with its circuit
/// breaker and its provider actor.
fn plugins_spec(plugins: &Plugins, restarts: RestartPolicy) -> ChildSpec {
    let most = plugins.registry.max_children();
    let instances = SupervisorSpec::new(Strategy::OneForOne)
        .intensity(TIRELESS)
        .max_children(most);
    // Rest for one, as with the tenants.
    let instances = ChildSpec::supervisor("instances", instances, Some(&plugins.registry.supervisor));
    let spec = restarts
        .supervisor(Strategy::RestForOne)
        .child(restarts.child(instances))
        .child(restarts.child(manager_spec(&plugins.registry)));
    ChildSpec::supervisor("plugins", spec, None)
}

/// However many instances or tenants flap, and however often: that is their misfortune, not the gateway's.
const TIRELESS: Intensity = Intensity {
    restarts: u32::MAX,
    period: Duration::from_secs(1),
};

/// Puts up plugins, all at once.
async fn come_up(plugins: &Plugins, specs: impl Iterator<Item = PluginSpec>) {
    let coming = specs.map(|plugin| async move {
        let name = plugin.name.clone();
        if let Err(failure) = plugins.add(plugin).await {
            tracing::warn!(plugin = &*name, %failure, "a plugin did not come up; it is looked at again");
        }
    });
    join_all(coming).await;
}

/// Has the router told of instances that fail so often in a row, and of those that are well again.
fn lookout(router: &Handle<RouterMsg>, consecutive_failures: u32) -> Lookout {
    let router = router.clone();
    let tell = move |alert| {
        let message = match alert {
            Alert::Failing(name) => RouterMsg::Failing(name),
            Alert::Well(name) => RouterMsg::Well(name),
        };
        // A router that is away hears of the next.
        let _away = router.send(message);
    };
    Lookout {
        tell: Arc::new(tell),
        consecutive_failures,
    }
}
