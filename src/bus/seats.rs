//! The seats of those who listen.
//!
//! Invariant: no tenant has more seats than its share, whatever the others leave free, and a seat is given back when its
//! listener goes.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use mosaic_actors::error::{Failure, Kind};

use super::COME_AGAIN;

/// The seats that are there, and who has them.
pub(super) struct Seats {
    most: usize,
    share: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    /// Of tenants that have any.
    by_tenant: HashMap<Arc<str>, usize>,
}

/// The right to listen, given back when it is dropped.
pub(super) struct Seat {
    seats: Arc<Seats>,
    /// Whose it is; a program's own that embeds the gateway counts for no tenant.
    tenant: Option<Arc<str>>,
}

impl Seats {
    /// So many, and so many for a tenant.
    pub(super) fn new(most: usize, share: usize) -> Arc<Self> {
        Arc::new(Seats {
            most,
            share,
            taken: Mutex::default(),
        })
    }

    /// Held for one look.
    fn taken(&self) -> MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// How many are taken.
    pub(super) fn count(&self) -> usize {
        self.taken().all
    }

    /// Takes one.
    ///
    /// # Errors
    /// `overloaded` where all are taken, or all of the tenant's share.
    pub(super) fn take(self: &Arc<Self>, tenant: Option<&Arc<str>>) -> Result<Seat, Failure> {
        let full = |sentence: String| Err(Failure::new(Kind::Overloaded, sentence).after(COME_AGAIN).never_sent());
        let mut taken = self.taken();
        if let Some(tenant) = tenant {
            let own = taken.by_tenant.get(tenant).copied().unwrap_or_default();
            if own >= self.share {
                return full(format!("{own} others of this tenant listen to the events"));
            }
        }
        if taken.all >= self.most {
            return full(format!("{} others listen to the events", self.most));
        }
        taken.all += 1;
        if let Some(tenant) = tenant {
            *taken.by_tenant.entry(tenant.clone()).or_default() += 1;
        }
        Ok(Seat {
            seats: self.clone(),
            tenant: tenant.cloned(),
        })
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut taken = self.seats.taken();
        taken.all -= 1;
        let Some(tenant) = &self.tenant else { return };
        if let Some(own) = taken.by_tenant.get_mut(tenant) {
            *own -= 1;
            if *own == 0 {
                taken.by_tenant.remove(tenant);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tenant_has_its_share_and_leaves_the_others_theirs() {
        let seats = Seats::new(4, 2);
        let [greedy, other] = ["greedy", "other"].map(Arc::from);
        let own: Vec<_> = (0..2).map(|_| seats.take(Some(&greedy)).expect("a seat")).collect();
        let refused = seats.take(Some(&greedy)).err().expect("it has its share");
        assert_eq!(
            (refused.kind, refused.retry_after),
            (Kind::Overloaded, Some(COME_AGAIN))
        );
        let _others = [seats.take(Some(&other)), seats.take(None)].map(|seat| seat.expect("a seat"));
        let refused = seats.take(None).err().expect("all are taken");
        assert_eq!((refused.kind, seats.count()), (Kind::Overloaded, 4));
        drop(own);
        assert_eq!(seats.count(), 2);
        assert!(!seats.taken().by_tenant.contains_key(&greedy));
        assert!(seats.take(Some(&greedy)).is_ok());
    }
}
