//! The body of a request that is passed through.
//!
//! Invariant: one that may be long is never held whole, and one that is over the limit is never passed on as if it were
//! whole.

use std::sync::Arc;

use axum::body::Body;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use http_body_util::Limited;
use hyper::body::Body as _;
use mosaic_actors::error::{Failure, Kind};
use tokio::time::{Instant, timeout_at};

use super::super::bodies::{self, Bodies, is_too_large};
use super::super::problem::Problem;
use super::super::rest::upload::{Incoming, UploadBounds};

/// One that says that it is so short comes whole before anything is sent: it can be sent again where nothing arrived.
const SHORT: u64 = 64 << 10;

/// A body.
pub(super) enum Brought {
    /// Whole; empty where there is none.
    Whole(Bytes),
    /// As it comes.
    Streamed(Incoming),
}

/// The body of a request of `tenant`'s with these headers.
///
/// # Errors
/// 413; `timeout`, where not even its beginning comes by `deadline`; `overloaded`, where it is short, and there is no room.
pub(super) async fn of(
    headers: &HeaderMap,
    body: Body,
    bounds: UploadBounds,
    room: &Bodies,
    tenant: &Arc<str>,
    deadline: Instant,
) -> Result<Brought, Problem> {
    let limit = bounds.bytes;
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::file_too_large(limit));
    }
    let length = body.size_hint().exact();
    if length.is_some_and(|length| length <= SHORT) {
        let whole = room.read(tenant, body, limit, deadline).await?;
        // A copy, as of headers.
        return Ok(Brought::Whole(Bytes::copy_from_slice(whole.bytes())));
    }
    // One of unknown length may be none.
    let mut pieces = Body::new(Limited::new(body, limit)).into_data_stream();
    let first = loop {
        match timeout_at(deadline, pieces.next()).await.map_err(|_| late())? {
            None => return Ok(Brought::Whole(Bytes::new())),
            Some(Err(error)) => return Err(unread(&error, limit)),
            Some(Ok(piece)) if piece.is_empty() => {}
            Some(Ok(piece)) => break piece,
        }
    };
    let body = Body::from_stream(stream::once(async move { Ok(first) }).chain(pieces));
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let media_type = Arc::from(media_type.unwrap_or("application/octet-stream"));
    Ok(Brought::Streamed(Incoming::passed(
        media_type, None, length, body, bounds,
    )))
}

fn unread(error: &axum::Error, limit: usize) -> Problem {
    match is_too_large(error) {
        true => Problem::file_too_large(limit),
        false => bodies::unread(error, limit),
    }
}

fn late() -> Failure {
    let sentence = "the body did not come within the call's time; nothing was sent";
    Failure::new(Kind::Timeout, sentence).never_sent()
}
