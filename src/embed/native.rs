//! The native loader: provider instances whose drivers are built in.
//!
//! Invariant: a secret is resolved here, goes into its driver, and nowhere else; it is read anew at each start of the
//! provider's actor, so that a rotated file takes effect at a restart.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Method;
use mosaic_actors::call::{Operation, Operations};
use mosaic_actors::credits::Billing;
use mosaic_actors::driver::{BoxFuture, Capabilities, Driver};
use mosaic_actors::error::Failure;
use mosaic_actors::error::Kind::Internal;
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::plugin::{Loader, PluginSpec};
use mosaic_actors::telemetry::SharedRecorder;
use serde_json::{Map, Value};

use super::billing::billing;
use super::credentials::Unread;
use super::error::StartError;
use super::keep::Kept;
use super::looked::Looked;
use super::maker::{Maker, credential_scope, whom};
use super::manifest::Manifest;
use super::outbound;
use super::registry::Registry;
use crate::catalogue::cursor::CursorKey;
use crate::catalogue::proxy;
use crate::config::{Config, ConfigErrors, DefaultsConfig, OutboundConfig, ProviderConfig};
use crate::providers::Connection;
use crate::providers::directory::Directory;
use crate::providers::http::credential::Clock;
use crate::providers::http::quota::Quotas;
use crate::providers::http::{Collected, HttpClient};
use crate::providers::matrix::MatrixRow;
use crate::providers::models::Models;
use crate::providers::webhooks::Webhooks;
use crate::stores::StateStore;
use crate::wire::client::Outbound;

/// The loader's name in specs.
pub(super) const NATIVE: &str = "native";
/// The most bytes of one upstream answer: what one call can make us hold.
const MAX_RESPONSE: usize = 32 << 20;

/// The spec of an instance.
pub(super) fn spec(name: &str, manifest: Manifest) -> PluginSpec {
    PluginSpec {
        name: Arc::from(name),
        kind: Arc::from(manifest.provider.kind.as_str()),
        loader: Arc::from(NATIVE),
        check_health: manifest.provider.health_check,
        health_every: manifest.provider.health_interval,
        manifest: Arc::new(manifest),
    }
}

/// An instance's settings; none for a spec that is not of this loader.
pub(super) fn provider(spec: &PluginSpec) -> Option<&ProviderConfig> {
    manifest_of(spec).ok().map(|manifest| &manifest.provider)
}

/// The table of an instance's settings, as the configuration has it.
///
/// # Errors
/// `internal` for a spec that is not of this loader.
pub(super) fn table(spec: &PluginSpec) -> Result<serde_json::Value, Failure> {
    let unwritten = |error| Failure::new(Internal, "the settings cannot be written").because(error);
    serde_json::to_value(&manifest_of(spec)?.provider).map_err(unwritten)
}

/// Makes instances of the drivers in [`KINDS`].
pub(super) struct Native {
    defaults: DefaultsConfig,
    attempt_timeout: Duration,
    http: HttpClient,
    /// What answers that are held whole take together.
    collected: Collected,
    max_collected: usize,
    outbound: Outbound,
    ways: OutboundConfig,
    cursors: CursorKey,
    registry: Registry,
    quotas: Arc<Quotas>,
    /// People, and who each is at which instance.
    directory: BTreeMap<String, BTreeMap<String, String>>,
    /// What is known of models.
    models: Arc<Models>,
    /// The state outlives a restart, and encrypts what is kept in it.
    durable: bool,
    /// The state, where it is open.
    store: Option<Arc<dyn StateStore>>,
}

