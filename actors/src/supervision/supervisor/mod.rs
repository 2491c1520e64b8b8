//! The supervisor: a ractor actor that does nothing but supervise.
//!
//! It is level-triggered. Each child's slot holds what is wanted of it and where it is in its life; every event
//! (an exit, the end of a start, a timer, a request) updates the slot, and the next step follows from the slot
//! alone. So there is no procedure that could be left half done: a failure in the middle of a group's restart, or a
//! removal during a back-off, is only one more event.
//!
//! Invariant: no handler awaits anything. Starts, shutdown times and back-offs run in tasks of their own and come
//! back as commands that name their incarnation or ticket; a stale one finds no match and does nothing.

mod failure;
mod group;
mod lifecycle;
mod requests;
mod slot;

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;
use std::time::Duration;

use ractor::{Actor, ActorCell, ActorId, ActorProcessingErr, ActorRef, SupervisionEvent};
use tokio_util::task::AbortOnDropHandle;

use super::control::{Command, check_name};
use super::incarnation::Incarnation;
use super::ledger::Why;
use super::node::{Node, State};
use super::spec::{ChildSpec, Shutdown, SupervisorSpec};
use super::tree::TreeState;
use super::worker::Fault;
use crate::policy::intensity::Window;
use group::Group;
use slot::{Life, Slot};

/// The longest time between two looks for stuck children.
const WATCH_MAX: Duration = Duration::from_secs(1);
/// The shortest time between two looks for stuck children.
const WATCH_MIN: Duration = Duration::from_millis(10);

pub(crate) struct SupervisorActor;

/// What a supervisor is born with.
pub(crate) struct SupervisorBirth {
    pub(crate) spec: Arc<SupervisorSpec>,
    pub(crate) node: Arc<Node>,
    pub(crate) tree: Arc<TreeState>,
    pub(crate) is_root: bool,
}

/// A timer, or another small task, that ends with whoever holds it.
type Timer = AbortOnDropHandle<()>;

/// Why a supervisor stops.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Closing {
    Requested,
    GaveUp(Arc<str>),
}

/// How a child ended.
#[derive(Clone, Debug)]
enum Exit {
    Normal,
    Crash(Fault),
}

/// A supervisor's state.
pub(crate) struct Supervisor {
    myself: ActorRef<Command>,
    spec: Arc<SupervisorSpec>,
    node: Arc<Node>,
    tree: Arc<TreeState>,
    is_root: bool,
    /// By key, which grows: the order of the keys is the order of starts.
    slots: BTreeMap<u64, Slot>,
    names: HashMap<Arc<str>, u64>,
    live: HashMap<ActorId, u64>,
    last_key: u64,
    last_ticket: u64,
    window: Window,
    group: Option<Group>,
    closing: Option<Closing>,
    watch: Option<(Duration, Timer)>,
}

impl Actor for SupervisorActor {
    type Msg = Command;
    type State = Supervisor;
    type Arguments = SupervisorBirth;

    /// Starts the children left to right. Its parent awaits this in a task, so nobody is held up.
    async fn pre_start(
        &self,
        myself: ActorRef<Command>,
        birth: SupervisorBirth,
    ) -> Result<Supervisor, ActorProcessingErr> {
        let mut supervisor = Supervisor::new(myself, birth);
        supervisor.place_children()?;
        supervisor.first_start().await?;
        Ok(supervisor)
    }

    async fn handle(
        &self,
        _myself: ActorRef<Command>,
        command: Command,
        supervisor: &mut Supervisor,
    ) -> Result<(), ActorProcessingErr> {
        supervisor.on_command(command);
        supervisor.conclude()
    }

    async fn handle_supervisor_evt(
        &self,
        _myself: ActorRef<Command>,
        event: SupervisionEvent,
        supervisor: &mut Supervisor,
    ) -> Result<(), ActorProcessingErr> {
        supervisor.on_event(event);
        supervisor.conclude()
    }
}

