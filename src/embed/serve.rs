//! The two listeners of a gateway, and their end.
//!
//! Invariant: readiness turns false before anything closes, and nothing closes before the calls in flight have had
//! their time.

use std::io;
use std::net::SocketAddr;
use std::os::fd::AsFd;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{Acquire, Release};
use std::time::{Duration, Instant};

use axum::Router;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::gateway::Drained;
use mosaic_actors::policy::scopes::Action;
use mosaic_actors::system::VITAL;
use tokio::net::TcpListener;

use super::admin::Port;
use super::certificates::Certificates;
use super::error::StartError;
use super::mosaic::Mosaic;
use crate::admin::{self, AdminConfig, AdminKeys, Administrator, Check, Readiness};
use crate::config::{ADMIN_SCOPE, Config, ServerConfig};
use crate::descriptors;
use crate::server::{Certificate, DedicatedListener, Listener, ServerLimits, ServerMeters};
use crate::surfaces::hosts::Hosts;

/// How long the replies of calls that the drain ended may take to reach their clients.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How long the probes that were asked while the gateway started may take.
const LAST_PROBES: Duration = Duration::from_secs(1);

/// Descriptors that every process needs, and those of connections that are refused.
const FEW: usize = 96;

/// A gateway that listens.
#[derive(Debug)]
pub struct Serving {
    /// Where clients come.
    pub public: SocketAddr,
    /// Where operators come.
    pub admin: SocketAddr,
    listeners: (Listener, DedicatedListener),
    certificates: Certificates,
    stopping: Arc<AtomicBool>,
}

impl Mosaic {
    /// The admin surface for a listener at `addr`, to mount in a server of one's own; readiness turns false with
    /// `stopping`.
    pub fn admin_router(&self, addr: SocketAddr, stopping: Arc<AtomicBool>) -> Router {
        let (metrics, ready) = (self.clone(), self.clone());
        admin::router(AdminConfig {
            addr,
            hosts: self.config().admin.hosts.clone(),
            token: self.inner.admin_token.clone(),
            keys: self.config().has_admin_key().then(|| self.admin_keys()),
            readiness: Arc::new(move || ready.readiness(&stopping)),
            metrics: Arc::new(move || metrics.metrics()),
            port: Arc::new(Port(self.clone())),
        })
    }

