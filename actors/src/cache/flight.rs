//! Flights: equal concurrent misses share one attempt at the provider.
//!
//! Invariant: a follower never waits for a leader that is gone; it is woken and may lead. It is never served an answer
//! that was overtaken by a write before the follower's own call began.

use std::sync::Arc;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;
use tokio::sync::watch;

use super::chain::Hit;
use super::{CacheEntry, CacheKey};
use crate::error::Failure;

/// What a leader shares: an answer to serve, or a failure that is everybody's.
#[derive(Clone)]
pub(crate) struct Landing {
    /// The outcome.
    pub outcome: Result<Arc<CacheEntry>, Failure>,
    /// The latest epoch of a call that it may be served to.
    pub good_until: u64,
    /// For the case that the outcome is a failure: an answer past its time, good for calls up to the epoch beside it.
    pub stale: Option<(Hit, u64)>,
}

/// The misses under way.
#[derive(Default)]
pub struct Flights {
    by_key: DashMap<CacheKey, watch::Receiver<Option<Landing>>>,
}

/// What a miss is told to do.
pub enum Role {
    /// Ask the provider, and share what comes.
    Leader(Leader),
    /// Wait for the leader.
    Follower(Follower),
}

/// The duty to land a flight. Dropped unlanded, its followers are woken to lead themselves.
pub struct Leader {
    flights: Arc<Flights>,
    key: CacheKey,
    tell: watch::Sender<Option<Landing>>,
}

/// A seat in a flight.
pub struct Follower {
    told: watch::Receiver<Option<Landing>>,
}

impl Flights {
    /// Joins the flight of `key`, or starts it.
    pub fn join(self: &Arc<Self>, key: &CacheKey) -> Role {
        match self.by_key.entry(key.clone()) {
            MapEntry::Occupied(flight) => Role::Follower(Follower {
                told: flight.get().clone(),
            }),
            MapEntry::Vacant(place) => {
                let (tell, told) = watch::channel(None);
                place.insert(told);
                Role::Leader(Leader {
                    flights: self.clone(),
                    key: key.clone(),
                    tell,
                })
            }
        }
    }

    /// Flights under way.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// No flight is under way.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl Leader {
    /// Shares the outcome. The cache must be filled before, so that whoever comes after the flight finds it there.
    pub(crate) fn land(self, shared: Landing) {
        // Off the list first: a follower that may not have this outcome must not meet the same flight again.
        self.flights.by_key.remove(&self.key);
        self.tell.send_replace(Some(shared));
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        // Only its own flight: after a landing another may be under way.
        self.flights
            .by_key
            .remove_if(&self.key, |_, told| told.same_channel(&self.tell.subscribe()));
    }
}

impl Follower {
    /// Waits for the flight's end; `None`: the leader went away without one.
    pub(crate) async fn landed(mut self) -> Option<Landing> {
        match self.told.wait_for(Option::is_some).await {
            Ok(shared) => shared.clone(),
            Err(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Kind;

    fn key() -> CacheKey {
        CacheKey {
            tenant: Arc::from("t"),
            candidates: 1,
            request: [7; 32],
        }
    }

    #[tokio::test]
    async fn followers_share_the_landing_or_are_woken_by_a_loss() {
        let flights = Arc::new(Flights::default());
        let Role::Leader(leader) = flights.join(&key()) else {
            panic!("the first leads")
        };
        let Role::Follower(follower) = flights.join(&key()) else {
            panic!("the second follows")
        };
        leader.land(Landing {
            outcome: Err(Failure::new(Kind::UpstreamFailed, "down")),
            good_until: 0,
            stale: None,
        });
        let shared = follower.landed().await.unwrap();
        assert_eq!(shared.outcome.unwrap_err().kind, Kind::UpstreamFailed);
        assert!(flights.is_empty());

        let Role::Leader(leader) = flights.join(&key()) else {
            panic!("a new flight")
        };
        let Role::Follower(follower) = flights.join(&key()) else {
            panic!("the second follows")
        };
        drop(leader);
        assert!(follower.landed().await.is_none());
    }
}
