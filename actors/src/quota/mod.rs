//! Tenants' quotas: a gate that every call passes, and the actors that own the gates.
//!
//! Invariant: a tenant has at most one live gate, so its limits hold exactly under any concurrency. A gate is retired
//! only when it remembers nothing: its bucket is full and no call holds a permit; nothing passes it afterwards.

mod gate;
mod owner;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use foldhash::fast::RandomState;
use serde::Serialize;

use crate::clock::Clock;
use crate::decision::TenantStanding;
use crate::error::{Failure, Kind};
use crate::policy::limit::{Allowance, Rate};
use crate::supervision::{Handle, check_name};
use crate::telemetry::Meters;

use gate::Refusal;
pub(crate) use gate::{QuotaGate, TenantPermit};
pub(crate) use owner::{TenantsMsg, TenantsOwner};

/// What a tenant may do.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limits {
    /// Calls a second, and at once.
    pub rate: Rate,
    /// Calls in flight (0: no bound of its own).
    pub max_in_flight: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            rate: Rate::UNLIMITED,
            max_in_flight: 0,
        }
    }
}

/// Tells the limits of a tenant. Asked when a gate opens, and again when limits change.
pub type LimitsOf = Arc<dyn Fn(&str) -> Limits + Send + Sync>;

/// A tenant with all its calls in flight is told to come back after this: the time of one short upstream call.
const COME_BACK: Duration = Duration::from_millis(100);

/// A tenant's quota as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct QuotaSnapshot {
    /// The tenant.
    pub tenant: Arc<str>,
    /// Calls that would pass now; absent: no limit.
    pub remaining: Option<u64>,
    /// Calls in flight.
    pub in_flight: u64,
    /// The bound on them; 0: none.
    pub max_in_flight: u32,
    /// Calls that both limits have let through since the gate opened. One that is answered from the record of its key is
    /// among them, as it is among those that the rate counts.
    pub admitted: u64,
    /// Calls that one of the two has refused since the gate opened; none is among those let through.
    pub refused: u64,
}

/// All tenants' gates.
pub(crate) struct Tenants {
    gates: DashMap<Arc<str>, Arc<QuotaGate>, RandomState>,
    /// Gates that are open or about to be: the bound is taken here, exactly.
    open: AtomicUsize,
    limits_of: LimitsOf,
    clock: Clock,
    meters: Arc<Meters>,
    settings: TenantSettings,
    /// Where new gates are announced, so that an actor comes to own each.
    pub(crate) owner: Handle<TenantsMsg>,
}

/// Bounds of the tenants' table.
#[derive(Clone, Copy, Debug)]
pub struct TenantSettings {
    /// Gates at most; a caller of one tenant more is refused.
    pub max_tenants: usize,
    /// A gate unused for so long is retired.
    pub retire_after: Duration,
}

impl Default for TenantSettings {
    /// 100,000 tenants; an idle one is forgotten after five minutes, as long as a rate's window may reasonably be.
    fn default() -> Self {
        TenantSettings {
            max_tenants: 100_000,
            retire_after: Duration::from_secs(300),
        }
    }
}

impl Tenants {
    pub(crate) fn new(limits_of: LimitsOf, settings: TenantSettings, clock: Clock, meters: Arc<Meters>) -> Arc<Self> {
        Arc::new(Tenants {
            gates: DashMap::default(),
            open: AtomicUsize::new(0),
            limits_of,
            clock,
            meters,
            settings,
            owner: Handle::new(),
        })
    }

    /// Lets one call of `tenant` pass its rate.
    ///
    /// # Errors
    /// `rate_limited` with the time to wait; `overloaded` when there are too many tenants; `invalid_input` for a name
    /// that cannot be a tenant's.
    pub(crate) fn admit(&self, tenant: &Arc<str>, now: u64) -> Result<Arc<QuotaGate>, Failure> {
        // Each turn meets a gate that is younger than the one before; a second retirement needs another idle time.
        loop {
            let gate = match self.gates.get(tenant) {
                Some(gate) => gate.clone(),
                None => self.open(tenant, now)?,
            };
            match gate.pass(now) {
                Ok(()) => return Ok(gate),
                Err(Refusal::Retired) => self.forget(&gate),
                Err(refusal) => return Err(self.refuse(&refusal)),
            }
        }
    }

    /// What a tenant's limits say at `now`, without counting a call; `None`: it has called nothing of late.
    pub(crate) fn standing(&self, tenant: &str, now: u64) -> Option<TenantStanding> {
        self.gates.get(tenant).map(|gate| gate.standing(now))
    }

