//! Streams as server-sent events.
//!
//! Invariant: every stream ends in `done` or in `error`; one that ends in neither was cut. Each frame is one unnamed event whose
//! data is the frame's JSON, and has an id: where the stream can be gone on with, its place; else its number, from 1, by which
//! nothing can be asked for.
//!
//! Comments keep idle connections alive.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, Stream};
use http::{HeaderMap, HeaderName};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{BodyStream, Frame};
use serde_json::{Map, Value};

use super::super::problem::Problem;
use super::super::request_id::RequestId;
use crate::catalogue::Entry;

/// Where whoever comes again was.
pub const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");

/// Has a stream go on behind the event that its client had last: that is a field of the input, where the operation has one for
/// it.
///
/// # Errors
/// `invalid_input` naming the header, where the stream cannot be gone on with.
pub(super) fn go_on(entry: &Entry, headers: &HeaderMap, input: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(last) = headers
        .get(&LAST_EVENT_ID)
        .filter(|_| entry.declaration.facts.streaming)
    else {
        return Ok(());
    };
    let field = entry.declaration.goes_on.and_then(|(field, _)| entry.field(field));
    let Some(field) = field else {
        let sentence = format!(
            "a stream of {} cannot be gone on with: ask for it anew, without an id",
            entry.name()
        );
        return Err(Failure::invalid(LAST_EVENT_ID.as_str(), sentence));
    };
    // What the request said first is what it said when it was made.
    let value = field.parse(&[last.to_str().unwrap_or_default().to_owned()])?;
    input.insert(field.name.clone(), value);
    Ok(())
}

/// What is told beside the frames of one stream.
pub(super) struct Told {
    /// Names the request in a problem.
    pub(super) id: RequestId,
    /// The member of a frame that is its place, where there is one.
    pub(super) member: Option<&'static str>,
    /// After so much silence a comment is sent.
    pub(super) heartbeat: Duration,
}

/// The response of a stream.
pub(super) fn streamed(frames: BodyStream<Frame>, told: Told) -> Response {
    let beat = KeepAlive::new().interval(told.heartbeat).text("keep-alive");
    Sse::new(events(frames, told)).keep_alive(beat).into_response()
}

fn events(frames: BodyStream<Frame>, told: Told) -> impl Stream<Item = Result<Event, Infallible>> {
    stream::unfold(Some((frames, told, 1_u64)), |open| async move {
        let (mut frames, told, number) = open?;
        let next = match frames.next().await {
            Some(frame) => frame.and_then(|frame| frame_event(&frame, told.member, number)),
            None => return Some((Ok(Event::default().event("done").data("{}")), None)),
        };
        Some(match next {
            Ok(event) => (Ok(event), Some((frames, told, number + 1))),
            Err(failure) => (Ok(error_event(failure, &told.id)), None),
        })
    })
}

fn frame_event(frame: &Frame, member: Option<&str>, number: u64) -> Result<Event, Failure> {
    let json = frame.json()?;
    let text = std::str::from_utf8(&json)
        .map_err(|error| Failure::new(Kind::Internal, "a frame of the stream is not UTF-8").because(error))?;
    let event = match member {
        None => Event::default().id(number.to_string()),
        Some(member) => match place(text, member) {
            Some(place) => Event::default().id(place),
            None => Event::default(),
        },
    };
    // A carriage return would end the line early, and `Event` refuses it by panicking. JSON may hold one between
    // tokens only, where a space means the same.
    match text.contains('\r') {
        true => Ok(event.data(text.replace('\r', " "))),
        false => Ok(event.data(text)),
    }
}

/// A frame's place, where it has one: a number.
fn place(json: &str, member: &str) -> Option<String> {
    let frame: Value = serde_json::from_str(json).ok()?;
    let place = frame.get(member)?.as_u64()?;
    Some(place.to_string())
}

fn error_event(failure: Failure, id: &RequestId) -> Event {
    Event::default().event("error").data(Problem::from(failure).json(id))
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt as _;
    use tokio::time::Instant;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn silence_is_filled_as_often_as_is_set() {
        let heartbeat = Duration::from_secs(7);
        let told = Told {
            id: RequestId::of(&HeaderMap::new()),
            member: None,
            heartbeat,
        };
        let frames = BodyStream::from_items(stream::pending());
        let mut body = streamed(frames, told).into_body();
        for _ in 0..3 {
            let before = Instant::now();
            let frame = body.frame().await.expect("it goes on").expect("no error ends it");
            let line = frame.into_data().expect("a comment");
            assert_eq!((&line[..], before.elapsed()), (&b": keep-alive\n\n"[..], heartbeat));
        }
    }

    #[test]
    fn a_place_is_a_number() {
        for (json, found) in [
            (r#"{"seq":7}"#, Some("7")),
            (r#"{"seq":"7"}"#, None),
            (r#"{"other":7}"#, None),
            ("[]", None),
            ("", None),
        ] {
            assert_eq!(place(json, "seq").as_deref(), found, "{json}");
        }
    }
}
