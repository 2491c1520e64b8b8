//! A gateway about to start: what a program says beyond its configuration.
//!
//! Invariant: what is built here wins over the configuration, and nothing runs before [`Builder::start`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metrics::Recorder;
use mosaic_actors::system::System;
use secrecy::SecretString;
use tokio::runtime::Handle;

use super::credentials::Credentials;
use super::error::StartError;
use super::mosaic::{Inner, Mosaic};
use super::registry::Registry;
use super::{calls, instances, life, record, wiring};
use crate::catalogue::Op;
use crate::config::{Config, Known};
use crate::dispatch::{DispatchConfig, Dispatcher};
use crate::providers::Provider;
use crate::secret::{MIN_KEY_BYTES, Secret, SecretRef};
use crate::stores::{OpenError, check_built};
use crate::telemetry::{LogHandle, Telemetry};

/// A gateway about to start.
pub struct Builder {
    pub(super) config: Config,
    pub(super) credentials: Credentials,
    pub(super) recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    pub(super) metrics_text: Option<Render>,
    pub(super) log: Option<Arc<LogHandle>>,
    pub(super) registry: Registry,
}

/// Writes metrics as text.
pub(super) type Render = Arc<dyn Fn() -> String + Send + Sync>;

impl fmt::Debug for Builder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Builder")
            .field("config", &self.config)
            .field("credentials", &self.credentials)
            .finish_non_exhaustive()
    }
}

impl Builder {
    /// Serves what `registry` knows, in place of what is built in.
    #[must_use]
    pub fn registry(mut self, registry: Registry) -> Self {
        self.registry = registry;
        self
    }

    /// Adds a kind of providers of the program's own: see [`Registry::kind`].
    #[must_use]
    pub fn kind<P: Provider>(mut self, name: &'static str) -> Self {
        self.registry = self.registry.kind::<P>(name);
        self
    }

    /// Adds an operation of the program's own: see [`Registry::operation`].
    #[must_use]
    pub fn operation<O: Op>(mut self) -> Self {
        self.registry = self.registry.operation::<O>();
        self
    }

    /// Lets administrators change the filter of the process's log.
    #[must_use]
    pub fn log(mut self, handle: Arc<LogHandle>) -> Self {
        self.log = Some(handle);
        self
    }

    /// Gives a provider instance its credential, from wherever the program keeps it, in place of the configuration's
    /// `token`.
    #[must_use]
    pub fn credential(mut self, instance: impl Into<String>, credential: Secret) -> Self {
        self.credentials.insert(instance.into(), credential);
        self
    }

    /// Writes metrics to the program's own recorder, so that one scrape shows both. The gateway keeps none of its own
    /// then; [`Mosaic::metrics`] and the admin router's `/metrics` show what [`Builder::metrics_text`] is given. Counters
    /// of two gateways on one recorder add up, and their gauges overwrite each other: give each its own, or one that
    /// labels what it is told.
    #[must_use]
    pub fn recorder(mut self, recorder: Arc<dyn Recorder + Send + Sync>) -> Self {
        self.recorder = Some(recorder);
        self
    }

    /// Shows the program's own metrics as text, beside a [`Builder::recorder`]; its gauges are up to date when it is
    /// called. Without a recorder of the program's it has no use.
    #[must_use]
    pub fn metrics_text(mut self, render: impl Fn() -> String + Send + Sync + 'static) -> Self {
        self.metrics_text = Some(Arc::new(render));
        self
    }

    /// Looks at everything that a start would: keys and credentials are read, drivers are made. Nothing listens and
    /// nothing is sent.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub fn check(self) -> Result<(), StartError> {
        self.config.check(&self.registry.known())?;
        check_built(&self.config.state, &self.config.cache.l2)?;
        self.config.key_ring()?;
        admin_token(&self.config)?;
        crate::stores::vault(&self.config.state)?;
        wiring::check(&self.config, &self.credentials, &self.registry)
    }

    /// Starts it on the caller's runtime.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub async fn start(self) -> Result<Mosaic, StartError> {
        assemble(self).await
    }
}

impl Mosaic {
    /// Starts a gateway on the caller's runtime. No listener is bound: mount [`Mosaic::router`], or call
    /// [`serve::serve`].
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub async fn start(config: Config) -> Result<Mosaic, StartError> {
        Mosaic::builder(config).start().await
    }

    /// The kinds of providers and the operations that are built in, for [`Config::read`].
    pub fn known() -> Known {
        Registry::built_in().known()
    }

    /// A gateway with more than a configuration can say.
    pub fn builder(config: Config) -> Builder {
        Builder {
            config,
            credentials: Credentials::new(),
            recorder: None,
            metrics_text: None,
            log: None,
            registry: Registry::built_in(),
        }
    }
}

/// Starts everything, in order.
async fn assemble(builder: Builder) -> Result<Mosaic, StartError> {
    let Builder {
        mut config,
        credentials,
        recorder,
        metrics_text,
        log,
        registry,
    } = builder;
    config.check(&registry.known())?;
    check_built(&config.state, &config.cache.l2)?;
    let keys = config.key_ring()?;
    let admin_token = admin_token(&config)?;
    let telemetry = Arc::new(match recorder {
        Some(recorder) => Telemetry::elsewhere(recorder, metrics_text),
        None => Telemetry::new()?,
    });
    if let Some(log) = &log {
        telemetry.watch_log(log);
    }
    let store = crate::stores::open(&config.state).await?;
    let overlay = instances::overlay(&mut config, &*store, &registry.known())
        .await
        .map_err(OpenError::from)?;
    let mut wired = wiring::wire(&config, &credentials, &overlay.kept, &telemetry, &store, &registry)?;
    if !wired.spec.tiers.is_empty() && !config.state.in_memory() {
        life::begin(&*store, &mut wired.spec.tiers).await;
    }
    let system = System::start(wired.spec).await?;
    let dispatcher = Arc::new(Dispatcher::new(
        Arc::new(calls::Engine(system.clone())),
        DispatchConfig {
            catalogue: wired.catalogue.clone(),
            default_timeout: config.server.request_timeout,
            ai_timeout: config.server.ai_request_timeout,
            max_timeout: config.server.max_request_timeout,
            cursors: wired.cursors,
            idempotency: Some(Arc::new(record::Record::new(
                store.clone(),
                config.state.idempotency_ttl,
            ))),
        },
    ));
    let instances = instances::Instances::new(wired.native, store.clone(), credentials, overlay);
    let inner = Inner {
        instances,
        log,
        config,
        keys,
        admin_token,
        telemetry,
        store,
        dispatcher,
        system,
        started: Instant::now(),
        runtime: Handle::current(),
        stopped: AtomicBool::new(false),
    };
    Ok(Mosaic { inner: Arc::new(inner) })
}

fn admin_token(config: &Config) -> Result<Option<SecretString>, StartError> {
    let token = config.admin.token.as_ref().map(SecretRef::resolve).transpose();
    let token = token.map_err(StartError::AdminToken)?;
    if token.as_ref().is_some_and(|token| token.expose().len() < MIN_KEY_BYTES) {
        return Err(StartError::WeakAdminToken);
    }
    Ok(token.map(|token| SecretString::from(token.expose())))
}
