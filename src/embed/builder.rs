//! A gateway about to start: what a program says beyond its configuration.
//!
//! Invariant: what is built here wins over the configuration, and nothing runs before [`Builder::start`].

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use metrics::Recorder;
use mosaic_actors::system::System;
use tokio::runtime::Handle;

use super::credentials::Credentials;
use super::error::StartError;
use super::instances::Overlay;
#[cfg(feature = "server")]
use super::issuer;
use super::mosaic::{Inner, Mosaic};
use super::notice::Notice;
use super::registry::Registry;
use super::survey::{Given, Secrets, survey};
use super::{calls, drift, instances, life, notices, owners, record, wiring};
use crate::catalogue::Op;
use crate::config::{Config, ConfigErrors, Known, Loaded, Origins, Unsound};
use crate::dispatch::{Aliases, DispatchConfig, Dispatcher};
use crate::providers::Provider;
use crate::secret::Secret;
use crate::stores::{self, OpenError, StateStore, check_built};
use crate::telemetry::{LogHandle, Telemetry};

/// A gateway about to start.
pub struct Builder {
    pub(super) config: Config,
    pub(super) credentials: Credentials,
    pub(super) recorder: Option<Arc<dyn Recorder + Send + Sync>>,
    pub(super) metrics_text: Option<Render>,
    pub(super) log: Option<Arc<LogHandle>>,
    pub(super) registry: Registry,
    pub(super) origins: Origins,
    /// Nobody else serves with the state.
    pub(super) alone: bool,
    /// What is wrong with the configuration itself; looked for only where nobody did.
    pub(super) found: Option<ConfigErrors>,
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

    /// Says where the configuration's settings were made, as [`Config::read`] tells it: faults name the line, and the
    /// effective configuration shows it.
    #[must_use]
    pub fn origins(mut self, origins: Origins) -> Self {
        self.origins = origins;
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

    /// Makes calls of its own beside a gateway that serves with the same state. Without this a start is refused while
    /// another process serves with it, since each would take the other's writes under way for those of a dead one.
    #[must_use]
    pub fn visiting(mut self) -> Self {
        self.alone = false;
        self
    }

    /// Looks at everything that a start would: keys and credentials are read, drivers are made, the state is read. Nothing
    /// listens, and nothing is sent or made.
    ///
    /// # Errors
    /// Everything that is wrong, each with the path of the configuration's key.
    pub async fn check(mut self) -> Result<(), StartError> {
        if self.found.is_none() {
            self.found = self.config.check(&self.registry.known()).err();
        }
        // A part that this build lacks is told when the rest is right: it is no fault of a key's value.
        if self.found.is_none() {
            check_built(&self.config.state, &self.config.cache.l2)?;
        }
        wiring::catalogue(&self.registry)?;
        let state = self.config.state.clone();
        let looked = match self.misplaces_state() {
            true => Ok(None),
            false => stores::look_at(&state).await,
        };
        let overlay = match looked {
            Ok(Some(store)) => {
                let overlay = instances::overlay(&mut self.config, &*store, &self.registry.known()).await;
                store.close().await;
                overlay.map_err(OpenError::from)
            }
            Ok(None) => Ok(Overlay::default()),
            Err(error) => Err(error),
        };
        self.survey(overlay)?;
        Ok(())
    }

    /// What an operator should know of the configuration beforehand, of the program's own kinds and operations too; the
    /// state is read, and not touched.
    pub async fn notices(&self) -> Vec<Notice> {
        notices::notices(&self.config, &self.origins, &self.registry).await
    }

    /// Whether the state that the configuration means is not known: a look at another would tell of faults that are none.
    fn misplaces_state(&self) -> bool {
        let mut found = self.found.iter().flat_map(ConfigErrors::iter);
        found.any(|error| matches!(&*error.path, "state" | "state.path" | "state.encryption_key"))
    }

    /// Looks at what stands outside of the configuration, once the state has been opened or has not.
    fn survey(&self, overlay: Result<Overlay, OpenError>) -> Result<(Overlay, Secrets), ConfigErrors> {
        let (overlay, fault) = match overlay {
            Ok(overlay) => (overlay, None),
            Err(error) => (Overlay::default(), Some(error)),
        };
        let given = Given {
            credentials: &self.credentials,
            kept: &overlay.kept,
            origins: &self.origins,
            registry: &self.registry,
            found: self.found.as_ref(),
        };
        let secrets = survey(&self.config, &given, fault)?;
        Ok((overlay, secrets))
    }

    /// Starts it on the caller's runtime.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub async fn start(self) -> Result<Mosaic, StartError> {
        assemble(self).await
    }
}

