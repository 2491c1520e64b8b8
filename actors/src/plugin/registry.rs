//! The registry of plugins: what the manager knows, published for everybody.
//!
//! Invariant: only the manager writes; every reader sees a whole record, never half a step. The version grows with each
//! change that routing must know of, and a directory that is made after a version was read has all up to it.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;
use tokio::time::timeout;

use super::news::News;
use super::order::PluginMsg;
use super::record::{Placement, Record};
use super::spec::{Loader, PluginSettings};
use crate::clock::Clock;
use crate::credits::CreditBook;
use crate::error::{Failure, Kind};
use crate::instance::{Instance, Lookout};
use crate::operation::Operations;
use crate::paces::Paces;
use crate::policy::lifecycle::Life;
use crate::policy::routing::Routable;
use crate::supervision::{Events, Handle, RestartPolicy, SupervisorHandle};
use crate::telemetry::Meters;

/// How long to wait for the router to know of a change; one that is away has longer than a restart.
const ROUTED_WITHIN: Duration = Duration::from_secs(5);

/// What an instance finds in the system that it lives in.
pub(crate) struct InstanceEnv {
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    /// What may be spent at which instance.
    pub(crate) credits: Arc<CreditBook>,
    /// Who is told of one that fails again and again.
    pub(crate) lookout: Lookout,
    /// How its actors are restarted.
    pub(crate) restarts: RestartPolicy,
    /// The names of operations.
    pub(crate) operations: Arc<Operations>,
    /// Where it is told what becomes of plugins.
    pub(crate) events: Events,
    /// How the quotas are spread that instances share.
    pub(crate) paces: Arc<Paces>,
}

/// What the manager, the steps and the router share.
pub(crate) struct Registry {
    /// A lock, held for the length of a copy and never across an await: a step of one plugin costs nothing for the others,
    /// of whom there may be ten thousand.
    records: RwLock<BTreeMap<Arc<str>, Arc<Record>>>,
    /// Of what routing must know.
    version: watch::Sender<u64>,
    /// The version that the router's directory has.
    routed: watch::Sender<u64>,
    loaders: HashMap<&'static str, Arc<dyn Loader>>,
    pub(super) settings: PluginSettings,
    pub(super) env: InstanceEnv,
    pub(super) news: News,
    /// The dynamic supervisor above all instances.
    pub(crate) supervisor: SupervisorHandle,
    pub(crate) manager: Handle<PluginMsg>,
    tickets: AtomicU64,
}

impl Registry {
    pub(crate) fn new(loaders: Vec<Arc<dyn Loader>>, settings: PluginSettings, env: InstanceEnv) -> Arc<Self> {
        Arc::new(Registry {
            records: RwLock::default(),
            // A directory of version 0 was never made.
            version: watch::Sender::new(1),
            routed: watch::Sender::new(0),
            loaders: loaders.into_iter().map(|loader| (loader.name(), loader)).collect(),
            settings,
            news: News::new(&env.events),
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

    fn read<T>(&self, look: impl FnOnce(&BTreeMap<Arc<str>, Arc<Record>>) -> T) -> T {
        look(&self.records.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(crate) fn len(&self) -> usize {
        self.read(BTreeMap::len)
    }

    pub(crate) fn record(&self, name: &str) -> Option<Arc<Record>> {
        self.read(|records| records.get(name).cloned())
    }

    pub(crate) fn records(&self) -> Vec<Arc<Record>> {
        self.read(|records| records.values().cloned().collect())
    }

    /// The instances that take calls.
    pub(crate) fn serving(&self) -> Vec<Arc<Instance>> {
        let records = self.records();
        records.iter().filter_map(|record| record.serving().cloned()).collect()
    }

    /// A failure for want of a provider, with why the one that is meant serves nobody.
    pub(crate) fn explained(&self, failure: Failure, meant: Option<&str>) -> Failure {
        let down = matches!(failure.kind, Kind::NoProvider | Kind::CircuitOpen);
        let why = meant.filter(|_| down).and_then(|name| self.record(name)?.why_down());
        match why {
            Some(why) => failure.also(&why),
            None => failure,
        }
    }

    /// What routing knows: the loaded plugins, and the names of those that never were.
    pub(crate) fn routables(&self) -> (Vec<Routable>, Vec<Arc<str>>) {
        let records = self.records();
        let unloaded = records.iter().filter(|record| record.routable.is_none());
        let unloaded = unloaded.map(|record| record.spec.name.clone()).collect();
        // What its driver says now, else what was known last.
        let routable = |record: &Arc<Record>| {
            let placed = record.placed().map(|placed| placed.instance.routable());
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

    /// Called by the manager alone. Gives the version that has it.
    pub(super) fn publish(&self, record: Record) -> u64 {
        let record = Arc::new(record);
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let before = records.insert(record.spec.name.clone(), record.clone());
        drop(records);
        self.changed(before.as_deref(), Some(&record))
    }

    /// Called by the manager alone. Gives the version that has it no more.
    pub(super) fn forget(&self, name: &str) -> u64 {
        let mut records = self.records.write().unwrap_or_else(PoisonError::into_inner);
        let before = records.remove(name);
        drop(records);
        self.changed(before.as_deref(), None)
    }

    fn changed(&self, before: Option<&Record>, after: Option<&Record>) -> u64 {
        let placed = |record: Option<&Record>| record.and_then(|record| record.standing.current()).cloned();
        show_breaker(placed(before).as_ref(), placed(after).as_ref());
        self.news.changed(before, after, self.now());
        // What a load has changed matters when it serves, or has failed and stays known.
        let routing = |record: &Record| {
            let failed = record.standing.life() == Life::Failed;
            (record.serving().map(Arc::as_ptr), failed)
        };
        if before.map(routing) != after.map(routing) {
            // After the record: who reads this version finds it.
            self.version.send_modify(|version| *version += 1);
        }
        *self.version.borrow()
    }

    /// Routing must know of something that no record tells: an instance can do other things than before. Gives the
    /// version that has it.
    pub(crate) fn touch(&self) -> u64 {
        self.version.send_modify(|version| *version += 1);
        *self.version.borrow()
    }

    /// Follows the version.
    pub(crate) fn versions(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    /// The version to make a directory of, if the one that was made last is behind it. Read it before the records.
    pub(crate) fn unrouted(&self) -> Option<u64> {
        let version = *self.version.borrow();
        (*self.routed.borrow() < version).then_some(version)
    }

    /// Called by the router alone: no later attempt goes by a directory that is older than this.
    pub(crate) fn set_routed(&self, version: u64) {
        self.routed.send_replace(version);
    }

    /// Resolves when the router goes by a directory that is no older than this.
    pub(crate) async fn routed(&self, version: u64) {
        let mut routed = self.routed.subscribe();
        // Its sender is our own and outlives the wait.
        let _reached = routed.wait_for(|routed| *routed >= version).await;
    }

    /// As [`Registry::routed`], but whoever waits does go on: a router that is away for longer is warned of.
    pub(crate) async fn routed_soon(&self, version: u64) {
        if timeout(ROUTED_WITHIN, self.routed(version)).await.is_err() {
            tracing::warn!(version, "the router does not follow the plugins");
        }
    }
}

/// A plugin has one breaker in the metrics: that of the copy in its place.
fn show_breaker(before: Option<&Arc<Placement>>, after: Option<&Arc<Placement>>) {
    if before.map(Arc::as_ptr) == after.map(Arc::as_ptr) {
        return;
    }
    if let Some(before) = before {
        before.instance.breaker.hide();
    }
    if let Some(after) = after {
        after.instance.breaker.show();
    }
}
