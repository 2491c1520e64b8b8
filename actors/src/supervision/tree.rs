//! A whole supervision tree: started, watched, commanded and shut down as one.
//!
//! Invariant: a tree knows nothing of another; two with the same names live in one process without meeting.

use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use ractor::{Actor, ActorRef};
use tokio::sync::{broadcast, watch};

use super::control::{ChildError, Command, SupervisorHandle, Wish, check_name};
use super::event::{Event, Events, Told};
use super::incarnation::StartWait;
use super::ledger::{Ledger, LedgerEntry, bounded};
use super::meters::{SharedRecorder, SupervisionMeters};
use super::node::{Node, State};
use super::snapshot::{TreeSnapshot, find};
use super::spec::{ChildSpec, SupervisorSpec};
use super::supervisor::{SupervisorActor, SupervisorBirth};
use super::vitals::{Clock, Vitals};

/// What a tree is given besides its spec.
#[derive(Clone)]
pub struct TreeOptions {
    /// The entries that the restart ledger keeps; 1,000 unless told.
    pub ledger_capacity: usize,
    /// Where the tree's metrics go; nowhere unless told.
    pub recorder: SharedRecorder,
    /// Where the tree tells what happens, beside others; to nobody else unless told.
    pub events: Events,
    /// How long a killed actor may take to die before it is cut off; 1 s unless told. Only one that blocks its thread
    /// takes longer than a moment.
    pub kill_grace: Duration,
    /// How long the tree may take to shut down before the rest is killed; 30 s unless told.
    pub shutdown_timeout: Duration,
}

impl Default for TreeOptions {
    fn default() -> Self {
        TreeOptions {
            ledger_capacity: 1000,
            recorder: Arc::new(metrics::NoopRecorder),
            events: Events::default(),
            kill_grace: Duration::from_secs(1),
            shutdown_timeout: Duration::from_secs(30),
        }
    }
}

impl fmt::Debug for TreeOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TreeOptions")
            .field("ledger_capacity", &self.ledger_capacity)
            .field("kill_grace", &self.kill_grace)
            .field("shutdown_timeout", &self.shutdown_timeout)
            .finish_non_exhaustive()
    }
}

/// Why a tree did not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tree did not start: {0}")]
pub struct StartError(Arc<str>);

/// What all actors of one tree share.
pub(crate) struct TreeState {
    pub(crate) clock: Clock,
    pub(crate) ledger: Ledger,
    pub(crate) meters: SupervisionMeters,
    pub(crate) kill_grace: Duration,
    events: Events,
    gave_up: OnceLock<Arc<str>>,
}

impl TreeState {
    pub(crate) fn tell(&self, event: Event) {
        self.events.tell(event);
    }

    pub(crate) fn root_gave_up(&self, why: &Arc<str>) {
        // The first reason stays.
        let _ = self.gave_up.set(why.clone());
    }
}

/// How a tree ended.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Ended {
    InOrder,
    Failed(Arc<str>),
}

struct Inner {
    shared: Arc<TreeState>,
    root: Arc<Node>,
    handle: SupervisorHandle,
    actor: ActorRef<Command>,
    ended: watch::Receiver<Option<Ended>>,
    shutdown_timeout: Duration,
}

/// A running supervision tree. Cheap to clone; dropping it stops nothing, [`Tree::shutdown`] does.
#[derive(Clone)]
pub struct Tree(Arc<Inner>);

impl Tree {
    /// Starts a tree whose root supervisor is `name`, and waits until all its children are up.
    ///
    /// # Errors
    /// When a name is bad, or a child does not start; those that did are stopped again. So are they where the future is
    /// dropped before its end.
    pub async fn start(name: &str, spec: SupervisorSpec, options: TreeOptions) -> Result<Tree, StartError> {
        Tree::start_owned(name, spec, options).await.map(OwnedTree::into_whole)
    }