/// All that is wrong with a configuration that has faults: these, and whatever else a start would be refused for.
#[cfg_attr(not(feature = "cli"), allow(dead_code, reason = "only the program asks"))]
pub(crate) async fn all_faults(unsound: Unsound) -> ConfigErrors {
    let Unsound { readable, errors } = unsound;
    let Some(Loaded { config, origins }) = readable else {
        return errors;
    };
    let mut builder = Mosaic::builder(config).origins(origins);
    builder.found = Some(errors.clone());
    match builder.check().await {
        Err(StartError::Config(all)) => all,
        _ => errors,
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
            alone: true,
            origins: Origins::new(),
            found: None,
        }
    }
}

/// Starts everything, in order.
async fn assemble(mut builder: Builder) -> Result<Mosaic, StartError> {
    builder.config.check(&builder.registry.known())?;
    check_built(&builder.config.state, &builder.config.cache.l2)?;
    let (store, overlay, secrets) = opened(&mut builder).await?;
    let Builder {
        config,
        credentials,
        recorder,
        metrics_text,
        log,
        registry,
        origins,
        alone: _,
        found: _,
    } = builder;
    let Secrets {
        keys,
        admin_token,
        cluster_key,
    } = secrets;
    let telemetry = Arc::new(match recorder {
        Some(recorder) => Telemetry::elsewhere(recorder, metrics_text),
        None => Telemetry::new()?,
    });
    if let Some(log) = &log {
        telemetry.watch_log(log);
    }
    let mut wired = wiring::wire(
        &config,
        &credentials,
        cluster_key.as_ref(),
        &telemetry,
        &store,
        &registry,
    )?;
    if !wired.spec.tiers.is_empty() && !config.state.in_memory() {
        life::begin(&*store, &mut wired.spec.tiers).await;
    }
    wired.spec.learned = wired.lessons.restore().await;
    let system = System::start(wired.spec).await?;
    let aliases = Aliases::of(&config.models.aliases);
    let dispatcher = Dispatcher::new(
        Arc::new(calls::Engine(system.clone())),
        DispatchConfig {
            catalogue: wired.catalogue.clone(),
            default_timeout: config.server.request_timeout,
            ai_timeout: config.server.ai_request_timeout,
            max_timeout: config.server.max_request_timeout,
            max_transfer: config.gateway.max_transfer,
            cursors: wired.cursors,
            ceilings: wiring::ceilings(&config),
            owners: Some(Arc::new(owners::Record::new(
                &config,
                &wired.catalogue,
                system.clone(),
                store.clone(),
            ))),
            idempotency: Some(Arc::new(record::Record::new(
                store.clone(),
                config.state.idempotency_ttl,
            ))),
        },
    );
    let dispatcher = Arc::new(dispatcher.aliased(aliases));
    let instances = instances::Instances::new(wired.native, store.clone(), credentials, overlay);
    #[cfg(feature = "server")]
    let tokens = issuer::tokens(&config)?;
    let inner = Inner {
        instances,
        log,
        config,
        keys,
        origins,
        admin_token,
        #[cfg(feature = "server")]
        tokens,
        telemetry,
        store,
        dispatcher,
        system,
        bus: wired.bus,
        lessons: wired.lessons.clone(),
        #[cfg(feature = "server")]
        introduced: super::introduced::Introduced::default(),
        #[cfg(feature = "mcp")]
        agents: tokio_util::sync::CancellationToken::new(),
        #[cfg(feature = "mcp")]
        visits: tokio_util::sync::CancellationToken::new(),
        started: Instant::now(),
        runtime: Handle::current(),
        stopped: AtomicBool::new(false),
    };
    let inner = Arc::new(inner);
    wired.polls.begin(&inner);
    let gateway = Arc::downgrade(&inner);
    wired
        .lessons
        .begin(move || gateway.upgrade().map(|inner| inner.system.clone()));
    Ok(Mosaic { inner })
}

/// Opens the state, lays what was changed at run time over the configuration, and sees that all else is there.
async fn opened(builder: &mut Builder) -> Result<(Arc<dyn StateStore>, Overlay, Secrets), StartError> {
    let opened = match builder.alone {
        true => stores::open_alone(&builder.config.state).await,
        false => stores::open(&builder.config.state).await,
    };
    let store = match opened {
        Ok(store) => store,
        // With what else is wrong: nobody shall mend one fault to meet the next.
        Err(error) => match builder.survey(Err(error)) {
            Err(faults) => return Err(faults.into()),
            Ok(_) => unreachable!("the state's fault is one"),
        },
    };
    let overlay = instances::overlay(&mut builder.config, &*store, &builder.registry.known()).await;
    let (overlay, secrets) = builder.survey(overlay.map_err(OpenError::from))?;
    for notice in notices::of_config(&builder.config, &builder.origins, &builder.registry) {
        tracing::warn!("{}. {}", notice.sentence, notice.remedy);
    }
    for notice in drift::between(&overlay.configured, &builder.config.providers, &overlay.invalid) {
        tracing::warn!("{}", notice.sentence);
    }
    Ok((store, overlay, secrets))
}
