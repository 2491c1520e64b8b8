//! Credits of providers over the state store, for all processes that share it.
//!
//! Invariant: of one account no more is ever granted than its limit leaves, whoever asks at the same time: each change is made
//! only to the document that it was worked out from. What is over is never granted again, by a slow clock either.

use std::sync::Arc;

use mosaic_actors::credits::{Account, ChargeId, CreditStore, Entered, Lease};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Expected, StateStore, StoreError};

/// The kind of their documents.
const KIND: &str = "credits";
/// How often a change is worked out anew because somebody else was faster. Each time one of them got on; more of them at one
/// time than this there are not.
const TRIES: u32 = 1_000;

/// Keeps credits in a state store.
pub struct StoredCredits(Arc<dyn StateStore>);

/// What is kept of a provider's credits in one unit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// Periods that ended by then are over, in seconds since the Unix epoch.
    over: u64,
    /// Those that are not. There are several only while a period's length is changed.
    periods: Vec<Period>,
    /// The charges that were entered last.
    #[serde(default, skip_serializing_if = "Entered::is_empty")]
    entered: Entered,
}

/// What is taken in one period.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Period {
    begins: u64,
    ends: u64,
    taken: u64,
}

impl Kept {
    /// The account's period, where it is not over. Who asks for a period ends those before it.
    fn period(&mut self, account: &Account) -> Option<&mut Period> {
        let ended = |period: &Period| period.ends <= account.begins;
        let ends = self
            .periods
            .iter()
            .filter(|period| ended(period))
            .map(|period| period.ends);
        self.over = ends.max().unwrap_or(0).max(self.over);
        self.periods.retain(|period| !ended(period));
        if account.ends <= self.over {
            return None;
        }
        let same = |period: &Period| (period.begins, period.ends) == (account.begins, account.ends);
        let at = self.periods.iter().position(same).unwrap_or_else(|| {
            self.periods.push(Period {
                begins: account.begins,
                ends: account.ends,
                taken: 0,
            });
            self.periods.len() - 1
        });
        self.periods.get_mut(at)
    }

    fn lease(&mut self, account: &Account, limit: u64, wanted: u64) -> Lease {
        let Some(period) = self.period(account) else {
            return Lease { granted: 0, left: 0 };
        };
        let there = limit.saturating_sub(period.taken);
        let granted = wanted.min(there);
        period.taken += granted;
        Lease {
            granted,
            left: there - granted,
        }
    }

    fn give_back(&mut self, account: &Account, amount: u64) {
        if let Some(period) = self.period(account) {
            period.taken = period.taken.saturating_sub(amount);
        }
    }

    fn charge(&mut self, account: &Account, amount: u64, id: ChargeId) {
        // One that was given up may have been written all the same, and is told again.
        if self.entered.is_new(id)
            && let Some(period) = self.period(account)
        {
            period.taken = period.taken.saturating_add(amount);
        }
    }
}

impl StoredCredits {
    /// Keeps them in this store.
    pub fn new(store: Arc<dyn StateStore>) -> Self {
        StoredCredits(store)
    }

    /// Makes a change; what it says is told once it is written.
    async fn change<T>(&self, account: &Account, change: impl Fn(&mut Kept) -> T) -> Result<T, StoreError> {
        let unit = if account.calls { "calls" } else { "usd" };
        let id = format!("{}/{unit}", account.provider);
        let mut tries = 0;
        loop {
            tries += 1;
            let found = self.0.get_document(KIND, &id).await?;
            let (before, expected) = match found {
                None => (Kept::default(), Expected::Absent),
                // One that cannot be read says nothing of what is left.
                Some(document) => (read(document.body)?, Expected::Version(document.version)),
            };
            let mut after = before.clone();
            let told = change(&mut after);
            if after == before {
                return Ok(told);
            }
            let body = serde_json::to_value(&after).map_err(|_| StoreError::Damaged { what: "credits" })?;
            match self.0.put_document(KIND, &id, &body, expected).await {
                Ok(_) => return Ok(told),
                Err(StoreError::Conflict { .. }) if tries < TRIES => {}
                Err(error) => return Err(error),
            }
        }
    }
}

fn read(body: Value) -> Result<Kept, StoreError> {
    serde_json::from_value(body).map_err(|_| StoreError::Damaged { what: "credits" })
}

impl CreditStore for StoredCredits {
    fn lease(self: Arc<Self>, account: Account, limit: u64, wanted: u64) -> BoxFuture<Result<Lease, Failure>> {
        Box::pin(async move {
            let leased = self.change(&account, |kept| kept.lease(&account, limit, wanted)).await;
            leased.map_err(Failure::from)
        })
    }

    fn give_back(self: Arc<Self>, account: Account, amount: u64) -> BoxFuture<Result<(), Failure>> {
        Box::pin(async move {
            let given = self.change(&account, |kept| kept.give_back(&account, amount)).await;
            given.map_err(Failure::from)
        })
    }

    fn charge(self: Arc<Self>, account: Account, amount: u64, id: ChargeId) -> BoxFuture<Result<(), Failure>> {
        Box::pin(async move {
            let charged = self.change(&account, |kept| kept.charge(&account, amount, id)).await;
            charged.map_err(Failure::from)
        })
    }
}

