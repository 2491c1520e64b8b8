//! The actor that decides a circuit breaker's state.
//!
//! Invariant: what people and watchers are told is what was published, and after it was.

use std::sync::Arc;
use std::sync::atomic::Ordering::Acquire;
use std::time::Duration;

use tokio::sync::oneshot;

use super::{BreakerGate, Forced, serial_of};
use crate::policy::breaker::{AttemptOutcome, Circuit, Unreadable};
use crate::supervision::{ChildSpec, Context, Event, Events, Fault, Message, Worker};

/// What a breaker is told.
pub(crate) enum BreakerMsg {
    /// An attempt ended.
    Ended {
        /// How.
        ended: AttemptOutcome,
        /// The opening that it probed.
        probe: Option<u32>,
    },
    /// A probe was let through.
    Probing,
    /// An administrator opens it.
    ForceOpen(Arc<Forced>, oneshot::Sender<()>),
    /// The time of such an order may be over.
    Expire,
    /// An administrator closes it.
    Reset(oneshot::Sender<()>),
}

impl Message for BreakerMsg {
    fn label(&self) -> &'static str {
        match self {
            BreakerMsg::Ended { .. } => "ended",
            BreakerMsg::Probing => "probing",
            BreakerMsg::ForceOpen(..) => "force_open",
            BreakerMsg::Expire => "expire",
            BreakerMsg::Reset(_) => "reset",
        }
    }
}

struct Breaker {
    gate: Arc<BreakerGate>,
    /// What is behind it, for people: an instance or a cache tier.
    guarded: Arc<str>,
    events: Events,
    unreadable: Unreadable,
}

/// The child spec of a breaker: of an instance, or of a cache tier.
pub(crate) fn breaker_spec(guarded: Arc<str>, gate: Arc<BreakerGate>, events: &Events) -> ChildSpec {
    let (handle, events) = (gate.actor.clone(), events.clone());
    ChildSpec::worker("breaker", &handle, move || {
        Ok(Breaker {
            gate: gate.clone(),
            guarded: guarded.clone(),
            events: events.clone(),
            unreadable: Unreadable::default(),
        })
    })
    .kind("breaker")
}

impl Worker for Breaker {
    type Msg = BreakerMsg;

    async fn start(&mut self, cx: &Context<BreakerMsg>) -> Result<(), Fault> {
        // A probe's outcome may have been lost with the mailbox of the incarnation before; without this the circuit
        // would wait for it for ever.
        if matches!(self.gate.circuit(), Circuit::Open { .. }) {
            self.gate.renew_probes();
        }
        if let Some(forced) = self.gate.forced() {
            self.expire_later(&forced, cx);
        }
        Ok(())
    }

    async fn handle(&mut self, message: BreakerMsg, cx: &Context<BreakerMsg>) -> Result<(), Fault> {
        let gate = self.gate.clone();
        let before = gate.circuit();
        let mut obeyed = None;
        // Told even where it is open already: another order has another reason.
        let forced = matches!(message, BreakerMsg::ForceOpen(..));
        let after = match message {
            BreakerMsg::Reset(done) => {
                obeyed = Some(done);
                Circuit::NEW
            }
            BreakerMsg::ForceOpen(forced, done) => {
                obeyed = Some(done);
                self.expire_later(&forced, cx);
                gate.forced.store(Some(forced));
                Circuit::Open {
                    until: gate.clock.nanos(),
                    openings: 1,
                }
            }
            BreakerMsg::Expire => match gate.forced() {
                // A later order may last longer.
                Some(forced) if forced.left(gate.clock.nanos()) == Some(Duration::ZERO) => Circuit::NEW,
                _ => before,
            },
            BreakerMsg::Probing => {
                if gate.forced().is_none() && matches!(before, Circuit::Open { .. }) {
                    self.tell("half_open", before);
                }
                before
            }
            BreakerMsg::Ended { .. } if gate.forced().is_some() => before,
            BreakerMsg::Ended { ended, probe } => {
                let now = gate.clock.nanos();
                let probe = probe.filter(|serial| *serial == serial_of(gate.probes.load(Acquire)));
                self.after(before, ended, probe, now)
            }
        };
        if after != before || forced {
            gate.publish(after);
            self.tell_people(before, after);
        }
        if let Some(done) = obeyed {
            // Who ordered it may have gone; it is done all the same.
            let _gone = done.send(());
        }
        Ok(())
    }
}

impl Breaker {
    /// Has the time of the order to stay open looked at when it is over.
    fn expire_later(&self, forced: &Forced, cx: &Context<BreakerMsg>) {
        if let Some(left) = forced.left(self.gate.clock.nanos()) {
            cx.after(left, BreakerMsg::Expire);
        }
    }

    fn tell(&self, state: &'static str, circuit: Circuit) {
        let openings = match circuit {
            Circuit::Closed { .. } => 0,
            Circuit::Open { openings, .. } => openings,
        };
        self.events.tell(Event::Breaker {
            name: self.guarded.clone(),
            state,
            openings,
            why: self.gate.forced().map(|forced| forced.why()),
        });
    }

    fn after(&mut self, before: Circuit, ended: AttemptOutcome, probe: Option<u32>, now: u64) -> Circuit {
        let settings = &self.gate.settings;
        let AttemptOutcome::Unreadable(resource) = ended else {
            return before.after(ended, probe.is_some(), settings, now);
        };
        let failures = self.unreadable.note(resource, now);
        if let (0, Some(serial)) = (failures, probe) {
            // It proved nothing: let another probe find out.
            self.gate.give_back(serial);
        }
        let failures = match before {
            Circuit::Closed { .. } => failures,
            // One probe is one failure, however much it is evidence of.
            Circuit::Open { .. } => failures.min(1),
        };
        (0..failures).fold(before, |circuit, _| {
            circuit.after(AttemptOutcome::Failure, probe.is_some(), settings, now)
        })
    }

    fn tell_people(&self, before: Circuit, after: Circuit) {
        let guarded = &*self.guarded;
        if let (Some(forced), Circuit::Open { .. }) = (self.gate.forced(), after) {
            tracing::warn!(
                guarded,
                reason = &*forced.reason,
                "circuit breaker forced open by order"
            );
            return self.tell("forced_open", after);
        }
        match (before, after) {
            (Circuit::Closed { .. }, Circuit::Closed { .. }) => {}
            (_, Circuit::Closed { .. }) => self.tell("closed", after),
            (_, Circuit::Open { .. }) => self.tell("open", after),
        }
        match (before, after) {
            (Circuit::Closed { .. }, Circuit::Open { .. }) => {
                tracing::warn!(guarded, "circuit breaker opened");
            }
            (Circuit::Open { .. }, Circuit::Open { openings, .. }) => {
                tracing::warn!(guarded, openings, "circuit breaker stays open: the probe failed");
            }
            (Circuit::Open { .. }, Circuit::Closed { .. }) => {
                tracing::info!(guarded, "circuit breaker closed");
            }
            (Circuit::Closed { .. }, Circuit::Closed { .. }) => {}
        }
    }
}
