//! Group restarts: one_for_all and rest_for_one.
//!
//! Invariant: members stop right to left and start left to right, one at a time; a failure meanwhile only makes the
//! group wider, or begins its restart again.

use std::collections::BTreeSet;
use std::time::Duration;

use tokio::time::Instant;

use super::super::control::Command;
use super::super::event::Event;
use super::super::node::State;
use super::super::spec::{Restart, Strategy};
use super::slot::{Life, Wanted};
use super::{Supervisor, Timer};

/// A group restart under way.
pub(super) struct Group {
    members: BTreeSet<u64>,
    phase: GroupStage,
}

enum GroupStage {
    Stopping { delay: Duration },
    Waiting { ticket: u64, _timer: Timer },
    Starting,
}

impl Supervisor {
    /// The children that a failure of `key` takes along, itself among them.
    fn reach(&self, key: u64) -> BTreeSet<u64> {
        match self.spec.strategy {
            Strategy::OneForOne => BTreeSet::from([key]),
            Strategy::OneForAll => self.slots.keys().copied().collect(),
            Strategy::RestForOne => self.slots.range(key..).map(|(key, _)| *key).collect(),
        }
    }

    /// The siblings that a failure of `key` restarts.
    pub(super) fn siblings(&self, key: u64) -> Vec<std::sync::Arc<str>> {
        let others = self.reach(key).into_iter().filter(|other| *other != key);
        others
            .filter_map(|other| self.slots.get(&other))
            .filter(|slot| slot.wanted == Wanted::Up)
            .map(|slot| slot.spec.name.clone())
            .collect()
    }

    pub(super) fn in_group(&self, key: u64) -> bool {
        self.group.as_ref().is_some_and(|group| group.members.contains(&key))
    }

    /// Whether `key` is about to be restarted with its group anyway, so that its own end costs nothing more.
    pub(super) fn is_awaited_down(&self, key: u64) -> bool {
        self.in_group(key)
            && self
                .group
                .as_ref()
                .is_some_and(|group| !matches!(group.phase, GroupStage::Starting))
    }

    /// Restarts `key`, which is down, with all that its failure takes along.
    pub(super) fn restart_group(&mut self, key: u64, mut delay: Duration) {
        let mut members = self.reach(key);
        if let Some(group) = self.group.take() {
            members.extend(group.members);
            if let GroupStage::Stopping { delay: longer } = group.phase {
                delay = delay.max(longer);
            }
        }
        for member in &members {
            if let Some(slot) = self.slots.get_mut(member)
                && slot.spec.restart == Restart::Temporary
            {
                slot.wanted = Wanted::Gone;
            }
        }
        self.group = Some(Group {
            members,
            phase: GroupStage::Stopping { delay },
        });
        self.advance_group();
    }

    pub(super) fn on_group_backoff_over(&mut self, over: u64) {
        if let Some(group) = &mut self.group
            && let GroupStage::Waiting { ticket, .. } = group.phase
            && ticket == over
        {
            group.phase = GroupStage::Starting;
            self.advance_group();
        }
    }

    /// Takes the group's next step, if nothing that it waits for is under way.
    pub(super) fn advance_group(&mut self) {
        let Some(group) = &self.group else { return };
        let members: Vec<u64> = group.members.iter().copied().collect();
        match group.phase {
            GroupStage::Stopping { delay } => {
                if self.all_down(&members) {
                    self.wait_then_start(&members, delay);
                }
            }
            GroupStage::Waiting { .. } => {}
            GroupStage::Starting => {
                if self.all_up(&members) {
                    self.group = None;
                    for member in members {
                        // Requests that came meanwhile.
                        self.step(member);
                    }
                }
            }
        }
    }

    /// Stops the last member that still runs. True once none does.
    fn all_down(&mut self, members: &[u64]) -> bool {
        for key in members.iter().rev() {
            match self.slots.get(key).map(|slot| &slot.life) {
                Some(Life::Up(_) | Life::Starting(_)) => {
                    self.stop(*key);
                    return false;
                }
                Some(Life::Stopping(..)) => return false,
                Some(Life::BackingOff { .. } | Life::Down) | None => {}
            }
        }
        true
    }

    fn wait_then_start(&mut self, members: &[u64], delay: Duration) {
        let phase = if delay.is_zero() {
            GroupStage::Starting
        } else {
            let ticket = self.ticket();
            let until = Instant::now() + delay;
            for key in members {
                if let Some(slot) = self.slots.get(key)
                    && slot.wanted == Wanted::Up
                {
                    slot.node.set_backing_off(until);
                }
            }
            GroupStage::Waiting {
                ticket,
                _timer: self.later(delay, Command::GroupBackoffOver(ticket)),
            }
        };
        if let Some(group) = &mut self.group {
            group.phase = phase;
        }
        self.advance_group();
    }

    /// Starts the first member that is not up and shall be. True once all are as wanted.
    fn all_up(&mut self, members: &[u64]) -> bool {
        for key in members {
            let Some(slot) = self.slots.get(key) else {
                continue;
            };
            match (slot.wanted, &slot.life) {
                (Wanted::Up, Life::Down | Life::BackingOff { .. }) => {
                    self.start(*key);
                    return false;
                }
                (Wanted::Down | Wanted::Gone, Life::Up(_) | Life::Starting(_)) => {
                    self.stop(*key);
                    return false;
                }
                (_, Life::Starting(_) | Life::Stopping(..)) => return false,
                (Wanted::Up, Life::Up(_)) => {}
                (Wanted::Down | Wanted::Gone, Life::Down | Life::BackingOff { .. }) => {}
            }
        }
        true
    }

    /// Puts a child that is down into back-off by itself.
    pub(super) fn back_off(&mut self, key: u64, delay: Duration) {
        let ticket = self.ticket();
        let timer = self.later(delay, Command::BackoffOver(key, ticket));
        self.went_down(key, State::BackingOff);
        let Some(slot) = self.slots.get_mut(&key) else {
            return;
        };
        slot.life = Life::BackingOff { ticket, _timer: timer };
        slot.node.set_backing_off(Instant::now() + delay);
        let path = slot.node.path().clone();
        let delay_ms = u64::try_from(delay.as_millis()).unwrap_or(u64::MAX);
        self.tree.tell(Event::BackingOff { path, delay_ms });
    }

    pub(super) fn on_backoff_over(&mut self, key: u64, over: u64) {
        if let Some(slot) = self.slots.get_mut(&key)
            && let Life::BackingOff { ticket, .. } = slot.life
            && ticket == over
        {
            slot.life = Life::Down;
            self.settle(key);
        }
    }
}
