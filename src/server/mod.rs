//! Listeners: sockets, connections and their bounds. One type serves the public surface, the admin surface and tests.
//!
//! Invariant: every connection ends; by its client, by a bound, by drain, or by the cut at the end of drain's time.

mod activity;
mod body;
mod connection;
mod dedicated;
mod guard;
mod limits;
mod meters;
mod socket;
mod tls;
mod unread;
mod watch;
mod wire;

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::Router;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use guard::Guard;

pub use dedicated::DedicatedListener;
pub use limits::ServerLimits;
pub use meters::ServerMeters;
pub use tls::{Certificate, CertificateFiles, LOOK_AGAIN, UnfitCertificate};

/// How long to wait when the system refuses a connection (no descriptors left): long enough not to spin, short
/// enough not to be noticed.
const ACCEPT_PAUSE: Duration = Duration::from_millis(50);
/// How many connections over the bound are listened to, and told so as HTTP has it; more are told in passing.
const MOST_REFUSED: usize = 32;
/// How many of those are kept open until they have read it; of more, the answer is in their machine when they are closed, and
/// it is for that to keep it.
const MOST_TOLD: usize = 32;

/// Streams of one HTTP/2 connection that were reset before anybody looked at them, or because their client erred.
const MOST_TAKEN_BACK: usize = 32;
/// Bytes of one HTTP/2 stream's answer that wait for its client's window.
const MOST_BUFFERED: usize = 64 * 1024;

/// A running listener. Dropping it cuts its connections; [`Listener::drain`] lets them finish.
pub struct Listener {
    local_addr: SocketAddr,
    shared: Arc<ServerState>,
}

type Http = auto::Builder<TokioExecutor>;

struct ServerState {
    guard: Arc<Guard>,
    plain: Http,
    within_tls: Http,
    /// Where it speaks TLS, and nothing else: by which certificate.
    sealing: Option<Arc<Certificate>>,
    /// No new connections, no new requests.
    draining: CancellationToken,
    /// No more patience.
    cut: CancellationToken,
    tasks: TaskTracker,
    places: Arc<Semaphore>,
    /// The places of those that are told that there is none.
    refusals: Arc<Semaphore>,
    /// The places of those that were told so in passing.
    told: Arc<Semaphore>,
    in_flight: Arc<AtomicUsize>,
    unread: Arc<AtomicUsize>,
}

/// What a connection occupies while it lives.
struct Place {
    /// It is over the bound: it is told so, and closed.
    over: bool,
    _permit: OwnedSemaphorePermit,
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
        Self::bind_measured(addr, limits, router, ServerMeters::unseen()).await
    }

    /// As [`Listener::bind`], and counts what happens.
    ///
    /// # Errors
    /// As [`Listener::bind`].
    pub async fn bind_measured(
        addr: SocketAddr,
        limits: ServerLimits,
        router: Router,
        meters: ServerMeters,
    ) -> io::Result<Self> {
        Self::on(TcpListener::bind(addr).await?, limits, router, meters)
    }

    /// Serves `router` on a socket that is bound already.
    ///
    /// # Errors
    /// The system's, where the socket has no address.
    pub fn on(socket: TcpListener, limits: ServerLimits, router: Router, meters: ServerMeters) -> io::Result<Self> {
        Self::sealed(socket, limits, router, meters, None)
    }

    /// As [`Listener::on`], within TLS where there is a certificate to show.
    ///
    /// # Errors
    /// As [`Listener::on`].
    pub fn sealed(
        socket: TcpListener,
        limits: ServerLimits,
        router: Router,
        meters: ServerMeters,
        certificate: Option<Arc<Certificate>>,
    ) -> io::Result<Self> {
        let local_addr = socket.local_addr()?;
        let shared = Arc::new(ServerState {
            plain: http(&limits, true),
            within_tls: http(&limits, false),
            sealing: certificate,
            places: Arc::new(Semaphore::new(limits.max_connections.clamp(1, Semaphore::MAX_PERMITS))),
            refusals: Arc::new(Semaphore::new(MOST_REFUSED)),
            told: Arc::new(Semaphore::new(MOST_TOLD)),
            guard: Arc::new(Guard { limits, router, meters }),
            draining: CancellationToken::new(),
            cut: CancellationToken::new(),
            tasks: TaskTracker::new(),
            in_flight: Arc::default(),
            unread: Arc::default(),
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

    /// Refuses new connections and new requests from now on.
    pub fn close(&self) {
        self.shared.draining.cancel();
        self.shared.tasks.close();
    }

    /// Whether all connections have ended within `timeout`, after [`Listener::close`].
    pub async fn finished(&self, timeout: Duration) -> bool {
        tokio::time::timeout(timeout, self.shared.tasks.wait()).await.is_ok()
    }

    /// Cuts what is left.
    pub async fn cut(self) -> Drained {
        let cut = self.in_flight();
        self.close();
        self.shared.cut.cancel();
        self.shared.tasks.wait().await;
        Drained { cut }
    }

    /// Refuses new connections at once, lets requests under way finish, and cuts what is left after `timeout`.
    pub async fn drain(self, timeout: Duration) -> Drained {
        self.close();
        self.finished(timeout).await;
        self.cut().await
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
            let accepted = tokio::select! {
                biased;
                () = self.draining.cancelled() => return,
                accepted = socket.accept() => accepted,
            };
            match accepted {
                Ok((stream, _)) => match self.place() {
                    Some(place) => {
                        self.tasks.spawn(self.clone().connection(stream, place));
                    }
                    None => {
                        // Who waits for a handshake could not read it.
                        if self.sealing.is_none() {
                            self.tell_in_passing(stream);
                        }
                    }
                },
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn tell_in_passing(self: &Arc<Self>, stream: TcpStream) {
        self.guard.tell_in_passing(&stream);
        if let Ok(place) = self.told.clone().try_acquire_owned() {
            self.tasks.spawn(self.clone().told(stream, place));
        }
    }

    /// The place of a new connection; `None` where there is not even one to be refused in.
    fn place(&self) -> Option<Place> {
        let of = |places: &Arc<Semaphore>, over| {
            let _permit = places.clone().try_acquire_owned().ok()?;
            Some(Place { over, _permit })
        };
        of(&self.places, false).or_else(|| {
            self.guard.meters.refused.increment(1);
            of(&self.refusals, true)
        })
    }
}

/// Whether a client that closed its sending side is there is ours to find out, where `outlives_half` of a connection: within
/// TLS nothing can be said beside hyper, and what its client closes is closed whole.
fn http(limits: &ServerLimits, outlives_half: bool) -> Http {
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // Ours tells a head that is on its way from one that nobody sends, and from an answer that is still being read.
        .header_read_timeout(None)
        .half_close(outlives_half)
        .max_headers(limits.max_headers)
        .max_buf_size(limits.max_header_bytes.max(limits::LEAST_HEADER_BYTES));
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_header_list_size(u32::try_from(limits.max_header_bytes).unwrap_or(u32::MAX))
        .max_concurrent_streams(limits.max_streams)
        // A client that opens streams only to take them back has its connection ended.
        .max_pending_accept_reset_streams(MOST_TAKEN_BACK)
        .max_local_error_reset_streams(MOST_TAKEN_BACK)
        .max_send_buf_size(MOST_BUFFERED)
        .keep_alive_interval(limits.idle_timeout)
        .keep_alive_timeout(limits.header_timeout);
    builder
}
