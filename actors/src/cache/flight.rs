//! Flights: equal concurrent misses share one attempt at the provider.
//!
//! Invariant: a follower never waits for a leader that is gone; it is woken and may lead. It is never served an answer
//! that was overtaken by a write before the follower's own call began.
//!
//! An answer is *ready* when its leader has it, and *landed* when the memory tier has confirmed it. In between it is served
//! to calls that began no later than the leader's own; the others wait for the landing, but not for long.

use std::sync::Arc;
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry as MapEntry;
use foldhash::fast::RandomState;
use tokio::sync::watch;

use super::chain::Hit;
use super::{CacheEntry, CacheKey};
use crate::error::Failure;
use crate::policy::freshness::Freshness;

/// How long a follower waits for the memory tier to confirm an answer that is ready. That takes microseconds; a tier that
/// hangs costs each follower this, and then an attempt of its own.
const LANDED_WITHIN: Duration = Duration::from_millis(100);

/// What a leader shares: an answer to serve, or a failure that is everybody's.
#[derive(Clone)]
pub(crate) struct Landing {
    /// The outcome.
    pub outcome: Result<Arc<CacheEntry>, Failure>,
    /// The latest epoch of a call that it may be served to.
    pub good_until: u64,
    /// For the case that the outcome is a failure: an answer past its time, good for calls up to the epoch beside it.
    pub stale: Option<(Hit, u64)>,
    /// The memory tier keeps it, so that a call that comes later may be served it before it is there.
    pub kept: bool,
}

impl Landing {
    /// An answer that may be served to calls up to this epoch.
    pub(crate) fn of(entry: Arc<CacheEntry>, good_until: u64) -> Self {
        Landing {
            outcome: Ok(entry),
            good_until,
            stale: None,
            kept: false,
        }
    }

    /// Whether it is a hit for a call that comes now: only memory looks at that where an answer has landed.
    pub(crate) fn is_fresh(&self, now: u64) -> bool {
        let entry = self.outcome.as_ref();
        entry.is_ok_and(|entry| entry.freshness(now) == Freshness::Fresh)
    }
}

#[derive(Clone)]
enum Progress {
    UnderWay,
    /// Since this time.
    Ready(Landing, u64),
    Landed(Landing),
}

/// The misses under way.
#[derive(Default)]
pub(crate) struct Flights {
    by_key: DashMap<CacheKey, watch::Receiver<Progress>, RandomState>,
}

/// What a miss is told to do.
pub(crate) enum Role {
    /// Ask the provider, and share what comes.
    Leader(Leader),
    /// Wait for the leader.
    Follower(Follower),
    /// The answer is ready since this time (nanoseconds of the system's clock), and on its way into memory.
    Ready(Landing, u64),
}

/// The duty to land a flight. Dropped unlanded, its followers are woken to lead themselves.
pub(crate) struct Leader {
    flights: Arc<Flights>,
    key: CacheKey,
    tell: watch::Sender<Progress>,
}

/// A seat in a flight.
pub(crate) struct Follower {
    told: watch::Receiver<Progress>,
}

/// How a flight ended for a follower.
pub(crate) enum Landed {
    /// With an outcome.
    With(Landing),
    /// The leader went away without one: lead.
    Lost,
    /// The answer was not confirmed in time: ask alone.
    Unconfirmed,
}

impl Flights {
    /// Joins the flight of `key`, or starts it; `epoch` is that of the call.
    pub(crate) fn join(self: &Arc<Self>, key: &CacheKey, epoch: u64) -> Role {
        match self.by_key.entry(key.clone()) {
            MapEntry::Occupied(flight) => {
                if let Progress::Ready(landing, since) = &*flight.get().borrow()
                    && epoch <= landing.good_until
                {
                    return Role::Ready(landing.clone(), *since);
                }
                Role::Follower(Follower {
                    told: flight.get().clone(),
                })
            }
            MapEntry::Vacant(place) => {
                let (tell, told) = watch::channel(Progress::UnderWay);
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
    pub(crate) fn len(&self) -> usize {
        self.by_key.len()
    }
}

impl Leader {
    /// Shares an answer that the memory tier has not confirmed so far.
    pub(crate) fn ready(&self, landing: Landing, now: u64) {
        self.tell.send_replace(Progress::Ready(landing, now));
    }

    /// Shares the outcome. The cache must be filled before, so that whoever comes after the flight finds it there.
    pub(crate) fn land(self, landing: Landing) {
        // Off the list first: a follower that may not have this outcome must not meet the same flight again.
        self.flights.by_key.remove(&self.key);
        self.tell.send_replace(Progress::Landed(landing));
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
    /// Waits for the flight's end.
    pub(crate) async fn landed(mut self) -> Landed {
        if self
            .told
            .wait_for(|progress| !matches!(progress, Progress::UnderWay))
            .await
            .is_err()
        {
            return Landed::Lost;
        }
        let landed = self.told.wait_for(|progress| matches!(progress, Progress::Landed(_)));
        match tokio::time::timeout(LANDED_WITHIN, landed).await {
            Ok(Ok(progress)) => match &*progress {
                Progress::Landed(landing) => Landed::With(landing.clone()),
                Progress::UnderWay | Progress::Ready(..) => Landed::Lost,
            },
            Ok(Err(_)) => Landed::Lost,
            Err(_elapsed) => Landed::Unconfirmed,
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
        let Role::Leader(leader) = flights.join(&key(), 0) else {
            panic!("the first leads")
        };
        let Role::Follower(follower) = flights.join(&key(), 0) else {
            panic!("the second follows")
        };
        leader.land(Landing {
            outcome: Err(Failure::new(Kind::UpstreamFailed, "down")),
            good_until: 0,
            stale: None,
            kept: false,
        });
        let Landed::With(shared) = follower.landed().await else {
            panic!("it landed")
        };
        assert_eq!(shared.outcome.unwrap_err().kind, Kind::UpstreamFailed);
        assert_eq!(flights.len(), 0);

        let Role::Leader(leader) = flights.join(&key(), 0) else {
            panic!("a new flight")
        };
        let Role::Follower(follower) = flights.join(&key(), 0) else {
            panic!("the second follows")
        };
        drop(leader);
        assert!(matches!(follower.landed().await, Landed::Lost));
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_ready_is_served_to_calls_that_began_before_a_write_and_the_others_do_not_wait_for_ever() {
        let flights = Arc::new(Flights::default());
        let Role::Leader(leader) = flights.join(&key(), 3) else {
            panic!("the first leads")
        };
        leader.ready(
            Landing {
                outcome: Err(Failure::new(Kind::NotFound, "none")),
                good_until: 3,
                stale: None,
                kept: true,
            },
            7,
        );
        assert!(matches!(flights.join(&key(), 3), Role::Ready(_, 7)));
        let Role::Follower(follower) = flights.join(&key(), 4) else {
            panic!("a later call waits for the landing")
        };
        assert!(matches!(follower.landed().await, Landed::Unconfirmed));
    }
}
