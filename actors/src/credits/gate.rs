//! A provider's credits as the router and the attempts meet them.
//!
//! Invariant: no attempt that asks for credits is made before they are reserved, and a reservation is settled once, by its
//! permit, however the attempt ends. The gate belongs to the system and outlives its provider's and the credits' actors.

use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Relaxed};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use metrics::Gauge;
use serde::Serialize;
use tokio::sync::Notify;
use tokio::time::{Instant, timeout_at};

use super::actor::CreditsMsg;
use super::entered::ChargeId;
use super::permit::CreditPermit;
use super::store::{Account, Lease};
use crate::call::Call;
use crate::clock::Wall;
use crate::error::Failure;
use crate::policy::credits::{Credits, Ledger, Reservation, Unfunded, Unit};
use crate::policy::price::Prices;
use crate::supervision::Handle;

/// The credits of one provider.
pub struct CreditGate {
    pub(super) provider: Arc<str>,
    ledger: Mutex<Ledger>,
    prices: ArcSwap<Prices>,
    wall: Wall,
    /// The actor that leases.
    actor: Handle<CreditsMsg>,
    /// It was told that something is to be done here, and has not looked so far.
    told: AtomicBool,
    /// Its charges' holder.
    holder: u64,
    /// The store failed when it was asked last: nobody waits for the next lease, and it is not asked but with the next tick.
    failing: AtomicBool,
    /// Wakes who waits for a lease.
    leased: Notify,
    left: Gauge,
}

/// Credits as they stand.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct CreditSnapshot {
    /// Whose.
    pub provider: Arc<str>,
    /// What they are counted in: `nanodollars` or `calls`.
    pub unit: &'static str,
    /// How many there are in a period.
    pub amount: u64,
    /// How many are left, as far as is known here.
    pub left: u64,
    /// How many were spent through this process.
    pub spent: u64,
    /// How many this process has leased and not spent: as many would be lost until the period ends, were it killed now.
    pub leased: u64,
    /// When there are new ones, in seconds since the Unix epoch.
    pub ends: u64,
    /// Nothing goes there without them.
    pub hard: bool,
}

impl CreditGate {
    pub(super) fn new(
        provider: &Arc<str>,
        credits: Credits,
        prices: Arc<Prices>,
        wall: Wall,
        actor: Handle<CreditsMsg>,
        left: Gauge,
    ) -> Self {
        CreditGate {
            provider: provider.clone(),
            ledger: Mutex::new(Ledger::new(credits, wall.unix())),
            prices: ArcSwap::new(prices),
            wall,
            actor,
            told: AtomicBool::new(false),
            holder: fastrand::u64(..),
            failing: AtomicBool::new(false),
            leased: Notify::new(),
            left,
        }
    }

    /// Whether its credits are counted in this.
    pub(super) fn counts(&self, unit: Unit) -> bool {
        self.ledger().credits().unit == unit
    }

    /// Goes by another configuration from now on.
    pub(super) fn follow(&self, credits: Credits, prices: Arc<Prices>) {
        self.prices.store(prices);
        let now = self.wall.unix();
        let mut ledger = self.ledger();
        if ledger.credits() != credits {
            ledger.follow(credits, now);
        }
    }

