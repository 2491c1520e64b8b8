//! Circuit breakers: the gates that every attempt passes, and the actor that decides their states.
//!
//! Invariant: only the actor opens and closes a gate. The gates outlive the actor, so a restart of the actor or of its
//! provider forgets nothing.
//!
//! One actor keeps all gates of an instance: what one of them is told is a few instructions, and a gate that a new model
//! takes needs no child to be started.

mod actor;
mod gate;
mod order;
mod permit;
mod showing;
mod snapshot;
#[cfg(test)]
mod tests;

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use crate::call::{Call, CostClass};
use crate::clock::Clock;
use crate::policy::breaker::BreakerSettings;
use crate::supervision::Handle;
use crate::telemetry::BreakerMeters;

use actor::BreakerMsg;
pub(crate) use actor::breaker_spec;
pub(crate) use gate::BreakerGate;
pub(crate) use permit::BreakerPermit;
use showing::Showing;
pub use snapshot::{BreakerSnapshot, WindowSnapshot};

/// Which calls of an instance share a circuit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum BreakerPer {
    /// All of them.
    #[default]
    Instance,
    /// Those of one cost class: where writes fail, reads may pass.
    CostClass,
    /// Those that name one model. Those that name none share one with those of models of which it is not known that there are
    /// such, and with those of further models.
    Model {
        /// Models that have one of their own, in the order in which they are known (at most [`BreakerPer::MOST_MODELS`]).
        most: usize,
    },
}

impl BreakerPer {
    /// The most models that have a circuit of their own.
    pub const MOST_MODELS: usize = 64;

    /// The names of the circuits that are told apart among the metrics: never models, of which callers make up names.
    pub(crate) fn metered(self) -> Vec<&'static str> {
        match self {
            BreakerPer::CostClass => CostClass::ALL.iter().map(|class| class.as_str()).collect(),
            BreakerPer::Instance | BreakerPer::Model { .. } => Vec::new(),
        }
    }
}

/// The circuit breaker of an instance or a cache tier: one gate, or one for each part of its calls.
pub struct Breakers {
    per: BreakerPer,
    /// All, one, or those of [`CostClass::ALL`], or the one that is shared and then those of models. All are there from the
    /// beginning, so that an order finds them.
    gates: Vec<Named>,
    clock: Clock,
    actor: Handle<BreakerMsg>,
    showing: Arc<Showing>,
}

/// A gate, and the part of the calls that it is for.
struct Named {
    /// None yet: no model has it.
    part: OnceLock<Arc<str>>,
    gate: Arc<BreakerGate>,
}

impl Breakers {
    /// Closed gates, not shown in the metrics yet. `parts`: as [`BreakerPer::metered`] has them.
    pub(crate) fn new(
        per: BreakerPer,
        settings: BreakerSettings,
        clock: Clock,
        whole: BreakerMeters,
        parts: Vec<BreakerMeters>,
    ) -> Arc<Self> {
        let gates = match per {
            BreakerPer::Instance => 1,
            BreakerPer::CostClass => CostClass::ALL.len(),
            BreakerPer::Model { most } => 1 + most.min(BreakerPer::MOST_MODELS),
        };
        let (actor, showing) = (Handle::new(), Arc::new(Showing::new(gates, whole, parts)));
        let part = |index: usize| match per {
            BreakerPer::CostClass => OnceLock::from(Arc::from(CostClass::ALL[index].as_str())),
            BreakerPer::Instance | BreakerPer::Model { .. } => OnceLock::new(),
        };
        let named = |index| Named {
            part: part(index),
            gate: BreakerGate::new(index, settings, clock, actor.clone(), showing.clone()),
        };
        Arc::new(Breakers {
            per,
            gates: (0..gates).map(named).collect(),
            clock,
            actor,
            showing,
        })
    }

    /// The gate that a call goes by.
    pub(crate) fn of(&self, call: &Call) -> &Arc<BreakerGate> {
        &self.gates[self.index_of(call)].gate
    }

    /// The gate of what is about no call.
    pub(crate) fn first(&self) -> &Arc<BreakerGate> {
        &self.gates[0].gate
    }

    fn index_of(&self, call: &Call) -> usize {
        match (self.per, &call.attributes.model) {
            (BreakerPer::Instance, _) | (BreakerPer::Model { .. }, None) => 0,
            (BreakerPer::CostClass, _) => call.operation.cost as usize,
            (BreakerPer::Model { .. }, Some(model)) => {
                let is_its = |named: &Named| named.part.get() == Some(model);
                let place = self.gates[1..].iter().position(is_its);
                place.map_or(0, |place| place + 1)
            }
        }
    }

    /// Asks to make an attempt for a call.
    ///
    /// # Errors
    /// As [`BreakerGate::permit`].
    pub(crate) fn permit(&self, call: &Call, now: u64) -> Result<BreakerPermit, Duration> {
        self.of(call).permit(now)
    }

    /// There is such a model: it has a circuit of its own from now on, where one is left.
    pub(crate) fn has_model(&self, model: &Arc<str>) {
        if matches!(self.per, BreakerPer::Model { .. }) {
            // The first that is its own or becomes so; whoever is quicker with another's has this one look on.
            let is_its = |named: &Named| named.part.get_or_init(|| model.clone()) == model;
            let _has_one = self.gates[1..].iter().any(is_its);
        }
    }

    /// The circuits, the worst first; of models, those that came.
    pub fn snapshots(&self, now: u64) -> Vec<BreakerSnapshot> {
        let is_used = |named: &&Named| named.gate.index == 0 || named.part.get().is_some();
        let used = self.gates.iter().filter(is_used);
        let mut all: Vec<_> = used
            .map(|named| named.gate.snapshot(named.part.get().cloned(), now))
            .collect();
        all.sort_by_key(|snapshot| std::cmp::Reverse(snapshot.trouble()));
        all
    }

    /// The worst of its circuits.
    pub fn snapshot(&self, now: u64) -> BreakerSnapshot {
        self.snapshots(now).swap_remove(0)
    }

    /// Whether it has more than one circuit.
    pub(crate) fn is_divided(&self) -> bool {
        self.per != BreakerPer::Instance
    }

    /// Shows its state in the metrics from now on, where it follows another of the same name.
    pub(crate) fn show(&self) {
        self.showing.show();
    }

    /// Shows it no more; what is read is a closed one, until another is shown.
    pub(crate) fn hide(&self) {
        self.showing.hide();
    }
}
