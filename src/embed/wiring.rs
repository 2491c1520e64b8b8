//! From the configuration to what the engine starts.
//!
//! Invariant: a secret is resolved here, goes into its driver, and nowhere else.

use std::sync::Arc;

use mosaic_actors::cache::l1::L1Settings;
use mosaic_actors::decision::DecisionSettings;
use mosaic_actors::gateway::Settings;
use mosaic_actors::plugin::{ListingSettings, PluginSpec};
use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::policy::recover::RecoverSettings;
use mosaic_actors::policy::routing::Reach;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::SystemSpec;

use super::credentials::Credentials;
use super::error::StartError;
use super::looked::Looked;
use super::manifest::Manifest;
use super::native::{self, Native};
use super::registry::Registry;
use super::{lessons, polls, services};
use crate::bus::{self, Bus};
use crate::catalogue::Catalogue;
use crate::catalogue::cursor::CursorKey;
use crate::config::{self, Config, RouteConfig};
use crate::dispatch::Ceilings;
use crate::secret::Secret;
use crate::stores::{self, StateStore, StoredCredits};
use crate::telemetry::Telemetry;

/// What a gateway is started from.
pub(super) struct Wired {
    pub(super) spec: SystemSpec,
    pub(super) catalogue: Catalogue,
    pub(super) cursors: CursorKey,
    pub(super) native: Arc<Native>,
    pub(super) bus: Bus,
    /// To be given the gateway once that is there.
    pub(super) polls: polls::Polls,
    /// So is this.
    pub(super) lessons: lessons::Lessons,
}

/// Turns a checked configuration into a system's spec.
pub(super) fn wire(
    config: &Config,
    credentials: &Credentials,
    cluster_key: Option<&Secret>,
    telemetry: &Arc<Telemetry>,
    store: &Arc<dyn StateStore>,
    registry: &Registry,
) -> Result<Wired, StartError> {
    let cursors = match cluster_key {
        Some(key) => CursorKey::derived(key.expose().as_bytes()),
        None => CursorKey::random(),
    };
    let mut spec = SystemSpec::new(telemetry.recorder());
    let catalogue = catalogue(registry)?;
    spec.operations = catalogue.operations().clone();
    spec.settings = settings(config);
    spec.l1 = L1Settings {
        enabled: config.cache.l1.enabled,
        max_bytes: config.cache.l1.max_bytes as u64,
        max_entry: config.cache.l1.max_entry,
    };
    spec.tiers = stores::cache_tiers(&config.cache.l2, cluster_key)?;
    spec.intensity = Intensity {
        restarts: config.supervision.max_restarts,
        period: config.supervision.period,
    };
    spec.backoff = Backoff {
        base: config.supervision.backoff_base,
        max: config.supervision.backoff_max,
        ..Backoff::default()
    };
    spec.decisions = DecisionSettings {
        kept: config.explain.kept,
        under_way: config.explain.under_way,
        hits: config.explain.hits,
    };
    spec.plugin_settings.drain_timeout = config.server.drain_timeout;
    spec.plugin_settings.health_every = config.defaults.health_interval;
    spec.plugin_settings.listing = ListingSettings {
        timeout: config.defaults.models.timeout,
        every: config.defaults.models.refresh,
    };
    let limits = config.clone();
    spec.limits_of = Arc::new(move |tenant| limits_of(&limits, tenant));
    spec.rules = config.routes.iter().map(RouteConfig::rule).collect();
    spec.reaches = config.all_tenants().map(|tenant| reach(config, tenant)).collect();
    spec.credits = Arc::new(StoredCredits::new(store.clone()));
    spec.metered_tenants = config.metrics.tenants as usize;
    let bus = Bus::new(store.clone(), config.events.clone(), &telemetry.recorder());
    let polls = polls::Polls::default();
    spec.services = services::specs(telemetry, store);
    let lessons = lessons::Lessons::of(&spec.rules, store.clone());
    spec.services
        .extend([bus::spec(&bus), polls::spec(&polls), lessons::spec(&lessons)]);
    let native = Native::new(config, cursors.clone(), registry)
        .map_err(StartError::Http)?
        .counting(&telemetry.recorder())
        .keeping(Some(store.clone()));
    let native = Arc::new(native);
    spec.plugins = plugins(config, credentials);
    spec.loaders.push(native.clone());
    Ok(Wired {
        bus,
        polls,
        lessons,
        spec,
        catalogue,
        cursors,
        native,
    })
}

