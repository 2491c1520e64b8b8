//! The event streams of providers: events from an answer, and JSON from an event.
//!
//! Invariant: every byte that comes is told, as an event or as a sign of life, since the engine alone judges a silence; and
//! each failure names its instance.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, stream};
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;
use serde::de::DeserializeOwned;

use super::body;
use super::passed::Replacer;
use super::transport::transport;
use crate::wire::sse::Decoder;

pub use crate::wire::sse::Event;

/// The data of an event as JSON.
///
/// # Errors
/// `upstream_failed` where it is not.
pub fn json<T: DeserializeOwned>(event: &Event) -> Result<T, Failure> {
    body::parse(event.data.as_bytes())
}

/// The events of an answer. Its end is the end of the answer; an event cut by it is dropped, as the standard says.
pub(super) fn events(
    response: reqwest::Response,
    instance: Arc<str>,
    masks: Option<Replacer>,
) -> impl Stream<Item = Result<Piece<Event>, Failure>> + Send + 'static {
    let reading = Reading {
        response,
        masks,
        decoder: Decoder::default(),
        piece: Bytes::new(),
        told: true,
    };
    stream::try_unfold(reading, move |mut reading| {
        let instance = instance.clone();
        async move {
            let next = reading.next().await.map_err(|failure| failure.by(&instance))?;
            Ok(next.map(|piece| (piece, reading)))
        }
    })
}

struct Reading {
    response: reqwest::Response,
    /// Hides our own secrets.
    masks: Option<Replacer>,
    decoder: Decoder,
    piece: Bytes,
    /// An event has come of the last bytes.
    told: bool,
}

impl Reading {
    async fn next(&mut self) -> Result<Option<Piece<Event>>, Failure> {
        loop {
            if let Some(event) = self.decoder.next(&mut self.piece)? {
                self.told = true;
                return Ok(Some(Piece::Item(event)));
            }
            if !std::mem::replace(&mut self.told, true) {
                return Ok(Some(Piece::Alive));
            }
            match self.response.chunk().await.map_err(transport)? {
                Some(piece) => {
                    self.piece = match &mut self.masks {
                        Some(masks) => masks.push(piece),
                        None => piece,
                    };
                }
                // What was held back is but the beginning of a line that never ended.
                None => return Ok(None),
            }
            self.told = false;
        }
    }
}
