//! A connection as hyper reads and writes it, plain or within TLS.
//!
//! Invariant: what hyper answers by itself, before there is a request, goes out as a problem like every other refusal.

use std::io::{self, ErrorKind, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf, Bytes};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

use super::activity::Activity;
use super::guard::Guard;

pub(super) struct Socket<S> {
    stream: S,
    activity: Arc<Activity>,
    guard: Arc<Guard>,
    /// What goes out in place of hyper's own answer.
    own: Bytes,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Socket<S> {
    pub(super) fn new(stream: S, activity: Arc<Activity>, guard: Arc<Guard>) -> Self {
        Socket {
            stream,
            activity,
            guard,
            own: Bytes::new(),
        }
    }

    fn poll_own(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        while !self.own.is_empty() {
            let sent = ready!(Pin::new(&mut self.stream).poll_write(cx, &self.own))?;
            self.own.advance(sent);
        }
        Poll::Ready(Ok(()))
    }

    /// Whether hyper answers a head that it could not read, and there is no request that could be answered.
    fn is_hypers_own(&self, bytes: &[IoSlice<'_>]) -> bool {
        let begins = bytes.first().is_some_and(|first| first.starts_with(b"HTTP/1.1 4"));
        begins && !self.activity.is_answering() && !self.activity.is_busy()
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Socket<S> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(cx, buffer)
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Socket<S> {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        ready!(self.poll_own(cx))?;
        if self.activity.has_ahead() {
            let ahead = self.activity.take_ahead();
            // Whole or not at all: hyper writes an answer's head at once.
            return Poll::Ready(match bytes.first().is_some_and(|first| first.starts_with(ahead)) {
                true => Ok(ahead.len()),
                false => Err(ErrorKind::InvalidData.into()),
            });
        }
        if self.is_hypers_own(bytes)
            && let Some(own) = self.guard.instead_of(&bytes[0])
        {
            self.own = own;
            self.activity.leaves_over();
            return Poll::Ready(Ok(bytes[0].len()));
        }
        Pin::new(&mut self.stream).poll_write_vectored(cx, bytes)
    }

    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(cx))?;
        ready!(Pin::new(&mut self.stream).poll_flush(cx))?;
        self.activity.flushed();
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        ready!(self.poll_own(cx))?;
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}
