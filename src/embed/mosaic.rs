//! The handle to a running gateway.
//!
//! Invariant: every handle is the same gateway, and the last one to go stops it.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Release;
use std::time::{Duration, Instant};

use futures_util::Stream;
use mosaic_actors::call::Caller;
use mosaic_actors::error::Failure;
use mosaic_actors::gateway::Drained;
use mosaic_actors::stream::ByteStream;
use mosaic_actors::supervision::{LedgerEntry, Told, TreeSnapshot};
use mosaic_actors::system::{System, SystemSnapshot};
use secrecy::SecretString;
use tokio::runtime::Handle;
use tokio::sync::broadcast;

use super::answers::{events, file, whole};
use super::instances::Instances;
use super::lessons::Lessons;
use super::typed::Typed;
use crate::bus::Bus;
use crate::catalogue::{Catalogue, Op};
use crate::config::{Config, LOCAL_TENANT, Origins};
use crate::dispatch::{Dispatcher, Options};
use crate::secret::KeyRing;
use crate::stores::StateStore;
use crate::telemetry::{LogHandle, Telemetry};

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
    pub(super) inner: Arc<Inner>,
}

pub(super) struct Inner {
    pub(super) config: Config,
    pub(super) origins: Origins,
    pub(super) keys: KeyRing,
    pub(super) admin_token: Option<SecretString>,
    #[cfg(feature = "server")]
    pub(super) tokens: Option<Arc<crate::oauth::Tokens>>,
    pub(super) telemetry: Arc<Telemetry>,
    pub(super) store: Arc<dyn StateStore>,
    pub(super) instances: Instances,
    pub(super) log: Option<Arc<LogHandle>>,
    pub(super) dispatcher: Arc<Dispatcher>,
    pub(super) system: System,
    pub(super) bus: Bus,
    pub(super) lessons: Lessons,
    #[cfg(feature = "server")]
    pub(super) introduced: super::introduced::Introduced,
    /// Cancelled when the listeners are about to end: agents that only listen are told so.
    #[cfg(feature = "mcp")]
    pub(super) agents: tokio_util::sync::CancellationToken,
    /// Cancelled when the calls are over: no agent's session outlives it.
    #[cfg(feature = "mcp")]
    pub(super) visits: tokio_util::sync::CancellationToken,
    pub(super) started: Instant,
    /// Stops what is left when the last handle is dropped, from whatever thread that happens on.
    pub(super) runtime: Handle,
    pub(super) stopped: AtomicBool,
}

impl fmt::Debug for Mosaic {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mosaic").finish_non_exhaustive()
    }
}

impl Mosaic {
    /// The caller that a program is to its own gateway: tenant `local`.
    pub fn local_caller() -> Caller {
        Caller::new(LOCAL_TENANT, LOCAL_TENANT)
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
        whole::<O>(self.inner.dispatcher.call::<O>(input, None, caller, options).await?)
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
        events::<O>(self.inner.dispatcher.call::<O>(input, None, caller, options).await?)
    }

    /// Does one operation that answers with a file, for a caller. Dropping its bytes cancels the work behind them.
    ///
    /// # Errors
    /// Any [`Failure`] before the first byte; later ones come as the bytes' last item.
    pub async fn file_as<O: Op>(
        &self,
        input: O::Input,
        caller: Caller,
        options: Options,
    ) -> Result<ByteStream, Failure> {
        file::<O>(self.inner.dispatcher.call::<O>(input, None, caller, options).await?)
    }

    /// What providers tell by themselves.
    pub fn bus(&self) -> &Bus {
        &self.inner.bus
    }

    /// The supervision tree as it stands.
    pub fn tree(&self) -> TreeSnapshot {
        self.inner.system.tree().snapshot()
    }

    /// The newest rows of the restart ledger.
    pub fn ledger(&self, limit: usize) -> Vec<LedgerEntry> {
        self.inner.system.tree().ledger(limit)
    }

    /// What happens from now on: to actors, breakers and plugins, and by order. A slow reader misses events, and is told how many.
    pub fn events(&self) -> broadcast::Receiver<Told> {
        self.inner.system.events().subscribe()
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

    /// Brings the gauges up to date that are set when somebody looks: to be called before the program renders a recorder of its own.
    pub fn refresh_metrics(&self) {
        self.inner.system.refresh_gauges();
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

    pub(super) async fn shutdown_within(&self, limit: Duration) -> Drained {
        let drained = self.inner.running().stop(limit).await;
        // Only now: a shutdown that is dropped half way is taken up by the last handle's drop.
        self.inner.stopped.store(true, Release);
        drained
    }
}