    /// As [`Tree::start`], of a tree that something else is a part of, which is still to come.
    pub(crate) async fn start_owned(
        name: &str,
        spec: SupervisorSpec,
        options: TreeOptions,
    ) -> Result<OwnedTree, StartError> {
        let name = name.to_owned();
        let starting = async move { Tree::start_now(&name, spec, options).await.map(OwnedTree::new) };
        // On a task of its own: a start that is dropped half way would leave what it has started. One that nobody waits
        // for any more goes on to its end, and its tree is stopped then.
        let started = tokio::spawn(starting).await;
        started.map_err(|error| StartError(bounded(&error.to_string())))?
    }

    async fn start_now(name: &str, spec: SupervisorSpec, options: TreeOptions) -> Result<Tree, StartError> {
        let handle = SupervisorHandle::new();
        let root_spec = ChildSpec::supervisor(name, spec.clone(), Some(&handle));
        check_name(root_spec.name()).map_err(|error| StartError(bounded(&error.to_string())))?;
        let shared = Arc::new(TreeState {
            clock: Clock::start(),
            ledger: Ledger::new(options.ledger_capacity),
            meters: SupervisionMeters::new(options.recorder),
            kill_grace: options.kill_grace,
            events: options.events,
            gave_up: OnceLock::new(),
        });
        let root = Node::new("", &root_spec, shared.clock);
        handle.place(root.path());
        shared.meters.kind(root.kind());
        root.next_generation(&Arc::new(Vitals::new(shared.clock)));
        root.set_state(State::Starting);
        let birth = SupervisorBirth {
            spec: Arc::new(spec),
            node: root.clone(),
            tree: shared.clone(),
            is_root: true,
        };
        let spawned = SupervisorActor::spawn(None, SupervisorActor, birth).await;
        let (actor, running) = spawned.map_err(|error| StartError(StartWait::text(error)))?;
        root.set_state(State::Running);
        handle.bind(actor.clone());
        let (end, ended) = watch::channel(None);
        tokio::spawn(watch_root(shared.clone(), root.clone(), running, end));
        Ok(Tree(Arc::new(Inner {
            shared,
            root,
            handle,
            actor,
            ended,
            shutdown_timeout: options.shutdown_timeout,
        })))
    }

    /// The tree as it is now. Asks no actor.
    pub fn snapshot(&self) -> TreeSnapshot {
        let shared = &self.0.shared;
        let failed = shared.gave_up.get().cloned();
        TreeSnapshot::take(&self.0.root, shared.ledger.counts(), failed)
    }

    /// The published record at `path`, such as `/root/router`.
    pub fn node(&self, path: &str) -> Option<Arc<Node>> {
        find(&self.0.root, path)
    }

    /// The newest `limit` entries of the restart ledger, newest first.
    pub fn ledger(&self, limit: usize) -> Vec<LedgerEntry> {
        self.0.shared.ledger.newest(limit)
    }

    /// The root supervisor, to add children to.
    pub fn root(&self) -> &SupervisorHandle {
        &self.0.handle
    }

    /// What happens from now on. A watcher that lags by more than 1,024 events loses some.
    pub fn subscribe(&self) -> broadcast::Receiver<Told> {
        self.0.shared.events.subscribe()
    }

    /// Sets the tree's gauges on its recorder. Call it before the metrics are read.
    pub fn refresh_gauges(&self) {
        self.0.shared.meters.refresh(&self.0.root);
    }

