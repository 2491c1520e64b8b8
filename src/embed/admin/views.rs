//! Views: snapshots as JSON.
//!
//! Invariant: a plugin's configuration, health and traffic are three fields, and none is inferred from another.

use std::sync::Arc;
use std::time::Instant;

use mosaic_actors::breaker::BreakerSnapshot;
use mosaic_actors::instance::{InstanceSnapshot, TrafficSnapshot};
use mosaic_actors::plugin::{ConfigSnapshot, HealthSnapshot, Passed, PluginSnapshot};
use mosaic_actors::policy::lifecycle::Life;
use mosaic_actors::rate_limit::RateLimit;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::instances::Source;
use super::super::records::Records;
use super::Port;
use crate::admin::{Json, View};
use crate::surfaces::decisions;
use crate::surfaces::problem::Problem;

/// A plugin, to look at.
#[derive(Serialize)]
struct Plugin {
    name: Arc<str>,
    kind: Arc<str>,
    loader: Arc<str>,
    source: Source,
    life: Life,
    for_ms: u64,
    revision: u64,
    busy: Option<&'static str>,
    problem: Option<Arc<str>>,
    accepting: bool,
    config: ConfigSnapshot,
    health: HealthSnapshot,
    traffic: Traffic,
    /// What its provider said of its limits on us.
    rate_limits: Vec<RateLimit>,
    path: Option<Arc<str>>,
    operations: Vec<&'static str>,
    history: Vec<Passed>,
}

/// What a plugin's calls met since it was last made.
#[derive(Default, Serialize)]
struct Traffic {
    /// Of the last attempt: `answered`, `refused`, `failed`, `abandoned`, or `none_yet`.
    outcome: &'static str,
    #[serde(flatten)]
    met: TrafficSnapshot,
    in_flight: usize,
    max_in_flight: usize,
    /// The bound in force now, where it adapts.
    limit: usize,
    /// Attempts that wait for a place.
    waiting: usize,
    /// The circuit; of a divided breaker, the one that is worst.
    breaker: Option<BreakerSnapshot>,
    /// All circuits of a divided one.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    breakers: Vec<BreakerSnapshot>,
    /// The share of its weight that it gets for now: less than 1 while it starts slowly.
    share: Option<f32>,
    /// For how long it is still ejected from among its equivalents.
    ejected_for_ms: Option<u64>,
    /// For how long its provider still asks not to be asked.
    limited_for_ms: Option<u64>,
}

#[derive(Serialize)]
struct Breaker {
    name: Arc<str>,
    #[serde(flatten)]
    breaker: BreakerSnapshot,
}

impl Port {
    pub(super) fn show(&self, view: View) -> Result<Json, Problem> {
        let system = self.0.system();
        Ok(match view {
            View::Tree => Json::timed(&self.0.tree()),
            View::Ledger(limit) => Json::timed(&json!({ "entries": self.0.ledger(limit) })),
            View::Status => Json::timed(&self.status()),
            View::Plugins => Json::timed(&self.plugins()),
            View::Plugin(name) => {
                let snapshot = self.known(&name)?;
                Json::timed(&self.plugin_view(snapshot))
            }
            View::Breakers => Json::of(&json!({ "breakers": self.breakers() })),
            View::Caches => {
                let snapshot = self.0.snapshot();
                Json::of(&json!({ "l1": snapshot.l1, "tiers": snapshot.tiers }))
            }
            View::Quotas => Json::of(&json!({ "tenants": system.quotas() })),
            View::Credits => Json::timed(&self.credits()),
            View::Shadows => Json::of(&self.shadows()),
            View::Calls(limit) => Json::of(&json!({
                "in_flight": system.gateway().in_flight(),
                "listeners": system.gateway().attending(),
                "calls": system.gateway().calls(limit),
                "finished": system.gateway().finished(limit),
            })),
            View::Decisions(limit, tenant) => {
                let records = Records::of(&self.0).newest(limit, tenant.as_deref());
                Json::of(&json!({ "decisions": records }))
            }
            View::Decision(id) => {
                let records = Records::of(&self.0).with_id(&id);
                if records.is_empty() {
                    return Err(decisions::unknown().into());
                }
                Json::of(&json!({ "decisions": records }))
            }
            View::Config => Json::of(&self.config_view()?),
            View::Log => Json::of(&self.log_view()),
        })
    }

