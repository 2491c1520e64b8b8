//! Embedding: a whole gateway as a value, inside any program that runs tokio.
//!
//! Invariant: nothing here is global. Several gateways live in one process, each with its own tree, metrics and state.

mod admin;
mod calls;
mod instances;
mod native;
mod record;
pub mod serve;
mod services;
mod wiring;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use metrics_exporter_prometheus::BuildError;
use mosaic_actors::call::{Answer, Body, Caller, Head};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Drained;
use mosaic_actors::supervision::{Event, LedgerEntry, TreeSnapshot};
use mosaic_actors::system::{System, SystemSnapshot};
use secrecy::SecretString;
use thiserror::Error;
use tokio::sync::broadcast;
use tokio::time::timeout;

use crate::catalogue::Op;
use crate::config::{Config, ConfigErrors, LOCAL_TENANT};
use crate::dispatch::{Dispatcher, Options};
use crate::providers::KINDS;
use crate::secret::{KeyError, KeyRing, Secret, SecretError, SecretRef};
use crate::stores::{OpenError, StateStore, TierOpenError};
use crate::telemetry::{LogHandle, Telemetry};

/// How long the outcomes of keyed writes may take to be written down at the end: the disk's time, with ease.
const RECORDING: Duration = Duration::from_secs(5);

