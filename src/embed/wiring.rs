//! From the configuration to what the engine starts.
//!
//! Invariant: a secret is resolved here, goes into its driver, and nowhere else.

use std::sync::Arc;

use mosaic_actors::cache::l1::L1Settings;
use mosaic_actors::error::Failure;
use mosaic_actors::gateway::Settings;
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::policy::recover::RecoverSettings;
use mosaic_actors::policy::routing::Rule;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::SystemSpec;
use secrecy::SecretString;

use super::{Credentials, StartError, services};
use crate::catalogue::OPERATIONS;
use crate::catalogue::cursor::CursorKey;
use crate::config::{Config, ProviderConfig, RouteConfig};
use crate::providers::http::http_client;
use crate::providers::{Connection, KINDS, Kind};
use crate::secret::{Secret, SecretRef};
use crate::stores::{self, StateStore};
use crate::telemetry::Telemetry;

/// The most bytes of one upstream answer: GitHub's largest file by its contents API is 100 MB, most answers are far
/// below one; this bounds what a call can make us hold.
const MAX_RESPONSE: usize = 32 << 20;

/// What a gateway is started from.
pub(super) struct Wired {
    pub(super) spec: SystemSpec,
    pub(super) cursors: CursorKey,
}

/// Turns a checked configuration into a system's spec.
pub(super) fn wire(
    config: &Config,
    mut credentials: Credentials,
    telemetry: &Arc<Telemetry>,
    store: &Arc<dyn StateStore>,
) -> Result<Wired, StartError> {
    let cluster_key = cluster_key(config)?;
    let cursors = match &cluster_key {
        Some(key) => CursorKey::derived(key.expose().as_bytes()),
        None => CursorKey::random(),
    };
    let http = http_client().map_err(StartError::Http)?;
    let mut spec = SystemSpec::new(telemetry.recorder());
    spec.operations = OPERATIONS.iter().map(|entry| entry.name()).collect();
    spec.settings = settings(config);
    spec.l1 = L1Settings {
        enabled: config.cache.l1.enabled,
        max_bytes: config.cache.l1.max_bytes as u64,
        max_entry: config.cache.l1.max_entry,
    };
    spec.tiers = stores::cache_tiers(&config.cache.l2, cluster_key.as_ref())?;
    spec.intensity = Intensity {
        restarts: config.supervision.max_restarts,
        period: config.supervision.period,
    };
    spec.backoff = Backoff {
        base: config.supervision.backoff_base,
        max: config.supervision.backoff_max,
        ..Backoff::default()
    };
    let limits = config.clone();
    spec.limits_of = Arc::new(move |tenant| limits_of(&limits, tenant));
    spec.rules = config.routes.iter().map(rule).collect();
    spec.services = services::specs(telemetry, store);
    for (name, provider) in &config.providers {
        let given = credentials.remove(name);
        spec.instances.push(instance(config, name, provider, given, &http, &cursors)?);
    }
    Ok(Wired { spec, cursors })
}

/// The fewest bytes of the nodes' shared secret: as many as the keys that are derived from it have.
const CLUSTER_KEY: usize = 32;

fn cluster_key(config: &Config) -> Result<Option<Secret>, StartError> {
    let Some(reference) = &config.server.cluster_key else {
        return Ok(None);
    };
    let key = reference.resolve().map_err(StartError::ClusterKey)?;
    match key.expose().len() < CLUSTER_KEY {
        true => Err(StartError::WeakClusterKey),
        false => Ok(Some(key)),
    }
}

fn settings(config: &Config) -> Settings {
    Settings {
        max_in_flight: config.gateway.max_in_flight,
        recover: RecoverSettings {
            max_attempts: config.gateway.max_attempts,
            ..RecoverSettings::default()
        },
        stream_idle: config.gateway.stream_idle_timeout,
        stream_max: config.gateway.max_stream,
    }
}

fn limits_of(config: &Config, tenant: &str) -> Limits {
    let limits = config.tenant_limits(tenant);
    Limits {
        rate: Rate::new(f64::from(limits.rate_per_second), limits.burst),
        max_in_flight: limits.max_in_flight,
    }
}

