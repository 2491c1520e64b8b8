//! The credits of one attempt, from their reservation to what it did cost.
//!
//! Invariant: settled once. What is not known to have been free is taken to have cost what was reserved.

use std::sync::Arc;

use super::gate::CreditGate;
use crate::call::Call;
use crate::error::Failure;
use crate::policy::credits::{Reservation, Unit};
use crate::policy::price::Prices;
use crate::stream::{Tally, Usage};

/// What is reserved for one attempt; nothing, where its instance has no credits.
#[derive(Default)]
pub(crate) struct CreditPermit(Option<Held>);

struct Held {
    gate: Arc<CreditGate>,
    /// Taken when it is settled.
    reservation: Option<Reservation>,
    unit: Unit,
    prices: Arc<Prices>,
    call: Arc<Call>,
    /// The driver was given the call: dropped from now on, it may have been served.
    sent: bool,
    told: Tally,
}

impl CreditPermit {
    pub(super) fn of(
        gate: Arc<CreditGate>,
        reservation: Reservation,
        unit: Unit,
        prices: Arc<Prices>,
        call: Arc<Call>,
    ) -> Self {
        CreditPermit(Some(Held {
            gate,
            reservation: Some(reservation),
            unit,
            prices,
            call,
            sent: false,
            told: Tally::default(),
        }))
    }

    /// The driver is given the call.
    pub(crate) fn sent(mut self) -> Self {
        if let Some(held) = &mut self.0 {
            held.sent = true;
        }
        self
    }

    /// The provider tells of tokens, all so far.
    pub(crate) fn used(&self, usage: Option<Usage>) {
        if let (Some(held), Some(usage)) = (&self.0, usage) {
            held.told.tell(usage);
        }
    }

    /// Whoever reads the answer's bytes tells of tokens there.
    pub(crate) fn follow(&mut self, tally: Option<&Tally>) {
        if let (Some(held), Some(tally)) = (&mut self.0, tally) {
            held.told = tally.clone();
        }
    }

    /// The attempt was answered.
    pub(crate) fn served(mut self) {
        if let Some(held) = &mut self.0 {
            let cost = held.told();
            held.settle(cost);
        }
    }

    /// The attempt failed.
    pub(crate) fn failed(mut self, failure: &Failure) {
        if let Some(held) = &mut self.0 {
            match failure.unsent || failure.unbilled {
                true => held.settle(Some(0)),
                false => held.in_doubt(),
            }
        }
    }
}

impl Held {
    /// What was told that it cost.
    fn told(&self) -> Option<u64> {
        let usage = self.told.usage();
        match self.unit {
            Unit::Calls => Some(1),
            Unit::NanoUsd => usage.and_then(|usage| self.prices.actual(&self.call, &usage)),
        }
    }

    /// It may have been served: what is billed is taken to be, in full. What was told so far is the least of it.
    fn in_doubt(&mut self) {
        let billed = self.call.operation.paid || self.unit == Unit::Calls;
        let reserved = self.reservation.as_ref().map_or(0, |reservation| reservation.amount);
        let least = if billed { reserved } else { 0 };
        self.settle(Some(self.told().unwrap_or(0).max(least)));
    }

    fn settle(&mut self, cost: Option<u64>) {
        if let Some(reservation) = self.reservation.take() {
            let cost = cost.unwrap_or(reservation.amount);
            self.gate.settle(reservation, cost);
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        match self.sent {
            true => self.in_doubt(),
            false => self.settle(Some(0)),
        }
    }
}
