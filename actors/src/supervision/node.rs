//! What each actor of a tree publishes: plain atomics that anybody may read at any time.
//!
//! Invariant: reading a node asks no mailbox and waits for no actor, so it answers whatever the tree does. The
//! supervisor writes the state, the incarnation its vitals.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, PoisonError, RwLock};

use arc_swap::{ArcSwap, ArcSwapOption};
use tokio::time::Instant;

use super::control::SupervisorHandle;
use super::ledger::Why;
use super::spec::{ChildSpec, Gauges, Restart, Strategy};
use super::vitals::{Busy, Clock, Vitals};
use crate::policy::intensity::Intensity;

/// Where a child is in its life.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
#[repr(u8)]
pub enum State {
    /// Its start runs.
    Starting,
    /// It takes messages.
    Running,
    /// It failed, and waits for its restart.
    BackingOff,
    /// It drains its queue and stops.
    Stopping,
    /// It is stopped, by request or by a normal exit.
    Stopped,
    /// It is a supervisor that exceeded its restart intensity.
    GaveUp,
}

impl State {
    /// Every state, in the order of their numbers.
    pub const ALL: [State; 6] = [
        State::Starting,
        State::Running,
        State::BackingOff,
        State::Stopping,
        State::Stopped,
        State::GaveUp,
    ];

    /// The stable word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            State::Starting => "starting",
            State::Running => "running",
            State::BackingOff => "backing_off",
            State::Stopping => "stopping",
            State::Stopped => "stopped",
            State::GaveUp => "gave_up",
        }
    }
}

/// The last crash of a child.
#[derive(Clone, Debug, serde::Serialize)]
pub struct Crash {
    /// Milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// What kind of end it was.
    pub why: Why,
    /// The panic's or error's text, at most 300 characters.
    pub text: Arc<str>,
    /// The message that it handled then.
    pub during: Option<&'static str>,
}

/// What a supervisor's node has beyond a worker's.
pub(crate) struct SupervisorFacts {
    pub(crate) strategy: Strategy,
    pub(crate) intensity: Intensity,
    pub(crate) handle: SupervisorHandle,
    /// The restarts that may still count, in the tree's milliseconds.
    pub(crate) window: ArcSwap<Vec<u64>>,
    /// In start order. A lock, held for the length of a copy and never across an await.
    children: RwLock<BTreeMap<u64, Arc<Node>>>,
}

/// One child's published record. It outlives incarnations, and ends when the child is removed from the tree.
pub struct Node {
    path: Arc<str>,
    name: Arc<str>,
    kind: &'static str,
    restart: Restart,
    gauges: Option<Gauges>,
    clock: Clock,
    /// State (high 8 bits) and when it began (low 56 bits): one word, so that they always belong together.
    state: AtomicU64,
    started: AtomicU64,
    generation: AtomicU64,
    restarts: AtomicU64,
    next_retry: AtomicU64,
    crash: ArcSwapOption<Crash>,
    vitals: ArcSwapOption<Vitals>,
    high_water: AtomicUsize,
    handled: AtomicU64,
    supervisor: Option<SupervisorFacts>,
}

const SINCE_BITS: u32 = 56;

impl Node {
    pub(crate) fn new(parent: &str, spec: &ChildSpec, clock: Clock) -> Arc<Self> {
        let node = Node {
            path: Arc::from(format!("{parent}/{}", spec.name)),
            name: spec.name.clone(),
            kind: spec.kind,
            restart: spec.restart,
            gauges: spec.gauges.clone(),
            clock,
            state: AtomicU64::new(0),
            started: AtomicU64::new(0),
            generation: AtomicU64::new(0),
            restarts: AtomicU64::new(0),
            next_retry: AtomicU64::new(0),
            crash: ArcSwapOption::empty(),
            vitals: ArcSwapOption::empty(),
            high_water: AtomicUsize::new(0),
            handled: AtomicU64::new(0),
            supervisor: spec.body.supervisor().map(|(spec, handle)| SupervisorFacts {
                strategy: spec.strategy,
                intensity: spec.intensity,
                handle: handle.clone(),
                window: ArcSwap::default(),
                children: RwLock::default(),
            }),
        };
        node.set_state(State::Stopped);
        Arc::new(node)
    }

    /// Its address, such as `/root/plugins/forge-a/provider`.
    pub fn path(&self) -> &Arc<str> {
        &self.path
    }

    /// Its name among its siblings.
    pub fn name(&self) -> &Arc<str> {
        &self.name
    }

