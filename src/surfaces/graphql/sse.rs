//! Answers as server-sent events: `graphql-sse`, each stream its own connection.
//!
//! Invariant: each answer is a `next` event, and the end, where it came to one, is a `complete` event; so often as the setting
//! has it something is said.

use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use bytes::{BufMut, BytesMut};
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use tokio::time::timeout;

use super::execute::Answer;
use crate::leisure::to_json;

/// The media type.
pub(super) const EVENT_STREAM: &str = "text/event-stream";
/// The end. Without a line of data a browser would not tell of it.
const COMPLETE: &[u8] = b"event: complete\ndata:\n\n";
/// What is said where nothing happens.
const BEAT: &[u8] = b": keep-alive\n\n";

/// The response of a stream.
pub(super) fn response(answers: BoxStream<'static, Answer>, heartbeat: Duration) -> Response {
    let mut response = Body::from_stream(parts(answers, heartbeat)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(EVENT_STREAM));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

fn parts(
    answers: BoxStream<'static, Answer>,
    heartbeat: Duration,
) -> impl Stream<Item = Result<Bytes, serde_json::Error>> + Send {
    let next = answers.map(|answer| {
        let json = to_json(&answer)?;
        // JSON on one line, as it is written here.
        let mut event = BytesMut::with_capacity(json.len() + 32);
        event.put_slice(b"event: next\ndata: ");
        event.put_slice(&json);
        event.put_slice(b"\n\n");
        Ok(event.freeze())
    });
    let events = next
        .chain(stream::once(async { Ok(Bytes::from_static(COMPLETE)) }))
        .boxed();
    stream::unfold(events, move |mut events| async move {
        match timeout(heartbeat, events.next()).await {
            Ok(event) => Some((event?, events)),
            Err(_) => Some((Ok(Bytes::from_static(BEAT)), events)),
        }
    })
}

#[cfg(test)]
mod tests {
    use tokio::time::sleep;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_stream_is_told_to_its_end_and_silence_is_broken() {
        let answers = stream::iter([1, 25]).then(async |seconds| {
            sleep(Duration::from_secs(seconds)).await;
            Answer::refused(serde_json::json!({ "message": format!("{seconds}\n") }))
        });
        let told = parts(answers.boxed(), Duration::from_secs(10)).map(|part| part.expect("it is written"));
        let told: Vec<String> = told
            .map(|part| String::from_utf8(part.to_vec()).expect("text"))
            .collect()
            .await;
        let next = |seconds: u64| format!("event: next\ndata: {{\"errors\":[{{\"message\":\"{seconds}\\n\"}}]}}\n\n");
        let beat = || ": keep-alive\n\n".to_owned();
        assert_eq!(
            told,
            [
                next(1),
                beat(),
                beat(),
                next(25),
                "event: complete\ndata:\n\n".to_owned()
            ]
        );
    }
}
