//! The control of a supervisor at run time: add, remove, stop, start and restart children.
//!
//! Invariant: every request is answered within `PATIENCE`, and no request can bring back a child that a later one
//! removed.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::{ArcSwap, ArcSwapOption};
use ractor::{ActorId, ActorRef};
use tokio::sync::oneshot;

use super::spec::{ChildSpec, MAX_NAME};
use super::worker::Fault;

/// How long a request waits for its answer. The work goes on after that; the tree's snapshot shows it.
const PATIENCE: Duration = Duration::from_secs(60);

/// Why a request to a supervisor was not done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ChildError {
    /// The supervisor is not running, or went down meanwhile.
    #[error("the supervisor is not running")]
    Unavailable,
    /// A child of this name is there already, be it stopped or in back-off.
    #[error("child `{0}` exists already")]
    Exists(Arc<str>),
    /// No child or path of this name.
    #[error("no child `{0}`")]
    Unknown(Arc<str>),
    /// The supervisor has as many children as it may.
    #[error("the supervisor has its {0} children")]
    Full(usize),
    /// A name is empty, too long, or holds a slash.
    #[error("`{0}` cannot be a child's name: 1 to 128 bytes without a slash")]
    Name(Arc<str>),
    /// The child's start failed.
    #[error("the start failed: {0}")]
    StartFailed(Arc<str>),
    /// The child has no live incarnation that could crash: it is down, in back-off, starting or stopping.
    #[error("child `{0}` is not running")]
    NotRunning(Arc<str>),
    /// A later request for the same child overtook this one.
    #[error("a later request overtook this one")]
    Superseded,
    /// The request goes on, but its end was not seen in time.
    #[error("not done in time; it goes on")]
    Timeout,
    /// The root has no supervisor that could do this; shut the tree down instead.
    #[error("the root cannot be stopped or restarted by itself")]
    Root,
}

pub(crate) type Reply = oneshot::Sender<Result<(), ChildError>>;

/// What a request wants of a child.
#[derive(Clone, Debug)]
pub(crate) enum Wish {
    Start,
    Stop(Arc<str>),
    Restart(Arc<str>),
    Remove,
}

/// The mailbox of a supervisor.
pub(crate) enum Command {
    Add(Box<ChildSpec>, Reply),
    Wish(Arc<str>, Wish, Reply),
    /// Order a child to panic.
    CrashChild(Arc<str>, Arc<str>, Reply),
    /// Panic yourself: a rehearsal.
    Crash(Arc<str>),
    /// Stop all children, last first, then yourself.
    Shutdown,
    /// The start of an incarnation ended.
    StartEnded(u64, ActorId, Result<(), Fault>),
    /// A child's back-off is over; the ticket tells it from an earlier one.
    BackoffOver(u64, u64),
    /// The back-off of a group restart is over.
    GroupBackoffOver(u64),
    /// The shutdown time of an incarnation is over.
    StopOverdue(u64, ActorId),
    /// An incarnation that was killed is still there.
    KillOverdue(u64, ActorId),
    /// Look for stuck children.
    Watch,
}

struct Inner {
    actor: ArcSwapOption<ActorRef<Command>>,
    path: ArcSwap<Arc<str>>,
}

/// Reaches one supervisor of a tree, over all its restarts. Made before its spec; cheap to clone.
#[derive(Clone)]
pub struct SupervisorHandle(Arc<Inner>);

impl SupervisorHandle {
    /// A handle that reaches nobody until a spec with it is started.
    pub fn new() -> Self {
        SupervisorHandle(Arc::new(Inner {
            actor: ArcSwapOption::empty(),
            path: ArcSwap::from_pointee(Arc::from("")),
        }))
    }

    /// Adds a child to the right of the others, and waits until it is started.
    ///
    /// # Errors
    /// See [`ChildError`]; a child whose first start fails is not added.
    pub async fn add(&self, spec: ChildSpec) -> Result<(), ChildError> {
        check_name(&spec.name)?;
        self.ask(|reply| Command::Add(Box::new(spec), reply)).await
    }

    /// Stops a child in order and forgets it. One in back-off never comes back.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn remove(&self, name: &str) -> Result<(), ChildError> {
        self.wish(name, Wish::Remove).await
    }

    /// Stops a child in order and starts it again, and waits until it is up. Costs no restart budget.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn restart(&self, name: &str, reason: &str) -> Result<(), ChildError> {
        self.wish(name, Wish::Restart(super::ledger::bounded(reason))).await
    }

    /// Stops a child in order; it stays in the tree, stopped, whatever happens to its siblings.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn stop(&self, name: &str, reason: &str) -> Result<(), ChildError> {
        self.wish(name, Wish::Stop(super::ledger::bounded(reason))).await
    }

    /// Starts a child that was stopped, or is in back-off, and waits until it is up.
    ///
    /// # Errors
    /// See [`ChildError`].
    pub async fn start(&self, name: &str) -> Result<(), ChildError> {
        self.wish(name, Wish::Start).await
    }

    /// The supervisor's path in its tree; empty before it is placed in one.
    pub fn path(&self) -> Arc<str> {
        Arc::clone(&self.0.path.load())
    }

    pub(crate) async fn wish(&self, name: &str, wish: Wish) -> Result<(), ChildError> {
        self.ask(|reply| Command::Wish(Arc::from(name), wish, reply)).await
    }

    pub(crate) async fn crash(&self, name: &str, reason: Arc<str>) -> Result<(), ChildError> {
        self.ask(|reply| Command::CrashChild(Arc::from(name), reason, reply))
            .await
    }

    async fn ask(&self, command: impl FnOnce(Reply) -> Command) -> Result<(), ChildError> {
        let (reply, answer) = oneshot::channel();
        self.tell(command(reply))?;
        match tokio::time::timeout(PATIENCE, answer).await {
            Ok(Ok(done)) => done,
            Ok(Err(_dropped)) => Err(ChildError::Unavailable),
            Err(_elapsed) => Err(ChildError::Timeout),
        }
    }

    pub(crate) fn tell(&self, command: Command) -> Result<(), ChildError> {
        let actor = self.0.actor.load();
        let actor = actor.as_ref().ok_or(ChildError::Unavailable)?;
        let sent = actor.send_message(command);
        sent.map_err(|_refused| ChildError::Unavailable)
    }

    pub(crate) fn bind(&self, actor: ActorRef<Command>) {
        self.0.actor.store(Some(Arc::new(actor)));
    }

    pub(crate) fn unbind(&self) {
        self.0.actor.store(None);
    }

    pub(crate) fn place(&self, path: &Arc<str>) {
        self.0.path.store(Arc::new(path.clone()));
    }
}

impl Default for SupervisorHandle {
    fn default() -> Self {
        SupervisorHandle::new()
    }
}

impl fmt::Debug for SupervisorHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("SupervisorHandle").field(&self.path()).finish()
    }
}

/// A child's name becomes a part of a path.
pub(crate) fn check_name(name: &Arc<str>) -> Result<(), ChildError> {
    if name.is_empty() || name.len() > MAX_NAME || name.contains('/') {
        return Err(ChildError::Name(name.clone()));
    }
    Ok(())
}
