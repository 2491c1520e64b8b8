//! Answers as HTTP responses.
//!
//! Invariant: an answer's bytes go out as the engine gave them; nothing here parses or serialises them. A decision record that
//! was asked for stands behind them, as one member more.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures_util::stream::{self, Stream};
use futures_util::{FutureExt, StreamExt, TryStreamExt};
use http::header::{
    AGE, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LINK, X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderName, HeaderValue, StatusCode, Uri};
use mosaic_actors::call::{Answer, Body, CacheStatus, Head};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::{BodyStream, ByteStream};
use tokio::task::yield_now;
use tokio::time::{Instant, timeout_at};

use super::super::access::Unremarkable;
use super::super::cache_status::{self, CACHE_STATUS};
use super::super::decisions::{self, Decisions};
use super::super::problem::REPLAYED;
use super::super::request_id::RequestId;
use super::conditional::{self, Conditions, Met};
use super::events::{self, Told};
use super::paging;
use super::timing::{self, SERVER_TIMING};
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

/// What an answer's form depends on, beside the answer.
pub(in crate::surfaces) struct Wanted<'a> {
    /// Names the request.
    pub(super) id: &'a RequestId,
    /// When its head came.
    pub(super) arrived: Instant,
    /// When it has to be answered.
    pub(super) deadline: Instant,
    /// It is a HEAD: the work on the body of a file ends at its head.
    pub(super) head_only: bool,
    /// It asks what was decided, beside its answer.
    pub(super) explained: Option<&'a dyn Decisions>,
    /// It asks how long the phases took.
    pub(super) timed: bool,
    /// Of a read by GET: what it has already.
    pub(super) conditions: Option<Conditions>,
    /// Of a list that is asked for by its URL: that.
    pub(super) list: Option<Uri>,
    /// Of a stream: which member of an event is its place.
    pub(super) place: Option<&'static str>,
    /// Of a stream: after so much silence a comment is sent.
    pub(super) heartbeat: Duration,
}

impl<'a> Wanted<'a> {
    /// Of a file that another surface hands on: its bytes, or its head alone.
    pub(in crate::surfaces) fn of_file(id: &'a RequestId, deadline: Instant, head_only: bool) -> Wanted<'a> {
        Wanted {
            id,
            arrived: Instant::now(),
            deadline,
            head_only,
            explained: None,
            timed: false,
            conditions: None,
            list: None,
            place: None,
            heartbeat: Duration::MAX,
        }
    }
}

/// The response of an answer.
///
/// # Errors
/// What a file broke off with before anything of it had to be sent: there is still a status to tell it by.
/// `precondition_failed`.
pub(in crate::surfaces) async fn response(answer: Answer, wanted: &Wanted<'_>) -> Result<Response, Failure> {
    let Answer { head, body, .. } = answer;
    let told = |decisions: &dyn Decisions| Some(decisions.told(head.decision.as_deref()?));
    let decision = wanted.explained.and_then(told);
    let mut response = match (body, decision) {
        // No two of them are the same.
        (Body::Bytes(bytes), Some(decision)) => {
            let next = wanted.next(&bytes);
            linked(whole(&head, decisions::beside(bytes, &decision)), next)
        }
        (Body::Bytes(bytes), None) => conditional(&head, bytes, wanted)?,
        (Body::Raw(bytes), _) => raw(bytes, wanted.deadline, wanted.head_only).await?,
        (Body::Stream(frames), _) => {
            let (id, member, heartbeat) = (wanted.id.clone(), wanted.place, wanted.heartbeat);
            events::streamed(frames, Told { id, member, heartbeat })
        }
    };
    let headers = response.headers_mut();
    describe(&head, headers);
    if let Some(link) = wanted.explained.and_then(|_| decisions::link(wanted.id)) {
        headers.append(LINK, link);
    }
    if wanted.timed
        && let Some(phases) = timing::header(head.decision.as_deref(), wanted.arrived)
    {
        headers.insert(SERVER_TIMING, phases);
    }
    Ok(Unremarkable::mark(response))
}

impl Wanted<'_> {
    /// Where a list goes on.
    fn next(&self, page: &[u8]) -> Option<HeaderValue> {
        paging::next(page, self.id.mount(), self.list.as_ref()?)
    }
}

/// A whole answer, unless its client has it.
fn conditional(head: &Head, bytes: Bytes, wanted: &Wanted<'_>) -> Result<Response, Failure> {
    let next = wanted.next(&bytes);
    let Some(conditions) = &wanted.conditions else {
        return Ok(linked(whole(head, bytes), next));
    };
    let tag = conditional::tag(head, &bytes);
    let mut response = match conditions.met(&tag)? {
        Met::Yes => whole(head, bytes),
        Met::Unchanged => {
            let mut response = Response::new(axum::body::Body::empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            response
        }
    };
    response.headers_mut().insert(ETAG, tag);
    Ok(linked(response, next))
}

fn linked(mut response: Response, next: Option<HeaderValue>) -> Response {
    if let Some(next) = next {
        response.headers_mut().append(LINK, next);
    }
    response
}

fn whole(head: &Head, bytes: Bytes) -> Response {
    let mut response = Response::new(bytes.into());
    let headers = response.headers_mut();
    // All that follow find room.
    headers.reserve(14);
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
