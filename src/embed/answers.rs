//! The engine's answers as a program wants them: a value, a stream of events, a file.
//!
//! Invariant: an answer of another form than was asked for is refused, never bent.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::call::{Answer, Body};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{ByteStream, Frame};
use serde::de::DeserializeOwned;

use super::typed::Typed;
use crate::catalogue::Op;

/// The whole output.
pub(super) fn whole<O: Op>(answer: Answer) -> Result<Typed<O::Output>, Failure> {
    let Answer { head, body, value } = answer;
    let typed = value.and_then(|value| value.0.downcast::<O::Output>().ok());
    match (typed, body) {
        (Some(value), _) => Ok(Typed { value, head }),
        // Replayed from the record of an idempotency key, or merged from several providers: bytes alone.
        (None, Body::Bytes(bytes)) => Ok(Typed {
            value: Arc::new(parse(&bytes)?),
            head,
        }),
        (None, Body::Raw(_)) => Err(other::<O>("answers with a file: use file()")),
        (None, Body::Stream(_)) => Err(other::<O>("streams: use stream()")),
    }
}

/// The output's events.
pub(super) fn events<O: Op>(
    answer: Answer,
) -> Result<impl Stream<Item = Result<O::Output, Failure>> + Send + Unpin + use<O>, Failure> {
    match answer.body {
        Body::Stream(frames) => Ok(frames.map(|frame| frame.and_then(|frame| typed(&frame)))),
        Body::Bytes(_) | Body::Raw(_) => Err(other::<O>("does not stream")),
    }
}

/// The bytes.
pub(super) fn file<O: Op>(answer: Answer) -> Result<ByteStream, Failure> {
    match answer.body {
        Body::Raw(file) => Ok(file),
        Body::Bytes(_) | Body::Stream(_) => Err(other::<O>("does not answer with a file")),
    }
}

fn other<O: Op>(does: &str) -> Failure {
    Failure::new(Kind::InvalidInput, format!("{} {does}", O::DECLARATION.facts.name))
}

fn parse<T: DeserializeOwned>(bytes: &Bytes) -> Result<T, Failure> {
    serde_json::from_slice(bytes)
        .map_err(|error| Failure::new(Kind::Internal, "an answer of our own could not be read").because(error))
}

/// The event that a driver gave, or the one that its text says where it was read back.
fn typed<T: Clone + DeserializeOwned + 'static>(frame: &Frame) -> Result<T, Failure> {
    match frame.event::<T>() {
        Some(event) => Ok(event.clone()),
        None => parse(&frame.json()?),
    }
}