impl Supervisor {
    fn new(myself: ActorRef<Command>, birth: SupervisorBirth) -> Self {
        let window = Window::new(birth.spec.intensity);
        Supervisor {
            myself,
            spec: birth.spec,
            node: birth.node,
            tree: birth.tree,
            is_root: birth.is_root,
            slots: BTreeMap::new(),
            names: HashMap::new(),
            live: HashMap::new(),
            last_key: 0,
            last_ticket: 0,
            window,
            group: None,
            closing: None,
            watch: None,
        }
    }

    /// Gives each child of the spec its slot. Nodes of an earlier incarnation are taken over, and with them their
    /// counts; children that were added at run time are gone.
    fn place_children(&mut self) -> Result<(), Fault> {
        let mut former: HashMap<Arc<str>, Arc<Node>> = HashMap::new();
        for node in self.node.take_children() {
            former.insert(node.name().clone(), node);
        }
        let spec = self.spec.clone();
        if spec.children.len() > spec.max_children {
            return Err(Fault::from("its spec has more children than it allows"));
        }
        for child in &spec.children {
            check_name(&child.name).map_err(|error| Fault::from(error.to_string()))?;
            if self.names.contains_key(&child.name) {
                return Err(Fault::from(format!("its spec has `{}` twice", child.name)));
            }
            let node = former.remove(&child.name);
            self.place(child.clone(), node);
        }
        self.publish_window();
        Ok(())
    }

    /// Gives a child its slot, to the right of all others.
    fn place(&mut self, spec: Arc<ChildSpec>, former: Option<Arc<Node>>) -> u64 {
        self.last_key += 1;
        let key = self.last_key;
        let node = former.unwrap_or_else(|| Node::new(self.node.path(), &spec, self.tree.clock));
        spec.body.place(&node);
        self.tree.meters.kind(spec.kind);
        self.node.put_child(key, node.clone());
        self.names.insert(spec.name.clone(), key);
        self.watch_for(spec.stuck_after);
        self.slots.insert(key, Slot::new(spec, node));
        key
    }

    async fn first_start(&mut self) -> Result<(), Fault> {
        let keys: Vec<u64> = self.slots.keys().copied().collect();
        for key in keys {
            if let Err(fault) = self.start_and_wait(key).await {
                let name = self.slots.get(&key).map(|slot| slot.spec.name.clone());
                self.stop_started().await;
                let name = name.as_deref().unwrap_or_default();
                return Err(Fault::from(format!("child `{name}` did not start: {fault}")));
            }
        }
        Ok(())
    }

    async fn start_and_wait(&mut self, key: u64) -> Result<(), Fault> {
        let Some(slot) = self.slots.get_mut(&key) else {
            return Ok(());
        };
        slot.node.set_state(State::Starting);
        let cell = self.myself.get_cell();
        let (spec, node) = (slot.spec.clone(), slot.node.clone());
        let started = match Incarnation::spawn(&spec, &node, &self.tree, cell) {
            Ok((incarnation, wait)) => {
                self.live.insert(incarnation.id(), key);
                if incarnation.generation > 1 {
                    self.tree.meters.restarted(spec.kind, Why::Sibling);
                }
                slot.life = Life::Starting(incarnation);
                wait.outcome().await
            }
            Err(fault) => Err(fault),
        };
        match started {
            Ok(()) => self.came_up(key),
            Err(ref fault) => {
                self.record(key, fault, super::ledger::LedgerAction::Left, &[], Duration::ZERO);
                self.went_down(key, State::Stopped);
            }
        }
        started
    }

    /// Undoes a first start that failed half way: last first.
    async fn stop_started(&mut self) {
        let keys: Vec<u64> = self.slots.keys().rev().copied().collect();
        for key in keys {
            let Some(slot) = self.slots.get_mut(&key) else {
                continue;
            };
            let patience = match slot.spec.shutdown {
                Shutdown::Timeout(limit) => Some(limit),
                Shutdown::Brutal => Some(Duration::ZERO),
                Shutdown::Infinity => None,
            };
            if let Life::Up(incarnation) = &slot.life {
                slot.node.set_state(State::Stopping);
                incarnation.stop_and_wait(patience, self.tree.kill_grace).await;
                self.went_down(key, State::Stopped);
            }
        }
    }

