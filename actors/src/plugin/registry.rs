//! The registry of plugins: what the manager knows, published for everybody.
//!
//! Invariant: only the manager writes; every reader sees a whole record, never half a step.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Weak};

use arc_swap::ArcSwap;
use tokio::sync::oneshot;

use super::manager::{PluginMsg, PluginOrder};
use super::{ConfigSnapshot, Health, HealthSnapshot, Loader, Passed, PluginSettings, PluginSnapshot, PluginSpec};
use crate::clock::Clock;
use crate::error::{Failure, Kind};
use crate::gateway::patience::send_patiently;
use crate::instance::Instance;
use crate::messages::RouterMsg;
use crate::operation::Operations;
use crate::policy::lifecycle::Life;
use crate::policy::routing::Routable;
use crate::provider::ProviderEnv;
use crate::supervision::{Handle, SupervisorHandle};
use crate::system::RestartPolicy;
use crate::telemetry::Meters;

/// Steps that are remembered of each life.
const HISTORY: usize = 32;

/// What is known of one plugin.
#[derive(Clone)]
pub(crate) struct Record {
    pub(crate) spec: PluginSpec,
    pub(crate) life: Life,
    pub(crate) since: u64,
    pub(crate) revision: u64,
    pub(crate) busy: Option<Busy>,
    pub(crate) problem: Option<Arc<str>>,
    /// Why its settings cannot be used.
    pub(crate) invalid: Option<Arc<str>>,
    /// What was last heard of its health, and since when that has been so.
    pub(crate) health: (Health, u64),
    pub(crate) history: Vec<(Life, u64)>,
    pub(crate) placed: Option<Placement>,
    /// What routing knows of it, as of its last load: one that does not serve now is still known.
    pub(crate) routable: Option<Routable>,
    /// Failed looks since it was last well, and when to look again.
    pub(crate) looks: (u32, u64),
}

/// What is being done with a plugin, and by which procedure. It counts while the procedure lives, so that no lost message
/// keeps a plugin busy for ever.
#[derive(Clone)]
pub(crate) struct Busy {
    pub(crate) with: &'static str,
    pub(crate) ticket: u64,
    pub(crate) alive: Weak<()>,
}

/// An instance and the name of its supervisor among the plugins.
#[derive(Clone)]
pub(crate) struct Placement {
    pub(crate) instance: Arc<Instance>,
    pub(crate) child: Arc<str>,
}

impl Record {
    pub(crate) fn new(spec: PluginSpec, now: u64) -> Self {
        Record {
            spec,
            life: Life::Discovered,
            since: now,
            revision: 0,
            busy: None,
            problem: None,
            invalid: None,
            health: (Health::Unknown, now),
            history: vec![(Life::Discovered, now)],
            placed: None,
            routable: None,
            looks: (0, 0),
        }
    }

    /// What is being done with it now.
    pub(crate) fn busy(&self) -> Option<&Busy> {
        self.busy.as_ref().filter(|busy| busy.alive.strong_count() > 0)
    }

    /// Whether the procedure with this ticket leads it.
    pub(crate) fn led_by(&self, ticket: u64) -> bool {
        self.busy.as_ref().is_some_and(|busy| busy.ticket == ticket)
    }

    /// It has this instance, and no other has its place in the tree.
    pub(crate) fn has(&self, placed: &Placement) -> bool {
        self.placed
            .as_ref()
            .is_some_and(|own| Arc::ptr_eq(&own.instance, &placed.instance))
    }

    /// Keeps what was heard; the time is that of the last change between well, unwell and unknown.
    pub(crate) fn hear(&mut self, health: Health, now: u64) {
        let changed = std::mem::discriminant(&self.health.0) != std::mem::discriminant(&health);
        let since = if changed { now } else { self.health.1 };
        self.health = (health, since);
    }

    /// Takes a legal step.
    pub(crate) fn step(&mut self, to: Life, now: u64) -> Result<(), Failure> {
        self.life = self
            .life
            .step(to)
            .map_err(|illegal| Failure::new(Kind::Conflict, illegal.to_string()))?;
        self.since = now;
        if self.history.len() == HISTORY {
            self.history.remove(0);
        }
        self.history.push((to, now));
        Ok(())
    }
}

/// What an instance finds in the system that it lives in.
pub(crate) struct InstanceEnv {
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    /// How its actors are restarted.
    pub(crate) restarts: RestartPolicy,
    pub(crate) provider: ProviderEnv,
    /// The names of operations.
    pub(crate) operations: Arc<Operations>,
}

