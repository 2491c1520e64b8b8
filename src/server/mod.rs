//! Listeners: sockets, connections and their bounds. One type serves the public surface, the admin surface and tests.
//!
//! Invariant: every connection ends; by its client, by a bound, by drain, or by the cut at the end of drain's time.

mod activity;
mod dedicated;
mod guard;
mod hearing;
mod limits;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use activity::Activity;
use guard::Guard;

pub use dedicated::DedicatedListener;
pub use limits::ServerLimits;

/// How long to wait when the system refuses a connection (no descriptors left): long enough not to spin, short
/// enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);

/// A running listener. Dropping it cuts its connections; [`Listener::drain`] lets them finish.
pub struct Listener {
    local_addr: SocketAddr,
    shared: Arc<ServerState>,
}

struct ServerState {
    guard: Arc<Guard>,
    http: auto::Builder<TokioExecutor>,
    /// No new connections, no new requests.
    draining: CancellationToken,
    /// No more patience.
    cut: CancellationToken,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    in_flight: Arc<AtomicUsize>,
}

/// How a drain went.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Drained {
    /// Requests that were cut because the time was over.
    pub cut: usize,
}

impl Listener {
    /// Binds, and serves `router` from then on.
    ///
    /// # Errors
    /// The system's, where the address cannot be bound.
    pub async fn bind(addr: SocketAddr, limits: ServerLimits, router: Router) -> io::Result<Self> {
        let socket = TcpListener::bind(addr).await?;
        let local_addr = socket.local_addr()?;
        let shared = Arc::new(ServerState {
            http: http(&limits),
            places: Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
            guard: Arc::new(Guard { limits, router }),
            draining: CancellationToken::new(),
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
            in_flight: Arc::default(),
        });
        shared.tasks.spawn(shared.clone().accept(socket));
        Ok(Listener { local_addr, shared })
    }

    /// The address bound, with the port that the system chose where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// Requests under way.
    pub fn in_flight(&self) -> usize {
        self.shared.in_flight.load(Ordering::Relaxed)
    }

    /// Refuses new connections at once, lets requests under way finish, and cuts what is left after `timeout`.
    pub async fn drain(self, timeout: Duration) -> Drained {
        self.shared.draining.cancel();
        self.shared.tasks.close();
        let finished = tokio::time::timeout(timeout, self.shared.tasks.wait()).await;
        let cut = if finished.is_ok() { 0 } else { self.in_flight() };
        self.shared.cut.cancel();
        self.shared.tasks.wait().await;
        Drained { cut }
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        self.shared.draining.cancel();
        self.shared.cut.cancel();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Listener")
            .field("local_addr", &self.local_addr)
            .field("in_flight", &self.in_flight())
            .finish_non_exhaustive()
    }
}

impl ServerState {
    async fn accept(self: Arc<Self>, socket: TcpListener) {
        loop {
            let place = tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                place = self.places.clone().acquire_owned() => place.expect("nobody closes the semaphore"),
            };
            let accepted = tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => {
                    self.tasks.spawn(self.clone().connection(stream, place));
                }
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    /// Serves one connection to its end. An error of it is the client's affair: it was told, or it is gone.
    async fn connection(self: Arc<Self>, stream: TcpStream, _place: OwnedSemaphorePermit) {
        // Answers are written whole; waiting to fill a packet only delays them. Without it they are slower, no worse.
        let _ = stream.set_nodelay(true);
        let activity = Activity::new(self.in_flight.clone());
        let service = service_fn({
            let (guard, activity) = (self.guard.clone(), activity.clone());
            move |request| guard.clone().serve(activity.clone(), request)
        });
        let connection = self.http.serve_connection(TokioIo::new(stream), service);
        tokio::pin!(connection);
        let ended = tokio::select! {
            biased;
            () = self.cut.cancelled() => return,
            ended = connection.as_mut() => ended,
            () = self.draining.cancelled() => {
                connection.as_mut().graceful_shutdown();
                tokio::select! {
                    () = self.cut.cancelled() => return,
                    ended = connection => ended,
                }
            }
            () = activity.too_quiet(&self.guard.limits) => return,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended in an error");
        }
    }
}

fn http(limits: &ServerLimits) -> auto::Builder<TokioExecutor> {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.header_timeout)
        .max_headers(limits.max_headers)
        .max_buf_size(limits.max_header_bytes.max(limits::LEAST_HEADER_BYTES));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.max_streams)
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}