impl Native {
    /// # Errors
    /// What is wrong with `[outbound]`.
    pub(super) fn new(config: &Config, cursors: CursorKey, registry: &Registry) -> Result<Self, Failure> {
        let outbound = outbound::outbound(&config.outbound)?;
        Ok(Native {
            defaults: config.defaults.clone(),
            attempt_timeout: config.gateway.attempt_timeout,
            http: HttpClient::new(&outbound, config.outbound.idle_timeout)?,
            collected: Collected::new(config.gateway.max_collected),
            max_collected: config.gateway.max_collected,
            outbound,
            ways: config.outbound.clone(),
            cursors,
            registry: registry.clone(),
            quotas: Arc::default(),
            directory: config.directory.clone(),
            models: Arc::new(Models::load(config.models.file.as_deref())?),
            durable: !config.state.in_memory() && config.state.encryption_key.is_some(),
            store: None,
        })
    }

    /// The same for those who look: a file of models that is at fault is told where it is read, and left out here.
    ///
    /// # Errors
    /// As [`Native::new`].
    pub(super) fn looking(config: &Config, cursors: CursorKey, registry: &Registry) -> Result<Self, Failure> {
        match Models::read(config.models.file.as_deref()) {
            Ok(_) => Native::new(config, cursors, registry),
            Err(_) => {
                let mut config = config.clone();
                config.models.file = None;
                Native::new(&config, cursors, registry)
            }
        }
    }

    /// The list of models that is known of an instance's: none where its server is not known; `None` of one that offers
    /// none, or cannot be made.
    pub(super) fn list_of(&self, name: &str, provider: &ProviderConfig) -> Option<Option<Arc<str>>> {
        let manifest = Manifest {
            provider: provider.clone(),
            credential: None,
        };
        let maker = self.maker(name, &manifest).ok()?;
        (maker.kind.list)(&maker.with(None))
    }

    /// What calls cost at an instance.
    pub(super) fn billing(&self, name: &str, provider: &ProviderConfig) -> Billing {
        let list = self.list_of(name, provider).flatten();
        billing(provider, list.as_deref(), &self.models)
    }

    /// Which kinds can do which operation.
    pub(super) fn matrix(&self) -> Vec<MatrixRow> {
        self.registry.matrix()
    }

