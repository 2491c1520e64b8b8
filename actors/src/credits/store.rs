//! Where credits are kept: what of each provider's period was leased, or spent beyond that.
//!
//! Invariant: of one account no more is ever granted than its limit leaves; what is granted is taken for good before anybody
//! is told of it, so that who is killed has spent what it leased.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::entered::{ChargeId, Entered};
use crate::driver::BoxFuture;
use crate::error::Failure;
use crate::policy::credits::Unit;

/// The credits of one provider in one period.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Account {
    /// The provider.
    pub provider: Arc<str>,
    /// What they are counted in: `true` for calls, else billionths of a US dollar.
    pub calls: bool,
    /// When the period begins, in seconds since the Unix epoch.
    pub begins: u64,
    /// When it ends: what is kept of it is of no use afterwards.
    pub ends: u64,
}

impl Account {
    pub(super) fn of(provider: &Arc<str>, unit: Unit, (begins, ends): (u64, u64)) -> Self {
        Account {
            provider: provider.clone(),
            calls: unit == Unit::Calls,
            begins,
            ends,
        }
    }
}

/// What was leased.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lease {
    /// So many: as wanted, or what was left.
    pub granted: u64,
    /// What is left for others.
    pub left: u64,
}

/// Keeps accounts, for all nodes.
pub trait CreditStore: Send + Sync + 'static {
    /// Takes at most `wanted` of what `limit` leaves of an account. It is relied on only after it was committed.
    fn lease(self: Arc<Self>, account: Account, limit: u64, wanted: u64) -> BoxFuture<Result<Lease, Failure>>;

    /// Takes back what was leased of an account and not spent.
    fn give_back(self: Arc<Self>, account: Account, amount: u64) -> BoxFuture<Result<(), Failure>>;

    /// Enters what was spent beyond all leases, also beyond the limit; once, however often it is told under the same name.
    fn charge(self: Arc<Self>, account: Account, amount: u64, id: ChargeId) -> BoxFuture<Result<(), Failure>>;
}

/// Accounts that end with their process.
#[derive(Debug, Default)]
pub struct MemoryCredits(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    /// What is taken of each.
    taken: HashMap<Account, u64>,
    /// By provider, and whether calls are counted.
    entered: HashMap<(Arc<str>, bool), Entered>,
}

impl MemoryCredits {
    /// What is taken of an account.
    pub fn taken(&self, account: &Account) -> u64 {
        self.change(account, |taken| *taken)
    }

    /// What is taken of all accounts of a provider.
    pub fn taken_in_all(&self, provider: &str) -> u64 {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let of_it = kept.taken.iter().filter(|(account, _)| *account.provider == *provider);
        of_it.map(|(_, taken)| taken).sum()
    }

    /// Held for an addition; no panic can leave half of it.
    fn change<T>(&self, account: &Account, change: impl FnOnce(&mut u64) -> T) -> T {
        change(self.kept(account).taken.entry(account.clone()).or_default())
    }

    fn kept(&self, account: &Account) -> MutexGuard<'_, Kept> {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // What is over is of no use.
        kept.taken
            .retain(|known, _| known.provider != account.provider || known.ends > account.begins);
        kept
    }
}

impl CreditStore for MemoryCredits {
    fn lease(self: Arc<Self>, account: Account, limit: u64, wanted: u64) -> BoxFuture<Result<Lease, Failure>> {
        Box::pin(async move {
            Ok(self.change(&account, |taken| {
                let there = limit.saturating_sub(*taken);
                let granted = wanted.min(there);
                *taken += granted;
                Lease {
                    granted,
                    left: there - granted,
                }
            }))
        })
    }

    fn give_back(self: Arc<Self>, account: Account, amount: u64) -> BoxFuture<Result<(), Failure>> {
        Box::pin(async move {
            self.change(&account, |taken| *taken = taken.saturating_sub(amount));
            Ok(())
        })
    }

    fn charge(self: Arc<Self>, account: Account, amount: u64, id: ChargeId) -> BoxFuture<Result<(), Failure>> {
        Box::pin(async move {
            let mut kept = self.kept(&account);
            let of = (account.provider.clone(), account.calls);
            if kept.entered.entry(of).or_default().is_new(id) {
                let taken = kept.taken.entry(account).or_default();
                *taken = taken.saturating_add(amount);
            }
            Ok(())
        })
    }
}
