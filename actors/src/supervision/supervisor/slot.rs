//! One child's place in its supervisor: what is wanted of it, and where it is in its life.
//!
//! Invariant: a slot belongs to one child for good. A later child of the same name gets a slot with another key.

use std::sync::Arc;

use super::super::control::{ChildError, Reply};
use super::super::incarnation::Incarnation;
use super::super::ledger::Why;
use super::super::node::{Node, State};
use super::super::spec::ChildSpec;
use super::super::worker::Fault;
use super::Timer;
use crate::policy::backoff::Failures;

/// What is wanted of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Up,
    Down,
    Gone,
}

/// Where a child is in its life. Timers end with the phase that they belong to.
pub(super) enum Life {
    Down,
    Starting(Incarnation),
    Up(Incarnation),
    /// The timer is the end of its shutdown time.
    Stopping(Incarnation, Option<Timer>),
    /// The ticket tells this back-off from an earlier one whose timer had already fired.
    BackingOff {
        ticket: u64,
        _timer: Timer,
    },
}

pub(super) struct Slot {
    pub(super) spec: Arc<ChildSpec>,
    pub(super) node: Arc<Node>,
    pub(super) wanted: Wanted,
    pub(super) life: Life,
    /// It must go down once before it may be up: a restart was requested.
    pub(super) bounce: bool,
    /// Its first start is on trial: if it fails, the request fails and no policy applies.
    pub(super) trial: Option<Trial>,
    /// Killed by us, and not dead yet.
    pub(super) condemned: Option<Condemned>,
    /// Why the next start happens, for the metrics.
    pub(super) cause: Option<Why>,
    pub(super) failures: Failures,
    waiters: Vec<(Wanted, Reply)>,
}

/// A kill that is under way.
pub(super) struct Condemned {
    /// What the ledger will say of it.
    pub(super) fault: Fault,
    /// The end of the grace, when it is cut off.
    pub(super) _timer: Timer,
}

/// What a failed first start leaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Trial {
    /// Nothing: the child is not added.
    Add,
    /// The stopped child that it was.
    Start,
}

impl Slot {
    pub(super) fn new(spec: Arc<ChildSpec>, node: Arc<Node>) -> Self {
        Slot {
            spec,
            node,
            wanted: Wanted::Up,
            life: Life::Down,
            bounce: false,
            trial: None,
            condemned: None,
            cause: None,
            failures: Failures::default(),
            waiters: Vec::new(),
        }
    }

    /// The incarnation that exists now, if one does.
    pub(super) fn incarnation(&self) -> Option<&Incarnation> {
        match &self.life {
            Life::Down | Life::BackingOff { .. } => None,
            Life::Starting(incarnation) | Life::Up(incarnation) | Life::Stopping(incarnation, _) => Some(incarnation),
        }
    }

    /// Shows a member of a group that waits, and that is down for good, as what it is.
    pub(super) fn rest(&self) {
        if self.node.state() == State::BackingOff {
            self.node.set_state(State::Stopped);
        }
    }

    /// Sets what is wanted, and turns away those who waited for something else.
    pub(super) fn want(&mut self, wanted: Wanted, reply: Reply) {
        self.wanted = wanted;
        for (goal, waiter) in std::mem::take(&mut self.waiters) {
            if goal == wanted {
                self.waiters.push((goal, waiter));
            } else {
                // One who no longer waits is not owed an answer; so in all of this file.
                let _ = waiter.send(Err(ChildError::Superseded));
            }
        }
        self.waiters.push((wanted, reply));
    }

    /// Answers all who wait.
    pub(super) fn answer(&mut self, outcome: &Result<(), ChildError>) {
        for (_, waiter) in self.waiters.drain(..) {
            let _ = waiter.send(outcome.clone());
        }
    }

    /// Answers those who wait for what is now so.
    pub(super) fn reached(&mut self, goal: Wanted) {
        if self.wanted == goal {
            self.answer(&Ok(()));
        }
    }
}

impl Drop for Slot {
    /// The end of a slot is what those who wait for the child to be gone wait for.
    fn drop(&mut self) {
        for (goal, waiter) in self.waiters.drain(..) {
            let _ = waiter.send(match goal {
                Wanted::Gone => Ok(()),
                Wanted::Up | Wanted::Down => Err(ChildError::Unavailable),
            });
        }
    }
}
