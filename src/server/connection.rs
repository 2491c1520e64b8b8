//! One connection, from its acceptance to its end.
//!
//! Invariant: whoever ends it, its place is free as soon as it has ended; a client that was refused while it sent gets to
//! the refusal, within `linger`.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;

use super::activity::{Activity, End};
use super::socket::Socket;
use super::unread::Unread;
use super::watch::{Seen, Watch};
use super::wire::Wire;
use super::{Http, Place, ServerState};
use crate::surfaces::tenure::Tenure;

/// Bytes that the kernel holds of what the client's side has no room for: what it says to take, a slow reader has taken.
const UNSENT: u32 = 64 * 1024;
/// How long a connection over the bound may take to ask, and to be told.
const REFUSAL: Duration = Duration::from_secs(2);

/// How long one that was told in passing may take to read it.
const TOLD: Duration = Duration::from_secs(1);

/// The most bytes that are read on for the sake of a refusal.
const LINGER_BYTES: usize = 256 << 20;

/// Why a connection ended.
enum Ended {
    /// As HTTP has it, well or not.
    Http,
    /// By our patience.
    Seen(Seen),
    /// With its listener.
    Cut,
}

impl ServerState {
    pub(super) async fn connection(self: Arc<Self>, stream: TcpStream, place: Place) {
        let (reader, writer) = stream.into_split();
        let stream: &TcpStream = writer.as_ref();
        let socket = SockRef::from(stream);
        // Answers are written whole; waiting to fill a packet only delays them. Without either it is slower, no worse.
        let _ = socket.set_tcp_nodelay(true);
        let _ = socket.set_tcp_notsent_lowat(UNSENT);
        let activity = Activity::new(self.in_flight.clone(), Unread::new(self.unread.clone()));
        let over = place.over;
        let counted = (!over).then(|| self.guard.meters.opened());
        // Held by this connection, and by what it may become; a drain waits for both.
        let place = (place, self.tasks.token(), counted);
        let tenure = Tenure::new(self.draining.clone(), self.cut.clone(), place);
        let ended = if over {
            let told = timeout(REFUSAL, self.carry(stream, reader, &activity, None)).await;
            told.unwrap_or(Ended::Cut)
        } else {
            self.carry(stream, reader, &activity, Some(tenure.clone())).await
        };
        match ended {
            Ended::Http if activity.broke_unseen() => {
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
            Ended::Http if activity.has_leftover() => self.linger(stream).await,
            // What the kernel still holds is not worth keeping either.
            Ended::Seen(Seen::End(End::Unread | End::Evicted)) => {
                let _ = socket.set_linger(Some(Duration::ZERO));
            }
            Ended::Http | Ended::Seen(_) | Ended::Cut => {}
        }
        // Closed, and not shut down before: whatever was to be said was.
        writer.forget();
        drop(tenure);
    }

    /// Keeps a connection that was told in passing: what it asked meanwhile would, unread, take the answer from it.
    pub(super) async fn told(self: Arc<Self>, stream: TcpStream, place: OwnedSemaphorePermit) {
        // One that stays is closed, as one that came when there was no such place.
        let _ = timeout(TOLD, self.linger(&stream)).await;
        drop((stream, place));
    }

    async fn carry(
        &self,
        stream: &TcpStream,
        reader: OwnedReadHalf,
        activity: &Arc<Activity>,
        tenure: Option<Tenure>,
    ) -> Ended {
        let wire = Wire::new(reader, activity.clone());
        if self.sealing.is_none() {
            return self.speak(stream, wire, &self.plain, activity, tenure).await;
        }
        activity.seal();
        match self.sealed(wire).await {
            // On the heap: what plain connections do without shall not cost each of them its room.
            Some(wire) => Box::pin(self.speak(stream, wire, &self.within_tls, activity, tenure)).await,
            None => Ended::Cut,
        }
    }

    /// The handshake, which takes no longer than a request's head may.
    async fn sealed(&self, wire: Wire) -> Option<TlsStream<Wire>> {
        let handshake = self.sealing.as_ref()?.acceptor().accept(wire);
        let met = tokio::select! {
            () = self.cut.cancelled() => return None,
            () = self.draining.cancelled() => return None,
            met = timeout(self.guard.limits.header_timeout, handshake) => met,
        };
        let failed = match met {
            Ok(Ok(stream)) => return Some(stream),
            Ok(Err(error)) => error.to_string(),
            Err(_) => "it took too long".to_owned(),
        };
        // A client's affair: a scanner, one that speaks no TLS, or one that does not trust the certificate.
        tracing::debug!(failed, "a TLS handshake failed");
        self.guard.meters.handshakes_failed.increment(1);
        None
    }

    async fn speak(
        &self,
        stream: &TcpStream,
        wire: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        http: &Http,
        activity: &Arc<Activity>,
        tenure: Option<Tenure>,
    ) -> Ended {
        let service = service_fn(|request| self.guard.clone().serve(activity.clone(), tenure.clone(), request));
        let socket = Socket::new(wire, activity.clone(), self.guard.clone());
        let mut connection = pin!(http.serve_connection_with_upgrades(TokioIo::new(socket), service));
        let mut watch = Watch::new(stream, activity.clone(), &self.guard.limits);
        let (mut cut, mut draining) = (pin!(self.cut.cancelled()), pin!(self.draining.cancelled()));
        let mut closing = false;
        poll_fn(|cx| {
            if cut.as_mut().poll(cx).is_ready() {
                return Poll::Ready(Ended::Cut);
            }
            if !closing && draining.as_mut().poll(cx).is_ready() {
                closing = true;
                connection.as_mut().graceful_shutdown();
            }
            loop {
                if let Poll::Ready(ended) = connection.as_mut().poll(cx) {
                    if let Err(error) = ended {
                        // The client's affair: it was told, or it is gone.
                        tracing::debug!(%error, "a connection ended in an error");
                    }
                    return Poll::Ready(Ended::Http);
                }
                match watch.poll(cx, &self.guard.limits) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Seen::Nudged) => {}
                    Poll::Ready(seen) => {
                        if let Seen::End(end) = seen {
                            self.guard.meters.ended(end);
                        }
                        return Poll::Ready(Ended::Seen(seen));
                    }
                }
            }
        })
        .await
    }

    /// Reads on, and keeps nothing: to close on bytes that were not read would take the answer from the client.
    async fn linger(&self, stream: &TcpStream) {
        let reading = async {
            let (mut scrap, mut read) = ([0; 8 * 1024], 0);
            while read < LINGER_BYTES && stream.readable().await.is_ok() {
                match stream.try_read(&mut scrap) {
                    Ok(count @ 1..) => read += count,
                    Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
                    Ok(0) | Err(_) => return,
                }
            }
        };
        tokio::select! {
            () = self.cut.cancelled() => {}
            _ = timeout(self.guard.limits.linger, reading) => {}
        }
    }
}
