//! Child specs and supervisor specs: the declarative half of a tree, in OTP's words.
//!
//! Invariant: a spec is immutable once a tree has it, so every restart starts what the first start did.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use super::control::SupervisorHandle;
use super::handle::Handle;
use super::incarnation::{Body, WorkerBody};
use super::worker::{Fault, Worker};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;

/// How long a worker may take to start, unless its spec says otherwise. Ours.
const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a worker may take to serve its queue and stop; OTP's default for workers.
const SHUTDOWN: Duration = Duration::from_secs(5);
/// A handler that has not returned for so long is stuck: no handler awaits I/O, so even a second is long. Ours.
const STUCK_AFTER: Duration = Duration::from_secs(30);
/// Children of one supervisor, unless its spec says otherwise. Ours.
const MAX_CHILDREN: usize = 1024;
/// The longest name of a child, in bytes. Names become paths, log fields and JSON keys.
pub(crate) const MAX_NAME: usize = 128;

/// Which siblings a failure takes along.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Strategy {
    /// Only the child that failed is restarted.
    OneForOne,
    /// All children are stopped and restarted.
    OneForAll,
    /// The child that failed and those started after it are stopped and restarted.
    RestForOne,
}

/// When a child is restarted after it ended by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Restart {
    /// Always.
    Permanent,
    /// After a failure; a normal exit leaves it stopped, in its place.
    Transient,
    /// Never; however it ends, it is forgotten.
    Temporary,
}

/// How a child is stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shutdown {
    /// Its queue is drained and its `stop` runs, at most for so long; then it is killed.
    Timeout(Duration),
    /// It is killed at once.
    Brutal,
    /// As `Timeout`, without an end. The default for supervisors, whose children have their own ends.
    Infinity,
}

/// Reads numbers that an actor publishes about itself, such as calls in flight. Called at each snapshot, from any
/// thread; it must not block.
pub type Gauges = Arc<dyn Fn() -> Vec<(&'static str, u64)> + Send + Sync>;

/// One child of a supervisor: how it is made, restarted and stopped.
#[derive(Clone)]
pub struct ChildSpec {
    pub(crate) name: Arc<str>,
    pub(crate) kind: &'static str,
    pub(crate) restart: Restart,
    pub(crate) shutdown: Shutdown,
    pub(crate) backoff: Backoff,
    pub(crate) start_timeout: Option<Duration>,
    pub(crate) stuck_after: Option<Duration>,
    pub(crate) gauges: Option<Gauges>,
    pub(crate) body: Body,
}

impl ChildSpec {
    /// A worker that `factory` makes anew at each start, and that `handle` reaches. One handle serves one child.
    pub fn worker<W, F>(name: impl AsRef<str>, handle: &Handle<W::Msg>, factory: F) -> Self
    where
        W: Worker,
        F: Fn() -> Result<W, Fault> + Send + Sync + 'static,
    {
        let body = WorkerBody::<W>::new(handle.clone(), Arc::new(factory));
        ChildSpec {
            name: Arc::from(name.as_ref()),
            kind: "worker",
            restart: Restart::Permanent,
            shutdown: Shutdown::Timeout(SHUTDOWN),
            backoff: Backoff::default(),
            start_timeout: Some(START_TIMEOUT),
            stuck_after: Some(STUCK_AFTER),
            gauges: None,
            body: Body::Worker(Arc::new(body)),
        }
    }

    /// A supervisor as a child. `handle`, if given, adds and removes children of it at run time; those are lost when
    /// it restarts, as in OTP, and those of `spec` come back.
    pub fn supervisor(name: impl AsRef<str>, spec: SupervisorSpec, handle: Option<&SupervisorHandle>) -> Self {
        ChildSpec {
            name: Arc::from(name.as_ref()),
            kind: "supervisor",
            restart: Restart::Permanent,
            shutdown: Shutdown::Infinity,
            backoff: Backoff::default(),
            // Each of its children has an end to its start, so it has one, too.
            start_timeout: None,
            // Its handlers are ours and never wait.
            stuck_after: None,
            gauges: None,
            body: Body::Supervisor(Arc::new(spec), handle.cloned().unwrap_or_default()),
        }
    }

    /// When it is restarted; permanent unless told.
    #[must_use]
    pub fn restart(mut self, restart: Restart) -> Self {
        self.restart = restart;
        self
    }

    /// How it is stopped; 5 s for a worker, without end for a supervisor, unless told.
    #[must_use]
    pub fn shutdown(mut self, shutdown: Shutdown) -> Self {
        self.shutdown = shutdown;
        self
    }

    /// How long it waits between restarts.
    #[must_use]
    pub fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// How long its start may take; 30 s for a worker unless told.
    #[must_use]
    pub fn start_timeout(mut self, timeout: Duration) -> Self {
        self.start_timeout = Some(timeout);
        self
    }

    /// After how long in one message it counts as stuck, and is killed; 30 s unless told, `None` for never.
    #[must_use]
    pub fn stuck_after(mut self, limit: Option<Duration>) -> Self {
        self.stuck_after = limit;
        self
    }

    /// The label of its metrics, one of a few words such as `router` or `provider`.
    #[must_use]
    pub fn kind(mut self, kind: &'static str) -> Self {
        self.kind = kind;
        self
    }

    /// Numbers that it publishes about itself.
    #[must_use]
    pub fn gauges(mut self, gauges: Gauges) -> Self {
        self.gauges = Some(gauges);
        self
    }

    /// Its name among its siblings.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }
}

impl fmt::Debug for ChildSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ChildSpec")
            .field("name", &self.name)
            .field("kind", &self.kind)
            .field("restart", &self.restart)
            .field("shutdown", &self.shutdown)
            .finish_non_exhaustive()
    }
}

/// A supervisor: its strategy, its bounds, and its children in the order they start.
#[derive(Clone, Debug)]
pub struct SupervisorSpec {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) max_children: usize,
    pub(crate) children: Vec<Arc<ChildSpec>>,
}

impl SupervisorSpec {
    /// A supervisor without children.
    pub fn new(strategy: Strategy) -> Self {
        SupervisorSpec {
            strategy,
            intensity: Intensity::default(),
            max_children: MAX_CHILDREN,
            children: Vec::new(),
        }
    }

    /// How many restarts it bears; 5 in 10 s unless told.
    #[must_use]
    pub fn intensity(mut self, intensity: Intensity) -> Self {
        self.intensity = intensity;
        self
    }

    /// The most children it may have, those stopped or in back-off counted; 1,024 unless told.
    #[must_use]
    pub fn max_children(mut self, bound: usize) -> Self {
        self.max_children = bound;
        self
    }

    /// Adds a child to the right of the others.
    #[must_use]
    pub fn child(mut self, child: ChildSpec) -> Self {
        self.children.push(Arc::new(child));
        self
    }
}
