//! Answers as HTTP responses.
//!
//! Invariant: an answer's bytes go out as the engine gave them; nothing here parses or serialises them. A decision record that
//! was asked for stands behind them, as one member more.
//!
//! A streaming operation answers `text/event-stream`: each frame is one unnamed event whose data is the frame's JSON;
//! a failure after the response has begun is an `error` event with the problem's JSON, and the last; a whole stream
//! ends in a `done` event with an empty object. A stream that ends in neither was cut. Comments keep idle
//! connections alive.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, LINK, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue};
use mosaic_actors::call::{Answer, Body, CacheStatus, Head};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, ByteStream, Frame};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::super::access::Unremarkable;
use super::super::cache_status::{self, CACHE_STATUS};
use super::super::decisions::{self, Decisions};
use super::super::problem::{Problem, REPLAYED};
use super::super::request_id::RequestId;
use crate::dispatch::idempotency;
use crate::wire::file;

/// The instance that answered.
pub const PROVIDER: HeaderName = HeaderName::from_static("x-mosaic-provider");
/// How many attempts the answer took.
pub const ATTEMPTS: HeaderName = HeaderName::from_static("x-mosaic-attempts");
/// `true` where the provider has nothing of the kind, and the answer was made of other things; absent elsewhere.
pub const EMULATED: HeaderName = HeaderName::from_static("x-mosaic-emulated");
/// How many rows of the provider's list could not be read and were left out; absent where none.
pub const SKIPPED: HeaderName = HeaderName::from_static("x-mosaic-skipped-rows");

/// Answers depend on who asks, so a shared cache must not keep them; and how long one is fresh the gateway's own cache
/// knows, so that a client's asks it each time.
pub(in crate::surfaces) const PERSONAL: &str = "private, no-cache";

/// Half of the thirty seconds after which impatient proxies cut an idle connection.
pub(in crate::surfaces) const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The response of an answer, by `deadline`; where only its head is asked for, the work on the body of a file ends here. Where it is to
/// be `explained`, with what was decided.
///
/// # Errors
/// What a file broke off with before anything of it had to be sent: there is still a status to tell it by.
pub async fn response(
    answer: Answer,
    id: &RequestId,
    deadline: Instant,
    asks_for_head: bool,
    explained: Option<&dyn Decisions>,
) -> Result<Response, Failure> {
    let Answer { head, body, .. } = answer;
    let decision = explained.and_then(|decisions| Some(decisions.told(head.decision.as_deref()?)));
    let mut response = match (body, decision) {
        (Body::Bytes(bytes), Some(decision)) => whole(&head, decisions::beside(bytes, &decision)),
        (Body::Bytes(bytes), None) => whole(&head, bytes),
        (Body::Raw(bytes), _) => raw(bytes, deadline, asks_for_head).await?,
        (Body::Stream(frames), _) => streamed(frames, id.clone()),
    };
    describe(&head, response.headers_mut());
    if let Some(link) = explained.and_then(|_| decisions::link(id)) {
        response.headers_mut().insert(LINK, link);
    }
    Ok(Unremarkable::mark(response))
}

fn whole(head: &Head, bytes: Bytes) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    // All that follow find room.
    headers.reserve(12);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(head.content_type));
    response
}

