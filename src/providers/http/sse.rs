//! The event streams of providers: events from an answer, and JSON from an event.
//!
//! Invariant: a stream that is silent for too long is a failure, and each failure names its instance.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{Stream, stream};
use mosaic_actors::error::Failure;
use serde::Deserialize;
use tokio::time::timeout;

use super::{body, send};
use crate::wire::sse::Decoder;

pub use crate::wire::sse::Event;

/// The data of an event as JSON.
///
/// # Errors
/// `upstream_failed` where it is not.
pub fn json<'a, T: Deserialize<'a>>(event: &'a Event) -> Result<T, Failure> {
    body::parse(event.data.as_bytes())
}

/// The events of an answer. Its end is the end of the answer; an event cut by it is dropped, as the standard says.
/// `idle` bounds each silence.
pub(super) fn events(
    response: reqwest::Response,
    idle: Duration,
    instance: Arc<str>,
) -> impl Stream<Item = Result<Event, Failure>> + Send + 'static {
    struct Reading {
        response: reqwest::Response,
        decoder: Decoder,
        piece: Bytes,
    }
    let reading = Reading {
        response,
        decoder: Decoder::default(),
        piece: Bytes::new(),
    };
    stream::try_unfold(reading, move |mut reading| {
        let instance = instance.clone();
        async move {
            loop {
                let event = reading.decoder.next(&mut reading.piece);
                if let Some(event) = event.map_err(|failure| failure.by(&instance))? {
                    return Ok(Some((event, reading)));
                }
                let piece = match timeout(idle, reading.response.chunk()).await {
                    Ok(piece) => piece.map_err(send::transport),
                    Err(_) => Err(send::slow()),
                };
                match piece.map_err(|failure| failure.by(&instance))? {
                    Some(piece) => reading.piece = piece,
                    None => return Ok(None),
                }
            }
        }
    })
}
