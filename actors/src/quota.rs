//! Tenants' quotas: a gate that every call passes, and the actor that owns it.
//!
//! Invariant: a tenant has at most one live gate, so its limits hold exactly under any concurrency. A gate is retired
//! only when it remembers nothing: its bucket is full and no call holds a place; nothing passes it afterwards.

use std::sync::Arc;
use std::sync::atomic::Ordering::{AcqRel, Acquire, Relaxed, Release};
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize};
use std::time::Duration;

use dashmap::DashMap;
use dashmap::mapref::entry::Entry;
use serde::Serialize;

use crate::clock::{Clock, nanos_of};
use crate::error::{Failure, Kind};
use crate::policy::backoff::Backoff;
use crate::policy::limit::Rate;
use crate::supervision::{
    ChildError, ChildSpec, Context, Fault, Handle, Message, Restart, SupervisorHandle, Worker, check_name,
};
use crate::telemetry::Meters;

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

/// The bucket of a gate that is retired; no time is this far ahead.
const RETIRED: u64 = u64::MAX;
/// The calls in flight of a gate that is retired; no count is this high.
const NO_PLACES: u32 = u32::MAX;

/// One tenant's limits, as every call reads them: atomics, no mailbox.
pub struct QuotaGate {
    tenant: Arc<str>,
    tat: AtomicU64,
    interval: AtomicU64,
    tolerance: AtomicU64,
    in_flight: AtomicU32,
    max_in_flight: AtomicU32,
    last_used: AtomicU64,
    admitted: AtomicU64,
    refused: AtomicU64,
}

/// A place among a tenant's calls in flight; given back when dropped.
pub struct TenantPlace(Arc<QuotaGate>);

impl Drop for TenantPlace {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, AcqRel);
    }
}

/// A tenant with all its calls in flight is told to come back after this: the time of one short upstream call.
const COME_BACK: Duration = Duration::from_millis(100);

enum Refusal {
    Retired,
    Wait(Duration),
    /// As many calls in flight as this.
    Full(u32),
}

impl QuotaGate {
    fn new(tenant: Arc<str>, limits: Limits, now: u64) -> Self {
        let (interval, tolerance) = limits.rate.words();
        QuotaGate {
            tenant,
            tat: AtomicU64::new(0),
            interval: AtomicU64::new(interval),
            tolerance: AtomicU64::new(tolerance),
            in_flight: AtomicU32::new(0),
            max_in_flight: AtomicU32::new(limits.max_in_flight),
            last_used: AtomicU64::new(now),
            admitted: AtomicU64::new(0),
            refused: AtomicU64::new(0),
        }
    }

    fn rate(&self) -> Rate {
        Rate::of_words(self.interval.load(Relaxed), self.tolerance.load(Relaxed))
    }

    fn pass(&self, now: u64) -> Result<(), Refusal> {
        let rate = self.rate();
        let mut tat = self.tat.load(Acquire);
        loop {
            if tat == RETIRED {
                return Err(Refusal::Retired);
            }
            let next = rate.decide(tat, now).map_err(|wait| {
                self.refused.fetch_add(1, Relaxed);
                Refusal::Wait(wait)
            })?;
            match self.tat.compare_exchange_weak(tat, next, AcqRel, Acquire) {
                Ok(_) => break,
                Err(seen) => tat = seen,
            }
        }
        self.last_used.store(now, Relaxed);
        self.admitted.fetch_add(1, Relaxed);
        Ok(())
    }

    /// Takes a place among the calls in flight; counted even where they are not bounded, for the retirement.
    fn place(self: &Arc<Self>) -> Result<TenantPlace, Refusal> {
        let max = self.max_in_flight.load(Relaxed);
        let taken = self.in_flight.fetch_update(AcqRel, Acquire, |taken| {
            (taken != NO_PLACES && (max == 0 || taken < max)).then(|| taken + 1)
        });
        match taken {
            Ok(_) => Ok(TenantPlace(self.clone())),
            Err(NO_PLACES) => Err(Refusal::Retired),
            Err(_) => {
                self.refused.fetch_add(1, Relaxed);
                Err(Refusal::Full(max))
            }
        }
    }

    fn in_flight(&self) -> u32 {
        match self.in_flight.load(Acquire) {
            NO_PLACES => 0,
            taken => taken,
        }
    }

    /// Calls in flight follow at once: those beyond a lowered bound finish, and nobody takes their places.
    fn follow(&self, limits: Limits) {
        let (interval, tolerance) = limits.rate.words();
        self.interval.store(interval, Relaxed);
        self.tolerance.store(tolerance, Relaxed);
        self.max_in_flight.store(limits.max_in_flight, Relaxed);
    }

