//! What came of a batch, line by line, as dialects tell it.
//!
//! Invariant: results that break off cut the connection: they never look as if they were all.

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame};
use serde::Serialize;

use super::super::rest::reply::cut;
use crate::catalogue::ai::BatchResult;

/// The response with a batch's results; `line` writes one of them, and nothing of what its dialect has no line for.
pub fn response<L>(frames: BodyStream<Frame>, mut line: L, media_type: &'static str) -> Response
where
    L: FnMut(BatchResult, &mut Vec<u8>) -> Result<(), Failure> + Send + 'static,
{
    let mut whole = false;
    let ended = stream::once(async { Err(Failure::new(Kind::UpstreamFailed, "the results broke off")) });
    let frames = frames.map(Some).chain(ended.map(Some));
    let lines = frames.filter_map(move |frame| {
        let written = (|| {
            let event = match frame? {
                Ok(frame) => event(&frame),
                Err(_) if whole => return None,
                Err(failure) => Err(failure),
            };
            let mut out = Vec::new();
            let written = event.and_then(|event| {
                whole |= matches!(event, BatchResult::End { .. });
                line(event, &mut out)
            });
            match written {
                Ok(()) if out.is_empty() => None,
                written => Some(written.map(|()| Bytes::from(out))),
            }
        })();
        std::future::ready(written)
    });
    let lines = lines.then(async |line| match line {
        Ok(bytes) => Ok(bytes),
        Err(failure) => cut(failure).await,
    });
    let mut response = Response::new(Body::from_stream(lines));
    let kind = HeaderValue::from_static(media_type);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn event(frame: &Frame) -> Result<BatchResult, Failure> {
    if let Some(event) = frame.event::<BatchResult>() {
        return Ok(event.clone());
    }
    serde_json::from_slice(&frame.json()?)
        .map_err(|error| Failure::new(Kind::Internal, "a frame of the stream is no result").because(error))
}

/// Writes one line.
///
/// # Errors
/// `internal`.
pub fn write(line: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Failure> {
    serde_json::to_writer(&mut *out, line)
        .map_err(|error| Failure::new(Kind::Internal, "a result could not be serialised").because(error))?;
    out.push(b'\n');
    Ok(())
}
