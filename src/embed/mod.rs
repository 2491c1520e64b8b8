//! Embedding: a whole gateway as a value, inside any program that runs tokio.
//!
//! Invariant: nothing here is global. Several gateways live in one process, each with its own tree, metrics and state.

mod admin;
mod builder;
mod calls;
mod error;
mod instances;
mod life;
mod native;
pub(crate) mod outbound;
mod record;
mod request;
pub mod serve;
mod services;
mod wiring;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Release;
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::call::{Answer, Body, Caller};
use mosaic_actors::driver::Driver;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Drained;
use mosaic_actors::stream::Frame;
use mosaic_actors::supervision::{Event, LedgerEntry, TreeSnapshot};
use mosaic_actors::system::{System, SystemSnapshot};
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use crate::catalogue::{Catalogue, Op};
use crate::config::{Config, ConfigErrors, LOCAL_TENANT};
use crate::dispatch::{Dispatcher, Options};
use crate::providers::KINDS;
use crate::secret::{KeyRing, SecretRef};
use crate::stores::{OpenError, StateStore};
use crate::telemetry::{LogHandle, Telemetry};

pub use builder::Builder;
use builder::Credentials;
pub use error::StartError;
pub use request::{Request, Typed};

/// A handle to a running gateway. Cheap to clone; send it wherever calls are made.
///
/// [`Mosaic::shutdown`] ends the gateway in order. Without it, dropping the last handle (a mounted router holds one too)
/// has the same done in the background, on the runtime that it was started on; a runtime that ends takes it along.
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
    /// Stops what is left when the last handle is dropped, from whatever thread that happens on.
    runtime: Handle,
    stopped: AtomicBool,
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

    /// The kinds of providers that are built in, for [`Config::read`].
    pub fn kinds() -> Vec<&'static str> {
        KINDS.iter().map(|kind| kind.name).collect()
    }

    /// A gateway with more than a configuration can say.
    pub fn builder(config: Config) -> Builder {
        Builder {
            config,
            credentials: Credentials::new(),
            recorder: None,
            metrics_text: None,
            log: None,
        }
    }

    async fn assemble(builder: Builder) -> Result<Mosaic, StartError> {
        let Builder {
            mut config,
            credentials,
            recorder,
            metrics_text,
            log,
        } = builder;
        check(&config)?;
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
        let overlay = instances::overlay(&mut config, &*store)
            .await
            .map_err(OpenError::from)?;
        let mut wired = wiring::wire(&config, &credentials, &overlay.kept, &telemetry, &store)?;
        let shares = !wired.spec.tiers.is_empty() && !config.state.in_memory();
        if shares {
            life::begin(&*store, &mut wired.spec.tiers).await;
        }
        let system = System::start(wired.spec).await?;
        let dispatcher = Arc::new(Dispatcher::new(
            Arc::new(calls::Engine(system.clone())),
            crate::dispatch::DispatchConfig {
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

    /// The caller that a program is to its own gateway: tenant `local`.
    pub fn local_caller() -> Caller {
        Caller {
            tenant: Arc::from(LOCAL_TENANT),
            identity: Arc::from(LOCAL_TENANT),
        }
    }

    /// A call with more to say than its input: how long to wait, whom to ask, on whose behalf.
    ///
    /// ```
    /// use std::time::Duration;
    /// use mosaic::catalogue::git::{RepoGet, RepoGetInput};
    /// # use mosaic::{Mosaic, config::Config};
    /// # tokio::runtime::Runtime::new().unwrap().block_on(async {
    /// # let gateway = Mosaic::start(Config::default()).await.unwrap();
    /// let call = gateway
    ///     .request::<RepoGet>(RepoGetInput { repo: "acme/api".into() })
    ///     .by("team-a", "build-7")
    ///     .timeout(Duration::from_secs(2))
    ///     .no_cache();
    /// let failure = call.send().await.expect_err("no provider is configured here");
    /// assert_eq!(failure.kind, mosaic::Kind::NoProvider);
    /// # gateway.shutdown().await;
    /// # });
    /// ```
    pub fn request<O: Op>(&self, input: O::Input) -> Request<O> {
        Request::new(self.clone(), input)
    }

    /// Does one operation as the local caller.
    ///
    /// # Errors
    /// As [`Request::send`].
    pub async fn call<O: Op>(&self, input: O::Input) -> Result<Typed<O::Output>, Failure> {
        self.request::<O>(input).send().await
    }

    /// Does one streaming operation as the local caller.
    ///
    /// ```
    /// use futures_util::StreamExt;
    /// use mosaic::catalogue::ai::{ChatEvent, ChatInput, ChatStream};
    /// # use mosaic::{Mosaic, Secret, config::{BaseUrl, Config, ProviderConfig}, sandbox::{Sandbox, SandboxConfig}};
    /// # tokio::runtime::Runtime::new()?.block_on(async {
    /// # let sandbox = Sandbox::start(SandboxConfig::default_pair()).await?;
    /// # let model = sandbox.server("openai-a").expect("one of the pairs");
    /// # let mut config = Config::default();
    /// # let provider = ProviderConfig::new("openai").at(BaseUrl::parse(model.base_url())?);
    /// # config.providers.insert("model".into(), provider);
    /// # let gateway = Mosaic::builder(config).credential("model", Secret::new(model.token())).start().await?;
    /// let input = ChatInput {
    ///     model: "sandbox-small".into(),
    ///     prompt: Some("What is a gateway good for?".into()),
    ///     ..ChatInput::default()
    /// };
    /// let mut events = gateway.stream::<ChatStream>(input).await?;
    /// let mut told = String::new();
    /// while let Some(event) = events.next().await {
    ///     if let ChatEvent::Delta { text } = event? {
    ///         told += &text;
    ///     }
    /// }
    /// assert!(!told.is_empty());
    /// # gateway.shutdown().await;
    /// # sandbox.shutdown().await;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// # })?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`Request::stream`].
    pub async fn stream<O: Op>(
        &self,
        input: O::Input,
    ) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + Unpin + use<O>, Failure> {
        self.request::<O>(input).stream().await
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
            (None, Body::Raw(_)) => Err(Failure::new(
                Kind::InvalidInput,
                format!("{} answers with bytes: use raw()", O::DECLARATION.facts.name),
            )),
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
    ) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + Unpin + use<O>, Failure> {
        match self.inner.dispatcher.call::<O>(input, caller, options).await?.body {
            Body::Stream(frames) => Ok(frames.map(|frame| frame.and_then(|frame| typed(&frame)))),
            Body::Bytes(_) | Body::Raw(_) => Err(Failure::new(
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

    /// The operations that there are.
    pub fn catalogue(&self) -> &Catalogue {
        self.inner.dispatcher.catalogue()
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

    /// The metrics in Prometheus' text format; where the program brought its recorder, what its
    /// [`metrics_text`](Builder::metrics_text) says.
    pub fn metrics(&self) -> String {
        self.refresh_metrics();
        self.inner.telemetry.render()
    }

    /// Brings the gauges of the tree up to date: to be called before the program renders a recorder of its own.
    pub fn refresh_metrics(&self) {
        self.inner.system.tree().refresh_gauges();
    }

    /// Resolves when the root of the tree has given up; the gateway is of no use then.
    pub async fn failed(&self) -> Arc<str> {
        self.inner.system.tree().failed().await
    }

    /// Refuses new calls, drains those in flight within `server.drain_timeout`, then stops everything in order. No task
    /// of the gateway is left when it returns, save connections that the HTTP client still closes; every other handle
    /// answers `overloaded` from now on.
    pub async fn shutdown(&self) -> Drained {
        self.shutdown_within(self.inner.config.server.drain_timeout).await
    }

    async fn shutdown_within(&self, limit: Duration) -> Drained {
        let drained = self.inner.running().stop(limit).await;
        // Only now: a shutdown that is dropped half way is taken up by the last handle's drop.
        self.inner.stopped.store(true, Release);
        drained
    }
}

/// An instance's name, and its driver or what keeps it from being made.
pub type NamedDriver = (String, Result<Arc<dyn Driver>, StartError>);

/// The driver of each provider instance of a checked configuration, apart from any gateway: for those who look at
/// providers without serving.
///
/// # Errors
/// `Http` where no client can be made; what is wrong with one instance stands in its place.
pub fn drivers(config: &Config) -> Result<Vec<NamedDriver>, StartError> {
    wiring::drivers(config)
}

fn admin_token(config: &Config) -> Result<Option<SecretString>, StartError> {
    let token = config.admin.token.as_ref().map(SecretRef::resolve).transpose();
    let token = token.map_err(StartError::AdminToken)?;
    Ok(token.map(|token| SecretString::from(token.expose())))
}

fn check(config: &Config) -> Result<(), ConfigErrors> {
    config.check(&Mosaic::kinds())
}

/// The event that a driver gave, or the one that its text says where it was read back.
fn typed<T: Clone + serde::de::DeserializeOwned + 'static>(frame: &Frame) -> Result<T, Failure> {
    match frame.event::<T>() {
        Some(event) => Ok(event.clone()),
        None => parse(&frame.json()?),
    }
}

fn parse<T: serde::de::DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(Kind::Internal, "an answer of our own could not be read").because(error))
}
