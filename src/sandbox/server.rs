//! One server: its state, its accept loop and its connections.
//!
//! The accept loop is our own because faults act on the socket, which `axum::serve` keeps to itself.
//!
//! Invariant: every task of a server ends within [`DRAIN_TIME`] after the server is told to stop.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use http::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use secrecy::ExposeSecret;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::config::{SandboxError, ServerConfig};
use super::count::Requests;
use super::exchange;
use super::fault::{Fault, FaultError};
use super::fault_table::{FaultId, FaultTable, SetFault};
use super::kit::vendor::{Instance, Opened};
use super::socket::{ResetSwitch, Socket};
use super::state::Server;
use super::vendors;

/// The most connections of one server; further ones wait in the listen queue.
const MAX_CONNECTIONS: usize = 1_024;
/// How long a client may take over a request's head.
const HEAD_TIME: Duration = Duration::from_secs(30);
/// How long answers that are under way may take after the server is told to stop.
const DRAIN_TIME: Duration = Duration::from_secs(2);
/// Rest after a failed accept: out of file descriptors, most likely.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running server, as tests and the command line hold it.
#[derive(Clone)]
pub struct ServerHandle {
    server: Arc<Server>,
}

impl std::fmt::Debug for ServerHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Server { name, base_url, .. } = &*self.server;
        f.debug_struct("ServerHandle")
            .field("name", name)
            .field("base_url", base_url)
            .finish_non_exhaustive()
    }
}

impl ServerHandle {
    /// The name given in the configuration.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.server.name
    }

    /// Whose API it speaks.
    #[must_use]
    pub fn vendor(&self) -> &'static str {
        self.server.vendor_name
    }

    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.server.address
    }

    /// What a client is given as the vendor's base URL, without a slash at its end.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.server.base_url
    }

    /// `http://host:port`: where the control endpoint `/_sandbox` is.
    #[must_use]
    pub fn origin(&self) -> &str {
        &self.server.instance.origin
    }

    /// The credential that it accepts.
    #[must_use]
    pub fn token(&self) -> &str {
        self.server.instance.token.expose_secret()
    }

    /// The faults of this server.
    #[must_use]
    pub fn faults(&self) -> Faults<'_> {
        Faults { server: &self.server }
    }

    /// What it has seen up to now.
    #[must_use]
    pub fn requests(&self) -> Requests {
        self.server.requests().clone()
    }

    /// How many items clients have created on it.
    #[must_use]
    pub fn created(&self) -> usize {
        self.server.vendor.created()
    }
}

/// Sets and clears the faults of a running server; the next request sees the change.
#[derive(Clone, Copy)]
pub struct Faults<'a> {
    server: &'a Server,
}

impl Faults<'_> {
    /// Sets a fault.
    ///
    /// # Errors
    /// A field out of range, or too many faults.
    pub fn add(&self, fault: Fault) -> Result<FaultId, FaultError> {
        self.server.faults().add(fault)
    }

    /// Removes one fault; false: there is none of that name.
    pub fn remove(&self, id: FaultId) -> bool {
        self.server.faults().remove(id)
    }

    /// Removes all faults.
    pub fn clear(&self) {
        self.server.faults().clear();
    }

    /// All faults with their hits.
    #[must_use]
    pub fn list(&self) -> Vec<SetFault> {
        self.server.faults().list()
    }
}

/// A bound listener and the server behind it, not yet accepting.
pub(crate) struct Bound {
    listener: TcpListener,
    server: Arc<Server>,
}

impl Bound {
    /// Binds the address and opens the vendor on it. `config` has been checked.
    pub async fn bind(config: ServerConfig) -> Result<Self, SandboxError> {
        let refused = |source| SandboxError::Bind {
            server: config.name.clone(),
            address: config.bind,
            source,
        };
        let row = vendors::find(&config.vendor).ok_or_else(|| SandboxError::Invalid {
            server: config.name.clone(),
            field: "vendor",
            reason: "is unknown".to_owned(),
        })?;
        let listener = TcpListener::bind(config.bind).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let instance = Instance {
            name: config.name.clone(),
            origin: format!("http://{address}"),
            token: config.token,
            requests_per_window: config.requests_per_window,
            chunk_pace: config.chunk_pace,
        };
        let mut faults = FaultTable::default();
        for fault in config.faults {
            let named = |error: FaultError| SandboxError::Invalid {
                server: config.name.clone(),
                field: "fault",
                reason: error.to_string(),
            };
            faults.add(fault).map_err(named)?;
        }
        let Opened { vendor, router } = (row.open)(instance.clone());
        let server = Arc::new(Server {
            name: config.name,
            vendor_name: row.name,
            address,
            base_url: format!("{}{}", instance.origin, row.base_path),
            instance,
            vendor,
            router,
            faults: Mutex::new(faults),
            requests: Mutex::default(),
        });
        Ok(Self { listener, server })
    }

    pub fn handle(&self) -> ServerHandle {
        ServerHandle {
            server: self.server.clone(),
        }
    }

    /// Accepts until told to stop, then lets the connections finish within [`DRAIN_TIME`] and drops the rest.
    pub async fn serve(self, stop: CancellationToken) {
        let places = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let mut connections = JoinSet::new();
        loop {
            let accept = async {
                // The semaphore is never closed; without a place we wait here and do not accept.
                let place = places.clone().acquire_owned().await.ok();
                (place, self.listener.accept().await)
            };
            tokio::select! {
                () = stop.cancelled() => break,
                Some(_) = connections.join_next(), if !connections.is_empty() => {}
                (place, accepted) = accept => match accepted {
                    Ok((stream, _)) => {
                        let connection = serve_connection(self.server.clone(), stream, stop.clone());
                        connections.spawn(async move { connection.await; drop(place) });
                    }
                    Err(error) => {
                        tracing::warn!(server = self.server.name, %error, "sandbox: accept failed");
                        sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        drop(self.listener);
        let drained = async { while connections.join_next().await.is_some() {} };
        if timeout(DRAIN_TIME, drained).await.is_err() {
            connections.shutdown().await;
        }
    }
}

async fn serve_connection(server: Arc<Server>, stream: TcpStream, stop: CancellationToken) {
    if let Err(error) = stream.set_nodelay(true) {
        tracing::debug!(%error, "sandbox: the peer is gone already");
        return;
    }
    let reset = ResetSwitch::default();
    let socket = Socket::new(stream, reset.clone());
    let service = service_fn(|request: Request<Incoming>| {
        let (server, reset, stop) = (server.clone(), reset.clone(), stop.clone());
        async move { exchange::answer(&server, &reset, &stop, request).await }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIME)
        .serve_connection(TokioIo::new(socket), service);
    let mut connection = std::pin::pin!(connection);
    let ended = tokio::select! {
        ended = connection.as_mut() => ended,
        () = stop.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = ended {
        // A fault that breaks the connection ends here too, and so does a client that leaves: neither is our failure.
        tracing::debug!(server = server.name, %error, "sandbox: connection ended early");
    }
}