    fn status(&self) -> Value {
        let snapshot = self.0.snapshot();
        let plugins = self.0.system().plugins().snapshot();
        let count = |is: &dyn Fn(&PluginSnapshot) -> bool| plugins.iter().filter(|plugin| is(plugin)).count();
        let unusable = self.0.inner.instances.invalid().len();
        let failing = |plugin: &PluginSnapshot| outcome(plugin.instance.as_ref()) == "failed";
        let traffic = |of: fn(&TrafficSnapshot) -> u64| {
            let instances = snapshot.instances.iter();
            instances.map(|instance| of(&instance.traffic)).sum::<u64>()
        };
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_ms": u64::try_from(self.0.inner.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "accepting": snapshot.accepting,
            "outages": self.0.system().outages().into_iter().map(|(_, why)| why).collect::<Vec<_>>(),
            "config": { "invalid": unusable + count(&|plugin| !plugin.config.valid) },
            "health": {
                "healthy": count(&|plugin| plugin.health.state == "healthy"),
                "unhealthy": count(&|plugin| plugin.health.state == "unhealthy"),
                "unknown": count(&|plugin| plugin.health.state == "unknown"),
            },
            "traffic": {
                "failing": count(&failing),
                "answered": traffic(|traffic| traffic.answered),
                "refused": traffic(|traffic| traffic.refused),
                "failed": traffic(|traffic| traffic.failed),
                "abandoned": traffic(|traffic| traffic.abandoned),
            },
            "calls": { "in_flight": snapshot.in_flight, "max_in_flight": snapshot.max_in_flight },
            "tenants": snapshot.tenants,
            "cache": { "l1": snapshot.l1 },
            "decisions": self.0.system().decision_counts(),
            "providers": snapshot.instances.iter().map(|instance| glance(instance, &plugins)).collect::<Vec<_>>(),
        })
    }

    fn plugins(&self) -> Value {
        let shown: Vec<Plugin> = self
            .0
            .system()
            .plugins()
            .snapshot()
            .into_iter()
            .map(|plugin| self.plugin_view(plugin))
            .collect();
        json!({ "plugins": shown, "unusable": self.0.inner.instances.invalid() })
    }

    fn plugin_view(&self, plugin: PluginSnapshot) -> Plugin {
        let traffic = traffic(plugin.instance.as_ref());
        let accepting = plugin.instance.as_ref().is_some_and(|instance| instance.accepting);
        let known = plugin
            .instance
            .map(|instance| (instance.rate_limits, instance.operations));
        let (rate_limits, operations) = known.unwrap_or_default();
        Plugin {
            source: self.0.inner.instances.source(&plugin.name),
            accepting: plugin.life.serves() && accepting,
            rate_limits,
            operations,
            name: plugin.name,
            kind: plugin.kind,
            loader: plugin.loader,
            life: plugin.life,
            for_ms: plugin.for_ms,
            revision: plugin.revision,
            busy: plugin.busy,
            problem: plugin.problem,
            config: plugin.config,
            health: plugin.health,
            traffic,
            path: plugin.path,
            history: plugin.history,
        }
    }

    fn breakers(&self) -> Vec<Breaker> {
        let instances = self.0.snapshot().instances.into_iter();
        let circuits = |instance: InstanceSnapshot| {
            // Of a divided breaker, each circuit is shown.
            let circuits = match instance.breakers.is_empty() {
                true => vec![instance.breaker],
                false => instance.breakers,
            };
            let name = instance.name;
            circuits.into_iter().map(move |breaker| Breaker {
                name: name.clone(),
                breaker,
            })
        };
        instances.flat_map(circuits).collect()
    }

    pub(super) fn log_view(&self) -> Value {
        let Some(log) = &self.0.inner.log else {
            return json!({ "installed": false });
        };
        let current = log.current();
        let left = current
            .until
            .map(|until| until.saturating_duration_since(Instant::now()));
        json!({
            "installed": true,
            "filter": current.filter,
            "configured": log.configured(),
            "for_ms": left.map(|left| u64::try_from(left.as_millis()).unwrap_or(u64::MAX)),
        })
    }
}

/// An instance with its plugin's life and health, as the list of plugins has them.
#[derive(Serialize)]
struct Glance<'a> {
    #[serde(flatten)]
    instance: &'a InstanceSnapshot,
    life: Option<Life>,
    health: Option<&'a HealthSnapshot>,
}

fn glance<'a>(instance: &'a InstanceSnapshot, plugins: &'a [PluginSnapshot]) -> Glance<'a> {
    let plugin = plugins.iter().find(|plugin| plugin.name == instance.name);
    Glance {
        instance,
        life: plugin.map(|plugin| plugin.life),
        health: plugin.map(|plugin| &plugin.health),
    }
}

fn outcome(instance: Option<&InstanceSnapshot>) -> &'static str {
    let last = instance.and_then(|instance| instance.traffic.last);
    last.map_or("none_yet", |last| last.end.as_str())
}

fn traffic(instance: Option<&InstanceSnapshot>) -> Traffic {
    let outcome = outcome(instance);
    instance.map_or(
        Traffic {
            outcome,
            ..Traffic::default()
        },
        |instance| Traffic {
            outcome,
            met: instance.traffic.clone(),
            in_flight: instance.in_flight,
            max_in_flight: instance.max_in_flight,
            limit: instance.limit,
            waiting: instance.waiting,
            breaker: Some(instance.breaker.clone()),
            breakers: instance.breakers.clone(),
            share: Some(instance.share),
            ejected_for_ms: instance.ejected_for_ms,
            limited_for_ms: instance.limited_for_ms,
        },
    )
}