/// Why a gateway did not start.
#[derive(Debug, Error)]
pub enum StartError {
    /// The configuration is wrong.
    #[error(transparent)]
    Config(#[from] ConfigErrors),
    /// A provider cannot be made.
    #[error("providers.{name}: {failure}")]
    Provider {
        /// The instance.
        name: String,
        /// What is wrong with it.
        failure: Failure,
    },
    /// A provider's credential cannot be read.
    #[error("providers.{name}.token: {error}")]
    Credential {
        /// The instance.
        name: String,
        /// What is wrong with it.
        error: SecretError,
    },
    /// The admin token cannot be read.
    #[error("admin.token: {0}")]
    AdminToken(SecretError),
    /// An API key cannot be used.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The state store cannot be opened.
    #[error(transparent)]
    State(#[from] OpenError),
    /// The nodes' shared secret cannot be read.
    #[error("server.cluster_key: {0}")]
    ClusterKey(SecretError),
    /// The nodes' shared secret is unfit.
    #[error("server.cluster_key: must be at least 32 bytes long")]
    WeakClusterKey,
    /// A cache tier cannot be made.
    #[error(transparent)]
    Tier(#[from] TierOpenError),
    /// The metrics cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] BuildError),
    /// The shared HTTP client cannot be made.
    #[error("the HTTP client: {0}")]
    Http(Failure),
    /// The tree did not come up.
    #[error(transparent)]
    Tree(#[from] mosaic_actors::supervision::StartError),
    /// A listener cannot be bound.
    #[error("{listener} listener on {address}: {error}")]
    Bind {
        /// `public` or `admin`.
        listener: &'static str,
        /// Where.
        address: std::net::SocketAddr,
        /// The system's word.
        error: std::io::Error,
    },
}

/// A running gateway. Cheap to clone.
///
/// ```
/// use mosaic::{Mosaic, config::Config};
///
/// # tokio::runtime::Runtime::new().unwrap().block_on(async {
/// let gateway = Mosaic::start(Config::default()).await?;
/// assert!(gateway.snapshot().accepting);
/// gateway.shutdown().await;
/// # Ok::<(), mosaic::embed::StartError>(())
/// # }).unwrap();
/// ```
#[derive(Clone)]
pub struct Mosaic {
    inner: Arc<Inner>,
}

struct Inner {
    config: Config,
    keys: KeyRing,
    admin_token: Option<SecretString>,
    telemetry: Arc<Telemetry>,
    store: Arc<dyn StateStore>,
    instances: instances::Instances,
    log: Option<Arc<LogHandle>>,
    dispatcher: Arc<Dispatcher>,
    system: System,
    started: Instant,
}

/// Secrets by the name of their provider instance.
type Credentials = HashMap<String, Secret>;

/// A gateway about to start.
#[derive(Debug)]
pub struct Builder {
    config: Config,
    credentials: Credentials,
    log: Option<Arc<LogHandle>>,
}

impl Builder {
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

    /// Looks at everything that a start would: keys and credentials are read, drivers are made. Nothing listens and
    /// nothing is sent.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub fn check(self) -> Result<(), StartError> {
        check(&self.config)?;
        self.config.key_ring()?;
        admin_token(&self.config)?;
        crate::stores::vault(&self.config.state)?;
        wiring::check(&self.config, &self.credentials)
    }

    /// Starts it on the caller's runtime.
    ///
    /// # Errors
    /// What is wrong, with the path of the configuration's key.
    pub async fn start(self) -> Result<Mosaic, StartError> {
        Mosaic::assemble(self).await
    }
}

/// A typed answer.
#[derive(Debug)]
pub struct Typed<T> {
    /// The output; shared, because a cached answer has many readers.
    pub value: Arc<T>,
    /// Who answered, from where, after how many attempts.
    pub head: Head,
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

    /// A gateway with more than a configuration can say.
    pub fn builder(config: Config) -> Builder {
        Builder {
            config,
            credentials: Credentials::new(),
            log: None,
        }
    }

    async fn assemble(builder: Builder) -> Result<Mosaic, StartError> {
        let Builder {
            mut config,
            credentials,
            log,
        } = builder;
        check(&config)?;
        let keys = config.key_ring()?;
        let admin_token = admin_token(&config)?;
        let telemetry = Arc::new(Telemetry::new()?);
        let store = crate::stores::open(&config.state).await?;
        let overlay = instances::overlay(&mut config, &*store)
            .await
            .map_err(OpenError::from)?;
        let wired = wiring::wire(&config, &credentials, &overlay.kept, &telemetry, &store)?;
        let system = System::start(wired.spec).await?;
        let dispatcher = Arc::new(Dispatcher::new(
            Arc::new(calls::Engine(system.clone())),
            crate::dispatch::DispatchConfig {
                default_timeout: config.server.request_timeout,
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
        };
        Ok(Mosaic { inner: Arc::new(inner) })
    }

    /// The caller that a program is to its own gateway: tenant `local`.
    pub fn local_caller() -> Caller {
        Caller {
            tenant: Arc::from(LOCAL_TENANT),
            identity: Arc::from(LOCAL_TENANT),
        }
    }

    /// Does one operation as the local caller.
    ///
    /// # Errors
    /// Any [`Failure`] of the call.
    pub async fn call<O: Op>(&self, input: O::Input) -> Result<Typed<O::Output>, Failure> {
        self.call_as::<O>(input, Self::local_caller(), Options::default()).await
    }

    /// Does one operation for a caller, with options.
    ///
    /// # Errors
    /// Any [`Failure`] of the call.
    pub async fn call_as<O: Op>(
        &self,
        input: O::Input,
        caller: Caller,
        options: Options,
    ) -> Result<Typed<O::Output>, Failure> {
        let Answer { head, body, value } = self.inner.dispatcher.call::<O>(input, caller, options).await?;
        let typed = value.and_then(|value| value.0.downcast::<O::Output>().ok());
        match (typed, body) {
            (Some(value), _) => Ok(Typed { value, head }),
            // Replayed from the record of an idempotency key, or merged from several providers: bytes alone.
            (None, Body::Bytes(bytes)) => Ok(Typed {
                value: Arc::new(parse(&bytes)?),
                head,
            }),
            (None, Body::Stream(_)) => Err(Failure::new(
                Kind::InvalidInput,
                format!("{} streams: use stream()", O::DECLARATION.facts.name),
            )),
        }
    }

    /// Does one streaming operation for a caller. Dropping the stream cancels the work behind it.
    ///
    /// # Errors
    /// Any [`Failure`] before the first event; later ones come as the stream's last item.
    pub async fn stream_as<O: Op>(
        &self,
        input: O::Input,
        caller: Caller,
        options: Options,
    ) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + use<O>, Failure> {
        match self.inner.dispatcher.call::<O>(input, caller, options).await?.body {
            Body::Stream(frames) => Ok(frames.map(|frame| frame.and_then(|bytes| parse(&bytes)))),
            Body::Bytes(_) => Err(Failure::new(
                Kind::InvalidInput,
                format!("{} does not stream", O::DECLARATION.facts.name),
            )),
        }
    }

    /// The supervision tree as it stands.
    pub fn tree(&self) -> TreeSnapshot {
        self.inner.system.tree().snapshot()
    }

    /// The newest rows of the restart ledger.
    pub fn ledger(&self, limit: usize) -> Vec<LedgerEntry> {
        self.inner.system.tree().ledger(limit)
    }

    /// What happens in the tree from now on. A slow reader misses events, and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Event> {
        self.inner.system.tree().subscribe()
    }

    /// Instances, breakers, cache and calls in flight as they stand.
    pub fn snapshot(&self) -> SystemSnapshot {
        self.inner.system.snapshot()
    }

    /// The way from a surface's request to the engine.
    pub fn dispatcher(&self) -> &Arc<Dispatcher> {
        &self.inner.dispatcher
    }

    /// The engine below.
    pub fn system(&self) -> &System {
        &self.inner.system
    }

    /// The configuration that it runs with.
    pub fn config(&self) -> &Config {
        &self.inner.config
    }

    /// The metrics in Prometheus' text format.
    pub fn metrics(&self) -> String {
        self.inner.system.tree().refresh_gauges();
        self.inner.telemetry.render()
    }

    /// Resolves when the root of the tree has given up; the gateway is of no use then.
    pub async fn failed(&self) -> Arc<str> {
        self.inner.system.tree().failed().await
    }

    /// Drains the calls in flight within the configured time, then stops everything in order.
    pub async fn shutdown(&self) -> Drained {
        self.shutdown_within(self.inner.config.server.drain_timeout).await
    }

    async fn shutdown_within(&self, limit: Duration) -> Drained {
        let drained = self.inner.system.gateway().drain(limit).await;
        // The calls are over by now; what is left of a keyed write is to write its outcome down.
        if timeout(RECORDING, self.inner.dispatcher.settled()).await.is_err() {
            tracing::warn!("the outcome of a keyed write was not recorded in time");
        }
        self.inner.system.shutdown(Duration::ZERO).await;
        self.inner.store.close().await;
        drained
    }
}

fn admin_token(config: &Config) -> Result<Option<SecretString>, StartError> {
    let token = config.admin.token.as_ref().map(SecretRef::resolve).transpose();
    let token = token.map_err(StartError::AdminToken)?;
    Ok(token.map(|token| SecretString::from(token.expose())))
}

fn check(config: &Config) -> Result<(), ConfigErrors> {
    let kinds: Vec<&str> = KINDS.iter().map(|kind| kind.name).collect();
    config.check(&kinds)
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(Kind::Internal, "an answer of our own could not be read").because(error))
}
