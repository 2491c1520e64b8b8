//! One incarnation of a child: how it is spawned, awaited, asked to stop and cut off, whatever its type.
//!
//! Invariant: an incarnation that its supervisor lets go of is dead or dying: dropping it kills it, so nothing that
//! was started is ever orphaned.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ractor::concurrency::JoinHandle;
use ractor::{ActorCell, ActorId, ActorRef, ActorRuntime, SpawnErr};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::control::{Command, SupervisorHandle};
use super::handle::{Binding, Handle};
use super::ledger::Why;
use super::node::Node;
use super::spec::{ChildSpec, SupervisorSpec};
use super::supervisor::{SupervisorActor, SupervisorBirth};
use super::tree::TreeState;
use super::vitals::{Busy, Vitals};
use super::worker::{Birth, Factory, Fault, Message, Worker, WorkerActor};

/// What a child is: a worker of some type, or a supervisor.
#[derive(Clone)]
pub(crate) enum Body {
    Worker(Arc<dyn Spawn>),
    Supervisor(Arc<SupervisorSpec>, SupervisorHandle),
}

impl Body {
    pub(crate) fn supervisor(&self) -> Option<(&Arc<SupervisorSpec>, &SupervisorHandle)> {
        match self {
            Body::Worker(_) => None,
            Body::Supervisor(spec, handle) => Some((spec, handle)),
        }
    }

    /// Tells the handle where it is in the tree.
    pub(crate) fn place(&self, node: &Node) {
        match self {
            Body::Worker(worker) => worker.place(node.path()),
            Body::Supervisor(_, handle) => handle.place(node.path()),
        }
    }
}

/// How one incarnation reaches and leaves its child's handle, and how it is asked to stop.
pub(crate) trait Control: Send + Sync {
    fn bind(&self);
    fn unbind(&self);
    fn ask_to_stop(&self);
    /// Orders a panic. False: it is stopping already.
    fn crash(&self, reason: &Arc<str>) -> bool;
}

type Starting = JoinHandle<Result<JoinHandle<()>, SpawnErr>>;

/// What a spawn gives: the actor exists and its start runs, in a task of its own.
pub(crate) struct Spawned {
    cell: ActorCell,
    starting: Starting,
    control: Arc<dyn Control>,
}

/// A worker of any type, to be spawned.
pub(crate) trait Spawn: Send + Sync {
    fn place(&self, path: &Arc<str>);
    fn spawn(&self, seat: Seat<'_>) -> Result<Spawned, SpawnErr>;
}

/// Where an incarnation is spawned.
pub(crate) struct Seat<'a> {
    pub(crate) node: &'a Arc<Node>,
    pub(crate) vitals: &'a Arc<Vitals>,
    pub(crate) gone: &'a CancellationToken,
    pub(crate) supervisor: ActorCell,
    pub(crate) generation: u64,
}

/// The typed half of a worker's spec.
pub(crate) struct WorkerBody<W: Worker> {
    handle: Handle<W::Msg>,
    factory: Factory<W>,
}

impl<W: Worker> WorkerBody<W> {
    pub(crate) fn new(handle: Handle<W::Msg>, factory: Factory<W>) -> Self {
        WorkerBody { handle, factory }
    }
}

impl<W: Worker> Spawn for WorkerBody<W> {
    fn place(&self, path: &Arc<str>) {
        self.handle.place(path);
    }

    fn spawn(&self, seat: Seat<'_>) -> Result<Spawned, SpawnErr> {
        let birth = Birth {
            factory: self.factory.clone(),
            handle: self.handle.clone(),
            vitals: seat.vitals.clone(),
            node: seat.node.clone(),
            generation: seat.generation,
            gone: seat.gone.clone(),
        };
        // Unnamed on purpose: ractor's registry of names is one for the whole process.
        let (actor, starting) =
            ActorRuntime::spawn_linked_instant(None, WorkerActor::<W>::new(), birth, seat.supervisor)?;
        Ok(Spawned {
            cell: actor.get_cell(),
            starting,
            control: Arc::new(WorkerControl {
                handle: self.handle.clone(),
                binding: Arc::new(Binding {
                    actor,
                    vitals: seat.vitals.clone(),
                }),
            }),
        })
    }
}

struct WorkerControl<M: Message> {
    handle: Handle<M>,
    binding: Arc<Binding<M>>,
}

impl<M: Message> Control for WorkerControl<M> {
    fn bind(&self) {
        self.handle.bind(self.binding.clone());
    }

    fn unbind(&self) {
        self.handle.unbind();
    }

    fn ask_to_stop(&self) {
        // Fails only if the actor is gone already, which its supervisor is about to learn.
        let _ = self.binding.actor.drain();
    }

    fn crash(&self, reason: &Arc<str>) -> bool {
        self.binding.crash(reason)
    }
}

struct SupervisorControl {
    handle: SupervisorHandle,
    actor: ActorRef<Command>,
}

impl Control for SupervisorControl {
    fn bind(&self) {
        self.handle.bind(self.actor.clone());
    }

    fn unbind(&self) {
        self.handle.unbind();
    }

    fn ask_to_stop(&self) {
        // As above. Not a drain: it stops its children first, and needs its mailbox for that.
        let _ = self.actor.send_message(Command::Shutdown);
    }

    fn crash(&self, reason: &Arc<str>) -> bool {
        self.actor.send_message(Command::Crash(reason.clone())).is_ok()
    }
}

/// One incarnation, as its supervisor holds it.
pub(crate) struct Incarnation {
    cell: ActorCell,
    control: Arc<dyn Control>,
    vitals: Arc<Vitals>,
    gone: CancellationToken,
    pub(crate) generation: u64,
    pub(crate) since: Instant,
}

