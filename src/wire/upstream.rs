//! A connection to an upstream, as the HTTP client sees it.
//!
//! Invariant: by HTTP/1, between a request and the head of its answer no more is read than a provider has to say there; and
//! what it said before it stopped listening is read, whatever became of what was still to be sent. HTTP/2 is left to its
//! library, which passes over informational answers one by one; how many come, only the time of an attempt bounds.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper_util::client::legacy::connect::{Connected, Connection};
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};

/// The most informational answers (1xx) to one request by HTTP/1. A server that works for long says every some seconds that
/// it does.
const MOST_INFORMED: u32 = 100;
/// The most bytes of all of them.
const MOST_BYTES: usize = 64 << 10;
/// What each head begins with, as far as its kind shows: what stands here for digits is not looked at.
const LINE: &[u8] = b"HTTP/1.1 1";

/// A stream of bytes in both directions, in clear or not.
pub(super) trait Duplex: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Duplex for T {}

/// An upstream that says again and again that it is about to answer. The HTTP client reads on for as long as there is
/// something to read, and does nothing else.
#[derive(Debug, thiserror::Error)]
#[error("informational answers (1xx) came without end")]
pub struct Endless;

/// A connection that stands.
pub(super) struct Upstream {
    stream: Box<dyn Duplex>,
    /// It is told by whole addresses what is asked for.
    proxied: bool,
    by_h2: bool,
    heads: Heads,
    /// The other side takes nothing more.
    deaf: bool,
}

impl Upstream {
    pub(super) fn new(stream: Box<dyn Duplex>, proxied: bool, by_h2: bool) -> Self {
        Upstream {
            stream,
            proxied,
            by_h2,
            heads: Heads::default(),
            deaf: false,
        }
    }

    /// What became of a write. One that the other side does not take any more waits: what it has said is read first, and
    /// then that it has gone.
    fn wrote(&mut self, written: Poll<io::Result<usize>>, cx: &mut Context<'_>) -> Poll<io::Result<usize>> {
        match ready!(written) {
            Ok(count) => {
                self.heads.asked(count);
                Poll::Ready(Ok(count))
            }
            Err(error) if !self.by_h2 && is_gone(&error) => {
                self.deaf = true;
                cx.waker().wake_by_ref();
                Poll::Pending
            }
            Err(error) => Poll::Ready(Err(error)),
        }
    }
}

/// Whether the other side listens no more.
fn is_gone(error: &io::Error) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset};
    matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset)
}

impl AsyncRead for Upstream {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &mut ReadBuf<'_>) -> Poll<io::Result<()>> {
        let before = buf.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(cx, buf))?;
        // The heads of HTTP/2 are packed, and those of several answers come by turns.
        if !self.by_h2 {
            let read = self.heads.read(&buf.filled()[before..]);
            read.map_err(|endless| io::Error::new(io::ErrorKind::InvalidData, endless))?;
        }
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Upstream {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buf: &[u8]) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write(cx, buf);
        self.wrote(written, cx)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bufs: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.deaf {
            return Poll::Pending;
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, bufs);
        self.wrote(written, cx)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        match ready!(Pin::new(&mut self.stream).poll_flush(cx)) {
            Err(error) if !self.by_h2 && is_gone(&error) => {
                self.deaf = true;
                Poll::Ready(Ok(()))
            }
            flushed => Poll::Ready(flushed),
        }
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(cx)
    }
}

impl Connection for Upstream {
    fn connected(&self) -> Connected {
        let connected = Connected::new().proxy(self.proxied);
        match self.by_h2 {
            true => connected.negotiated_h2(),
            false => connected,
        }
    }
}

/// What was read since a request, as far as the head of its answer.
#[derive(Default)]
struct Heads {
    at: At,
    informed: u32,
    bytes: usize,
}

/// Where in it the next byte is.
#[derive(Clone, Copy, Default)]
enum At {
    /// So far in the first line of a head.
    Line(usize),
    /// Within an informational one: so many bytes of a line have come.
    Informed(usize),
    /// Behind all that is looked at, until something is asked again.
    #[default]
    Behind,
}

impl Heads {
    /// A request goes on its way.
    fn asked(&mut self, bytes: usize) {
        if bytes > 0 && matches!(self.at, At::Behind) {
            *self = Heads {
                at: At::Line(0),
                ..Heads::default()
            };
        }
    }

    fn read(&mut self, bytes: &[u8]) -> Result<(), Endless> {
        for byte in bytes {
            self.at = match (self.at, byte) {
                (At::Behind, _) => return Ok(()),
                // Empty lines before a head are passed over.
                (At::Line(0), b'\r' | b'\n') => At::Line(0),
                (At::Line(at), byte) => match LINE.get(at) {
                    Some(expected) if expected == byte || expected.is_ascii_digit() && at + 1 < LINE.len() => {
                        match at + 1 == LINE.len() {
                            true => At::Informed(at + 1),
                            false => At::Line(at + 1),
                        }
                    }
                    _ => At::Behind,
                },
                (At::Informed(0), b'\n') => {
                    self.informed += 1;
                    At::Line(0)
                }
                (At::Informed(_), b'\n') => At::Informed(0),
                (At::Informed(length), b'\r') => At::Informed(length),
                (At::Informed(length), _) => At::Informed(length.saturating_add(1)),
            };
            self.bytes += 1;
            if self.informed > MOST_INFORMED || self.bytes > MOST_BYTES {
                return Err(Endless);
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const EARLY: &str = "HTTP/1.1 103 Early Hints\r\nlink: </x>\r\n\r\n";

    fn asked() -> Heads {
        let mut heads = Heads::default();
        heads.asked(1);
        heads
    }

    #[test]
    fn as_many_informational_answers_are_read_as_a_provider_may_have_to_give() {
        let many = |count: u32| EARLY.repeat(count as usize);
        let mut heads = asked();
        heads.read(many(MOST_INFORMED).as_bytes()).expect("a long work");
        heads.read(b"HTTP/1.1 200 OK\r\n\r\n").expect("its answer");
        // Behind the head it is a body, whatever stands in it.
        heads.read(many(10 * MOST_INFORMED).as_bytes()).expect("a body");
        heads.asked(1);
        heads.read(many(MOST_INFORMED).as_bytes()).expect("another request's");
        assert!(heads.read(EARLY.as_bytes()).is_err());
    }

    #[test]
    fn however_they_are_cut_and_written_they_are_counted() {
        for text in [EARLY, "HTTP/1.0 100\n\n", "\r\nHTTP/1.1 199 x\nb: c\r\n\n"] {
            let mut heads = asked();
            let endless = text.repeat(MOST_INFORMED as usize + 1);
            let read = endless.as_bytes().chunks(1).try_for_each(|piece| heads.read(piece));
            assert!(read.is_err(), "{text:?}");
        }
        let long = format!("HTTP/1.1 103 x\r\na: {}", "y".repeat(MOST_BYTES));
        assert!(asked().read(long.as_bytes()).is_err());
        for other in ["HTTP/1.1 200 OK\r\n", "HTTP/1.1 404 x\r\n", "1xx", "HTTP/1.1 x"] {
            let mut heads = asked();
            heads.read(other.as_bytes()).expect("none of these");
            heads.read("y".repeat(2 * MOST_BYTES).as_bytes()).expect("no matter");
        }
    }
}
