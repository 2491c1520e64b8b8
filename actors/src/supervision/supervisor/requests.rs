//! Requests from outside: add, start, stop, restart, remove.
//!
//! Invariant: a request only changes what is wanted; the same steps as ever follow from that.

use std::sync::Arc;
use std::time::Duration;

use super::super::control::{ChildError, Reply, Wish};
use super::super::ledger::{LedgerAction, Why};
use super::super::spec::ChildSpec;
use super::super::worker::Fault;
use super::Supervisor;
use super::slot::{Life, Trial, Wanted};

impl Supervisor {
    pub(super) fn add(&mut self, spec: ChildSpec, reply: Reply) {
        let refusal = if self.closing.is_some() {
            Some(ChildError::Unavailable)
        } else if self.names.contains_key(&spec.name) {
            Some(ChildError::Exists(spec.name.clone()))
        } else if self.slots.len() >= self.spec.max_children {
            Some(ChildError::Full(self.spec.max_children))
        } else {
            None
        };
        if let Some(refusal) = refusal {
            // One who no longer waits is not owed an answer; so in all of this file.
            let _ = reply.send(Err(refusal));
            return;
        }
        let key = self.place(Arc::new(spec), None);
        if let Some(slot) = self.slots.get_mut(&key) {
            slot.trial = Some(Trial::Add);
            slot.want(Wanted::Up, reply);
        }
        self.settle(key);
    }

    pub(super) fn wish(&mut self, name: &Arc<str>, wish: Wish, reply: Reply) {
        let key = match self.names.get(name) {
            _ if self.closing.is_some() => Err(ChildError::Unavailable),
            Some(key) => Ok(*key),
            None => Err(ChildError::Unknown(name.clone())),
        };
        match key {
            Ok(key) => self.grant(key, wish, reply),
            Err(refusal) => {
                let _ = reply.send(Err(refusal));
            }
        }
    }

    /// Orders the live incarnation of a child to panic. What follows is the restart policy, as after any panic.
    pub(super) fn crash_child(&self, name: &Arc<str>, reason: &Arc<str>, reply: Reply) {
        let slot = self.names.get(name).and_then(|key| self.slots.get(key));
        let outcome = match slot.map(|slot| &slot.life) {
            None => Err(ChildError::Unknown(name.clone())),
            Some(Life::Up(incarnation)) if incarnation.crash(reason) => Ok(()),
            Some(_) => Err(ChildError::NotRunning(name.clone())),
        };
        let _ = reply.send(outcome);
    }

    fn grant(&mut self, key: u64, wish: Wish, reply: Reply) {
        match &wish {
            Wish::Stop(reason) => self.note_request(key, reason, LedgerAction::Left),
            Wish::Restart(reason) => self.note_request(key, reason, LedgerAction::Restarted),
            Wish::Start | Wish::Remove => {}
        }
        let grouped = self.in_group(key);
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        let goal = match wish {
            Wish::Start | Wish::Restart(_) => Wanted::Up,
            Wish::Stop(_) => Wanted::Down,
            Wish::Remove => Wanted::Gone,
        };
        slot.want(goal, reply);
        slot.trial = None;
        slot.bounce = matches!((&wish, &slot.life), (Wish::Restart(_), Life::Up(_)));
        if goal == Wanted::Up {
            slot.cause = Some(Why::Requested);
            slot.failures.reset();
            match slot.life {
                // Whoever asks does not wait for a back-off.
                Life::BackingOff { .. } => slot.life = Life::Down,
                Life::Down if !grouped => slot.trial = Some(Trial::Start),
                _ => {}
            }
        }
        self.settle(key);
    }

    fn note_request(&self, key: u64, reason: &str, action: LedgerAction) {
        let fault = Fault::new(Why::Requested, reason);
        self.record(key, &fault, action, &[], Duration::ZERO);
    }
}
