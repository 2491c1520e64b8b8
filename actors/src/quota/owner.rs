//! The actors behind the gates: their owner, and one quota actor for each.
//!
//! Invariant: a gate without an actor gets one, if not when it opens then when the owner starts; it is retired only by
//! its own actor.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use super::Tenants;
use super::gate::QuotaGate;
use crate::clock::nanos_of;
use crate::policy::backoff::Backoff;
use crate::supervision::{ChildError, ChildSpec, Context, Fault, Handle, Message, Restart, SupervisorHandle, Worker};
use crate::telemetry::Meters;

/// What the owner of the tenants' quota actors is told.
pub(crate) enum TenantsMsg {
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
pub(crate) enum QuotaMsg {
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
