//! The two listeners of a gateway, and their end.
//!
//! Invariant: readiness turns false before anything closes, and nothing closes before the calls in flight have had
//! their time.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use axum::Router;
use mosaic_actors::call::Caller;
use mosaic_actors::gateway::Drained;
use mosaic_actors::system::VITAL;
use serde_json::json;
use tokio::net::TcpListener;

use super::admin::Port;
use super::error::StartError;
use super::mosaic::Mosaic;
use crate::admin::{self, AdminConfig, Check, Readiness};
use crate::config::{Config, ServerConfig};
use crate::descriptors;
use crate::server::{DedicatedListener, Listener, ServerLimits, ServerMeters};
use crate::surfaces::auth::Authenticator;
use crate::surfaces::rest::{self, InstanceCapabilities, RestConfig};

/// How long the replies of calls that the drain ended may take to reach their clients.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// Descriptors that every process needs, and those of connections that are refused.
const FEW: usize = 64;

/// A gateway that listens.
#[derive(Debug)]
pub struct Serving {
    /// Where clients come.
    pub public: SocketAddr,
    /// Where operators come.
    pub admin: SocketAddr,
    listeners: (Listener, DedicatedListener),
    stopping: Arc<AtomicBool>,
}

impl Mosaic {
    /// The public surface, to mount in a server of one's own. Requests need a key of the configuration; without any
    /// key they count as the tenant `local`.
    pub fn router(&self) -> Router {
        let keys = self.clone();
        let known = Arc::new(move |key: &str| {
            keys.inner.keys.authenticate(key).map(|principal| Caller {
                tenant: principal.tenant,
                identity: principal.identity,
            })
        });
        let anonymous = self.inner.keys.is_empty().then(Mosaic::local_caller);
        let shown = self.clone();
        rest::router(RestConfig {
            dispatcher: self.inner.dispatcher.clone(),
            authenticator: Authenticator::new(known, anonymous),
            capabilities: Arc::new(move |caller| shown.capabilities(caller)),
            matrix: Arc::new(json!(self.inner.instances.native.matrix())),
            max_body: self.config().server.max_body,
        })
    }

    /// The admin surface for a listener at `addr`, to mount in a server of one's own; readiness turns false with
    /// `stopping`.
    pub fn admin_router(&self, addr: SocketAddr, stopping: Arc<AtomicBool>) -> Router {
        let (metrics, ready) = (self.clone(), self.clone());
        admin::router(AdminConfig {
            addr,
            hosts: self.config().admin.hosts.clone(),
            token: self.inner.admin_token.clone(),
            readiness: Arc::new(move || ready.readiness(&stopping)),
            metrics: Arc::new(move || metrics.metrics()),
            port: Arc::new(Port(self.clone())),
        })
    }

    fn readiness(&self, stopping: &AtomicBool) -> Readiness {
        let told = |bad: bool, why: &str| bad.then(|| why.to_owned());
        let draining = stopping.load(Acquire) || !self.system().gateway().accepting();
        let mut checks = vec![
            Check {
                name: "accepting",
                failure: told(draining, "the gateway is draining"),
            },
            Check {
                name: "state",
                failure: self.inner.store.trouble().map(|why| why.to_string()),
            },
        ];
        let mut outages = self.system().outages();
        checks.extend(VITAL.map(|name| {
            Check {
                name,
                failure: outages
                    .iter()
                    .position(|(down, _)| *down == name)
                    .map(|at| outages.swap_remove(at).1),
            }
        }));
        Readiness { checks }
    }

    /// What `caller` may know of.
    fn capabilities(&self, caller: &Caller) -> Vec<InstanceCapabilities> {
        self.snapshot()
            .instances
            .into_iter()
            .filter(|instance| self.system().reaches(&caller.tenant, &instance.name))
            .map(|instance| InstanceCapabilities {
                instance: instance.name,
                kind: instance.kind,
                operations: instance.operations,
            })
            .collect()
    }
}

/// The addresses of a gateway that is yet to start, taken.
#[derive(Debug)]
pub struct Bound {
    public: TcpListener,
    admin: TcpListener,
}

