//! What follows from a child's end: the restart policy, the ledger, and giving up.
//!
//! Invariant: every end of an incarnation that was not asked for is written to the ledger exactly once.

use std::time::Duration;

use tokio::time::Instant;

use super::super::control::ChildError;
use super::super::event::Event;
use super::super::ledger::{LedgerAction, LedgerEntry, Why, unix_ms};
use super::super::node::{Crash, State};
use super::super::spec::{Restart, Strategy};
use super::super::worker::Fault;
use super::slot::{Life, Trial, Wanted};
use super::{Closing, Exit, Supervisor};
use crate::policy::intensity::IntensityDecision;

impl Supervisor {
    /// A child ended that was not being stopped.
    pub(super) fn on_end(&mut self, key: u64, exit: Exit) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let fault = match (exit, slot.spec.restart) {
            (Exit::Crash(fault), _) => fault,
            (Exit::Normal, Restart::Permanent) => Fault::new(Why::Exited, "it ended normally, and is permanent"),
            (Exit::Normal, restart) => {
                slot.wanted = match restart {
                    Restart::Temporary => Wanted::Gone,
                    Restart::Permanent | Restart::Transient => Wanted::Down,
                };
                self.went_down(key, State::Stopped);
                return self.settle(key);
            }
        };
        self.fail(key, &fault);
    }

    /// A start failed or took too long. One that somebody asked for is theirs to repeat; any other is a failure.
    pub(super) fn on_start_failed(&mut self, key: u64, fault: &Fault) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        slot.answer(&Err(ChildError::StartFailed(fault.text().clone())));
        match slot.trial.take() {
            Some(Trial::Add) => slot.wanted = Wanted::Gone,
            Some(Trial::Start) => slot.wanted = Wanted::Down,
            None => {}
        }
        self.fail(key, fault);
    }

    /// Applies the restart policy to a failure.
    fn fail(&mut self, key: u64, fault: &Fault) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        if slot.spec.restart == Restart::Temporary {
            slot.wanted = Wanted::Gone;
        }
        if self.closing.is_some() || slot.wanted != Wanted::Up {
            return self.bury(key, fault, LedgerAction::Left);
        }
        if self.is_awaited_down(key) {
            // A sibling's failure takes it along; as in OTP, ends of the same blow count once.
            return self.bury(key, fault, LedgerAction::Restarted);
        }
        match self.window.record(Instant::now().into_std()) {
            IntensityDecision::Within { .. } => self.restart(key, fault),
            IntensityDecision::Exceeded => {
                self.record(key, fault, LedgerAction::GaveUp, &[], Duration::ZERO);
                self.went_down(key, rest_state(fault));
                self.give_up(key, fault);
            }
        }
        self.publish_window();
    }

    /// Notes a failure that the policy does not act on.
    fn bury(&mut self, key: u64, fault: &Fault, action: LedgerAction) {
        self.record(key, fault, action, &[], Duration::ZERO);
        self.went_down(key, rest_state(fault));
        self.settle(key);
    }

    fn restart(&mut self, key: u64, fault: &Fault) {
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let uptime = match &slot.life {
            Life::Up(incarnation) => incarnation.since.elapsed(),
            _ => Duration::ZERO,
        };
        slot.cause = Some(fault.why());
        let backoff = slot.spec.backoff;
        let delay = slot.failures.next(&backoff, uptime, fastrand::f64());
        let siblings = self.siblings(key);
        self.record(key, fault, LedgerAction::Restarted, &siblings, delay);
        match self.spec.strategy {
            Strategy::OneForOne if delay.is_zero() => {
                self.went_down(key, State::Starting);
                self.settle(key);
            }
            Strategy::OneForOne => self.back_off(key, delay),
            Strategy::OneForAll | Strategy::RestForOne => {
                self.went_down(key, State::BackingOff);
                self.restart_group(key, delay);
            }
        }
    }

    fn give_up(&mut self, key: u64, fault: &Fault) {
        let name = self.slots.get(&key).map(|slot| slot.spec.name.clone());
        let name = name.as_deref().unwrap_or_default();
        let intensity = self.spec.intensity;
        let text = format!(
            "more than {} restarts within {:?}; the last: `{name}`, {}: {fault}",
            intensity.restarts,
            intensity.period,
            fault.why().as_str(),
        );
        let escalation = Fault::new(Why::Escalated, text);
        tracing::error!(path = %self.node.path(), "supervisor gives up: {escalation}");
        self.tree.meters.gave_up();
        let path = self.node.path().clone();
        self.tree.tell(Event::Escalated { path });
        if self.is_root {
            // No parent will write it.
            self.write(&self.node.clone(), &escalation, LedgerAction::GaveUp, None);
        }
        self.close(Closing::GaveUp(escalation.text().clone()));
    }

    /// Writes a child's end to the ledger, its node and the events.
    pub(super) fn record(
        &self,
        key: u64,
        fault: &Fault,
        action: LedgerAction,
        siblings: &[std::sync::Arc<str>],
        delay: Duration,
    ) {
        let Some(slot) = self.slots.get(&key) else {
            return;
        };
        let busy = slot.incarnation().and_then(|incarnation| incarnation.busy());
        let during = busy.map(|busy| busy.label);
        let (path, why) = (slot.node.path(), fault.why().as_str());
        if fault.why() == Why::Requested {
            tracing::info!(%path, ?action, "actor stopped or restarted on request: {fault}");
        } else {
            tracing::warn!(%path, why, during, ?action, ?delay, "actor ended: {fault}");
        }
        let mut entry = self.entry(&slot.node, fault, action, during);
        entry.siblings = siblings.to_vec();
        entry.backoff_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.tree.ledger.write(entry);
        if fault.why() != Why::Requested {
            self.note_crash(&slot.node, fault, during);
        }
    }

    fn write(&self, node: &super::Node, fault: &Fault, action: LedgerAction, during: Option<&'static str>) {
        self.tree.ledger.write(self.entry(node, fault, action, during));
        self.note_crash(node, fault, during);
    }

    fn note_crash(&self, node: &super::Node, fault: &Fault, during: Option<&'static str>) {
        node.set_crash(Crash {
            at_unix_ms: unix_ms(),
            why: fault.why(),
            text: fault.text().clone(),
            during,
        });
        self.tree.tell(Event::Failed {
            path: node.path().clone(),
            generation: node.generation(),
            why: fault.why(),
        });
    }

    fn entry(
        &self,
        node: &super::Node,
        fault: &Fault,
        action: LedgerAction,
        during: Option<&'static str>,
    ) -> LedgerEntry {
        LedgerEntry {
            seq: 0,
            at_unix_ms: unix_ms(),
            path: node.path().clone(),
            generation: node.generation(),
            why: fault.why(),
            text: fault.text().clone(),
            during,
            action,
            strategy: self.spec.strategy,
            siblings: Vec::new(),
            backoff_ms: 0,
            budget_left: self.window.budget_left(Instant::now().into_std()),
        }
    }

    /// Kills children that have been in one message for too long.
    pub(super) fn on_watch(&mut self) {
        let now = self.tree.clock.now();
        let stuck: Vec<(u64, Fault)> = self
            .slots
            .iter()
            .filter(|(_, slot)| slot.condemned.is_none())
            .filter_map(|(key, slot)| {
                let Life::Up(incarnation) = &slot.life else {
                    return None;
                };
                let (limit, busy) = (slot.spec.stuck_after?, incarnation.busy()?);
                let spent = Duration::from_millis(now.saturating_sub(busy.since));
                (spent > limit).then(|| {
                    let text = format!("in `{}` for more than {limit:?}", busy.label);
                    (*key, Fault::new(Why::Stuck, text))
                })
            })
            .collect();
        for (key, fault) in stuck {
            self.condemn(key, fault);
        }
    }
}

/// How a child that failed rests.
fn rest_state(fault: &Fault) -> State {
    match fault.why() {
        Why::Escalated => State::GaveUp,
        _ => State::Stopped,
    }
}