    /// What a tenant's rate leaves at `now`, without counting a call; `None`: it has none.
    pub(crate) fn allowance(&self, tenant: &str, now: u64) -> Option<Allowance> {
        match self.gates.get(tenant) {
            Some(gate) => gate.allowance(now),
            None => (self.limits_of)(tenant).rate.allowance(0, now),
        }
    }

    /// Takes a permit among the calls in flight of the tenant whose gate a call passed.
    ///
    /// # Errors
    /// `overloaded` when the tenant has as many calls in flight as it may; as [`Tenants::admit`], if the gate was
    /// retired since.
    pub(crate) fn acquire(&self, mut gate: Arc<QuotaGate>, now: u64) -> Result<TenantPermit, Failure> {
        loop {
            match gate.acquire() {
                Ok(permit) => return Ok(permit),
                // The call was idle between its two steps for longer than its tenant's gate may be.
                Err(Refusal::Retired) => gate = self.admit(&gate.tenant, now)?,
                Err(refusal) => return Err(self.refuse(&refusal)),
            }
        }
    }

    fn refuse(&self, refusal: &Refusal) -> Failure {
        match refusal {
            Refusal::Full(max) => {
                self.meters.refused("tenant_in_flight");
                Failure::new(Kind::Overloaded, format!("this tenant has {max} calls in flight")).after(COME_BACK)
            }
            Refusal::Wait(wait) => {
                self.meters.refused("tenant_rate");
                Failure::new(Kind::RateLimited, "this tenant calls faster than its rate").after(*wait)
            }
            Refusal::Retired => unreachable!("a retired gate is replaced, not refused"),
        }
    }

    /// Takes a retired gate out of the table, once.
    fn forget(&self, gate: &Arc<QuotaGate>) {
        let removed = self.gates.remove_if(&gate.tenant, |_, known| Arc::ptr_eq(known, gate));
        if removed.is_some() {
            self.open.fetch_sub(1, AcqRel);
        }
    }

    fn open(&self, tenant: &Arc<str>, now: u64) -> Result<Arc<QuotaGate>, Failure> {
        // Its actor bears the tenant's name; a gate without an actor would never be retired.
        check_name(tenant)
            .map_err(|_| Failure::invalid("tenant", "a tenant's name has 1 to 128 bytes and no slash"))?;
        let max = self.settings.max_tenants;
        let room = |open: usize| (open < max).then_some(open + 1);
        if self.open.fetch_update(AcqRel, Acquire, room).is_err() {
            self.meters.refused("tenants");
            return Err(Failure::new(Kind::Overloaded, "too many tenants are active").after(Duration::from_secs(1)));
        }
        // Asked before the entry is locked: it is not ours, and may be slow.
        let gate = Arc::new(QuotaGate::new(tenant.clone(), (self.limits_of)(tenant), now));
        match self.gates.entry(tenant.clone()) {
            Entry::Occupied(known) => {
                self.open.fetch_sub(1, AcqRel);
                Ok(known.get().clone())
            }
            Entry::Vacant(place) => {
                place.insert(gate.clone());
                // A lost announcement is made good: the owner visits every gate when it starts.
                if self.owner.send(TenantsMsg::Opened(tenant.clone())).is_err() {
                    tracing::debug!(%tenant, "the tenants' owner is restarting; it will find the gate when it is back");
                }
                Ok(gate)
            }
        }
    }

    /// Asks every tenant's limits again, now rather than at its actor's next look.
    pub(crate) fn limits_changed(&self) {
        if self.owner.send(TenantsMsg::LimitsChanged).is_err() {
            tracing::debug!("the tenants' owner is restarting; each quota actor will see the new limits by itself");
        }
    }

    /// Gates that are open.
    pub(crate) fn len(&self) -> usize {
        self.gates.len()
    }

    /// Every gate, by tenant's name.
    pub(crate) fn snapshot(&self) -> Vec<QuotaSnapshot> {
        let now = self.clock.nanos();
        let mut all: Vec<_> = self
            .gates
            .iter()
            .map(|gate| QuotaSnapshot {
                tenant: gate.tenant.clone(),
                remaining: gate.rate().remaining(gate.tat.load(Relaxed), now),
                in_flight: u64::from(gate.in_flight()),
                max_in_flight: gate.max_in_flight.load(Relaxed),
                admitted: gate.admitted.load(Relaxed),
                refused: gate.refused.load(Relaxed),
            })
            .collect();
        all.sort_by(|a, b| a.tenant.cmp(&b.tenant));
        all
    }
}
