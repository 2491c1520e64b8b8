//! Credits: what may be spent at providers, leased durably before it is spent.
//!
//! Invariant: what all nodes together reserve of a provider's credits in a period never exceeds them; a node that is killed
//! has spent what it had leased, so that no crash makes credits. Only what a call costs beyond its reservation, or a call
//! that no rule wants covered, goes beyond; it is entered as soon as it is known, and once.
//!
//! A node that comes back after it was killed cannot take up what was left of its leases: what it had last told as spent says
//! nothing of what it spent in the moment before, so that all of a lease could have been, and a record of each reservation
//! would have to be durable before its call is made. So leases are small instead, as small as what is spent within some
//! seconds, and what is leased and not spent is shown.

mod actor;
mod entered;
mod gate;
mod permit;
mod store;

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::time::Instant;

pub(crate) use actor::{CreditsMsg, credits_spec};
pub use entered::{ChargeId, Entered};
pub(crate) use gate::unit_name;
pub use gate::{CreditGate, CreditSnapshot};
pub(crate) use permit::CreditPermit;
pub use store::{Account, CreditStore, Lease, MemoryCredits};

use crate::call::Call;
use crate::clock::Wall;
use crate::policy::credits::Credits;
use crate::policy::price::Prices;
use crate::policy::routing::{CandidateSet, Tier};
use crate::supervision::Handle;
use crate::telemetry::Meters;

/// What an instance's calls cost, and what may be spent on them.
#[derive(Clone, Debug, Default)]
pub struct Billing {
    /// Its prices.
    pub prices: Arc<Prices>,
    /// Its credits; `None`: there is no bound on what is spent there.
    pub credits: Option<Credits>,
}

/// How long a call waits for credits to be leased at most.
const LEASED_WITHIN: Duration = Duration::from_secs(1);

/// The credits of all providers.
pub(crate) struct CreditBook {
    gates: DashMap<Arc<str>, Arc<CreditGate>, RandomState>,
    /// Gates that others have replaced, until the calls that hold them have ended and they are settled.
    replaced: Mutex<Vec<Arc<CreditGate>>>,
    store: Arc<dyn CreditStore>,
    wall: Wall,
    actor: Handle<CreditsMsg>,
}

impl CreditBook {
    pub(crate) fn new(store: Arc<dyn CreditStore>, wall: Wall) -> Arc<Self> {
        Arc::new(CreditBook {
            gates: DashMap::default(),
            replaced: Mutex::default(),
            store,
            wall,
            actor: Handle::new(),
        })
    }

    /// The gate of an instance that is configured so. One that was there goes on: what it has leased is not lost with a
    /// reload.
    pub(crate) fn open(&self, provider: &Arc<str>, billing: &Billing, meters: &Meters) -> Option<Arc<CreditGate>> {
        let Some(credits) = billing.credits else {
            self.replace(self.gates.remove(provider));
            return None;
        };
        // Counted otherwise, it is another.
        self.replace(self.gates.remove_if(provider, |_, gate| !gate.counts(credits.unit)));
        let gate = self
            .gates
            .entry(provider.clone())
            .or_insert_with(|| {
                let left = meters.credits_left(provider, unit_name(credits.unit));
                let prices = billing.prices.clone();
                let gate = CreditGate::new(provider, credits, prices, self.wall.clone(), self.actor.clone(), left);
                Arc::new(gate)
            })
            .clone();
        gate.follow(credits, billing.prices.clone());
        // One that is away looks at every gate when it is back.
        if self.actor.send(CreditsMsg::Attend(provider.clone())).is_err() {
            tracing::debug!(provider = &**provider, "the credits' actor is not there yet");
        }
        Some(gate)
    }

    fn gate(&self, provider: &str) -> Option<Arc<CreditGate>> {
        self.gates.get(provider).map(|gate| gate.clone())
    }

    fn replace(&self, gate: Option<(Arc<str>, Arc<CreditGate>)>) {
        self.replaced().extend(gate.map(|(_, gate)| gate));
    }

