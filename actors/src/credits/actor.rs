//! The credits' actor: leases from the store before it is spent, and tells it what is owed.
//!
//! Invariant: it alone asks the store, and of one provider one thing at a time. It waits for nothing but at its own stop, when
//! it gives back what is left of its leases; killed, they are spent.

use std::collections::HashSet;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::time::timeout;

use super::gate::CreditGate;
use super::{CreditBook, CreditStore};
use crate::driver::BoxFuture;
use crate::error::{Failure, Kind};
use crate::policy::credits::{Charge, Ledger};
use crate::supervision::{ChildSpec, Context, Fault, Message, Worker};

/// What the credits' actor is told.
pub(crate) enum CreditsMsg {
    /// Look at this provider's credits: something was settled, or more is needed.
    Attend(Arc<str>),
    /// What was asked of the store for this provider has ended, well or not.
    Ended(Arc<str>, bool),
    /// Time to look at all of them: a period may have begun, or the store be back.
    Tick,
}

impl Message for CreditsMsg {
    fn label(&self) -> &'static str {
        match self {
            CreditsMsg::Attend(_) => "attend",
            CreditsMsg::Ended(..) => "ended",
            CreditsMsg::Tick => "tick",
        }
    }
}

/// How often all credits are looked at; a store that failed is asked again as often.
const TICK: Duration = Duration::from_secs(1);
/// How often a provider's store is asked anew where nothing was left: other nodes may have given some back.
const ANEW: u64 = 60;
/// How long the store may take. What it does later is lost, and so spent.
const STORE_TIME: Duration = Duration::from_secs(5);

struct CreditsActor {
    book: Arc<CreditBook>,
    /// Providers for whom the store is being asked.
    asking: HashSet<Arc<str>>,
    ticks: u64,
}

/// The child spec of the credits' actor.
pub(crate) fn credits_spec(book: &Arc<CreditBook>) -> ChildSpec {
    let handle = book.actor.clone();
    let book = book.clone();
    ChildSpec::worker("credits", &handle, move || {
        Ok(CreditsActor {
            book: book.clone(),
            asking: HashSet::new(),
            ticks: 0,
        })
    })
    .kind("credits")
}

impl Worker for CreditsActor {
    type Msg = CreditsMsg;

    async fn start(&mut self, cx: &Context<CreditsMsg>) -> Result<(), Fault> {
        cx.every(TICK, || CreditsMsg::Tick);
        for gate in self.book.all() {
            // What an incarnation before this one gave back may be had again.
            gate.with(Ledger::ask_again);
            self.look(&gate, false);
        }
        Ok(())
    }

    async fn handle(&mut self, message: CreditsMsg, _cx: &Context<CreditsMsg>) -> Result<(), Fault> {
        match message {
            CreditsMsg::Attend(provider) => {
                if let Some(gate) = self.book.gate(&provider) {
                    gate.attended();
                    // A store that fails at once would be asked by every call.
                    if !gate.is_failing() {
                        self.look(&gate, false);
                    }
                }
            }
            CreditsMsg::Ended(provider, well) => {
                self.asking.remove(&provider);
                // The store that failed is asked again with the next tick.
                if let Some(gate) = self.book.gate(&provider).filter(|_| well) {
                    self.look(&gate, false);
                }
            }
            CreditsMsg::Tick => {
                self.ticks += 1;
                for gate in self.book.abandoned() {
                    tokio::spawn(self.close(gate));
                }
                for gate in self.book.all() {
                    self.look(&gate, self.ticks.is_multiple_of(ANEW));
                }
            }
        }
        Ok(())
    }

    /// The one wait of this actor: it is leaving, and is cut off at its shutdown time.
    async fn stop(&mut self, _cx: &Context<CreditsMsg>) {
        let replaced = std::mem::take(&mut *self.book.replaced());
        let settled = self.book.all().into_iter().chain(replaced);
        join_all(settled.map(|gate| self.close(gate))).await;
    }
}

impl CreditsActor {
    /// Asks the store for what a provider's ledger wants of it, unless it is being asked.
    fn look(&mut self, gate: &Arc<CreditGate>, anew: bool) {
        if self.asking.contains(&gate.provider) {
            return;
        }
        let work = gate.with(|ledger| {
            let account = gate.account(ledger);
            match (ledger.charge(), ledger.to_lease(anew)) {
                (Some(charge), _) => Some(self.charge(gate, account, charge)),
                (None, Some(wanted)) => Some(self.lease(gate, account, ledger.credits().amount, wanted)),
                (None, None) => None,
            }
        });
        let Some(work) = work else { return };
        self.asking.insert(gate.provider.clone());
        let (actor, provider) = (self.book.actor.clone(), gate.provider.clone());
        tokio::spawn(async move {
            let well = work.await;
            // An incarnation that was born meanwhile does not wait for it.
            if actor.send(CreditsMsg::Ended(provider, well)).is_err() {
                tracing::debug!("the credits' actor is restarting; it will look at every provider when it is back");
            }
        });
    }

    fn lease(&self, gate: &Arc<CreditGate>, account: super::Account, limit: u64, wanted: u64) -> BoxFuture<bool> {
        let (store, gate) = (self.book.store.clone(), gate.clone());
        Box::pin(async move {
            let leased = asked(store.lease(account.clone(), limit, wanted)).await;
            let lease = gate.asked("cannot be leased", leased);
            gate.leased(&account, lease);
            lease.is_some()
        })
    }

    fn charge(&self, gate: &Arc<CreditGate>, account: super::Account, charge: Charge) -> BoxFuture<bool> {
        let charged = charged(self.book.store.clone(), gate.clone(), account, charge);
        Box::pin(charged)
    }

    /// Settles with the store for the last time.
    fn close(&self, gate: Arc<CreditGate>) -> impl Future<Output = ()> + use<> {
        let store = self.book.store.clone();
        async move {
            let (account, charge, free) = gate.with(|ledger| (gate.account(ledger), ledger.charge(), ledger.give_up()));
            if let Some(charge) = charge {
                charged(store.clone(), gate.clone(), account.clone(), charge).await;
            }
            if free > 0
                && let Err(failure) = asked(store.give_back(account, free)).await
            {
                let provider = &*gate.provider;
                tracing::warn!(provider, %failure, "credits that are left cannot be given back, and count as spent");
            }
        }
    }
}

/// Tells the store of what is owed. Where it does not say that it was entered, it is told again, under the same name.
async fn charged(store: Arc<dyn CreditStore>, gate: Arc<CreditGate>, account: super::Account, charge: Charge) -> bool {
    let id = gate.charge_id(charge.number);
    let told = asked(store.charge(account, charge.amount, id)).await;
    let told = gate.asked("that are owed cannot be told", told).is_some();
    if told {
        gate.with(|ledger| ledger.charged(charge.number));
    }
    told
}

/// What the store says, in its time.
async fn asked<T>(asking: BoxFuture<Result<T, Failure>>) -> Result<T, Failure> {
    let late = || Failure::new(Kind::Timeout, "the store did not answer in its time");
    let asking = timeout(STORE_TIME, AssertUnwindSafe(asking).catch_unwind());
    let told = asking.await.map_err(|_| late())?;
    told.unwrap_or_else(|_panic| Err(Failure::new(Kind::Internal, "the store failed")))
}
