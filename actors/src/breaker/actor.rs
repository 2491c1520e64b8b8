//! The actor that decides the states of a breaker's circuits.
//!
//! Invariant: what people and watchers are told is what was published, and after it was.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::order::Forced;
use super::{Breakers, Named};
use crate::policy::breaker::{AttemptOutcome, Circuit};
use crate::supervision::{ChildSpec, Context, Event, Events, Fault, Message, Worker};

/// An attempt that ended, as its permit tells it.
#[derive(Clone, Copy)]
pub(crate) struct Told {
    /// How.
    pub(super) outcome: AttemptOutcome,
    /// It took longer than a call may that is not slow.
    pub(super) slow: bool,
    /// The opening that it probed.
    pub(super) probe: Option<u32>,
}

/// What a breaker is told.
pub(crate) enum BreakerMsg {
    /// An attempt ended.
    Ended {
        /// The number of the gate that it passed.
        gate: usize,
        /// How.
        ended: Told,
    },
    /// A probe was let through the gate of this number.
    Probing(usize),
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
            BreakerMsg::Probing(_) => "probing",
            BreakerMsg::ForceOpen(..) => "force_open",
            BreakerMsg::Expire => "expire",
            BreakerMsg::Reset(_) => "reset",
        }
    }
}

struct Breaker {
    breakers: Arc<Breakers>,
    /// What is behind it, for people: an instance or a cache tier.
    guarded: Arc<str>,
    events: Events,
}

/// The child spec of a breaker: of an instance, or of a cache tier.
pub(crate) fn breaker_spec(guarded: Arc<str>, breakers: Arc<Breakers>, events: &Events) -> ChildSpec {
    let (handle, events) = (breakers.actor.clone(), events.clone());
    ChildSpec::worker("breaker", &handle, move || {
        Ok(Breaker {
            breakers: breakers.clone(),
            guarded: guarded.clone(),
            events: events.clone(),
        })
    })
    .kind("breaker")
}

impl Worker for Breaker {
    type Msg = BreakerMsg;

    async fn start(&mut self, cx: &Context<BreakerMsg>) -> Result<(), Fault> {
        // A probe's outcome may have been lost with the mailbox of the incarnation before; without this the circuit
        // would wait for it for ever.
        for Named { gate, .. } in self.breakers.gates.iter().filter(|named| !named.gate.is_closed()) {
            gate.renew_probes();
        }
        if let Some(forced) = self.breakers.forced() {
            self.expire_later(&forced, cx);
        }
        Ok(())
    }

    async fn handle(&mut self, message: BreakerMsg, cx: &Context<BreakerMsg>) -> Result<(), Fault> {
        match message {
            BreakerMsg::Ended { gate, ended } => self.ended(gate, ended),
            BreakerMsg::Probing(gate) => self.probing(gate),
            BreakerMsg::ForceOpen(forced, done) => {
                self.force(&forced);
                self.expire_later(&forced, cx);
                // Who ordered it may have gone; it is done all the same.
                let _gone = done.send(());
            }
            BreakerMsg::Expire => {
                let over = |forced: &Arc<Forced>| forced.left(self.now()) == Some(Duration::ZERO);
                // A later order may last longer.
                if self.breakers.forced().as_ref().is_some_and(over) {
                    self.reset();
                }
            }
            BreakerMsg::Reset(done) => {
                self.reset();
                let _gone = done.send(());
            }
        }
        Ok(())
    }
}

impl Breaker {
    fn now(&self) -> u64 {
        self.breakers.clock.nanos()
    }

    fn ended(&self, gate: usize, ended: Told) {
        let Named { gate, part } = &self.breakers.gates[gate];
        if gate.forced().is_some() {
            return;
        }
        let now = self.now();
        let before = gate.circuit(now);
        let after = gate.after(ended, now, fastrand::f64());
        if after != before {
            gate.publish(after, ended.outcome != AttemptOutcome::Success, now);
            self.tell_people(before, after, part.get());
        }
    }

    fn probing(&self, gate: usize) {
        let Named { gate, part } = &self.breakers.gates[gate];
        if let (None, circuit @ Circuit::HalfOpen { .. }) = (gate.forced(), gate.circuit(self.now())) {
            self.tell("half_open", circuit.openings(), part.get());
        }
    }

    /// Opens all of them.
    fn force(&self, forced: &Arc<Forced>) {
        let now = self.now();
        for Named { gate, .. } in &self.breakers.gates {
            gate.force(forced.clone(), now);
        }
        let (guarded, reason) = (&*self.guarded, &*forced.reason);
        tracing::warn!(guarded, reason, "circuit breaker forced open by order");
        // Told even where it is open already: another order has another reason.
        self.tell("forced_open", 1, None);
    }

    /// Closes all of them.
    fn reset(&self) {
        let now = self.now();
        let by_order = self.breakers.forced().is_some();
        let close = |named: &Named| {
            let before = named.gate.circuit(now);
            if before != Circuit::NEW {
                named.gate.publish(Circuit::NEW, false, now);
            }
            before
        };
        let before: Vec<_> = self.breakers.gates.iter().map(close).collect();
        // What one order opened, closes with one word.
        let told = if by_order { &before[..1] } else { &before[..] };
        for (before, Named { part, .. }) in told.iter().zip(&self.breakers.gates) {
            self.tell_people(*before, Circuit::NEW, part.get().filter(|_| !by_order));
        }
    }

    /// Has the time of the order to stay open looked at when it is over.
    fn expire_later(&self, forced: &Forced, cx: &Context<BreakerMsg>) {
        if let Some(left) = forced.left(self.now()) {
            cx.after(left, BreakerMsg::Expire);
        }
    }

    fn tell(&self, state: &'static str, openings: u32, part: Option<&Arc<str>>) {
        self.events.tell(Event::Breaker {
            name: self.guarded.clone(),
            part: part.cloned(),
            state,
            openings,
            why: self.breakers.forced().map(|forced| forced.why()),
        });
    }

    fn tell_people(&self, before: Circuit, after: Circuit, part: Option<&Arc<str>>) {
        let (guarded, of) = (&*self.guarded, part.map(|part| &**part));
        match (before, after) {
            (Circuit::Closed { .. }, Circuit::Closed { .. }) | (_, Circuit::HalfOpen { .. }) => {}
            (_, Circuit::Closed { .. }) => {
                self.tell("closed", 0, part);
                tracing::info!(guarded, of, "circuit breaker closed");
            }
            (Circuit::Closed { .. }, Circuit::Open { openings, .. }) => {
                self.tell("open", openings, part);
                tracing::warn!(guarded, of, "circuit breaker opened");
            }
            (_, Circuit::Open { openings, .. }) => {
                self.tell("open", openings, part);
                tracing::warn!(guarded, of, openings, "circuit breaker stays open: the probe failed");
            }
        }
    }
}
