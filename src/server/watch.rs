//! Looks at a connection from time to time: whether it has to end, and whether its client is still there.
//!
//! Invariant: a request that is answered within [`LOOK`] costs nothing here. Within TLS a client that closed is gone, and hyper
//! sees it. Of others, one that closed its sending side gets its answer, and one that went away is noticed, since its machine
//! refuses what is sent to it: words that say nothing, or, where HTTP has none, the beginning of the answer.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::ReadBuf;
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep};

use super::activity::{Activity, End, LOOK};
use super::limits::ServerLimits;

/// How long a machine may take to refuse what was sent to it.
const REFUSES_WITHIN: Duration = Duration::from_millis(200);
/// How often a client that closed its sending side is asked whether it is there.
const ASK_AGAIN: Duration = Duration::from_secs(3);

/// Bytes that say nothing, and that every client of HTTP/1.1 skips before an answer.
const ANNOUNCEMENT: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seen {
    /// It is to end.
    End(End),
    /// Its client went away.
    Gone,
    /// Its event stream has something to say.
    Nudged,
}

pub(super) struct Watch<'s> {
    stream: &'s TcpStream,
    activity: Arc<Activity>,
    next: Pin<Box<Sleep>>,
    /// The next look is farther away than one of a connection with requests under way.
    far: bool,
    /// The client closed its sending side, and was asked then whether it is there.
    asked: Option<Instant>,
    /// How long it is not asked again.
    patience: Duration,
}

impl<'s> Watch<'s> {
    pub(super) fn new(stream: &'s TcpStream, activity: Arc<Activity>, limits: &ServerLimits) -> Self {
        Watch {
            stream,
            activity,
            next: Box::pin(tokio::time::sleep(limits.header_timeout)),
            far: true,
            asked: None,
            patience: ASK_AGAIN,
        }
    }

    pub(super) fn poll(&mut self, cx: &mut Context<'_>, limits: &ServerLimits) -> Poll<Seen> {
        if self.far && self.activity.needs_look() {
            self.look_again(Instant::now(), LOOK.min(limits.write_timeout));
        }
        loop {
            ready!(self.next.as_mut().poll(cx));
            let now = Instant::now();
            let left = match self.activity.look(limits, now) {
                Ok(left) => left,
                Err(end) => return Poll::Ready(Seen::End(end)),
            };
            self.look_again(now, left);
            if self.activity.is_busy() && !self.activity.is_http2() && !self.activity.is_sealed() {
                match self.listen(cx, now) {
                    None => {}
                    Some(Seen::Nudged) => {
                        self.look_again(now, left.min(REFUSES_WITHIN));
                        return Poll::Ready(Seen::Nudged);
                    }
                    Some(seen) => return Poll::Ready(seen),
                }
            }
        }
    }

    fn look_again(&mut self, now: Instant, left: Duration) {
        self.far = left > LOOK;
        self.next.as_mut().reset(now + left);
    }

    /// Whether the client closed its sending side; if so, it is sent something.
    fn listen(&mut self, cx: &mut Context<'_>, now: Instant) -> Option<Seen> {
        if let Some(asked) = self.asked {
            if !matches!(self.stream.take_error(), Ok(None)) {
                return Some(Seen::Gone);
            }
            if now < asked + self.patience {
                return None;
            }
        }
        let mut byte = [0];
        match self.stream.poll_peek(cx, &mut ReadBuf::new(&mut byte)) {
            Poll::Ready(Ok(0)) => {
                self.asked = Some(now);
                if self.activity.is_answering() {
                    self.activity.nudge();
                } else if self.activity.may_announce() {
                    // Where it cannot be sent, the next look tells why.
                    let _ = self.stream.try_write(ANNOUNCEMENT);
                } else if let Some(byte) = self.activity.next_ahead()
                    && self.stream.try_write(byte).is_ok_and(|sent| sent > 0)
                {
                    self.activity.sent_ahead();
                    // There are few of them, and they have to do for the whole of a call.
                    self.patience *= 2;
                }
                Some(Seen::Nudged)
            }
            // More is on its way, or nothing.
            Poll::Ready(Ok(_)) | Poll::Pending => None,
            Poll::Ready(Err(_)) => Some(Seen::Gone),
        }
    }
}