    fn on_command(&mut self, command: Command) {
        match command {
            Command::Add(spec, reply) => self.add(*spec, reply),
            Command::Wish(name, wish, reply) => self.wish(&name, wish, reply),
            Command::CrashChild(name, reason, reply) => self.crash_child(&name, &reason, reply),
            Command::Crash(reason) => panic!("{reason}"),
            Command::Shutdown => self.close(Closing::Requested),
            Command::StartEnded(key, id, outcome) => self.on_start_ended(key, id, outcome),
            Command::BackoffOver(key, ticket) => self.on_backoff_over(key, ticket),
            Command::GroupBackoffOver(ticket) => self.on_group_backoff_over(ticket),
            Command::StopOverdue(key, id) => self.on_stop_overdue(key, id),
            Command::KillOverdue(key, id) => self.on_kill_overdue(key, id),
            Command::Watch => self.on_watch(),
        }
    }

    fn on_event(&mut self, event: SupervisionEvent) {
        let (cell, exit) = match event {
            SupervisionEvent::ActorTerminated(cell, state, reason) => {
                // What a killed worker leaves is dropped elsewhere: its Drop may be slow, or panic.
                if let Some(state) = state {
                    tokio::spawn(async move { drop(state) });
                }
                // ractor's own words for an actor that did not end by itself.
                let exit = match reason.as_deref() {
                    Some("killed" | "actor_task_cancelled") => Exit::Crash(Fault::new(Why::Killed, "killed")),
                    _ => Exit::Normal,
                };
                (cell, exit)
            }
            SupervisionEvent::ActorFailed(cell, error) => (cell, Exit::Crash(Fault::from_ractor(&error))),
            SupervisionEvent::ActorStarted(_) | SupervisionEvent::ProcessGroupChanged(_) => return,
        };
        if let Some(key) = self.live.get(&cell.get_id()).copied() {
            self.on_exit(key, exit);
        }
    }

    /// Ends the supervisor once it is closing and its last child is down.
    fn conclude(&mut self) -> Result<(), ActorProcessingErr> {
        match &self.closing {
            Some(closing) if self.slots.is_empty() => match closing {
                Closing::Requested => {
                    self.myself.stop(None);
                    Ok(())
                }
                Closing::GaveUp(text) => {
                    if self.is_root {
                        self.tree.root_gave_up(text);
                    }
                    self.node.set_state(State::GaveUp);
                    Err(Fault::new(Why::Escalated, text).into())
                }
            },
            _ => Ok(()),
        }
    }

    fn cell(&self) -> ActorCell {
        self.myself.get_cell()
    }

    fn ticket(&mut self) -> u64 {
        self.last_ticket += 1;
        self.last_ticket
    }

    /// Sends `command` to this supervisor after `delay`, unless the timer is dropped before.
    fn later(&self, delay: Duration, command: Command) -> Timer {
        let myself = self.myself.clone();
        AbortOnDropHandle::new(tokio::spawn(async move {
            tokio::time::sleep(delay).await;
            // Refused only by a supervisor that is gone, to which it means nothing.
            let _ = myself.send_message(command);
        }))
    }

    /// Looks for stuck children often enough for this limit.
    fn watch_for(&mut self, limit: Option<Duration>) {
        let Some(limit) = limit else { return };
        let period = (limit / 4).clamp(WATCH_MIN, WATCH_MAX);
        if self.watch.as_ref().is_some_and(|(now, _)| *now <= period) {
            return;
        }
        let myself = self.myself.clone();
        let timer = tokio::spawn(async move {
            let mut timer = tokio::time::interval(period);
            timer.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
            timer.tick().await;
            loop {
                timer.tick().await;
                if myself.send_message(Command::Watch).is_err() {
                    return;
                }
            }
        });
        self.watch = Some((period, AbortOnDropHandle::new(timer)));
    }

    /// Publishes the restarts that count, for snapshots.
    fn publish_window(&self) {
        if let Some(facts) = self.node.supervisor() {
            let clock = self.tree.clock;
            let recent = self.window.recent().map(|at| clock.at(at.into())).collect();
            facts.window.store(Arc::new(recent));
        }
    }
}