    /// Held for a moment; no panic leaves it in pieces.
    fn replaced(&self) -> MutexGuard<'_, Vec<Arc<CreditGate>>> {
        self.replaced.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the gates that are nobody's any more: what they have leased and owe is to be settled for the last time.
    fn abandoned(&self) -> Vec<Arc<CreditGate>> {
        self.replaced()
            .extract_if(.., |gate| Arc::strong_count(gate) == 1)
            .collect()
    }

    fn all(&self) -> Vec<Arc<CreditGate>> {
        self.gates.iter().map(|gate| gate.clone()).collect()
    }

    /// Has what a call takes leased at all who may be asked on credits. It waits only where those who come first are asked on
    /// credits alone and none of them has enough: without, they would be passed over. Until when it waits at most.
    pub(crate) async fn stock(&self, call: &Call, set: &CandidateSet, excluded: &[Arc<str>]) -> Instant {
        let now = Instant::now();
        let limit = now + LEASED_WITHIN.min(call.deadline.saturating_duration_since(now) / 4);
        if set.credited.is_empty() {
            return limit;
        }
        let bound = self.bound(call, set, excluded);
        if let Some(Tier { range, credits: true }) = first_tier(set, excluded) {
            let theirs = bound.iter().filter(|(index, _)| range.contains(index));
            funded(call, theirs.map(|(_, gate)| gate), limit).await;
        }
        limit
    }

    /// Waits until `limit` where those who come first, or else all, cannot be asked but for want of credits that are being
    /// leased. False where that is of no use: none are on their way.
    pub(crate) async fn leased(&self, call: &Call, set: &CandidateSet, excluded: &[Arc<str>], limit: Instant) -> bool {
        let bound = self.bound(call, set, excluded);
        let range = match first_tier(set, excluded) {
            Some(Tier { range, credits: true }) => range.clone(),
            _ => 0..set.instances.len(),
        };
        let theirs = bound.iter().filter(|(index, _)| range.contains(index));
        funded(call, theirs.map(|(_, gate)| gate), limit).await
    }

    /// Candidates that may be asked on credits alone, by their index; what a call takes is asked for there.
    fn bound(&self, call: &Call, set: &CandidateSet, excluded: &[Arc<str>]) -> Vec<(usize, Arc<CreditGate>)> {
        let credited = set.credited.iter().copied();
        let left = credited.filter(|index| !excluded.contains(&set.instances[*index]));
        let gates = left.filter_map(|index| Some((index, self.gate(&set.instances[index])?)));
        gates
            .filter(|(index, gate)| gate.binds(call, set.asks_credits(*index)))
            .collect()
    }

    /// A period may have begun since anybody looked.
    pub(crate) fn refresh_gauges(&self) {
        for gate in self.all() {
            gate.snapshot();
        }
    }

    /// All credits as they stand, by name.
    pub(crate) fn snapshot(&self) -> Vec<CreditSnapshot> {
        let mut all: Vec<_> = self.all().iter().map(|gate| gate.snapshot()).collect();
        all.sort_by(|a, b| a.provider.cmp(&b.provider));
        all
    }
}

/// Those who come first among those that are left.
pub(crate) fn first_tier<'a>(set: &'a CandidateSet, excluded: &[Arc<str>]) -> Option<&'a Tier> {
    let first = set.instances.iter().position(|name| !excluded.contains(name))?;
    set.tiers.iter().find(|tier| tier.range.contains(&first))
}

/// Waits until `limit` for the first of these to have what a call takes. False where none can have it in that time.
async fn funded<'a>(call: &Call, gates: impl Iterator<Item = &'a Arc<CreditGate>>, limit: Instant) -> bool {
    let mut waiting: FuturesUnordered<_> = gates.map(|gate| gate.funded(call, limit)).collect();
    while let Some(funded) = waiting.next().await {
        if funded {
            return true;
        }
    }
    false
}
