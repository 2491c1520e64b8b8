//! Answers as server-sent events: `graphql-sse`, each stream its own connection.
//!
//! Invariant: each answer is a `next` event, and the end, where it came to one, is a `complete` event.

use std::convert::Infallible;
use std::time::Duration;

use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};

use super::execute::Answer;

/// Half of the thirty seconds after which impatient proxies cut an idle connection.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// The response of a stream.
pub(super) fn response(answers: BoxStream<'static, Answer>) -> Response {
    let next = answers.map(|answer| {
        let event = Event::default().event("next").json_data(&answer);
        // Texts, numbers and booleans under text keys are always written.
        Ok::<_, Infallible>(event.unwrap_or_default())
    });
    let complete = stream::once(async { Ok(Event::default().event("complete").data("")) });
    let keep_alive = KeepAlive::new().interval(KEEP_ALIVE).text("keep-alive");
    Sse::new(next.chain(complete)).keep_alive(keep_alive).into_response()
}
