//! All that a start needs from outside of the configuration, looked at before anything is refused.
//!
//! Invariant: one look finds whatever is wrong, each fault with its key and where that was set; nothing is sent, and no
//! secret is quoted.

use std::collections::BTreeSet;

use secrecy::SecretString;

#[cfg(feature = "server")]
use super::certificates;
use super::credentials::Credentials;
use super::error::StartError;
use super::manifest::Manifest;
use super::native::Native;
use super::registry::Registry;
use crate::catalogue::cursor::CursorKey;
use crate::config::{Config, ConfigErrors, Origins, OutboundConfig, ProxyConfig, Report, WebhookConfig};
use crate::providers::models::Models;
use crate::secret::{KeyRing, MIN_KEY_BYTES, Secret, SecretRef};
use crate::stores::{OpenError, TierOpenError};

/// The fewest bytes of the nodes' shared secret: as many as the keys that are derived from it have.
const CLUSTER_KEY: usize = 32;

/// What a start has beside its configuration.
pub(super) struct Given<'a> {
    pub(super) credentials: &'a Credentials,
    /// Instances whose settings come from a document: what was changed at run time shall not keep the gateway from
    /// starting, and its plugin tells what is wrong with it.
    pub(super) kept: &'a BTreeSet<String>,
    /// Where the settings were made.
    pub(super) origins: &'a Origins,
    pub(super) registry: &'a Registry,
    /// What reading the configuration found already.
    pub(super) found: Option<&'a ConfigErrors>,
}

/// Our own keys, as they were read: what changes meanwhile in a file is not read a second time. Credentials for others
/// (providers, the shared cache) are read anew where they are used, so that a rotated one is taken over.
pub(super) struct Secrets {
    pub(super) keys: KeyRing,
    pub(super) admin_token: Option<SecretString>,
    pub(super) cluster_key: Option<Secret>,
}

/// Looks at secrets, keys, ways and drivers. What opening the state brought is told along.
///
/// # Errors
/// Every fault found.
pub(super) fn survey(config: &Config, given: &Given<'_>, state: Option<OpenError>) -> Result<Secrets, ConfigErrors> {
    let mut faults: Vec<StartError> = state.into_iter().map(StartError::State).collect();
    let keys = config.key_ring();
    let keys = keys.map_err(|wrong| faults.extend(wrong.into_iter().map(StartError::Key)));
    let admin_token = admin_token(config).map_err(|wrong| faults.push(wrong));
    let cluster_key = cluster_key(config).map_err(|wrong| faults.push(wrong));
    let password = config.cache.l2.password.as_ref().map(SecretRef::resolve).transpose();
    faults.extend(
        password
            .err()
            .map(|error| StartError::Tier(TierOpenError::Password(error))),
    );
    #[cfg(feature = "server")]
    faults.extend(certificates::faults(config));
    faults.extend(instances(config, given));
    let models = Models::read(config.models.file.as_deref()).err();
    let mut report = Report::of(given.origins.clone());
    // First: what follows from a fault that was told at its key is noise.
    given.found.into_iter().for_each(|found| report.include(found));
    for fault in faults {
        let (path, message) = fault.place();
        report.add(&path, message);
    }
    for error in models.iter().flat_map(ConfigErrors::iter).cloned() {
        match error.path.as_str() {
            // The whole: where the configuration names it.
            "models.file" => report.add(&error.path, error.message),
            _ => report.add_at(error.origin, &error.path, error.message, error.suggestion),
        }
    }
    report.finish()?;
    match (keys, admin_token, cluster_key) {
        (Ok(keys), Ok(admin_token), Ok(cluster_key)) => Ok(Secrets {
            keys,
            admin_token,
            cluster_key,
        }),
        _ => unreachable!("each fault is in the report"),
    }
}

/// The shared way and every instance. Where the way is at fault the instances are looked at without it.
fn instances(config: &Config, given: &Given<'_>) -> Vec<StartError> {
    let mut faults = Vec::new();
    let loader = Native::looking(config, CursorKey::random(), given.registry).or_else(|failure| {
        faults.push(StartError::Http(failure));
        let mut direct = config.clone();
        direct.outbound = OutboundConfig {
            proxy: ProxyConfig::None,
            ..OutboundConfig::default()
        };
        Native::looking(&direct, CursorKey::random(), given.registry)
    });
    // No client without any setting can be made either: that is told already.
    let Ok(loader) = loader else { return faults };
    for (name, provider) in config.providers.iter().filter(|(name, _)| !given.kept.contains(*name)) {
        let manifest = Manifest {
            provider: provider.clone(),
            credential: given.credentials.get(name).cloned(),
        };
        faults.extend(loader.faults(name, &manifest));
        faults.extend(webhook(name, &provider.webhook));
    }
    faults
}

/// The secrets of what an instance sends by itself.
fn webhook(name: &str, webhook: &WebhookConfig) -> Vec<StartError> {
    let secrets = [("secret", &webhook.secret), ("path_secret", &webhook.path_secret)];
    let fault = |(key, reference): (&'static str, &Option<SecretRef>)| {
        let name = name.to_owned();
        match reference.as_ref()?.resolve() {
            Err(error) => Some(StartError::Credential {
                name,
                key: if key == "secret" {
                    "webhook.secret"
                } else {
                    "webhook.path_secret"
                },
                error,
            }),
            // Whoever guesses it could have us believe anything, and ask again for all that is kept.
            Ok(secret) if secret.expose().len() < MIN_KEY_BYTES => Some(StartError::WeakWebhook { name, key }),
            Ok(_) => None,
        }
    };
    secrets.into_iter().filter_map(fault).collect()
}

/// The token that administrators present.
///
/// # Errors
/// `AdminToken` where it cannot be read, `WeakAdminToken` where it is too short.
fn admin_token(config: &Config) -> Result<Option<SecretString>, StartError> {
    let token = config.admin.token.as_ref().map(SecretRef::resolve).transpose();
    let token = token.map_err(StartError::AdminToken)?;
    if token.as_ref().is_some_and(|token| token.expose().len() < MIN_KEY_BYTES) {
        return Err(StartError::WeakAdminToken);
    }
    Ok(token.map(|token| SecretString::from(token.expose())))
}

/// The nodes' shared secret.
///
/// # Errors
/// `ClusterKey` where it cannot be read, `WeakClusterKey` where it is too short.
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
