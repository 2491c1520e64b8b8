//! Streams of answers as server-sent events of a dialect.
//!
//! Invariant: a stream that breaks ends in its dialect's own error, and never as if it were whole; whoever leaves drops the
//! call; nothing is sent with an id, and a client is never told when to come again; and no connection is silent for longer than
//! a beat, whatever of the answer is held back.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::response::Response;
use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame};
use serde::Serialize;
use tokio::time::{Instant, timeout_at};

use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::orderly::Orderly;
use crate::catalogue::ai::ChatEvent;

/// Tells an answer's events in a dialect.
pub trait Teller: Send + 'static {
    /// What keeps an idle connection alive.
    const BEAT: &'static str;

    /// Writes what an event is there.
    ///
    /// # Errors
    /// Where it cannot be said; the stream ends with it.
    fn hear(&mut self, event: ChatEvent, out: &mut Vec<u8>) -> Result<(), Failure>;

    /// Whether the answer was told to its end.
    fn is_over(&self) -> bool;

    /// Writes how it failed.
    fn fail(&mut self, problem: &Problem, id: &RequestId, out: &mut Vec<u8>);
}

/// The response with an answer's events; after `heartbeat` of silence, with what keeps its connection alive.
pub fn response<T: Teller>(frames: BodyStream<Frame>, teller: T, id: RequestId, heartbeat: Duration) -> Response {
    let events = events(frames, teller, id, heartbeat).map(Ok::<_, Infallible>);
    let mut response = Response::new(Body::from_stream(events));
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}

fn events<T: Teller>(
    frames: BodyStream<Frame>,
    teller: T,
    id: RequestId,
    heartbeat: Duration,
) -> impl Stream<Item = Bytes> + Send {
    stream::unfold(Some((frames, teller, Orderly::default())), move |open| {
        let id = id.clone();
        async move {
            let (mut frames, mut teller, mut calls) = open?;
            let mut out = Vec::with_capacity(256);
            // What is heard and not told breaks no silence.
            let beat = Instant::now() + heartbeat;
            loop {
                let heard = match timeout_at(beat, frames.next()).await {
                    Err(_) => return Some((Bytes::from_static(T::BEAT.as_bytes()), Some((frames, teller, calls)))),
                    Ok(Some(frame)) => frame.and_then(|frame| {
                        let ready = calls.hear(event(&frame)?)?;
                        ready.into_iter().try_for_each(|event| teller.hear(event, &mut out))
                    }),
                    Ok(None) if teller.is_over() => return None,
                    Ok(None) => Err(Failure::new(
                        Kind::UpstreamFailed,
                        "the answer broke off before its end",
                    )),
                };
                if let Err(failure) = heard {
                    teller.fail(&failure.into(), &id, &mut out);
                    return Some((out.into(), None));
                }
                if !out.is_empty() {
                    return Some((out.into(), Some((frames, teller, calls))));
                }
            }
        }
    })
}

/// A frame's event; by way of its JSON where it is of another type.
fn event(frame: &Frame) -> Result<ChatEvent, Failure> {
    if let Some(event) = frame.event::<ChatEvent>() {
        return Ok(event.clone());
    }
    serde_json::from_slice(&frame.json()?)
        .map_err(|error| Failure::new(Kind::Internal, "a frame of the stream is no event").because(error))
}

/// Writes one event's data; by a name where its dialect has names.
pub fn write(name: Option<&str>, data: &impl Serialize, out: &mut Vec<u8>) -> Result<(), Failure> {
    if let Some(name) = name {
        out.extend_from_slice(b"event: ");
        out.extend_from_slice(name.as_bytes());
        out.push(b'\n');
    }
    out.extend_from_slice(b"data: ");
    // JSON escapes the ends of lines.
    serde_json::to_writer(&mut *out, data)
        .map_err(|error| Failure::new(Kind::Internal, "an event could not be serialised").because(error))?;
    out.extend_from_slice(b"\n\n");
    Ok(())
}

#[cfg(test)]
mod tests {
    use http::HeaderMap;
    use tokio::time::sleep;

    use super::*;

    /// Tells nothing but the end.
    struct Mute(bool);

    impl Teller for Mute {
        const BEAT: &'static str = "beat";

        fn hear(&mut self, event: ChatEvent, out: &mut Vec<u8>) -> Result<(), Failure> {
            if matches!(event, ChatEvent::End { .. }) {
                self.0 = true;
                out.extend_from_slice(b"end");
            }
            Ok(())
        }

        fn is_over(&self) -> bool {
            self.0
        }

        fn fail(&mut self, _problem: &Problem, _id: &RequestId, out: &mut Vec<u8>) {
            out.extend_from_slice(b"failed");
        }
    }

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_as_often_as_is_set_whatever_is_held_back() {
        let heartbeat = Duration::from_secs(7);
        let thoughts = stream::unfold((), |()| async {
            sleep(Duration::from_secs(2)).await;
            let text = "hm".to_owned();
            Some((Ok(Frame::new(ChatEvent::Reasoning { text })), ()))
        });
        let id = RequestId::of(&HeaderMap::new());
        let told = events(BodyStream::from_items(thoughts), Mute(false), id, heartbeat);
        let mut told = Box::pin(told);
        for _ in 0..3 {
            let before = Instant::now();
            assert_eq!(told.next().await.as_deref(), Some(&b"beat"[..]));
            assert_eq!(before.elapsed(), heartbeat);
        }
    }
}