/// What the manager, its procedures and the router share.
pub(crate) struct Registry {
    records: ArcSwap<BTreeMap<Arc<str>, Arc<Record>>>,
    pub(super) loaders: HashMap<&'static str, Arc<dyn Loader>>,
    pub(super) settings: PluginSettings,
    pub(super) env: InstanceEnv,
    /// The dynamic supervisor above all instances.
    pub(crate) supervisor: SupervisorHandle,
    pub(crate) manager: Handle<PluginMsg>,
    tickets: AtomicU64,
}

impl Registry {
    pub(crate) fn new(loaders: Vec<Arc<dyn Loader>>, settings: PluginSettings, env: InstanceEnv) -> Arc<Self> {
        Arc::new(Registry {
            records: ArcSwap::default(),
            loaders: loaders.into_iter().map(|loader| (loader.name(), loader)).collect(),
            settings,
            env,
            supervisor: SupervisorHandle::new(),
            manager: Handle::new(),
            tickets: AtomicU64::new(1),
        })
    }

    pub(super) fn now(&self) -> u64 {
        self.env.clock.nanos()
    }

    /// Children that the supervisor of the instances may have: during an update a plugin has two.
    pub(crate) fn max_children(&self) -> usize {
        self.settings.max_plugins.saturating_mul(2)
    }

    pub(crate) fn record(&self, name: &str) -> Option<Arc<Record>> {
        self.records.load().get(name).cloned()
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.records.load().values().cloned().collect()
    }

    /// The instances that take calls.
    pub(crate) fn serving(&self) -> Vec<Arc<Instance>> {
        let serves = |record: &Arc<Record>| {
            record
                .placed
                .as_ref()
                .filter(|_| record.life.serves())
                .map(|p| p.instance.clone())
        };
        self.records.load().values().filter_map(serves).collect()
    }

    /// What routing knows: the loaded plugins, and the names of those that never were.
    pub(crate) fn routables(&self) -> (Vec<Routable>, Vec<Arc<str>>) {
        let records = self.records();
        let unloaded = records.iter().filter(|record| record.routable.is_none());
        let unloaded = unloaded.map(|record| record.spec.name.clone()).collect();
        // What its driver says now, else what was known last.
        let routable = |record: &Arc<Record>| {
            let placed = record.placed.as_ref().map(|placed| placed.instance.routable());
            placed.or_else(|| record.routable.clone())
        };
        (records.iter().filter_map(routable).collect(), unloaded)
    }

    pub(super) fn loader(&self, name: &str) -> Result<&Arc<dyn Loader>, Failure> {
        self.loaders
            .get(name)
            .ok_or_else(|| Failure::invalid("loader", format!("no loader is called {name}")))
    }

    pub(super) fn ticket(&self) -> u64 {
        self.tickets.fetch_add(1, Relaxed)
    }

    /// Called by the manager alone.
    pub(super) fn publish(&self, record: Record) {
        let mut records = BTreeMap::clone(&self.records.load());
        records.insert(record.spec.name.clone(), Arc::new(record));
        self.records.store(Arc::new(records));
    }

    /// Called by the manager alone.
    pub(super) fn forget(&self, name: &str) {
        let mut records = BTreeMap::clone(&self.records.load());
        records.remove(name);
        self.records.store(Arc::new(records));
    }

    pub(super) fn show(&self, record: &Record) -> PluginSnapshot {
        let now = self.now();
        PluginSnapshot {
            name: record.spec.name.clone(),
            kind: record.spec.kind.clone(),
            loader: record.spec.loader.clone(),
            life: record.life,
            for_ms: now.saturating_sub(record.since) / 1_000_000,
            revision: record.revision,
            busy: record.busy().map(|busy| busy.with),
            problem: record.problem.clone(),
            config: ConfigSnapshot {
                valid: record.invalid.is_none(),
                why: record.invalid.clone(),
            },
            health: self.show_health(record, now),
            history: record
                .history
                .iter()
                .map(|(life, at)| Passed {
                    life: *life,
                    at_ms: at / 1_000_000,
                })
                .collect(),
            path: record
                .placed
                .as_ref()
                .map(|placed| format!("{}/{}", self.supervisor.path(), placed.child).into()),
            instance: record
                .placed
                .as_ref()
                .map(|placed| placed.instance.snapshot(&self.env.operations, now)),
        }
    }
}