/// Binds both addresses that a configuration names, before anything is started for them. Whoever connects is answered once
/// the gateway serves.
///
/// # Errors
/// An address cannot be bound.
pub async fn bind(config: &Config) -> Result<Bound, StartError> {
    Ok(Bound {
        public: bound("public", config.server.listen).await?,
        admin: bound("admin", config.admin.listen).await?,
    })
}

async fn bound(listener: &'static str, address: SocketAddr) -> Result<TcpListener, StartError> {
    TcpListener::bind(address).await.map_err(refused(listener, address))
}

fn refused(listener: &'static str, address: SocketAddr) -> impl Fn(io::Error) -> StartError {
    move |error| StartError::Bind {
        listener,
        address,
        error,
    }
}

/// Binds both listeners of a gateway, as its configuration says, and serves it.
///
/// # Errors
/// An address cannot be bound.
pub async fn serve(mosaic: &Mosaic) -> Result<Serving, StartError> {
    serve_on(mosaic, bind(mosaic.config()).await?).await
}

/// Serves a gateway on the addresses that were taken for it.
///
/// # Errors
/// The system's: no thread is to be had.
pub async fn serve_on(mosaic: &Mosaic, Bound { public, admin }: Bound) -> Result<Serving, StartError> {
    let config = mosaic.config();
    let stopping = Arc::new(AtomicBool::new(false));
    let recorder = mosaic.inner.telemetry.recorder();
    let limits = limits(&config.server);
    // The admin listener first: probes answer while the public one comes up. It has a thread of its own, so that it
    // answers whatever the calls do to those of this runtime.
    let address = config.admin.listen;
    let router = mosaic.admin_router(address, stopping.clone());
    let few = ServerLimits {
        max_connections: config.admin.max_connections,
        ..limits.clone()
    };
    let meters = ServerMeters::new(&recorder, "admin");
    let admin = DedicatedListener::on("mosaic-admin", admin, few, router, meters).await;
    let admin = admin.map_err(refused("admin", address))?;
    let meters = ServerMeters::new(&recorder, "public");
    let public = Listener::on(public, limits, mosaic.router(), meters);
    let public = public.map_err(refused("public", config.server.listen))?;
    Ok(Serving {
        public: public.local_addr(),
        admin: admin.local_addr(),
        listeners: (public, admin),
        stopping,
    })
}

impl Serving {
    /// Turns readiness false, waits the configured grace, and drains: no new requests, then, at the end of the
    /// configured time, their reply or their stream's typed end to the calls that are left, and last the connections.
    pub async fn stop(self, mosaic: &Mosaic) -> Drained {
        let config = &mosaic.config().server;
        self.stopping.store(true, Release);
        tokio::time::sleep(config.drain_grace).await;
        let until = Instant::now() + config.drain_timeout;
        let (public, admin) = self.listeners;
        public.close();
        public.finished(config.drain_timeout).await;
        let mut drained = mosaic
            .shutdown_within(until.saturating_duration_since(Instant::now()))
            .await;
        public.finished(LAST_WORDS).await;
        let cut = public.cut().await.cut;
        if cut > 0 {
            tracing::warn!(cut, "requests were cut at the end of the drain");
            drained = Drained::Cancelled;
        }
        admin.drain(Duration::from_secs(1)).await;
        drained
    }
}

fn limits(config: &ServerConfig) -> ServerLimits {
    ServerLimits {
        max_connections: connections(config.max_connections),
        header_timeout: config.header_read_timeout,
        idle_timeout: config.idle_timeout,
        write_timeout: config.write_timeout,
        max_unread: config.max_unread,
        max_unread_total: config.max_unread_total,
        linger: config.linger,
        max_headers: config.max_headers,
        max_header_bytes: config.max_header_bytes,
        max_body: config.max_body,
        // Above the longest deadline that a caller may name.
        request_timeout: config.max_request_timeout + Duration::from_secs(5),
        ..ServerLimits::default()
    }
}

/// As many connections as are wanted, or as the process's descriptors allow.
fn connections(wanted: usize) -> usize {
    let Some(descriptors) = descriptors::limit() else {
        return wanted;
    };
    let most = (descriptors - descriptors / 4).saturating_sub(FEW).max(1);
    if wanted > most {
        tracing::warn!(
            wanted,
            most,
            descriptors,
            "fewer connections than max_connections: descriptors are limited"
        );
    }
    wanted.min(most)
}
