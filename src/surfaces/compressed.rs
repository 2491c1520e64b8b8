//! Answers in fewer bytes, for clients that take them so (RFC 9110, section 12.5.3).
//!
//! Invariant: only an answer that is there whole, and not too long, is compressed: no stream waits for a compressor, and no
//! other task of a thread waits for more than one piece. An answer to a client that asks for no encoding costs one look at its
//! headers.

use std::future::ready;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use bytes::Bytes;
use futures_util::stream;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::Body as _;
use http_body_util::BodyExt as _;
use mosaic_actors::error::{Failure, Kind};
use tokio::task::yield_now;
use tower::{ServiceExt as _, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::Compression;

use super::problem::Problem;
use super::request_id::RequestId;

/// Between time and bytes: above it a compressor takes several times as long for a few bytes in a hundred.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);
/// A longer answer would keep a thread busy for the better part of a second.
const MOST: u64 = 16 << 20;
/// So much is compressed in one go, which takes about a millisecond.
const PIECE: usize = 64 << 10;

/// An answer was asked for that is given once.
#[derive(Debug)]
struct Twice;

/// Middleware: compresses answers of `least` bytes and more.
pub(super) async fn compressed(State(least): State<u64>, request: Request<Body>, next: Next) -> Response {
    let accepted = request
        .headers()
        .get(ACCEPT_ENCODING)
        .filter(|_| *request.method() != Method::HEAD);
    let Some(accepted) = accepted.filter(|accepted| names_ours(accepted)).cloned() else {
        return next.run(request).await;
    };
    let id = RequestId::given(request.extensions());
    let response = next.run(request).await;
    if !is_worth_it(&response, least) {
        return response;
    }
    let mut asked = Request::new(());
    asked.headers_mut().insert(ACCEPT_ENCODING, accepted);
    let mut response = Some(response.map(in_turns));
    let given = service_fn(move |_| ready(response.take().ok_or(Twice)));
    let compression = Compression::new(given)
        .compress_when(|_, _, _: &HeaderMap, _: &_| true)
        .quality(LEVEL);
    match compression.oneshot(asked).await {
        Ok(response) => weakened(response.map(Body::new)),
        Err(Twice) => {
            tracing::error!("an answer was asked for twice by what compresses it");
            let failure = Failure::new(Kind::Internal, "the answer was lost while it was compressed");
            Problem::from(failure).response(&id)
        }
    }
}

/// Whether one of the encodings that there are may be named, by what is not looked at more closely here.
fn names_ours(accepted: &HeaderValue) -> bool {
    let accepted = accepted.as_bytes();
    ["gzip", "br", "*"].iter().any(|name| {
        accepted
            .windows(name.len())
            .any(|at| at.eq_ignore_ascii_case(name.as_bytes()))
    })
}

fn is_worth_it(response: &Response, least: u64) -> bool {
    let headers = response.headers();
    let is_whole = !headers.contains_key(CONTENT_ENCODING) && !headers.contains_key(CONTENT_RANGE);
    let length = response.body().size_hint().exact();
    is_whole && length.is_some_and(|length| (least.max(1)..=MOST).contains(&length)) && is_text(headers)
}

/// The same bytes in pieces, between which the other tasks of the thread have their turns.
fn in_turns(body: Body) -> Body {
    let pieces = stream::try_unfold((body, Bytes::new()), async |(mut body, mut rest)| {
        while rest.is_empty() {
            match body.frame().await {
                None => return Ok(None),
                Some(frame) => rest = frame?.into_data().unwrap_or_default(),
            }
        }
        let piece = rest.split_to(rest.len().min(PIECE));
        yield_now().await;
        Ok::<_, axum::Error>(Some((piece, (body, rest))))
    });
    Body::from_stream(pieces)
}

/// Media types that are made of text, save a stream of events.
fn is_text(headers: &HeaderMap) -> bool {
    let media_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default();
    let media_type = media_type.split(';').next().unwrap_or_default().trim();
    match media_type.split_once('/') {
        Some(("text", kind)) => kind != "event-stream",
        Some(("application", kind)) => {
            matches!(kind, "json" | "javascript" | "xml" | "yaml") || kind.ends_with("+json") || kind.ends_with("+xml")
        }
        Some(("image", kind)) => kind == "svg+xml",
        _ => false,
    }
}

/// What was compressed is not the same bytes: its tag says no more than that it means the same (section 8.8.1).
fn weakened(mut response: Response) -> Response {
    if !response.headers().contains_key(CONTENT_ENCODING) {
        return response;
    }
    let tag = response.headers().get(ETAG).and_then(|tag| tag.to_str().ok());
    let weak = tag.filter(|tag| !tag.starts_with("W/")).map(|tag| format!("W/{tag}"));
    if let Some(weak) = weak.and_then(|weak| HeaderValue::try_from(weak).ok()) {
        response.headers_mut().insert(ETAG, weak);
    }
    response
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt as _;

    use super::*;

    #[tokio::test]
    async fn a_long_answer_is_given_out_piece_by_piece_and_whole() {
        let long: Bytes = (0..PIECE * 5 / 2).map(|at| (at / 1000) as u8).collect();
        let mut told = in_turns(Body::from(long.clone()));
        let (mut whole, mut turns) = (Vec::new(), 0);
        loop {
            match told.frame().now_or_never() {
                None => turns += 1,
                Some(Some(frame)) => whole.extend(frame.expect("a piece").into_data().expect("data")),
                Some(None) => break,
            }
        }
        assert_eq!((turns, Bytes::from(whole)), (3, long));
    }

    #[test]
    fn what_is_short_or_very_long_stays_as_it_is() {
        let of = |length: u64| {
            let mut response = Response::new(Body::from(vec![b'a'; length as usize]));
            let kind = HeaderValue::from_static("application/json");
            response.headers_mut().insert(CONTENT_TYPE, kind);
            is_worth_it(&response, 100)
        };
        assert_eq!([99, 100, MOST, MOST + 1].map(of), [false, true, true, false]);
    }
}
