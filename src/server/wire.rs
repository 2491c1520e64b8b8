//! The bytes of a connection as the network has them, and whether its client takes them.
//!
//! Invariant: that a client takes nothing is seen here, whatever speaks above.

use std::io::{self, ErrorKind, IoSlice};
use std::net::Shutdown;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use socket2::SockRef;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;
use tokio::net::tcp::OwnedReadHalf;

use super::activity::Activity;

pub(super) struct Wire {
    /// The whole socket: only a half's own reading knows, without asking the system again, that it has read all.
    stream: OwnedReadHalf,
    activity: Arc<Activity>,
}

impl Wire {
    pub(super) fn new(stream: OwnedReadHalf, activity: Arc<Activity>) -> Self {
        Wire { stream, activity }
    }

    fn tcp(&self) -> &TcpStream {
        self.stream.as_ref()
    }
}

impl AsyncRead for Wire {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buffer))?;
        if buffer.filled().len() > before {
            self.activity.heard();
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Wire {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        loop {
            let Poll::Ready(ready) = self.tcp().poll_write_ready(cx) else {
                self.activity.wrote(false);
                return Poll::Pending;
            };
            ready?;
            match self.tcp().try_write_vectored(bytes) {
                Err(error) if error.kind() == ErrorKind::WouldBlock => self.activity.wrote(false),
                sent => {
                    self.activity.wrote(true);
                    return Poll::Ready(sent);
                }
            }
        }
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(SockRef::from(self.tcp()).shutdown(Shutdown::Write))
    }
}