    fn is_retired(&self) -> bool {
        self.tat.load(Acquire) == RETIRED
    }

    /// Retires the gate if it remembers nothing; nobody passes it afterwards.
    fn retire(&self, now: u64) -> bool {
        let tat = self.tat.load(Acquire);
        if tat == RETIRED || tat > now {
            return false;
        }
        // The places first: a call that passed before takes none of a gate that is gone.
        if self.in_flight.compare_exchange(0, NO_PLACES, AcqRel, Acquire).is_err() {
            return false;
        }
        let retired = self.tat.compare_exchange(tat, RETIRED, AcqRel, Acquire).is_ok();
        if !retired {
            self.in_flight.store(0, Release);
        }
        retired
    }
}

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
    /// Calls let through since the gate opened.
    pub admitted: u64,
    /// Calls refused since the gate opened.
    pub refused: u64,
}

/// All tenants' gates.
pub struct Tenants {
    gates: DashMap<Arc<str>, Arc<QuotaGate>>,
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
            gates: DashMap::new(),
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
    pub fn admit(&self, tenant: &Arc<str>, now: u64) -> Result<Arc<QuotaGate>, Failure> {
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

    /// Takes a place among the calls in flight of the tenant whose gate a call passed.
    ///
    /// # Errors
    /// `overloaded` when the tenant has as many calls in flight as it may; as [`Tenants::admit`], if the gate was
    /// retired since.
    pub fn place(&self, mut gate: Arc<QuotaGate>, now: u64) -> Result<TenantPlace, Failure> {
        loop {
            match gate.place() {
                Ok(place) => return Ok(place),
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
    pub fn limits_changed(&self) {
        if self.owner.send(TenantsMsg::LimitsChanged).is_err() {
            tracing::debug!("the tenants' owner is restarting; each quota actor will see the new limits by itself");
        }
    }

    /// Gates that are open.
    pub fn len(&self) -> usize {
        self.gates.len()
    }

    /// No gate is open.
    pub fn is_empty(&self) -> bool {
        self.gates.is_empty()
    }

    /// Every gate, by tenant's name.
    pub fn snapshot(&self) -> Vec<QuotaSnapshot> {
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

/// What the owner of the tenants' quota actors is told.
pub enum TenantsMsg {
    /// A gate opened and needs its actor.
    Opened(Arc<str>),
    /// A quota actor found its gate idle and retired it.
    Retired(Arc<str>),
    /// The limits of some tenants have changed.
    LimitsChanged,
}

impl Message for TenantsMsg {
    fn label(&self) -> &'static str {
        match self {
            TenantsMsg::Opened(_) => "opened",
            TenantsMsg::Retired(_) => "retired",
            TenantsMsg::LimitsChanged => "limits_changed",
        }
    }
}

/// Keeps one quota actor per gate, under a supervisor of their own.
pub(crate) struct TenantsOwner {
    pub(crate) tenants: Arc<Tenants>,
    pub(crate) quotas: SupervisorHandle,
    /// The waits between a quota actor's restarts.
    pub(crate) backoff: Backoff,
}

impl Worker for TenantsOwner {
    type Msg = TenantsMsg;

    async fn start(&mut self, _cx: &Context<TenantsMsg>) -> Result<(), Fault> {
        // Copied first: the table must not be asked while it is walked.
        let tenants: Vec<_> = self.tenants.gates.iter().map(|gate| gate.tenant.clone()).collect();
        for tenant in tenants {
            self.adopt(tenant);
        }
        Ok(())
    }

    async fn handle(&mut self, message: TenantsMsg, _cx: &Context<TenantsMsg>) -> Result<(), Fault> {
        match message {
            TenantsMsg::Opened(tenant) => self.adopt(tenant),
            TenantsMsg::Retired(tenant) => self.release(tenant),
            TenantsMsg::LimitsChanged => {
                let gates: Vec<_> = self.tenants.gates.iter().map(|gate| gate.clone()).collect();
                for gate in gates {
                    gate.follow((self.tenants.limits_of)(&gate.tenant));
                }
            }
        }
        Ok(())
    }
}

impl TenantsOwner {
    /// The supervisor is asked from a task: no handler waits for another actor.
    fn adopt(&self, tenant: Arc<str>) {
        let Some(gate) = self.tenants.gates.get(&tenant).map(|gate| gate.clone()) else {
            return;
        };
        let spec = quota_spec(&self.tenants, gate).backoff(self.backoff);
        let quotas = self.quotas.clone();
        tokio::spawn(async move {
            match quotas.add(spec).await {
                // There already: the owner was restarted and visits every gate.
                Ok(()) | Err(ChildError::Exists(_)) => {}
                Err(error) => tracing::warn!(%tenant, %error, "no quota actor; the limits hold without it"),
            }
        });
    }

    fn release(&self, tenant: Arc<str>) {
        let (quotas, tenants) = (self.quotas.clone(), self.tenants.clone());
        let owner = self.tenants.owner.clone();
        tokio::spawn(async move {
            if let Err(error) = quotas.remove(&tenant).await {
                tracing::debug!(%tenant, %error, "the quota actor was gone already");
            }
            // The tenant may have come back while its old actor was leaving.
            if tenants.gates.contains_key(&tenant) && owner.send(TenantsMsg::Opened(tenant)).is_err() {
                tracing::debug!("the tenants' owner is restarting; it will find the gate when it is back");
            }
        });
    }
}

/// What a quota actor is told.
pub enum QuotaMsg {
    /// Time to look whether the gate is idle and its limits have changed.
    Tick,
}

impl Message for QuotaMsg {
    fn label(&self) -> &'static str {
        "tick"
    }
}

/// Owns one gate: keeps its limits current and retires it when idle.
struct Quota {
    tenants: Arc<Tenants>,
    gate: Arc<QuotaGate>,
    _active: Active,
}

/// Counts a quota actor while it lives, however it ends.
struct Active(metrics::Gauge);

impl Active {
    fn count(meters: &Meters) -> Self {
        meters.tenants_active.increment(1.0);
        Active(meters.tenants_active.clone())
    }
}

impl Drop for Active {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

fn quota_spec(tenants: &Arc<Tenants>, gate: Arc<QuotaGate>) -> ChildSpec {
    let tenants = tenants.clone();
    let handle = Handle::new();
    let shown = gate.clone();
    let name = gate.tenant.clone();
    ChildSpec::worker(&*name, &handle, move || {
        Ok(Quota {
            tenants: tenants.clone(),
            gate: gate.clone(),
            _active: Active::count(&tenants.meters),
        })
    })
    .kind("quota")
    .restart(Restart::Transient)
    .gauges(Arc::new(move || {
        vec![
            ("in_flight", u64::from(shown.in_flight())),
            ("admitted", shown.admitted.load(Relaxed)),
            ("refused", shown.refused.load(Relaxed)),
        ]
    }))
}

impl Worker for Quota {
    type Msg = QuotaMsg;

    async fn start(&mut self, cx: &Context<QuotaMsg>) -> Result<(), Fault> {
        self.refresh();
        cx.every(self.tenants.settings.retire_after / 4, || QuotaMsg::Tick);
        Ok(())
    }

    async fn handle(&mut self, _tick: QuotaMsg, _cx: &Context<QuotaMsg>) -> Result<(), Fault> {
        self.refresh();
        let now = self.tenants.clock.nanos();
        let idle = now.saturating_sub(self.gate.last_used.load(Relaxed));
        // Retired before, too: the owner may have been away when it was told.
        if idle > nanos_of(self.tenants.settings.retire_after) && (self.gate.retire(now) || self.gate.is_retired()) {
            self.tenants.forget(&self.gate);
            let told = self.tenants.owner.send(TenantsMsg::Retired(self.gate.tenant.clone()));
            if told.is_err() {
                // Not a fault of this actor, nor of its hundreds of siblings: the next tick tells again.
                tracing::debug!("the tenants' owner is restarting");
            }
        }
        Ok(())
    }
}

impl Quota {
    fn refresh(&self) {
        self.gate.follow((self.tenants.limits_of)(&self.gate.tenant));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gate_passes_exactly_its_burst_under_contention() {
        let limits = Limits {
            rate: Rate::new(0.001, 100),
            max_in_flight: 0,
        };
        let gate = QuotaGate::new(Arc::from("t"), limits, 0);
        let passed = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    for _ in 0..200 {
                        if gate.pass(1).is_ok() {
                            passed.fetch_add(1, Relaxed);
                        }
                    }
                });
            }
        });
        assert_eq!(passed.into_inner(), 100);
    }

    #[test]
    fn a_gate_retires_only_when_it_remembers_nothing() {
        let limits = Limits {
            rate: Rate::new(1.0, 5),
            max_in_flight: 2,
        };
        let gate = Arc::new(QuotaGate::new(Arc::from("t"), limits, 0));
        assert!(gate.pass(1).is_ok());
        assert!(!gate.retire(2), "the bucket is not full yet");
        let Ok(place) = gate.place() else {
            panic!("two places are free")
        };
        assert!(!gate.retire(10_000_000_000), "a call is in flight");
        drop(place);
        assert!(gate.retire(10_000_000_000));
        assert!(matches!(gate.pass(10_000_000_001), Err(Refusal::Retired)));
        assert!(matches!(gate.place(), Err(Refusal::Retired)));
    }
}