impl Registry {
    /// What was heard, unless it is plain that its actor is down.
    fn show_health(&self, record: &Record, now: u64) -> HealthSnapshot {
        let down = record.life.serves() && record.placed.as_ref().is_some_and(|placed| !placed.instance.is_up());
        let (state, why) = match &record.health.0 {
            _ if down => ("unhealthy", Some(Arc::from("its actor is down"))),
            Health::Unknown => ("unknown", None),
            Health::Healthy => ("healthy", None),
            Health::Unhealthy(why) => ("unhealthy", Some(why.clone())),
        };
        HealthSnapshot {
            state,
            for_ms: now.saturating_sub(record.health.1) / 1_000_000,
            why,
        }
    }
}

/// Leads plugins through their lives. Cheap to clone.
#[derive(Clone)]
pub struct Plugins {
    pub(crate) registry: Arc<Registry>,
    pub(crate) router: Handle<RouterMsg>,
}

impl Plugins {
    /// Adds a plugin and leads it to `Running`.
    ///
    /// # Errors
    /// `conflict` where the name is taken; else the step at which it failed. It stays registered as `Failed`, and is
    /// looked at again from time to time.
    pub async fn add(&self, spec: PluginSpec) -> Result<(), Failure> {
        self.ask(spec.name.clone(), PluginOrder::Add(spec)).await
    }

    /// Replaces a plugin by a successor of the same name, which serves before the old one drains.
    ///
    /// # Errors
    /// The step at which the successor failed; the old one then serves on.
    pub async fn update(&self, spec: PluginSpec) -> Result<(), Failure> {
        self.ask(spec.name.clone(), PluginOrder::Update(spec)).await
    }

    /// Stops a plugin: no new calls, those in flight have their time. It stays registered.
    ///
    /// # Errors
    /// `conflict` where its life does not allow it now.
    pub async fn stop(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Stop).await
    }

    /// Has a plugin take no new calls, and waits for those in flight. Its actors stay; [`Plugins::start`] lets calls in again.
    ///
    /// # Errors
    /// `conflict` where it does not run, `timeout` where attempts are in flight still; they finish, and no new ones come.
    pub async fn drain(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Drain).await
    }

    /// Starts a plugin that is stopped, drained, or has failed.
    ///
    /// # Errors
    /// As [`Plugins::add`].
    pub async fn start(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Start).await
    }

    /// Stops a plugin and forgets it.
    ///
    /// # Errors
    /// As [`Plugins::stop`].
    pub async fn remove(&self, name: &str) -> Result<(), Failure> {
        self.ask(Arc::from(name), PluginOrder::Remove).await
    }

    /// Looks at a spec as an addition or update would, without doing anything.
    ///
    /// # Errors
    /// `invalid_input` naming what is wrong.
    pub fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        self.registry.loader(&spec.loader)?.validate(spec)
    }

    /// One plugin as it stands.
    pub fn get(&self, name: &str) -> Option<PluginSnapshot> {
        self.registry.record(name).map(|record| self.registry.show(&record))
    }

    /// The spec that a plugin was last given.
    pub fn spec(&self, name: &str) -> Option<PluginSpec> {
        self.registry.record(name).map(|record| record.spec.clone())
    }

    /// All plugins as they stand, by name.
    pub fn snapshot(&self) -> Vec<PluginSnapshot> {
        self.registry
            .records()
            .iter()
            .map(|record| self.registry.show(record))
            .collect()
    }

    async fn ask(&self, name: Arc<str>, action: PluginOrder) -> Result<(), Failure> {
        let settings = &self.registry.settings;
        let limit = settings.load_timeout + settings.health_timeout + settings.drain_timeout * 2;
        let deadline = tokio::time::Instant::now() + limit;
        let (done, outcome) = oneshot::channel();
        let message = PluginMsg::Begin {
            name,
            action,
            done: Some(done),
        };
        if send_patiently(&self.registry.manager, message, deadline).await.is_err() {
            return Err(Failure::new(Kind::Overloaded, "the plugin manager is being restarted").never_sent());
        }
        match tokio::time::timeout_at(deadline, outcome).await {
            Ok(Ok(outcome)) => outcome,
            Ok(Err(_)) => Err(Failure::new(
                Kind::Internal,
                "the plugin manager was restarted meanwhile",
            )),
            Err(_) => Err(Failure::new(
                Kind::Timeout,
                "it takes longer than it should, and goes on",
            )),
        }
    }
}