    /// What a request is that is passed through to an instance of this kind.
    pub(super) fn asked(&self, kind: &str, method: &Method, path: &str) -> &'static Operation {
        match self.registry.find(kind) {
            Some(kind) => (kind.asked)(method, path),
            None => proxy::by_method(method),
        }
    }

    /// What may be passed through to instances of this kind.
    pub(super) fn passed(&self, kind: &str) -> Vec<&'static str> {
        self.registry.find(kind).map(|kind| (kind.passed)()).unwrap_or_default()
    }

    /// How what a kind sends by itself is proven and read.
    pub(super) fn webhooks(&self, kind: &str) -> Option<&'static Webhooks> {
        (self.registry.find(kind)?.webhooks)()
    }

    /// The kinds whose first delivery brings the secret of all others.
    pub(super) fn introducing(&self) -> Vec<String> {
        let kinds = self.registry.known().kinds.into_iter().map(|kind| kind.name);
        kinds
            .filter(|kind| self.webhooks(kind).is_some_and(Webhooks::introduces))
            .collect()
    }

    /// Counts what is held whole.
    pub(super) fn counting(self, recorder: &SharedRecorder) -> Self {
        Native {
            collected: Collected::metered(self.max_collected, recorder),
            ..self
        }
    }

    /// Keeps what is renewed in this store.
    pub(super) fn keeping(self, store: Option<Arc<dyn StateStore>>) -> Self {
        Native { store, ..self }
    }

    /// All that is wrong with an instance, as far as a look tells that sends nothing: a secret that is missing hides no
    /// wrong setting.
    pub(super) fn faults(&self, name: &str, manifest: &Manifest) -> Vec<StartError> {
        let mut faults = Vec::new();
        let mut manifest = manifest.clone();
        let mut fault = match self.driver(name, &manifest).err() {
            Some(secret @ StartError::Credential { .. }) => {
                faults.push(secret);
                self.unmade(name, &manifest)
            }
            Some(StartError::Provider { failure, .. }) => Some(*failure),
            other => return other.into_iter().collect(),
        };
        // A driver names the first setting that is wrong: without it, it names the next.
        while let Some(failure) = fault {
            let wrong = failure
                .field
                .as_deref()
                .and_then(|field| field.strip_prefix("settings."));
            // Of a table within them the whole is left out.
            let whole = wrong.and_then(|setting| setting.split(['.', '[']).next());
            let removed = whole.and_then(|setting| manifest.provider.settings.remove(setting));
            faults.push(wrong_with(name, failure));
            fault = removed.and_then(|_| self.unmade(name, &manifest));
        }
        faults
    }

    /// What keeps an instance's driver from being made, its credential apart.
    fn unmade(&self, name: &str, manifest: &Manifest) -> Option<Failure> {
        let made = self.maker(name, manifest).and_then(|maker| maker.make(None));
        made.err()
    }

    /// Makes an instance's driver, apart from any gateway.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn driver(&self, name: &str, manifest: &Manifest) -> Result<Arc<dyn Driver>, StartError> {
        let wrong = |failure| wrong_with(name, failure);
        let maker = self.maker(name, manifest).map_err(wrong)?;
        let credential = maker
            .credential()
            .map_err(|Unread { key, error }| StartError::Credential {
                name: name.to_owned(),
                key,
                error,
            })?;
        maker.make(credential).map_err(wrong)
    }

    /// Makes an instance's driver, and what asks for the standing of its credential.
    ///
    /// # Errors
    /// What is wrong with it.
    pub(super) fn looked(&self, name: &str, manifest: &Manifest) -> Result<Looked, StartError> {
        let driver = self.driver(name, manifest)?;
        let wrong = |failure| wrong_with(name, failure);
        let maker = self.maker(name, manifest).map_err(wrong)?;
        let connection = maker.with(maker.read_credential().map_err(wrong)?);
        Ok(Looked {
            driver,
            connection,
            kind: maker.kind,
        })
    }

    fn maker(&self, name: &str, manifest: &Manifest) -> Result<Maker, Failure> {
        let provider = &manifest.provider;
        let kind = self.registry.find(&provider.kind);
        let kind = kind.ok_or_else(|| Failure::invalid("kind", format!("no driver is called {}", provider.kind)))?;
        let base_url = provider.base_url.as_ref().map(|base| base.url().clone());
        if manifest.credential.is_some() || !provider.references().is_empty() {
            outbound::keep_from_proxies(base_url.as_ref(), &self.outbound, &self.ways)?;
        }
        if provider.oauth.is_some() && manifest.credential.is_none() && !self.durable {
            return Err(undurable());
        }
        let http = outbound::client_of(provider.ca_file.as_deref(), &self.http, &self.outbound, &self.ways)?;
        let connection = Connection {
            instance: Arc::from(name),
            base_url,
            credential: None,
            settings: provider.settings.clone(),
            http,
            cursors: self.cursors.clone(),
            scope: None,
            operations: self.operations().clone(),
            max_response: MAX_RESPONSE,
            collected: self.collected.clone(),
            quota: Arc::default(),
            directory: Arc::new(self.people_at(name)),
            models: self.models.clone(),
            prices: provider.billing().prices,
            clock: Clock::default(),
        };
        Ok(Maker {
            kind,
            connection,
            manifest: manifest.clone(),
            whom: whom(provider),
            quotas: self.quotas.clone(),
            quota: Mutex::default(),
            keep: self.store.as_ref().map(|store| Kept::place(store.clone(), name)),
        })
    }

    /// The part of the directory that is about one instance.
    fn people_at(&self, instance: &str) -> Directory {
        let account = |(name, accounts): (&String, &BTreeMap<String, String>)| {
            accounts.get(instance).map(|account| (name.clone(), account.clone()))
        };
        self.directory.iter().filter_map(account).collect()
    }

    fn operations(&self) -> &Arc<Operations> {
        self.registry.catalogue().operations()
    }

    /// Reads a provider's table as a configuration's is read.
    ///
    /// # Errors
    /// Every fault found.
    pub(super) fn read(&self, name: &str, table: Map<String, Value>) -> Result<ProviderConfig, ConfigErrors> {
        Config::check_provider(name, table, &self.registry.known())
    }

    fn instance(&self, name: &Arc<str>, manifest: &Manifest) -> Result<InstanceSpec, Failure> {
        let provider = &manifest.provider;
        let maker = self.maker(name, manifest)?;
        let credential = maker.read_credential()?;
        let scope = credential_scope(&maker.whom, credential.as_ref());
        let list = (maker.kind.list)(&maker.with(None)).flatten();
        maker.make(credential)?;
        let breaker = provider.breaker(&self.defaults);
        let able = [(maker.kind.operations)(), (maker.kind.passed)()].concat();
        Ok(InstanceSpec {
            name: name.clone(),
            kind: Arc::from(maker.kind.name),
            capabilities: Capabilities::of(self.operations(), able),
            credential_scope: scope,
            attempt_timeout: provider.attempt_timeout.unwrap_or(self.attempt_timeout),
            offers: provider
                .models
                .iter()
                .map(|pattern| Arc::from(pattern.as_str()))
                .collect(),
            weight: provider.weight,
            labels: provider.carried(),
            billing: billing(provider, list.as_deref(), &self.models),
            factory: Arc::new(move || maker.remake()),
            max_in_flight: provider.max_in_flight(&self.defaults),
            overload: provider.overload(&self.defaults).settings(),
            breaker: breaker.settings(),
            breaker_per: breaker.shared(),
            slow_start: provider.slow_start(&self.defaults).settings(),
        })
    }
}

