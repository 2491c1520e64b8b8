//! A listener on a thread and a runtime of its own.
//!
//! Invariant: it answers while every thread of another runtime is busy; nothing that it serves waits for one of them
//! unless a handler asks for it.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use tokio::net::TcpListener;
use tokio::runtime::Builder;
use tokio::sync::oneshot;

use super::{Certificate, Drained, Listener, ServerLimits, ServerMeters};

/// What a drain is told: how long it may take, and where to tell how it went.
type Order = (Duration, oneshot::Sender<Drained>);

/// A [`Listener`] that shares no thread with its maker. Dropping it cuts its connections.
pub struct DedicatedListener {
    local_addr: SocketAddr,
    orders: oneshot::Sender<Order>,
}

impl DedicatedListener {
    /// Binds, and serves `router` from then on, on one thread called `name`.
    ///
    /// # Errors
    /// The system's, where there is no thread to be had or the address cannot be bound.
    pub async fn bind(
        name: &str,
        addr: SocketAddr,
        limits: ServerLimits,
        router: Router,
        meters: ServerMeters,
    ) -> io::Result<Self> {
        Self::on(name, TcpListener::bind(addr).await?, limits, router, meters, None).await
    }

    /// Serves `router` on a socket that is bound already, on one thread called `name`; within TLS where there is a certificate
    /// to show.
    ///
    /// # Errors
    /// The system's, where there is no thread to be had.
    pub async fn on(
        name: &str,
        socket: TcpListener,
        limits: ServerLimits,
        router: Router,
        meters: ServerMeters,
        certificate: Option<Arc<Certificate>>,
    ) -> io::Result<Self> {
        let runtime = Builder::new_current_thread().enable_all().build()?;
        let (bound, binding) = oneshot::channel();
        let (orders, ordered) = oneshot::channel();
        let serve = move || {
            runtime.block_on(async {
                // Waited on by the runtime that serves it.
                let socket = socket.into_std().and_then(TcpListener::from_std);
                match socket.and_then(|socket| Listener::sealed(socket, limits, router, meters, certificate)) {
                    Ok(listener) => {
                        // Whoever waits for it may have gone; then nobody holds `orders`, and it ends at once.
                        let _gone = bound.send(Ok(listener.local_addr()));
                        until_told(listener, ordered).await;
                    }
                    Err(error) => {
                        let _gone = bound.send(Err(error));
                    }
                }
            });
        };
        std::thread::Builder::new().name(name.to_owned()).spawn(serve)?;
        let local_addr = binding
            .await
            .unwrap_or_else(|_| Err(io::Error::other("the listener's thread ended")))?;
        Ok(DedicatedListener { local_addr, orders })
    }

    /// The address bound, with the port that the system chose where 0 was asked for.
    pub fn local_addr(&self) -> SocketAddr {
        self.local_addr
    }

    /// As [`Listener::drain`].
    pub async fn drain(self, timeout: Duration) -> Drained {
        let (done, drained) = oneshot::channel();
        // A thread that has ended has cut everything already.
        let _gone = self.orders.send((timeout, done));
        drained.await.unwrap_or(Drained { cut: 0 })
    }
}

async fn until_told(listener: Listener, ordered: oneshot::Receiver<Order>) {
    match ordered.await {
        Ok((timeout, done)) => {
            let drained = listener.drain(timeout).await;
            // Whoever ordered it may have gone.
            let _gone = done.send(drained);
        }
        // Dropped: cut.
        Err(_) => drop(listener),
    }
}

impl fmt::Debug for DedicatedListener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DedicatedListener")
            .field("local_addr", &self.local_addr)
            .finish_non_exhaustive()
    }
}