/// Bytes go out as what they are, to be kept and not to be shown: they are a provider's, and no page of ours.
async fn raw(stream: ByteStream, deadline: Instant, asks_for_head: bool) -> Result<Response, Failure> {
    let ByteStream {
        media_type,
        length,
        name,
        bytes,
    } = stream;
    let body = if asks_for_head {
        bytes.leave();
        // Left out by the listener. One that does not tell its length: that is the file's, and may be unknown.
        axum::body::Body::from_stream(stream::empty::<Result<Bytes, Cut>>())
    } else {
        axum::body::Body::from_stream(begun(bytes, deadline).await?.or_else(cut))
    };
    let mut response = body.into_response();
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(&media_type);
    headers.insert(
        CONTENT_TYPE,
        media_type.unwrap_or(HeaderValue::from_static("application/octet-stream")),
    );
    if let Some(length) = length {
        headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
    }
    if let Ok(disposition) = HeaderValue::try_from(file::attachment(name.as_deref())) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

/// The bytes, once the first are there, and what is there behind them; at the deadline, as they are.
async fn begun(
    bytes: BodyStream<Bytes>,
    deadline: Instant,
) -> Result<impl Stream<Item = Result<Bytes, Failure>> + Send, Failure> {
    let mut bytes = bytes.fuse();
    let mut first = Vec::new();
    if let Ok(Some(piece)) = timeout_at(deadline, bytes.next()).await {
        first.push(Ok(piece?));
        if let Some(Some(piece)) = bytes.next().now_or_never() {
            first.push(Ok(piece?));
        }
    }
    Ok(stream::iter(first).chain(bytes))
}

/// Breaks the body off, behind what came before: the HTTP server drops whatever it has not yet written, the head as well,
/// when a body fails, and writes when a body has nothing for it.
pub(in crate::surfaces) async fn cut(failure: Failure) -> Result<Bytes, Cut> {
    yield_now().await;
    Err(Cut(failure))
}

/// A body that broke off; the connection is cut, since its head is sent.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(in crate::surfaces) struct Cut(Failure);

fn streamed(frames: BodyStream<Frame>, id: RequestId) -> Response {
    Sse::new(events(frames, id))
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive"))
        .into_response()
}

fn events(frames: BodyStream<Frame>, id: RequestId) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some((frames, id)), |open| async move {
        let (mut frames, id) = open?;
        match frames.next().await {
            Some(Ok(frame)) => match frame_event(&frame) {
                Ok(event) => Some((Ok(event), Some((frames, id)))),
                Err(failure) => Some((Ok(error_event(failure, &id)), None)),
            },
            Some(Err(failure)) => Some((Ok(error_event(failure, &id)), None)),
            None => Some((Ok(Event::default().event("done").data("{}")), None)),
        }
    })
}

fn frame_event(frame: &Frame) -> Result<Event, Failure> {
    let json = frame.json()?;
    let text = std::str::from_utf8(&json)
        .map_err(|error| Failure::new(Kind::Internal, "a frame of the stream is not UTF-8").because(error))?;
    // A carriage return would end the line early, and `Event` refuses it by panicking. JSON may hold one between
    // tokens only, where a space means the same.
    match text.contains('\r') {
        true => Ok(Event::default().data(text.replace('\r', " "))),
        false => Ok(Event::default().data(text)),
    }
}

fn error_event(failure: Failure, id: &RequestId) -> Event {
    Event::default().event("error").data(Problem::from(failure).json(id))
}

fn describe(head: &Head, headers: &mut HeaderMap) {
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static(PERSONAL));
    headers.insert(ATTEMPTS, HeaderValue::from(head.attempts));
    if let Ok(status) = HeaderValue::try_from(cache_status::text(head.cache, head.cached_by)) {
        headers.insert(CACHE_STATUS, status);
    }
    if matches!(head.cache, CacheStatus::Hit | CacheStatus::Stale) {
        headers.insert(AGE, HeaderValue::from(head.age.as_secs()));
    }
    // Instances are named by configuration; one that no header can carry goes unsaid, and the ids in the body say it.
    if let Ok(provider) = HeaderValue::from_str(&head.provider)
        && !provider.is_empty()
    {
        headers.insert(PROVIDER, provider);
    }
    if head.emulated {
        headers.insert(EMULATED, HeaderValue::from_static("true"));
    }
    if head.skipped > 0 {
        headers.insert(SKIPPED, HeaderValue::from(head.skipped));
    }
    if idempotency::replayed(head) {
        headers.insert(REPLAYED, HeaderValue::from_static("true"));
    }
}