    /// The label of its metrics.
    pub fn kind(&self) -> &'static str {
        self.kind
    }

    /// When it is restarted.
    pub fn restart(&self) -> Restart {
        self.restart
    }

    /// Where it is in its life.
    pub fn state(&self) -> State {
        self.state_since().0
    }

    /// The number of its incarnation; 1 is the first, 0 none yet.
    pub fn generation(&self) -> u64 {
        self.generation.load(Relaxed)
    }

    /// How often it was started again, for whatever reason.
    pub fn restarts(&self) -> u64 {
        self.restarts.load(Relaxed)
    }

    /// The messages it handled to the end, over all incarnations.
    pub fn handled(&self) -> u64 {
        self.handled.load(Relaxed)
    }

    /// The deepest that its mailbox has been.
    pub fn high_water(&self) -> usize {
        self.high_water.load(Relaxed)
    }

    /// The messages that wait in its mailbox.
    pub fn mailbox(&self) -> usize {
        let vitals = self.vitals.load();
        vitals.as_ref().map_or(0, |vitals| vitals.depth.load(Relaxed))
    }

    /// Its last crash, if it ever crashed.
    pub fn last_crash(&self) -> Option<Arc<Crash>> {
        self.crash.load_full()
    }

    /// The numbers that it publishes about itself.
    pub fn gauges(&self) -> Vec<(&'static str, u64)> {
        self.gauges.as_ref().map_or_else(Vec::new, |read| read())
    }

    /// Its children, in start order; none for a worker.
    pub fn children(&self) -> Vec<Arc<Node>> {
        self.supervisor.as_ref().map_or_else(Vec::new, |facts| {
            let children = facts.children.read().unwrap_or_else(PoisonError::into_inner);
            children.values().cloned().collect()
        })
    }

    /// The child with this name.
    pub fn child(&self, name: &str) -> Option<Arc<Node>> {
        let facts = self.supervisor.as_ref()?;
        let children = facts.children.read().unwrap_or_else(PoisonError::into_inner);
        children.values().find(|node| &*node.name == name).cloned()
    }

    pub(crate) fn clock(&self) -> Clock {
        self.clock
    }

    pub(crate) fn supervisor(&self) -> Option<&SupervisorFacts> {
        self.supervisor.as_ref()
    }

    pub(crate) fn state_since(&self) -> (State, u64) {
        let word = self.state.load(Relaxed);
        let index = usize::try_from(word >> SINCE_BITS).unwrap_or(usize::MAX);
        let state = State::ALL.get(index).copied().unwrap_or(State::Stopped);
        (state, word & ((1 << SINCE_BITS) - 1))
    }

    pub(crate) fn started(&self) -> u64 {
        self.started.load(Relaxed)
    }

    pub(crate) fn next_retry(&self) -> u64 {
        self.next_retry.load(Relaxed)
    }

    pub(crate) fn busy(&self) -> Option<Busy> {
        self.vitals.load().as_ref().and_then(|vitals| vitals.busy())
    }

    pub(crate) fn set_state(&self, state: State) {
        let now = self.clock.now();
        if state != State::BackingOff {
            self.next_retry.store(0, Relaxed);
        }
        if state == State::Running {
            self.started.store(now, Relaxed);
        }
        self.state.store((state as u64) << SINCE_BITS | now, Relaxed);
    }

    pub(crate) fn set_backing_off(&self, until: Instant) {
        self.set_state(State::BackingOff);
        self.next_retry.store(self.clock.at(until), Relaxed);
    }

    /// A new incarnation is about to start; gives its number.
    pub(crate) fn next_generation(&self, vitals: &Arc<Vitals>) -> u64 {
        self.vitals.store(Some(vitals.clone()));
        let generation = self.generation.fetch_add(1, Relaxed) + 1;
        if generation > 1 {
            self.restarts.fetch_add(1, Relaxed);
        }
        generation
    }

    pub(crate) fn clear_vitals(&self) {
        self.vitals.store(None);
    }

    pub(crate) fn set_crash(&self, crash: Crash) {
        self.crash.store(Some(Arc::new(crash)));
    }

    /// One message was taken from a mailbox that was `depth` deep.
    pub(crate) fn took(&self, depth: usize) {
        // Not fetch_max: the incarnation is the only writer, and a new maximum is rare.
        if depth > self.high_water.load(Relaxed) {
            self.high_water.store(depth, Relaxed);
        }
    }

    pub(crate) fn count_handled(&self) {
        self.handled.fetch_add(1, Relaxed);
    }

    pub(crate) fn put_child(&self, key: u64, child: Arc<Node>) {
        if let Some(facts) = &self.supervisor {
            let mut children = facts.children.write().unwrap_or_else(PoisonError::into_inner);
            children.insert(key, child);
        }
    }

    pub(crate) fn drop_child(&self, key: u64) {
        if let Some(facts) = &self.supervisor {
            let mut children = facts.children.write().unwrap_or_else(PoisonError::into_inner);
            children.remove(&key);
        }
    }

    /// Takes all children away, for a supervisor that starts anew and will put back those of its spec.
    pub(crate) fn take_children(&self) -> Vec<Arc<Node>> {
        self.supervisor.as_ref().map_or_else(Vec::new, |facts| {
            let mut children = facts.children.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::take(&mut *children).into_values().collect()
        })
    }

    /// Says of all below it that they are stopped: their supervisor died without stopping them in order.
    pub(crate) fn descendants_stopped(&self) {
        let mut open = self.children();
        while let Some(node) = open.pop() {
            if !matches!(node.state(), State::Stopped | State::GaveUp) {
                node.set_state(State::Stopped);
            }
            node.clear_vitals();
            open.extend(node.children());
        }
    }
}

impl std::fmt::Debug for Node {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Node")
            .field("path", &self.path)
            .field("state", &self.state())
            .field("generation", &self.generation())
            .finish_non_exhaustive()
    }
}
