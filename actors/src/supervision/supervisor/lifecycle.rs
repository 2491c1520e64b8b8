//! One child's way up and down, and the supervisor's own way down.
//!
//! Invariant: `settle` alone decides the next step, from what is wanted and what is; it may be called at any time.

use super::super::control::Command;
use super::super::event::Event;
use super::super::incarnation::Incarnation;
use super::super::ledger::{LedgerAction, Why};
use super::super::node::State;
use super::super::spec::Shutdown;
use super::super::worker::Fault;
use super::slot::{Condemned, Life, Wanted};
use super::{Closing, Exit, Supervisor};
use ractor::ActorId;
use std::time::Duration;
use tokio::time::Instant;

impl Supervisor {
    /// Takes the next step after something changed about a child.
    pub(super) fn settle(&mut self, key: u64) {
        if self.closing.is_some() {
            return self.advance_closing();
        }
        let grouped = self.in_group(key);
        // What shall not come back need not wait for its group.
        if !grouped || self.rests_for_good(key) {
            self.step(key);
        }
        if grouped {
            self.advance_group();
        }
    }

    fn rests_for_good(&self, key: u64) -> bool {
        self.slots
            .get(&key)
            .is_some_and(|slot| slot.wanted != Wanted::Up && matches!(slot.life, Life::Down | Life::BackingOff { .. }))
    }