fn rule(route: &RouteConfig) -> Rule {
    let name = |text: &Option<String>| text.as_deref().map(Arc::from);
    Rule {
        tenant: name(&route.tenant),
        service: name(&route.service),
        operation: name(&route.operation),
        resource: name(&route.resource),
        instances: route.providers.iter().map(|name| Arc::from(name.as_str())).collect(),
    }
}

fn instance(
    config: &Config,
    name: &str,
    provider: &ProviderConfig,
    given: Option<Secret>,
    http: &reqwest::Client,
    cursors: &CursorKey,
) -> Result<InstanceSpec, StartError> {
    let wrong = |failure| StartError::Provider {
        name: name.to_owned(),
        failure,
    };
    let kind = KINDS.iter().find(|kind| kind.name == provider.kind).ok_or_else(|| {
        wrong(Failure::invalid(
            "kind",
            format!("no driver is called {}", provider.kind),
        ))
    })?;
    let attempt_timeout = provider.attempt_timeout.unwrap_or(config.gateway.attempt_timeout);
    let connection = Connection {
        instance: Arc::from(name),
        base_url: provider.base_url.as_ref().map(|base| base.url().clone()),
        credential: None,
        settings: provider.settings.clone(),
        http: http.clone(),
        cursors: cursors.clone(),
        attempt_timeout,
        max_response: MAX_RESPONSE,
    };
    let maker = Maker { kind, connection, given, token: provider.token.clone() };
    // Made once now, so that a wrong setting is told at start and not by an actor that does not come up.
    let credential = maker.credential().map_err(|error| StartError::Credential {
        name: name.to_owned(),
        error,
    })?;
    let first = maker.make(credential.clone()).map_err(wrong)?;
    let breaker = provider.breaker(&config.defaults);
    Ok(InstanceSpec {
        name: Arc::from(name),
        kind: Arc::from(kind.name),
        capabilities: first.capabilities().clone(),
        credential_scope: credential_scope(provider, credential.as_ref()),
        factory: Arc::new(move || maker.remake()),
        max_in_flight: provider.max_in_flight(&config.defaults),
        attempt_timeout,
        breaker: BreakerSettings {
            failures_to_open: breaker.failures_to_open,
            open_for: breaker.open_for,
            open_max: breaker.open_for.saturating_mul(10),
            probes: breaker.half_open_probes,
        },
    })
}

/// Makes the drivers of one instance, reading its credential anew each time: a rotated file takes effect at a restart.
struct Maker {
    kind: &'static Kind,
    connection: Connection,
    /// The program's own; wins over the reference.
    given: Option<Secret>,
    token: Option<SecretRef>,
}

impl Maker {
    fn credential(&self) -> Result<Option<SecretString>, crate::secret::SecretError> {
        let secret = match &self.given {
            Some(secret) => Some(secret.clone()),
            None => self.token.as_ref().map(SecretRef::resolve).transpose()?,
        };
        Ok(secret.map(|secret| SecretString::from(secret.expose())))
    }

    fn make(&self, credential: Option<SecretString>) -> Result<Arc<dyn mosaic_actors::driver::Driver>, Failure> {
        (self.kind.connect)(&Connection {
            credential,
            ..self.connection.clone()
        })
    }

    fn remake(&self) -> Result<Arc<dyn mosaic_actors::driver::Driver>, Failure> {
        let credential = self
            .credential()
            .map_err(|error| Failure::invalid("token", error.to_string()))?;
        self.make(credential)
    }
}

/// Tells apart in cache keys whom an instance asks, how, and with which credential, without holding the latter. Nodes that
/// share a cache may have instances of one name and different settings.
fn credential_scope(provider: &ProviderConfig, credential: Option<&SecretString>) -> u64 {
    use secrecy::ExposeSecret;
    let mut hasher = blake3::Hasher::new_derive_key("mosaic credential scope of cache keys");
    let address = provider.base_url.as_ref().map(ToString::to_string).unwrap_or_default();
    let settings = serde_json::Value::Object(provider.settings.clone()).to_string();
    let credential = credential.map_or("", ExposeSecret::expose_secret);
    for part in [&*provider.kind, &*address, &*settings, credential] {
        // The length first: no two sequences of parts run together to the same bytes.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    let mut scope = [0; 8];
    scope.copy_from_slice(&hasher.finalize().as_bytes()[..8]);
    u64::from_le_bytes(scope)
}
