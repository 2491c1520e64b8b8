//! Who may call, and how much: API keys and tenants.
//!
//! Invariant: a key names its secret by reference; the configuration never holds the key itself.

use std::sync::Arc;

use mosaic_actors::policy::scopes::Scope;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::secret::{KeyError, KeyRing, Principal, Secret, SecretRef};

use super::{Config, units};

/// The tenant whose limits hold for those that set none of their own.
pub const DEFAULT_TENANT: &str = "default";

/// The tenant of callers without a key, who are let in on loopback where no keys are configured.
pub const LOCAL_TENANT: &str = "local";

/// The subject of scopes on the admin API, which `*` does not stand for.
pub const ADMIN_SCOPE: &str = crate::catalogue::RESERVED;

/// How urgent a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Priority {
    /// Nobody waits for it.
    Low,
    /// As any.
    Normal,
    /// A person waits for it.
    High,
}

/// `[keys.NAME]`: an API key.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyConfig {
    /// Where the key is kept.
    pub key: SecretRef,
    /// The tenant that its calls count for.
    #[schemars(length(max = 40))]
    pub tenant: String,
    /// Who presents it, in records; the key's name where left out.
    #[serde(default)]
    #[schemars(length(max = 128))]
    pub identity: Option<String>,
    /// What it may, of what its tenant may, as `git:read` or `*:write`; absent: all of that, and nothing of `admin`.
    #[serde(default)]
    #[schemars(schema_with = "units::optional_scopes")]
    pub scopes: Option<Vec<Scope>>,
}

/// `[tenants.NAME]`: a tenant's limits and reach. What is left out is as in `[tenants.default]`, or unlimited.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TenantConfig {
    /// Calls per second; 0: unlimited.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub rate_per_second: Option<u32>,
    /// Calls above the rate that may come at once; 0: as many as a second's.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub burst: Option<u32>,
    /// Calls in flight; 0: unlimited.
    #[schemars(range(min = 0, max = 1_000_000))]
    pub max_in_flight: Option<u32>,
    /// How urgent its calls may be at most; absent: `high`. One that asks for more is done as this.
    pub max_priority: Option<Priority>,
    /// The provider instances that it may know of; absent: those that its own routes name, or all where it has none.
    #[schemars(length(max = 1000))]
    pub providers: Option<Vec<String>>,
    /// The services that it may use; absent: all.
    #[schemars(length(max = 100))]
    pub services: Option<Vec<String>>,
    /// How the operations begin that it may use, e.g. `git.repo`; absent: all.
    #[schemars(length(max = 1000))]
    pub operations: Option<Vec<String>>,
}

/// What a tenant may reach, with nothing left open. What is absent bounds nothing.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantReach<'a> {
    /// Provider instances.
    pub providers: Option<&'a [String]>,
    /// Services.
    pub services: Option<&'a [String]>,
    /// How operations begin.
    pub operations: Option<&'a [String]>,
}

/// A tenant's limits with nothing left open. 0 is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct TenantLimits {
    /// Calls per second.
    pub rate_per_second: u32,
    /// Calls that may come at once; as many as a second's where none is set.
    pub burst: u32,
    /// Calls in flight.
    pub max_in_flight: u32,
}

impl Config {
    /// The limits of `tenant`, known or not.
    pub fn tenant_limits(&self, tenant: &str) -> TenantLimits {
        let own = self.tenants.get(tenant);
        let default = self.tenants.get(DEFAULT_TENANT);
        let pick = |get: fn(&TenantConfig) -> Option<u32>| own.and_then(get).or(default.and_then(get)).unwrap_or(0);
        let rate_per_second = pick(|tenant| tenant.rate_per_second);
        let burst = match pick(|tenant| tenant.burst) {
            0 => rate_per_second,
            burst => burst,
        };
        TenantLimits {
            rate_per_second,
            burst,
            max_in_flight: pick(|tenant| tenant.max_in_flight),
        }
    }

    /// How urgent calls of `tenant` may be at most, known or not.
    pub fn max_priority(&self, tenant: &str) -> Priority {
        let set = |tenant: &str| self.tenants.get(tenant)?.max_priority;
        set(tenant).or_else(|| set(DEFAULT_TENANT)).unwrap_or(Priority::High)
    }

    /// What `tenant` may reach, known or not.
    pub fn tenant_reach(&self, tenant: &str) -> TenantReach<'_> {
        let own = self.tenants.get(tenant);
        let default = self.tenants.get(DEFAULT_TENANT);
        let pick = |get: fn(&TenantConfig) -> Option<&[String]>| own.and_then(get).or(default.and_then(get));
        TenantReach {
            providers: pick(|tenant| tenant.providers.as_deref()),
            services: pick(|tenant| tenant.services.as_deref()),
            operations: pick(|tenant| tenant.operations.as_deref()),
        }
    }

    /// Whether somebody comes to the admin listener by a key.
    pub fn has_admin_key(&self) -> bool {
        let mut scopes = self.keys.values().filter_map(|key| key.scopes.as_ref()).flatten();
        scopes.any(|scope| scope.subject() == ADMIN_SCOPE)
    }

    /// The tenants that callers may have: those that are configured, and those that are built in.
    pub fn all_tenants(&self) -> impl Iterator<Item = &str> {
        let built_in = [DEFAULT_TENANT, LOCAL_TENANT];
        let missing = built_in.into_iter().filter(|name| !self.tenants.contains_key(*name));
        self.tenants.keys().map(String::as_str).chain(missing)
    }

    /// Reads the keys, once, and makes the ring that knows them. Blocks on file I/O.
    ///
    /// # Errors
    /// All that is wrong with them: each is tried, whatever is wrong with another.
    pub(crate) fn key_ring(&self) -> Result<KeyRing, Vec<KeyError>> {
        let mut ring = KeyRing::new([]).map_err(|error| vec![error])?;
        let mut add = |(name, key, principal)| ring.add(name, key, principal);
        let tried = self
            .keys
            .iter()
            .map(|(name, key)| resolve(name, key).and_then(&mut add));
        let faults: Vec<KeyError> = tried.filter_map(Result::err).collect();
        match faults.is_empty() {
            true => Ok(ring),
            false => Err(faults),
        }
    }
}

fn resolve(name: &str, key: &KeyConfig) -> Result<(String, Secret, Principal), KeyError> {
    let secret = key.key.resolve().map_err(|error| KeyError::Secret {
        name: name.to_owned(),
        error,
    })?;
    let principal = Principal {
        tenant: key.tenant.as_str().into(),
        identity: key.identity.as_deref().unwrap_or(name).into(),
        scopes: key
            .scopes
            .as_ref()
            .map(|scopes| Arc::new(scopes.iter().cloned().collect())),
    };
    Ok((name.to_owned(), secret, principal))
}