fn wrong_with(name: &str, failure: Failure) -> StartError {
    StartError::Provider {
        name: name.to_owned(),
        failure: Box::new(failure),
    }
}

fn undurable() -> Failure {
    let sentence = "its tokens are replaced each time they are renewed, and must outlive a restart: set state.path and \
                    state.encryption_key";
    Failure::invalid("oauth", sentence)
}

fn manifest_of(spec: &PluginSpec) -> Result<&Manifest, Failure> {
    spec.manifest
        .downcast_ref::<Manifest>()
        .ok_or_else(|| Failure::invalid("manifest", "the native loader takes provider settings"))
}

impl Loader for Native {
    fn name(&self) -> &'static str {
        NATIVE
    }

    fn validate(&self, spec: &PluginSpec) -> Result<(), Failure> {
        let maker = self.maker(&spec.name, manifest_of(spec)?)?;
        maker.make(None).map(drop)
    }

    fn load(&self, spec: &PluginSpec) -> BoxFuture<Result<InstanceSpec, Failure>> {
        // Nothing is waited for: a credential is a variable or a small file.
        let loaded = manifest_of(spec).and_then(|manifest| self.instance(&spec.name, manifest));
        Box::pin(std::future::ready(loaded))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::BaseUrl;
    use std::fs;

    #[tokio::test]
    async fn a_rotated_token_has_a_scope_of_its_own_and_an_equal_one_the_same() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("token");
        fs::write(&file, "one").unwrap();
        let native = Native::new(&Config::default(), CursorKey::random(), &Registry::built_in()).unwrap();
        let mut provider = ProviderConfig::new("github").at(BaseUrl::parse("http://localhost:1").unwrap());
        provider.token = Some(crate::secret::SecretRef::File(file.clone()));
        let manifest = Manifest {
            provider,
            credential: None,
        };
        let spec = native.instance(&Arc::from("forge"), &manifest).unwrap();
        let scope = async || (spec.factory)().await.unwrap().credential_scope();
        assert_eq!(scope().await, Some(spec.credential_scope));
        fs::write(&file, "two").unwrap();
        let rotated = scope().await;
        assert!(rotated.is_some() && rotated != Some(spec.credential_scope));
        fs::write(&file, "one").unwrap();
        assert_eq!(scope().await, Some(spec.credential_scope));
    }
}
