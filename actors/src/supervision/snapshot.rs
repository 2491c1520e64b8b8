//! The tree as it is now, for people and programs.
//!
//! Invariant: made from published atomics alone, in start order; it answers whatever the tree does.

use std::sync::Arc;

use super::ledger::unix_ms;
use super::node::{Crash, Node, State};
use super::spec::{Restart, Strategy};

/// A whole tree.
#[derive(Clone, Debug, serde::Serialize)]
pub struct TreeSnapshot {
    /// When it was taken, in milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// Why the root gave up, if it did.
    pub failed: Option<Arc<str>>,
    /// Entries written to the ledger since the start.
    pub ledger_written: u64,
    /// Entries that the ledger had to drop.
    pub ledger_dropped: u64,
    /// The root and all below it.
    pub root: NodeSnapshot,
}

/// One child and all below it.
#[derive(Clone, Debug, serde::Serialize)]
pub struct NodeSnapshot {
    /// Its address, such as `/root/plugins/forge-a/provider`.
    pub path: Arc<str>,
    /// The label of its metrics, such as `provider`.
    pub kind: &'static str,
    /// What a supervisor has beyond a worker; none for a worker.
    pub supervisor: Option<SupervisorSnapshot>,
    /// When it is restarted.
    pub restart: Restart,
    /// Where it is in its life.
    pub state: State,
    /// For how long, in milliseconds.
    pub in_state_ms: u64,
    /// For how long this incarnation has been up, in milliseconds; none unless it runs.
    pub uptime_ms: Option<u64>,
    /// The number of its incarnation; 1 is the first.
    pub generation: u64,
    /// How often it was started again, for whatever reason.
    pub restarts: u64,
    /// The wait until its next start, in milliseconds, while it backs off.
    pub next_retry_ms: Option<u64>,
    /// Its last crash.
    pub last_crash: Option<Arc<Crash>>,
    /// The messages that wait in its mailbox.
    pub mailbox: usize,
    /// The deepest that its mailbox has been.
    pub mailbox_high_water: usize,
    /// The messages it handled to the end, over all incarnations.
    pub handled: u64,
    /// The message that it handles now.
    pub busy: Option<BusySnapshot>,
    /// The numbers that it publishes about itself.
    pub gauges: Vec<(&'static str, u64)>,
    /// Its children, in start order.
    pub children: Vec<NodeSnapshot>,
}

/// What a supervisor has beyond a worker.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct SupervisorSnapshot {
    /// Which siblings a failure takes along.
    pub strategy: Strategy,
    /// The restarts that it bears within its period. `u32::MAX` is any number, and `null` in JSON.
    #[serde(serialize_with = "unless_any")]
    pub intensity: u32,
    /// The period, in milliseconds.
    pub period_ms: u64,
    /// The restarts within the period that ends now.
    pub in_window: u32,
    /// The restarts that it still bears. `u32::MAX` is any number, and `null` in JSON.
    #[serde(serialize_with = "unless_any")]
    pub budget_left: u32,
}

/// A message that is being handled.
#[derive(Clone, Copy, Debug, serde::Serialize)]
pub struct BusySnapshot {
    /// Its label.
    pub label: &'static str,
    /// For how long, in milliseconds.
    pub for_ms: u64,
}

impl TreeSnapshot {
    pub(crate) fn take(
        root: &Arc<Node>,
        (ledger_written, ledger_dropped): (u64, u64),
        failed: Option<Arc<str>>,
    ) -> Self {
        TreeSnapshot {
            at_unix_ms: unix_ms(),
            failed,
            ledger_written,
            ledger_dropped,
            root: NodeSnapshot::take(root),
        }
    }
}

impl NodeSnapshot {
    /// Reads a node and all below it. Recursion is as deep as the tree, which specs bound.
    pub(crate) fn take(node: &Node) -> Self {
        let now = node.clock().now();
        let (state, since) = node.state_since();
        let waits = state == State::BackingOff;
        NodeSnapshot {
            path: node.path().clone(),
            kind: node.kind(),
            supervisor: supervisor(node, now),
            restart: node.restart(),
            state,
            in_state_ms: now.saturating_sub(since),
            uptime_ms: (state == State::Running).then(|| now.saturating_sub(node.started())),
            generation: node.generation(),
            restarts: node.restarts(),
            next_retry_ms: waits.then(|| node.next_retry().saturating_sub(now)),
            last_crash: node.last_crash(),
            mailbox: node.mailbox(),
            mailbox_high_water: node.high_water(),
            handled: node.handled(),
            busy: node.busy().map(|busy| BusySnapshot {
                label: busy.label,
                for_ms: now.saturating_sub(busy.since),
            }),
            gauges: node.gauges(),
            children: node.children().iter().map(|child| Self::take(child)).collect(),
        }
    }

    /// This node and all below it, parents first.
    pub fn walk(&self) -> Vec<&NodeSnapshot> {
        let mut all = vec![self];
        all.extend(self.children.iter().flat_map(NodeSnapshot::walk));
        all
    }
}

fn supervisor(node: &Node, now: u64) -> Option<SupervisorSnapshot> {
    let facts = node.supervisor()?;
    let period_ms = u64::try_from(facts.intensity.period.as_millis()).unwrap_or(u64::MAX);
    let counts = |at: &&u64| now.saturating_sub(**at) <= period_ms;
    let in_window = facts.window.load().iter().filter(counts).count();
    let in_window = u32::try_from(in_window).unwrap_or(u32::MAX);
    Some(SupervisorSnapshot {
        strategy: facts.strategy,
        intensity: facts.intensity.restarts,
        period_ms,
        in_window,
        budget_left: match facts.intensity.restarts {
            u32::MAX => u32::MAX,
            restarts => restarts.saturating_sub(in_window),
        },
    })
}

fn unless_any<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&(*number != u32::MAX).then_some(number), serializer)
}

/// The node at `path` under `root`, by walking down.
pub(crate) fn find(root: &Arc<Node>, path: &str) -> Option<Arc<Node>> {
    let rest = path.strip_prefix(&**root.path())?;
    if rest.is_empty() {
        return Some(root.clone());
    }
    let mut names = rest.strip_prefix('/')?.split('/');
    names.try_fold(root.clone(), |node, name| node.child(name))
}
