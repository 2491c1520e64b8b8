//! What happens, as it happens: the engine's events as server-sent events.
//!
//! Invariant: a reader that is too slow loses events and is told how many; it holds nobody up.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::extract::State;
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::stream::{self, Stream};
use http::Request;
use jiff::Timestamp;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::{Event, Events, Told};
use serde_json::{Value, json};
use tokio::sync::broadcast::{Receiver, error::RecvError};

use super::Port;
use super::query::Query;
use super::table::{Answer, Row, Table};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// Readers at a time.
const MOST_WATCHERS: usize = 64;
/// A comment is sent so often where nothing happens, so that a connection in between is not thought dead.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    let row = Row::get("/events", "What happens from now on, as it happens").answers(Answer::Events);
    table.show(row, events)
}

async fn events(State(port): State<Port>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    let (parts, _) = request.into_parts();
    let watched = Query::of(&parts, &[]).and_then(|_| watch(port.events()));
    match watched {
        Ok(told) => Sse::new(lines(told))
            .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive"))
            .into_response(),
        Err(failure) => Problem::from(failure).response(&id),
    }
}

fn watch(events: Option<&Events>) -> Result<Receiver<Told>, Failure> {
    let untold = || Failure::new(Kind::Unsupported, "nobody tells what happens here");
    let events = events.ok_or_else(untold)?;
    if events.watchers() >= MOST_WATCHERS {
        let sentence = format!("{MOST_WATCHERS} others watch the events");
        return Err(Failure::new(Kind::Overloaded, sentence).after(KEEP_ALIVE));
    }
    Ok(events.subscribe())
}

/// Until the system has stopped.
fn lines(told: Receiver<Told>) -> impl Stream<Item = Result<Line, Infallible>> {
    stream::unfold(Some((told, false)), async |watching| {
        let (mut told, over) = watching?;
        if over {
            return Some((Ok(Line::default().event("done").data("{}")), None));
        }
        let (line, over) = match told.recv().await {
            Ok(told) => (line(&told), told.event == Event::Ended),
            Err(RecvError::Lagged(count)) => (lost(count), false),
            Err(RecvError::Closed) => return Some((Ok(Line::default().event("done").data("{}")), None)),
        };
        Some((Ok(Line::default().data(line.to_string())), Some((told, over))))
    })
}

/// JSON escapes every line end, so an event is one line.
fn line(told: &Told) -> Value {
    let at = i64::try_from(told.at_unix_ms).ok();
    let at = at.and_then(|at| Timestamp::from_millisecond(at).ok());
    let mut line = json!({ "at": at });
    if let (Value::Object(line), Ok(Value::Object(told))) = (&mut line, serde_json::to_value(told)) {
        line.extend(told);
    }
    line
}

fn lost(count: u64) -> Value {
    let now = Timestamp::now();
    json!({ "at": now, "at_unix_ms": now.as_millisecond(), "event": "lost", "count": count })
}

#[cfg(test)]
mod tests {
    use axum::body::to_bytes;

    use super::*;

    #[tokio::test]
    async fn a_reader_that_is_too_slow_is_told_how_many_it_lost() {
        let events = Events::default();
        let slow = lines(events.subscribe());
        for number in 0..1_030 {
            let path = format!("/root/{number}").into();
            events.tell(Event::Started { path });
        }
        events.tell(Event::Ended);
        let whole = to_bytes(Sse::new(slow).into_response().into_body(), 1 << 20)
            .await
            .expect("it ends");
        let whole = String::from_utf8(whole.to_vec()).expect("text");
        let first = whole
            .lines()
            .next()
            .expect("a line")
            .strip_prefix("data: ")
            .expect("data");
        let first: Value = serde_json::from_str(first).expect("JSON");
        let told = whole.matches("\"started\"").count();
        assert_eq!(
            (&first["event"], first["count"].as_u64()),
            (&json!("lost"), Some(1_030 - told as u64))
        );
        assert!(whole.trim_end().ends_with("event: done\ndata: {}"), "{whole}");
        let most: Vec<_> = (0..MOST_WATCHERS)
            .map(|_| watch(Some(&events)).expect("a place"))
            .collect();
        assert_eq!(watch(Some(&events)).expect_err("no place").kind, Kind::Overloaded);
        drop(most);
    }
}