#[cfg(test)]
mod tests {
    use mosaic_actors::credits::MemoryCredits;
    use proptest::prelude::*;

    use super::*;
    use crate::stores::MemoryStore;

    fn account(begins: u64, ends: u64) -> Account {
        Account {
            provider: Arc::from("cloud"),
            calls: false,
            begins,
            ends,
        }
    }

    fn stored(store: &Arc<dyn StateStore>) -> Arc<StoredCredits> {
        Arc::new(StoredCredits::new(store.clone()))
    }

    fn id(holder: u64, number: u64) -> ChargeId {
        ChargeId { holder, number }
    }

    fn memory() -> Arc<dyn StateStore> {
        Arc::new(MemoryStore::new(None))
    }

    #[tokio::test]
    async fn what_is_over_is_not_granted_again_to_a_slow_clock() {
        let credits = stored(&memory());
        let lease = async |account: Account| credits.clone().lease(account, 10, 6).await.unwrap();
        let all = |granted, left| Lease { granted, left };
        assert_eq!(lease(account(0, 100)).await, all(6, 4));
        assert_eq!(lease(account(0, 100)).await, all(4, 0));
        assert_eq!(lease(account(100, 200)).await, all(6, 4));
        assert_eq!(lease(account(0, 100)).await, all(0, 0));
        credits.clone().charge(account(0, 100), 7, id(1, 1)).await.unwrap();
        credits.clone().give_back(account(0, 100), 7).await.unwrap();
        assert_eq!(lease(account(100, 200)).await, all(4, 0));
    }

    #[tokio::test]
    async fn a_charge_is_entered_once_by_whoever_it_is_told() {
        let store = memory();
        let left = async || {
            let lease = stored(&store).lease(account(0, 100), 100, 0).await.unwrap();
            lease.left
        };
        for (holder, number, amount, expected) in [
            (1, 1, 30, 70),
            (1, 1, 30, 70),
            (2, 1, 20, 50),
            (1, 2, 5, 45),
            (1, 1, 30, 45),
            (2, 1, 20, 45),
        ] {
            let told = stored(&store).charge(account(0, 100), amount, id(holder, number));
            told.await.unwrap();
            assert_eq!(left().await, expected, "{number} of {holder}");
        }
    }

    #[tokio::test]
    async fn what_was_kept_before_charges_had_names_is_read() {
        let store = memory();
        let body = serde_json::json!({ "over": 0, "periods": [{ "begins": 0, "ends": 100, "taken": 40 }] });
        store
            .put_document(KIND, "cloud/usd", &body, Expected::Any)
            .await
            .unwrap();
        stored(&store).charge(account(0, 100), 10, id(1, 1)).await.unwrap();
        let lease = stored(&store).lease(account(0, 100), 100, 100).await.unwrap();
        assert_eq!(lease, Lease { granted: 50, left: 0 });
    }

    #[tokio::test]
    async fn what_cannot_be_read_grants_nothing() {
        let store = memory();
        let body = serde_json::json!({ "taken": 1 });
        store
            .put_document(KIND, "cloud/usd", &body, Expected::Any)
            .await
            .unwrap();
        assert!(stored(&store).lease(account(0, 100), 10, 1).await.is_err());
    }

    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn many_at_one_time_get_no_more_than_there_is() {
        let store = memory();
        let tasks: Vec<_> = (0..16)
            .map(|_| {
                let credits = stored(&store);
                tokio::spawn(async move {
                    let mut got = 0;
                    for _ in 0..20 {
                        got += credits.clone().lease(account(0, 100), 100, 3).await.unwrap().granted;
                    }
                    got
                })
            })
            .collect();
        let mut got = 0;
        for task in tasks {
            got += task.await.unwrap();
        }
        assert_eq!(got, 100);
    }

    proptest! {
        #[test]
        fn while_time_goes_on_it_keeps_what_memory_keeps(
            mut steps in prop::collection::vec((0u64..4, 0u64..3, 0u64..12, 1u64..4, 1u64..6), 1..60),
        ) {
            steps.sort_by_key(|(period, ..)| *period);
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (credits, model) = (stored(&memory()), Arc::new(MemoryCredits::default()));
            for (period, what, amount, holder, number) in steps {
                let of = || account(period * 100, period * 100 + 100);
                runtime.block_on(async {
                    let (credits, model) = (credits.clone(), model.clone());
                    match what {
                        0 => {
                            let (got, wanted) = (credits.lease(of(), 20, amount).await, model.lease(of(), 20, amount).await);
                            prop_assert_eq!(got.unwrap(), wanted.unwrap());
                        }
                        1 => {
                            credits.give_back(of(), amount).await.unwrap();
                            model.give_back(of(), amount).await.unwrap();
                        }
                        _ => {
                            credits.charge(of(), amount, id(holder, number)).await.unwrap();
                            model.charge(of(), amount, id(holder, number)).await.unwrap();
                        }
                    }
                    Ok(())
                })?;
            }
        }
    }
}