    /// Held for some additions; no panic can leave half of them.
    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Works on the ledger as of now; has the actor look where there is something for it to do.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        let now = self.wall.unix();
        let mut ledger = self.ledger();
        ledger.roll(now);
        let outcome = work(&mut ledger);
        self.left.set(ledger.left() as f64);
        outcome
    }

    /// As [`CreditGate::with`], by one who is not the actor: it is told of what is to be done.
    fn by_others<T>(&self, work: impl FnOnce(&mut Ledger) -> T) -> T {
        let (outcome, to_do) = self.with(|ledger| (work(ledger), ledger.has_to_do()));
        if to_do {
            self.attend();
        }
        outcome
    }

    /// Has the actor look here. One that is away looks at every gate when it is back.
    fn attend(&self) {
        if !self.told.swap(true, AcqRel) && self.actor.send(CreditsMsg::Attend(self.provider.clone())).is_err() {
            self.told.store(false, Relaxed);
        }
    }

    /// The actor looks: whatever happens from now on it is told of anew.
    pub(super) fn attended(&self) {
        self.told.store(false, Relaxed);
    }

    pub(super) fn account(&self, ledger: &Ledger) -> Account {
        Account::of(&self.provider, ledger.credits().unit, ledger.period())
    }

    /// The name of a charge of its ledger.
    pub(super) fn charge_id(&self, number: u64) -> ChargeId {
        ChargeId {
            holder: self.holder,
            number,
        }
    }

    /// The store failed when it was asked last.
    pub(super) fn is_failing(&self) -> bool {
        self.failing.load(Relaxed)
    }

    /// The store was asked. What went wrong is told when it begins to go wrong, and not with each attempt.
    pub(super) fn asked<T>(&self, what: &str, asked: Result<T, Failure>) -> Option<T> {
        let failed = self.failing.swap(asked.is_err(), Relaxed);
        if asked.is_err() {
            // Who waits for a lease waits in vain.
            self.leased.notify_waiters();
        }
        asked
            .inspect_err(|failure| match failed {
                false => tracing::warn!(provider = &*self.provider, %failure, "credits {what}"),
                true => tracing::debug!(provider = &*self.provider, %failure, "credits {what}"),
            })
            .ok()
    }

    /// A lease came, or failed.
    pub(super) fn leased(&self, account: &Account, lease: Option<Lease>) {
        if let Some(lease) = lease {
            let now = self.wall.unix();
            self.with(|ledger| {
                // Of another unit, or a period that is over, it is worth nothing.
                if self.account(ledger) == *account {
                    ledger.granted((account.begins, account.ends), lease.granted, lease.left, now);
                }
            });
        }
        self.leased.notify_waiters();
    }

    /// What a call takes at most, in the credits' own unit; what has no price takes nothing.
    fn amount(&self, unit: Unit, call: &Call) -> u64 {
        match unit {
            Unit::Calls => 1,
            Unit::NanoUsd => self.prices.load().expected(call).unwrap_or(0),
        }
    }

    /// Whether a call could be made on credits.
    pub(crate) fn affords(&self, call: &Call) -> Result<(), Unfunded> {
        self.by_others(|ledger| ledger.affords(self.amount(ledger.credits().unit, call)))
    }

    /// Reserves what a call takes. Where credits are no hard limit and are not `demanded`, a call that they do not cover is
    /// made all the same, and owed.
    pub(crate) fn reserve(self: &Arc<Self>, call: &Arc<Call>, demanded: bool) -> Result<CreditPermit, Unfunded> {
        let (reservation, unit) = self.by_others(|ledger| {
            let Credits { unit, hard, .. } = ledger.credits();
            let amount = self.amount(unit, call);
            let reserved = ledger.reserve(amount);
            let bound = hard || demanded;
            let reservation = match reserved {
                Err(_) if !bound => Ok(ledger.uncovered(amount)),
                reserved => reserved,
            };
            (reservation, unit)
        });
        let prices = self.prices.load_full();
        reservation.map(|reservation| CreditPermit::of(self.clone(), reservation, unit, prices, call.clone()))
    }

    /// A call that was reserved for did take `actual`.
    pub(super) fn settle(&self, reservation: Reservation, actual: u64) {
        self.by_others(|ledger| ledger.settle(reservation, actual));
    }

    /// Whether a call is refused here for want of credits: never where they are no hard limit and not `demanded`. With how
    /// long to wait for new ones.
    pub(crate) fn refuses(&self, call: &Call, demanded: bool) -> Option<(Unfunded, Duration)> {
        let (missing, hard, ends) = self.with(|ledger| {
            let Credits { unit, hard, .. } = ledger.credits();
            (ledger.affords(self.amount(unit, call)).err(), hard, ledger.period().1)
        });
        let wait = Duration::from_secs(ends.saturating_sub(self.wall.unix()));
        missing.filter(|_| hard || demanded).map(|missing| (missing, wait))
    }

    /// Whether a call is made here on credits alone. Then what it takes is asked for, as one who reserves asks: the next lease
    /// is large enough. One that is made all the same asks for nothing.
    pub(super) fn binds(&self, call: &Call, demanded: bool) -> bool {
        self.by_others(|ledger| {
            let Credits { unit, hard, .. } = ledger.credits();
            let binds = hard || demanded;
            if binds {
                ledger.asks(self.amount(unit, call));
            }
            binds
        })
    }

    /// Waits until `limit` where what a call takes is still being leased; whether it is there.
    pub(super) async fn funded(&self, call: &Call, limit: Instant) -> bool {
        loop {
            let mut leased = std::pin::pin!(self.leased.notified());
            // Before the look: a lease that comes after it wakes this.
            leased.as_mut().enable();
            let asks = |ledger: &mut Ledger| ledger.asks(self.amount(ledger.credits().unit, call));
            if !self.by_others(asks) {
                return self.affords(call).is_ok();
            }
            if self.is_failing() || timeout_at(limit, leased).await.is_err() {
                return false;
            }
        }
    }

    /// As it stands.
    pub fn snapshot(&self) -> CreditSnapshot {
        self.with(|ledger| CreditSnapshot {
            provider: self.provider.clone(),
            unit: unit_name(ledger.credits().unit),
            amount: ledger.credits().amount,
            left: ledger.left(),
            spent: ledger.spent(),
            leased: ledger.leased(),
            ends: ledger.period().1,
            hard: ledger.credits().hard,
        })
    }
}

/// The word for a unit, in names of metrics and in JSON.
pub(crate) const fn unit_name(unit: Unit) -> &'static str {
    match unit {
        Unit::NanoUsd => "nanodollars",
        Unit::Calls => "calls",
    }
}
