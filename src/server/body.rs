//! The bodies of a connection's requests and answers, as far as the listener minds them.
//!
//! Invariant: an answer's bytes are given to the connection in pieces, so that what a client has taken is known while it
//! takes; whatever becomes of a body, what it held is given back.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use axum::body::Body;
use bytes::Bytes;
use http_body::{Body as HttpBody, Frame, SizeHint};
use http_body_util::Limited;
use hyper::body::Incoming;

use super::activity::{Activity, InFlight};
use super::unread::Held;

/// The most bytes that are given to a connection at once. One frame of HTTP/2, and a quarter of what hyper gathers for one
/// write of HTTP/1.
const PIECE: usize = 16 * 1024;

/// A comment: readers of an event stream skip it.
const NUDGE: &[u8] = b":\n\n";

/// An answer's body, on its way.
pub(super) struct ResponseBody {
    body: Body,
    /// What is left of a frame.
    rest: Bytes,
    held: Held,
    /// How many bytes there will be is not known: they are held as they come.
    open_ended: bool,
    events: bool,
    /// A piece was given, and the connection did not come back yet.
    given: bool,
    in_flight: InFlight,
}

impl ResponseBody {
    pub(super) fn new(body: Body, events: bool, held: Held, in_flight: InFlight) -> Self {
        ResponseBody {
            open_ended: body.size_hint().exact().is_none(),
            body,
            rest: Bytes::new(),
            held,
            events,
            given: false,
            in_flight,
        }
    }

    fn activity(&self) -> &Activity {
        &self.in_flight.0
    }

    /// The connection has come back.
    fn taken(&mut self) {
        if std::mem::replace(&mut self.given, false) {
            self.activity().taken();
        }
    }

    fn give(&mut self, piece: Bytes) -> Frame<Bytes> {
        self.held.release(piece.len());
        self.given = true;
        self.activity().gives();
        Frame::data(piece)
    }

    fn give_some(&mut self) -> Frame<Bytes> {
        let piece = self.rest.split_to(self.rest.len().min(PIECE));
        self.give(piece)
    }
}

impl HttpBody for ResponseBody {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        self.taken();
        if !self.rest.is_empty() {
            return Poll::Ready(Some(Ok(self.give_some())));
        }
        if self.events && self.activity().take_nudge() {
            return Poll::Ready(Some(Ok(self.give(Bytes::from_static(NUDGE)))));
        }
        let next = match ready!(Pin::new(&mut self.body).poll_frame(cx)) {
            Some(Ok(frame)) => frame.into_data().map_or_else(Ok, |data| {
                if self.open_ended {
                    self.held.add(data.len());
                }
                self.rest = data;
                Ok(self.give_some())
            }),
            Some(Err(error)) => {
                self.activity().breaks();
                Err(error)
            }
            None => return Poll::Ready(None),
        };
        Poll::Ready(Some(next))
    }

    fn is_end_stream(&self) -> bool {
        self.rest.is_empty() && self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        let (hint, rest) = (self.body.size_hint(), self.rest.len() as u64);
        let mut whole = SizeHint::new();
        whole.set_lower(hint.lower() + rest);
        if let Some(upper) = hint.upper() {
            whole.set_upper(upper + rest);
        }
        whole
    }
}

impl Drop for ResponseBody {
    fn drop(&mut self) {
        self.taken();
    }
}

/// A request's body.
pub(super) struct RequestBody {
    body: Limited<Incoming>,
    ended: bool,
    activity: Arc<Activity>,
}

impl RequestBody {
    pub(super) fn new(body: Incoming, limit: usize, activity: Arc<Activity>) -> Self {
        RequestBody {
            ended: body.is_end_stream(),
            body: Limited::new(body, limit),
            activity,
        }
    }
}

impl HttpBody for RequestBody {
    type Data = Bytes;
    type Error = Box<dyn std::error::Error + Send + Sync>;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, Self::Error>>> {
        let next = ready!(Pin::new(&mut self.body).poll_frame(cx));
        self.ended = next.is_none() || self.body.is_end_stream();
        Poll::Ready(next)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        if !self.ended {
            self.activity.leaves_over();
        }
    }
}
