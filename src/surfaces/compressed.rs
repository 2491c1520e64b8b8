//! Answers in fewer bytes, for clients that take them so (RFC 9110, section 12.5.3).
//!
//! Invariant: only an answer that is there whole is compressed: no stream waits for a compressor. An answer to a client that
//! asks for no encoding costs one look at its headers.

use std::convert::Infallible;
use std::future::ready;

use axum::body::Body;
use axum::extract::State;
use axum::middleware::Next;
use axum::response::Response;
use http::header::{ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_RANGE, CONTENT_TYPE, ETAG};
use http::{HeaderMap, HeaderValue, Method, Request};
use http_body::Body as _;
use tower::{ServiceExt as _, service_fn};
use tower_http::CompressionLevel;
use tower_http::compression::Compression;

/// Between time and bytes: above it a compressor takes several times as long for a few bytes in a hundred.
const LEVEL: CompressionLevel = CompressionLevel::Precise(4);

/// Middleware: compresses answers of `least` bytes and more.
pub(super) async fn compressed(State(least): State<u64>, request: Request<Body>, next: Next) -> Response {
    let accepted = request
        .headers()
        .get(ACCEPT_ENCODING)
        .filter(|_| *request.method() != Method::HEAD);
    let Some(accepted) = accepted.filter(|accepted| names_ours(accepted)).cloned() else {
        return next.run(request).await;
    };
    let response = next.run(request).await;
    if !is_worth_it(&response, least) {
        return response;
    }
    let mut asked = Request::new(());
    asked.headers_mut().insert(ACCEPT_ENCODING, accepted);
    let mut response = Some(response);
    let given = service_fn(move |_| ready(Ok::<_, Infallible>(response.take().unwrap_or_default())));
    let compression = Compression::new(given)
        .compress_when(|_, _, _: &HeaderMap, _: &_| true)
        .quality(LEVEL);
    match compression.oneshot(asked).await {
        Ok(response) => weakened(response.map(Body::new)),
        Err(never) => match never {},
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
    is_whole && length.is_some_and(|length| length >= least.max(1)) && is_text(headers)
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