    /// Those of callers who were granted the admin API by its name.
    fn admin_keys(&self) -> AdminKeys {
        let gateway = self.clone();
        Arc::new(move |key| {
            let principal = gateway.inner.keys.authenticate(key)?;
            let granted = |action| {
                principal
                    .scopes
                    .as_ref()
                    .is_some_and(|scopes| scopes.name(ADMIN_SCOPE, action))
            };
            let may_change = granted(Action::Write);
            if !may_change && !granted(Action::Read) {
                let sentence = "this key does not have the scope admin";
                return Some(Err(Failure::new(Kind::Forbidden, sentence)));
            }
            Some(Ok(Administrator {
                who: principal.identity.clone(),
                may_change,
            }))
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
}

/// The addresses of a gateway that is yet to start, taken.
#[derive(Debug)]
pub struct Bound {
    public: TcpListener,
    admin: TcpListener,
    /// Answers at the admin address until the gateway does.
    starting: DedicatedListener,
}

impl Bound {
    /// Where operators come, and probes are answered from now on.
    ///
    /// # Errors
    /// The system's.
    pub fn admin(&self) -> io::Result<SocketAddr> {
        self.admin.local_addr()
    }
}

/// Binds both addresses that a configuration names, before anything is started for them. Probes are answered at once: the
/// process lives, and is starting. Whoever connects to the public address is answered once the gateway serves.
///
/// # Errors
/// An address cannot be bound.
pub async fn bind(config: &Config) -> Result<Bound, StartError> {
    let public = bound("public", config.server.listen).await?;
    let address = config.admin.listen;
    let admin = bound("admin", address).await?;
    let certificate = Certificates::load(config, None)?.admin;
    let starting = starting(config, &admin, certificate).await;
    let starting = starting.map_err(refused("admin", address))?;
    Ok(Bound {
        public,
        admin,
        starting,
    })
}

/// A listener on the same socket, to be ended when the gateway's own is there.
async fn starting(
    config: &Config,
    admin: &TcpListener,
    certificate: Option<Arc<Certificate>>,
) -> io::Result<DedicatedListener> {
    let socket = std::net::TcpListener::from(admin.as_fd().try_clone_to_owned()?);
    let (socket, limits) = (TcpListener::from_std(socket)?, admin_limits(config));
    let meters = ServerMeters::unseen();
    DedicatedListener::on(
        "mosaic-starting",
        socket,
        limits,
        admin::starting(),
        meters,
        certificate,
    )
    .await
}

fn admin_limits(config: &Config) -> ServerLimits {
    ServerLimits {
        max_connections: config.admin.max_connections,
        ..limits(&config.server)
    }
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
pub async fn serve_on(mosaic: &Mosaic, bound: Bound) -> Result<Serving, StartError> {
    let Bound {
        public,
        admin,
        starting,
    } = bound;
    let config = mosaic.config();
    let stopping = Arc::new(AtomicBool::new(false));
    let recorder = mosaic.inner.telemetry.recorder();
    let certificates = Certificates::load(config, Some(&recorder))?.watched();
    // The admin listener first: probes answer while the public one comes up. It has a thread of its own, so that it
    // answers whatever the calls do to those of this runtime.
    let address = config.admin.listen;
    let router = mosaic.admin_router(address, stopping.clone());
    let meters = ServerMeters::new(&recorder, "admin");
    let (limits, certificate) = (admin_limits(config), certificates.admin.clone());
    let admin = DedicatedListener::on("mosaic-admin", admin, limits, router, meters, certificate).await;
    let admin = admin.map_err(refused("admin", address))?;
    let meters = ServerMeters::new(&recorder, "public");
    let public = public.local_addr().and_then(|address| {
        let router = mosaic.public_router(Some(Hosts::new(address.ip(), &config.server.hosts)));
        Listener::sealed(
            public,
            public_limits(config),
            router,
            meters,
            certificates.public.clone(),
        )
    });
    let public = public.map_err(refused("public", config.server.listen))?;
    starting.drain(LAST_PROBES).await;
    Ok(Serving {
        public: public.local_addr(),
        admin: admin.local_addr(),
        listeners: (public, admin),
        certificates,
        stopping,
    })
}

impl Serving {
    /// Has the files of the listeners' certificates read now, where they have changed; tells whether there are any.
    pub fn reload_certificates(&self) -> bool {
        self.certificates.look_now()
    }

    /// Turns readiness false, waits the configured grace, and drains: no new requests, then, at the end of the
    /// configured time, their reply or their stream's typed end to the calls that are left, and last the connections.
    pub async fn stop(self, mosaic: &Mosaic) -> Drained {
        let config = &mosaic.config().server;
        self.stopping.store(true, Release);
        tokio::time::sleep(config.drain_grace).await;
        let until = Instant::now() + config.drain_timeout;
        let (public, admin) = self.listeners;
        mosaic.inner.bus.end();
        #[cfg(feature = "mcp")]
        mosaic.inner.agents.cancel();
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

/// How long after the last deadline that a call can have its request is given up.
const NET: Duration = Duration::from_secs(5);

/// Files go through this listener: they are as large as those that come from providers, and take as long.
fn public_limits(config: &Config) -> ServerLimits {
    ServerLimits {
        max_upload: config.gateway.max_transfer_size,
        request_timeout: config.server.max_request_timeout.max(config.gateway.max_transfer) + NET,
        ..limits(&config.server)
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
        request_timeout: config.max_request_timeout + NET,
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