    /// Stops the child at `path` in order and starts it again.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn restart(&self, path: &str, reason: &str) -> Result<(), ChildError> {
        self.wish(path, Wish::Restart(bounded(reason))).await
    }

    /// Stops the child at `path` in order; it stays in the tree, stopped.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn stop(&self, path: &str, reason: &str) -> Result<(), ChildError> {
        self.wish(path, Wish::Stop(bounded(reason))).await
    }

    /// Starts the child at `path`, which is stopped or backs off.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn start_child(&self, path: &str, reason: &str) -> Result<(), ChildError> {
        tracing::info!(path, reason, "start requested");
        self.wish(path, Wish::Start).await
    }

    /// Makes the live incarnation at `path`, a worker or a supervisor, panic with `reason` at its next turn, after the
    /// messages that wait: a rehearsal of a crash, which everything follows that follows a real one. Returns when the
    /// order is in its mailbox.
    ///
    /// # Errors
    /// [`ChildError::NotRunning`] where no incarnation is live, [`ChildError::Root`] for the root, whose crash nothing
    /// would restart; else see [`ChildError`].
    pub async fn crash(&self, path: &str, reason: &str) -> Result<(), ChildError> {
        tracing::warn!(path, reason, "crash requested");
        let (parent, name) = self.parent_of(path)?;
        parent.crash(name, bounded(reason)).await
    }

    async fn wish(&self, path: &str, wish: Wish) -> Result<(), ChildError> {
        let (parent, name) = self.parent_of(path)?;
        parent.wish(name, wish).await
    }

    /// The supervisor of the child at `path`, and the child's name.
    fn parent_of<'a>(&self, path: &'a str) -> Result<(SupervisorHandle, &'a str), ChildError> {
        let unknown = || ChildError::Unknown(Arc::from(path));
        if path == &**self.0.root.path() {
            return Err(ChildError::Root);
        }
        let (parent, name) = path.rsplit_once('/').ok_or_else(unknown)?;
        let parent = self.node(parent).ok_or_else(unknown)?;
        let facts = parent.supervisor().ok_or_else(unknown)?;
        Ok((facts.handle.clone(), name))
    }

    /// Stops all actors in order, last first, and waits for the end.
    ///
    /// # Errors
    /// [`ChildError::Timeout`] when it took longer than the options allow; what was left is killed.
    pub async fn shutdown(&self) -> Result<(), ChildError> {
        let mut ended = self.0.ended.clone();
        // Refused only by a root that has ended, which the wait below finds at once.
        let _ = self.0.handle.tell(Command::Shutdown);
        let end = ended.wait_for(Option::is_some);
        if tokio::time::timeout(self.0.shutdown_timeout, end).await.is_ok() {
            return Ok(());
        }
        self.0.actor.kill();
        Err(ChildError::Timeout)
    }

    /// Resolves when the root gave up, with the reason. Never, if the tree is shut down in order.
    pub async fn failed(&self) -> Arc<str> {
        let mut ended = self.0.ended.clone();
        let failed = |end: &Option<Ended>| matches!(end, Some(Ended::Failed(_)));
        if let Ok(end) = ended.wait_for(failed).await
            && let Some(Ended::Failed(why)) = &*end
        {
            return why.clone();
        }
        std::future::pending().await
    }
}

/// A tree that is stopped when this is dropped before the start that it is for is whole.
pub(crate) struct OwnedTree {
    tree: Option<Tree>,
    runtime: tokio::runtime::Handle,
}

impl OwnedTree {
    fn new(tree: Tree) -> Self {
        OwnedTree {
            tree: Some(tree),
            runtime: tokio::runtime::Handle::current(),
        }
    }

    /// It is whole, and its holders stop it.
    pub(crate) fn into_whole(mut self) -> Tree {
        self.tree.take().expect("it is taken here alone, and that once")
    }
}

impl Drop for OwnedTree {
    fn drop(&mut self) {
        let Some(tree) = self.tree.take() else { return };
        // On a runtime that has ended this does nothing: everything ended with it.
        self.runtime.spawn(async move {
            if let Err(error) = tree.shutdown().await {
                tracing::warn!(%error, "a tree whose start was given up did not stop in order");
            }
        });
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree").field(&self.0.root).finish()
    }
}

/// Waits for the root's end and says how it ended.
async fn watch_root(
    shared: Arc<TreeState>,
    root: Arc<Node>,
    running: ractor::concurrency::JoinHandle<()>,
    end: watch::Sender<Option<Ended>>,
) {
    // The task cannot panic: ractor catches what its actor does. Even then, it has ended.
    let _ = running.await;
    root.descendants_stopped();
    let ended = match shared.gave_up.get() {
        Some(why) => Ended::Failed(why.clone()),
        None if root.state() == State::Stopping => {
            root.set_state(State::Stopped);
            Ended::InOrder
        }
        None => {
            root.set_state(State::GaveUp);
            Ended::Failed(Arc::from("the root ended without being asked to"))
        }
    };
    end.send_replace(Some(ended));
}