impl Incarnation {
    /// Spawns the next incarnation of a child; its start runs on in its own task.
    pub(crate) fn spawn(
        spec: &ChildSpec,
        node: &Arc<Node>,
        tree: &Arc<TreeState>,
        supervisor: ActorCell,
    ) -> Result<(Incarnation, StartWait), Fault> {
        let vitals = Arc::new(Vitals::new(node.clock()));
        let gone = CancellationToken::new();
        let generation = node.next_generation(&vitals);
        let spawned = match &spec.body {
            Body::Worker(worker) => worker.spawn(Seat {
                node,
                vitals: &vitals,
                gone: &gone,
                supervisor,
                generation,
            }),
            Body::Supervisor(spec, handle) => spawn_supervisor(spec, handle, node, tree, supervisor),
        };
        let Spawned {
            cell,
            starting,
            control,
        } = spawned.map_err(|error| Fault::new(Why::StartFailed, error.to_string()))?;
        let wait = StartWait {
            cell: cell.clone(),
            starting,
            limit: spec.start_timeout,
            grace: tree.kill_grace,
        };
        let incarnation = Incarnation {
            cell,
            control,
            vitals,
            gone,
            generation,
            since: Instant::now(),
        };
        Ok((incarnation, wait))
    }

    pub(crate) fn id(&self) -> ActorId {
        self.cell.get_id()
    }

    pub(crate) fn busy(&self) -> Option<Busy> {
        self.vitals.busy()
    }

    /// Lets the child's handle reach this incarnation.
    pub(crate) fn bind(&self) {
        self.control.bind();
    }

    /// Takes the child's handle away from it.
    pub(crate) fn unbind(&self) {
        self.control.unbind();
    }

    pub(crate) fn ask_to_stop(&self) {
        self.control.ask_to_stop();
    }

    /// Orders a panic at its next turn. False: it is stopping already.
    pub(crate) fn crash(&self, reason: &Arc<str>) -> bool {
        self.control.crash(reason)
    }

    pub(crate) fn kill(&self) {
        self.cell.kill();
    }

    /// Cuts off an incarnation that does not die: no event of it will reach `supervisor` any more.
    pub(crate) fn abandon(&self, supervisor: ActorCell) {
        self.cell.unlink(supervisor);
    }

    /// Stops it and waits: orderly, then by a kill, then not at all. For a supervisor whose own start failed, which
    /// has no mailbox yet to be told with.
    pub(crate) async fn stop_and_wait(&self, patience: Option<Duration>, grace: Duration) {
        self.unbind();
        if patience.is_none_or(|patience| !patience.is_zero()) {
            self.ask_to_stop();
            if self.cell.wait(patience).await.is_ok() {
                return;
            }
        }
        self.kill();
        // One that cannot be killed is let go of; ractor unlinks it when its supervisor ends.
        let _ = self.cell.wait(Some(grace)).await;
    }
}

impl Drop for Incarnation {
    fn drop(&mut self) {
        self.gone.cancel();
        // Without effect on one that has ended. ractor's own kill of all children passes over those that drain.
        self.cell.kill();
    }
}

impl fmt::Debug for Incarnation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Incarnation({}, {})", self.cell.get_id(), self.generation)
    }
}

fn spawn_supervisor(
    spec: &Arc<SupervisorSpec>,
    handle: &SupervisorHandle,
    node: &Arc<Node>,
    tree: &Arc<TreeState>,
    supervisor: ActorCell,
) -> Result<Spawned, SpawnErr> {
    let birth = SupervisorBirth {
        spec: spec.clone(),
        node: node.clone(),
        tree: tree.clone(),
        is_root: false,
    };
    let (actor, starting) = ActorRuntime::spawn_linked_instant(None, SupervisorActor, birth, supervisor)?;
    Ok(Spawned {
        cell: actor.get_cell(),
        starting,
        control: Arc::new(SupervisorControl {
            handle: handle.clone(),
            actor,
        }),
    })
}

/// The end of a start, to be awaited away from the supervisor's handlers.
pub(crate) struct StartWait {
    cell: ActorCell,
    starting: Starting,
    limit: Option<Duration>,
    grace: Duration,
}

impl StartWait {
    /// Waits for the start's end, at most for its limit.
    pub(crate) async fn outcome(mut self) -> Result<(), Fault> {
        let ended = match self.limit {
            None => (&mut self.starting).await,
            Some(limit) => match tokio::time::timeout(limit, &mut self.starting).await {
                Ok(ended) => ended,
                Err(_elapsed) => return Err(self.give_up(limit).await),
            },
        };
        let text = match ended {
            Ok(Ok(_running)) => return Ok(()),
            Ok(Err(error)) => Self::text(error),
            Err(error) => super::ledger::bounded(&error.to_string()),
        };
        Err(Fault::new(Why::StartFailed, text))
    }

    async fn give_up(&mut self, limit: Duration) -> Fault {
        self.cell.kill();
        // Give it the time to let go of what it holds, before its successor asks for the same. One that blocks its
        // thread is left behind: the kill awaits it, and nobody binds it any more.
        let _ = tokio::time::timeout(self.grace, &mut self.starting).await;
        Fault::new(Why::StartFailed, format!("its start took longer than {limit:?}"))
    }

    /// What a failed start said of itself.
    pub(crate) fn text(error: SpawnErr) -> Arc<str> {
        super::ledger::bounded(&match error {
            SpawnErr::StartupFailed(error) => error.to_string(),
            other => other.to_string(),
        })
    }
}
