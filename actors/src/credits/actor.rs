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

use super::CreditBook;
use super::gate::CreditGate;
use crate::driver::BoxFuture;
use crate::error::{Failure, Kind};
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
            gate.with(crate::policy::credits::Ledger::ask_again);
            self.look(&gate, false);
        }
        Ok(())
    }

    async fn handle(&mut self, message: CreditsMsg, _cx: &Context<CreditsMsg>) -> Result<(), Fault> {
        match message {
            CreditsMsg::Attend(provider) => {
                if let Some(gate) = self.book.gate(&provider) {
                    gate.attended();
                    self.look(&gate, false);
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
                for gate in self.book.all() {
                    self.look(&gate, self.ticks.is_multiple_of(ANEW));
                }
            }
        }
        Ok(())
    }

    /// The one wait of this actor: it is leaving, and is cut off at its shutdown time.
    async fn stop(&mut self, _cx: &Context<CreditsMsg>) {
        let settled = self.book.all().into_iter().map(|gate| self.close(gate));
        join_all(settled).await;
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
            match (ledger.take_owed(), ledger.to_lease(anew)) {
                (Some(owed), _) => Some(self.charge(gate, account, owed)),
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
            let lease = leased
                .inspect_err(|failure| warn(&gate, failure, "cannot be leased"))
                .ok();
            gate.leased(&account, lease);
            lease.is_some()
        })
    }

    fn charge(&self, gate: &Arc<CreditGate>, account: super::Account, owed: u64) -> BoxFuture<bool> {
        let (store, gate) = (self.book.store.clone(), gate.clone());
        Box::pin(async move {
            let charged = asked(store.charge(account, owed)).await;
            if let Err(failure) = &charged {
                warn(&gate, failure, "that are owed cannot be told");
                gate.with(|ledger| ledger.owe_again(owed));
            }
            charged.is_ok()
        })
    }

    /// Settles with the store for the last time.
    fn close(&self, gate: Arc<CreditGate>) -> impl Future<Output = ()> + use<> {
        let store = self.book.store.clone();
        async move {
            let (account, owed, free) =
                gate.with(|ledger| (gate.account(ledger), ledger.take_owed(), ledger.give_up()));
            if let Some(owed) = owed
                && let Err(failure) = asked(store.clone().charge(account.clone(), owed)).await
            {
                warn(&gate, &failure, "that are owed cannot be told");
                gate.with(|ledger| ledger.owe_again(owed));
            }
            if free > 0
                && let Err(failure) = asked(store.give_back(account, free)).await
            {
                warn(
                    &gate,
                    &failure,
                    "that are left cannot be given back, and count as spent",
                );
            }
        }
    }
}

/// What the store says, in its time.
async fn asked<T>(asking: BoxFuture<Result<T, Failure>>) -> Result<T, Failure> {
    let late = || Failure::new(Kind::Timeout, "the store did not answer in its time");
    let asking = timeout(STORE_TIME, AssertUnwindSafe(asking).catch_unwind());
    let told = asking.await.map_err(|_| late())?;
    told.unwrap_or_else(|_panic| Err(Failure::new(Kind::Internal, "the store failed")))
}

fn warn(gate: &CreditGate, failure: &Failure, what: &str) {
    tracing::warn!(provider = &*gate.provider, %failure, "credits {what}");
}
