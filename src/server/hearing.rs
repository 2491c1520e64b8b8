//! Hearing out a client that is refused while it sends: were its connection closed at once, the client might meet the
//! break before the answer, and never see why.
//!
//! Invariant: what is heard is thrown away, and the time that it may take is bounded.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::header::EXPECT;
use http::{Request, Version};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, Incoming, SizeHint};
use tokio::sync::oneshot;

/// How long a client is heard out.
const PATIENCE: Duration = Duration::from_secs(1);

/// A request's body on loan. What is left of it comes back when it is dropped.
pub(super) struct Lent {
    body: Option<Incoming>,
    /// The client sends without waiting to be asked, or was asked.
    sends: bool,
    over: bool,
    back: Option<oneshot::Sender<Incoming>>,
}

/// Where a body comes back to.
pub(super) struct Left(Option<oneshot::Receiver<Incoming>>);

/// Lends a request's body out.
pub(super) fn lend(request: Request<Incoming>) -> (Request<Lent>, Left) {
    // A stream of HTTP/2 is refused without its connection.
    let needed = request.version() < Version::HTTP_2 && !request.body().is_end_stream();
    let (back, left) = if needed { Some(oneshot::channel()) } else { None }.unzip();
    let sends = !request.headers().contains_key(EXPECT);
    let request = request.map(|body| Lent {
        body: Some(body),
        sends,
        over: false,
        back,
    });
    (request, Left(left))
}

impl Left {
    /// Waits, a little, until the client has sent what it is sending.
    pub(super) async fn hear_out(self) {
        let heard = async {
            if let Ok(mut body) = self.0?.await {
                while let Some(Ok(_)) = body.frame().await {}
            }
            Some(())
        };
        // The answer is the same, whether it all came or not.
        let _ = tokio::time::timeout(PATIENCE, heard).await;
    }
}

impl Body for Lent {
    type Data = Bytes;
    type Error = hyper::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, hyper::Error>>> {
        self.sends = true;
        let Some(body) = &mut self.body else {
            return Poll::Ready(None);
        };
        let frame = ready!(Pin::new(body).poll_frame(cx));
        self.over |= !matches!(frame, Some(Ok(_)));
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map(Body::size_hint).unwrap_or_default()
    }
}

impl Drop for Lent {
    fn drop(&mut self) {
        let over = self.over || self.is_end_stream() || !self.sends;
        if let (false, Some(body), Some(back)) = (over, self.body.take(), self.back.take()) {
            // Nobody wants it of a request that was served.
            let _ = back.send(body);
        }
    }
}