/// The operations, where they can stand beside each other.
///
/// # Errors
/// `Operation` for one that cannot.
pub(super) fn catalogue(registry: &Registry) -> Result<Catalogue, StartError> {
    registry.catalogue().check().map_err(StartError::Operation)?;
    Ok(registry.catalogue().clone())
}

/// An instance's name, and the instance, or what keeps its driver from being made.
pub type Named = (String, Result<Looked, StartError>);

/// The driver of each provider instance of a checked configuration, apart from any gateway: for those who look at
/// providers without serving. What is kept of their credentials is looked for in `store`.
///
/// # Errors
/// `Http` where no client can be made; what is wrong with one instance stands in its place.
pub fn drivers(
    config: &Config,
    registry: &Registry,
    store: Option<Arc<dyn StateStore>>,
) -> Result<Vec<Named>, StartError> {
    let loader = Native::looking(config, CursorKey::random(), registry).map_err(StartError::Http)?;
    let loader = loader.keeping(store);
    let made = config.providers.iter().map(|(name, provider)| {
        let manifest = Manifest {
            provider: provider.clone(),
            credential: None,
        };
        (name.clone(), loader.looked(name, &manifest))
    });
    Ok(made.collect())
}

/// The instances of the configuration.
fn plugins(config: &Config, credentials: &Credentials) -> Vec<PluginSpec> {
    let made = config.providers.iter().map(|(name, provider)| {
        let manifest = Manifest {
            provider: provider.clone(),
            credential: credentials.get(name).cloned(),
        };
        native::spec(name, manifest)
    });
    made.collect()
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_in_flight: config.gateway.max_in_flight,
        recover: RecoverSettings {
            max_attempts: config.gateway.max_attempts,
            backoff: config.gateway.backoff,
            backoff_max: config.gateway.backoff_max,
            wait_max: config.gateway.wait_max,
            budget: config.gateway.retry_budget.settings(),
        },
        outlier: config.ejection.settings(),
        hedge: config.hedging.settings(),
        stream_idle: config.gateway.stream_idle_timeout,
        stream_silence: config.gateway.max_silence,
        stream_max: config.gateway.max_stream,
        transfer_max: config.gateway.max_transfer,
        transfer_bytes: config.gateway.max_transfer_size as u64,
    }
}

fn limits_of(config: &Config, tenant: &str) -> Limits {
    let limits = config.tenant_limits(tenant);
    Limits {
        rate: Rate::new(f64::from(limits.rate_per_second), limits.burst),
        max_in_flight: limits.max_in_flight,
    }
}

/// How urgent the calls of each tenant may be at most.
pub(super) fn ceilings(config: &Config) -> Ceilings {
    let of = |tenant: &str| config.max_priority(tenant).into();
    let own = config
        .tenants
        .iter()
        .filter(|(_, tenant)| tenant.max_priority.is_some());
    Ceilings::new(
        of(config::DEFAULT_TENANT),
        own.map(|(name, _)| (Arc::from(name.as_str()), of(name))),
    )
}

pub(super) fn reach(config: &Config, tenant: &str) -> (Arc<str>, Reach) {
    let reach = config.tenant_reach(tenant);
    let names =
        |names: Option<&[String]>| names.map(|names| names.iter().map(|name| Arc::from(name.as_str())).collect());
    let reach = Reach {
        instances: names(reach.providers),
        services: names(reach.services),
        operations: names(reach.operations),
    };
    (Arc::from(tenant), reach)
}
