//! Answers made unusable, or nearly so: malformed, truncated, cut off, dripping.
//!
//! Invariant: whatever is sent before the damage reaches the client; damage never reorders bytes.

use std::time::Duration;

use axum::body::{Body, to_bytes};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::response::Parts;
use http::{HeaderValue, Response, header};
use tokio::time::sleep;

/// The most of an answer that is read in order to damage it.
const MAX_ANSWER: usize = 8 << 20;
/// The pieces of an answer that drips.
const DROPS: usize = 16;
/// The rest before a connection breaks, in which hyper sends what it has buffered.
const FLUSH_TIME: Duration = Duration::from_millis(1);

/// The connection breaks here.
#[derive(Debug, thiserror::Error)]
#[error("a fault broke the answer off")]
struct BrokenOff;

fn is_stream(response: &Response<Body>) -> bool {
    let kind = response.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

/// Puts an unclosed JSON object where the body was; the length is right. A stream gets it as its only frame.
pub(crate) async fn malformed(response: Response<Body>) -> Result<Response<Body>, axum::Error> {
    let streamed = is_stream(&response);
    let (mut head, body) = response.into_parts();
    head.headers.remove(header::CONTENT_LENGTH);
    if streamed {
        return Ok(Response::from_parts(head, Body::from("data: {\"id\": \n\n")));
    }
    let body = to_bytes(body, MAX_ANSWER).await?;
    let mut damaged = body.slice(..body.len() / 2).to_vec();
    // Half a document may still be one: `12` of `1234`. An unclosed object never is.
    damaged.extend_from_slice(b"{\"id\": ");
    Ok(Response::from_parts(head, Body::from(damaged)))
}

/// The head, which promises the whole body, and the body.
async fn whole(response: Response<Body>) -> Result<(Parts, Bytes), axum::Error> {
    let (mut head, body) = response.into_parts();
    let body = to_bytes(body, MAX_ANSWER).await?;
    if !body.is_empty() {
        head.headers
            .insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    }
    Ok((head, body))
}

/// Promises the whole body, sends half of it and breaks the connection. An answer without a body stays as it is.
pub(crate) async fn truncated(response: Response<Body>) -> Result<Response<Body>, axum::Error> {
    if is_stream(&response) {
        return Ok(cut(response, 1, false));
    }
    let (head, body) = whole(response).await?;
    if body.is_empty() {
        return Ok(Response::from_parts(head, Body::empty()));
    }
    let half = body.slice(..body.len() / 2);
    let frames = stream::iter([Ok(half)]).chain(break_off());
    Ok(Response::from_parts(head, Body::from_stream(frames)))
}

/// Sends the body in [`DROPS`] pieces at most, or a stream frame by frame, and rests for `pace` before each.
pub(crate) async fn dripped(response: Response<Body>, pace: Duration) -> Result<Response<Body>, axum::Error> {
    let slowly = move |piece| async move {
        sleep(pace).await;
        piece
    };
    if is_stream(&response) {
        return Ok(response.map(|body| Body::from_stream(body.into_data_stream().then(slowly))));
    }
    let (head, body) = whole(response).await?;
    let size = body.len().div_ceil(DROPS).max(1);
    let pieces: Vec<_> = body.chunks(size).map(|piece| body.slice_ref(piece)).collect();
    let frames = stream::iter(pieces.into_iter().map(Ok::<_, axum::Error>)).then(slowly);
    Ok(Response::from_parts(head, Body::from_stream(frames)))
}

/// Lets `after_frames` frames through; then the body ends (`clean`) or the connection breaks.
pub(crate) fn cut(response: Response<Body>, after_frames: u32, clean: bool) -> Response<Body> {
    response.map(|body| {
        let frames = body.into_data_stream().take(after_frames as usize);
        match clean {
            true => Body::from_stream(frames),
            false => Body::from_stream(frames.chain(break_off())),
        }
    })
}

/// Lets `after_frames` frames through, then sends `last` and ends the body.
pub(crate) fn end_with(response: Response<Body>, after_frames: u32, last: Bytes) -> Response<Body> {
    response.map(|body| {
        let frames = body.into_data_stream().take(after_frames as usize);
        Body::from_stream(frames.chain(stream::iter([Ok(last)])))
    })
}

fn break_off() -> impl stream::Stream<Item = Result<Bytes, axum::Error>> {
    stream::once(async {
        sleep(FLUSH_TIME).await;
        Err(axum::Error::new(BrokenOff))
    })
}