    /// The next step of a child that no group holds.
    pub(super) fn step(&mut self, key: u64) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        match (slot.wanted, &slot.life) {
            (Wanted::Up, Life::Down) => self.start(key),
            (Wanted::Up, Life::Up(_)) if slot.bounce => self.stop(key),
            (Wanted::Up, Life::Up(_)) => slot.reached(Wanted::Up),
            (Wanted::Down | Wanted::Gone, Life::Up(_) | Life::Starting(_)) => self.stop(key),
            (Wanted::Down | Wanted::Gone, Life::BackingOff { .. }) => {
                self.went_down(key, State::Stopped);
                self.step(key);
            }
            (Wanted::Down, Life::Down) => {
                slot.rest();
                slot.reached(Wanted::Down);
            }
            (Wanted::Gone, Life::Down) => self.forget(key),
            // Under way: its end will call again.
            (_, Life::Starting(_) | Life::Stopping(..) | Life::BackingOff { .. }) => {}
        }
    }

    /// Spawns the next incarnation; the end of its start comes back as a command.
    pub(super) fn start(&mut self, key: u64) {
        let cell = self.cell();
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        slot.bounce = false;
        slot.node.set_state(State::Starting);
        match Incarnation::spawn(&slot.spec, &slot.node, &self.tree, cell) {
            Ok((incarnation, wait)) => {
                let id = incarnation.id();
                if incarnation.generation > 1 {
                    let why = slot.cause.take().unwrap_or(Why::Sibling);
                    self.tree.meters.restarted(slot.spec.kind, why);
                }
                slot.life = Life::Starting(incarnation);
                self.live.insert(id, key);
                let myself = self.myself.clone();
                tokio::spawn(async move {
                    let outcome = wait.outcome().await;
                    // Refused only by a supervisor that is gone, and with it the child.
                    let _ = myself.send_message(Command::StartEnded(key, id, outcome));
                });
            }
            Err(fault) => self.on_start_failed(key, &fault),
        }
    }

    pub(super) fn on_start_ended(&mut self, key: u64, id: ActorId, outcome: Result<(), Fault>) {
        let Some(slot) = self.slots.get(&key) else {
            return;
        };
        // A stale report: its incarnation was dropped, and with that killed.
        if slot.incarnation().is_none_or(|now| now.id() != id) {
            return;
        }
        match (&slot.life, outcome) {
            (Life::Starting(_), Ok(())) => {
                self.came_up(key);
                self.settle(key);
            }
            (Life::Starting(_), Err(fault)) => self.on_start_failed(key, &fault),
            (Life::Stopping(..), Err(_killed)) => {
                self.went_down(key, State::Stopped);
                self.settle(key);
            }
            // It came up while our kill was on its way: its exit follows.
            _ => {}
        }
    }

    /// Its start is done: from now on its handle reaches it.
    pub(super) fn came_up(&mut self, key: u64) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Life::Starting(mut incarnation) = std::mem::replace(&mut slot.life, Life::Down) else {
            return;
        };
        incarnation.since = Instant::now();
        incarnation.bind();
        let generation = incarnation.generation;
        slot.life = Life::Up(incarnation);
        slot.trial = None;
        slot.node.set_state(State::Running);
        let path = slot.node.path().clone();
        self.tree.tell(match generation {
            1 => Event::Started { path },
            _ => Event::Restarted { path, generation },
        });
    }

    /// Nothing of it runs any more. Whatever was left of the incarnation is killed by its drop.
    pub(super) fn went_down(&mut self, key: u64, state: State) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if let Some(incarnation) = slot.incarnation() {
            incarnation.unbind();
            self.live.remove(&incarnation.id());
        }
        slot.life = Life::Down;
        slot.condemned = None;
        slot.node.clear_vitals();
        slot.node.descendants_stopped();
        slot.node.set_state(state);
        if state == State::Stopped {
            let path = slot.node.path().clone();
            self.tree.tell(Event::Stopped { path });
        }
    }

    /// Begins an orderly stop.
    pub(super) fn stop(&mut self, key: u64) {
        let grace = self.tree.kill_grace;
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let (incarnation, shutdown) = match std::mem::replace(&mut slot.life, Life::Down) {
            // A start is not awaited: nothing is lost with it.
            Life::Starting(incarnation) => (incarnation, Shutdown::Brutal),
            Life::Up(incarnation) => (incarnation, slot.spec.shutdown),
            other => {
                slot.life = other;
                return;
            }
        };
        slot.node.set_state(State::Stopping);
        incarnation.unbind();
        let id = incarnation.id();
        let deadline = match shutdown {
            Shutdown::Brutal => {
                incarnation.kill();
                Some((grace, Command::KillOverdue(key, id)))
            }
            Shutdown::Timeout(limit) => {
                incarnation.ask_to_stop();
                Some((limit, Command::StopOverdue(key, id)))
            }
            Shutdown::Infinity => {
                incarnation.ask_to_stop();
                None
            }
        };
        slot.life = Life::Stopping(incarnation, None);
        let timer = deadline.map(|(delay, command)| self.later(delay, command));
        if let Some(slot) = self.slots.get_mut(&key)
            && let Life::Stopping(_, end) = &mut slot.life
        {
            *end = timer;
        }
    }

    pub(super) fn on_stop_overdue(&mut self, key: u64, id: ActorId) {
        let fault = match self.slots.get(&key) {
            Some(slot) if slot.incarnation().is_some_and(|now| now.id() == id) => {
                let limit = match slot.spec.shutdown {
                    Shutdown::Timeout(limit) => limit,
                    Shutdown::Brutal | Shutdown::Infinity => Duration::ZERO,
                };
                Fault::new(Why::Killed, format!("it did not stop within {limit:?}"))
            }
            _ => return,
        };
        self.condemn(key, fault);
    }

    /// Kills an incarnation for a reason of ours, and sees to it that it dies.
    pub(super) fn condemn(&mut self, key: u64, fault: Fault) {
        let Some(incarnation) = self.slots.get(&key).and_then(|slot| slot.incarnation()) else {
            return;
        };
        incarnation.kill();
        let overdue = Command::KillOverdue(key, incarnation.id());
        let _timer = self.later(self.tree.kill_grace, overdue);
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.condemned = Some(Condemned { fault, _timer });
        }
    }

    /// A kill had no effect in time: the child blocks its thread. Cut it off and go on without it.
    pub(super) fn on_kill_overdue(&mut self, key: u64, id: ActorId) {
        let cell = self.cell();
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let Some(incarnation) = slot.incarnation().filter(|now| now.id() == id) else {
            return;
        };
        incarnation.abandon(cell);
        let text = match slot.condemned.take() {
            Some(condemned) => format!("{}; a kill had no effect", condemned.fault),
            None => String::from("a kill had no effect"),
        };
        self.on_exit(key, Exit::Crash(Fault::new(Why::Abandoned, text)));
    }

    /// An incarnation is gone.
    pub(super) fn on_exit(&mut self, key: u64, exit: Exit) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        // A kill by us has a reason that ractor does not know; a crash that came before the kill has its own.
        let exit = match (exit, slot.condemned.take()) {
            (Exit::Crash(fault), Some(condemned)) if fault.why() == Why::Killed => Exit::Crash(condemned.fault),
            (Exit::Crash(fault), None) if fault.why() == Why::Killed && matches!(slot.life, Life::Stopping(..)) => {
                // A brutal stop, as asked for.
                Exit::Normal
            }
            (exit, _) => exit,
        };
        if matches!(slot.life, Life::Stopping(..)) {
            if let Exit::Crash(fault) = exit {
                self.record(key, &fault, LedgerAction::Left, &[], Duration::ZERO);
            }
            self.went_down(key, State::Stopped);
            self.settle(key);
        } else {
            self.on_end(key, exit);
        }
    }

    /// Removes a child that is at rest.
    pub(super) fn forget(&mut self, key: u64) {
        let Some(slot) = self.slots.remove(&key) else {
            return;
        };
        self.names.remove(&slot.spec.name);
        self.node.drop_child(key);
        let path = slot.node.path().clone();
        self.tree.tell(Event::Removed { path });
    }

    /// Begins the supervisor's own end: its children first, the last one first.
    pub(super) fn close(&mut self, closing: Closing) {
        // Whoever asks a supervisor to stop that is giving up wants it stopped all the same.
        self.closing = Some(closing);
        self.group = None;
        self.watch = None;
        self.node.set_state(State::Stopping);
        self.advance_closing();
    }

    fn advance_closing(&mut self) {
        while let Some((&key, slot)) = self.slots.last_key_value() {
            match &slot.life {
                Life::Stopping(..) => return,
                Life::Starting(_) | Life::Up(_) => return self.stop(key),
                Life::BackingOff { .. } => {
                    self.went_down(key, State::Stopped);
                    self.slots.remove(&key);
                }
                Life::Down => {
                    slot.rest();
                    self.slots.remove(&key);
                }
            }
        }
    }
}
