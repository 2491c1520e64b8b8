//! Recorded decisions, made again by another configuration.
//!
//! Invariant: nothing is asked and no secret is read: every instance of the configuration counts as one that has come up and
//! can do what its kind can.

use std::collections::HashMap;
use std::sync::Arc;

use mosaic_actors::decision::{Difference, Explained, compare};
use mosaic_actors::driver::Capabilities;
use mosaic_actors::error::Failure;
use mosaic_actors::policy::offers::Offers;
use mosaic_actors::policy::routing::{Routable, RoutingTable};
use tokio::time::Instant;

use super::native::Native;
use super::registry::Registry;
use super::wiring::reach;
use crate::catalogue::cursor::CursorKey;
use crate::config::{Config, ProviderConfig, RouteConfig};

/// The recorded calls for which a sound configuration decides otherwise.
///
/// # Errors
/// What is wrong with what instances would be made of.
pub(crate) fn replayed(
    config: &Config,
    registry: &Registry,
    recorded: &[Explained],
) -> Result<Vec<Difference>, Failure> {
    let native = Native::looking(config, CursorKey::random(), registry)?;
    let operations = registry.catalogue().operations().clone();
    let rules: Vec<_> = config.routes.iter().map(RouteConfig::rule).collect();
    let reaches: HashMap<_, _> = config.all_tenants().map(|tenant| reach(config, tenant)).collect();
    let instances = config.providers.iter();
    let instances = instances
        .map(|(name, provider)| routable(name, provider, registry, &native))
        .collect();
    let table = RoutingTable::new(operations.clone(), &rules, &reaches, instances, []);
    Ok(compare(recorded, &table, &operations, Instant::now()))
}

fn routable(name: &str, provider: &ProviderConfig, registry: &Registry, native: &Native) -> Routable {
    let able = registry.find(&provider.kind);
    let able = able.map(|kind| [(kind.operations)(), (kind.passed)()].concat());
    let models: Vec<Arc<str>> = provider
        .models
        .iter()
        .map(|pattern| Arc::from(pattern.as_str()))
        .collect();
    Routable {
        name: Arc::from(name),
        capabilities: Capabilities::of(registry.catalogue().operations(), able.unwrap_or_default()),
        credential_scope: 0,
        offers: Arc::new(Offers::new(&models)),
        labels: provider.carried(),
        prices: native.billing(name, provider).prices,
        credited: provider.credits.is_some(),
    }
}
