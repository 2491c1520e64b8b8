//! Reads the event stream of a streaming operation.
//!
//! Invariant: a stream ends with an event that says so or with a failure; a connection that just ends is a failure.

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};

use super::client::Events;
use super::problem::Problem;
use super::transport::broken;
use crate::wire::sse::Decoder;

/// The events of a reply's body, each one JSON document.
pub fn read(reply: reqwest::Response) -> Events {
    let body = reply.bytes_stream().map(|chunk| chunk.map_err(|error| broken(&error)));
    Box::pin(of_chunks(body))
}

fn of_chunks(
    body: impl Stream<Item = Result<Bytes, Failure>> + Send + Unpin + 'static,
) -> impl Stream<Item = Result<Bytes, Problem>> + Send {
    let start = Some((body, Decoder::default(), Bytes::new()));
    futures_util::stream::unfold(start, async |reading| {
        let (mut body, mut decoder, mut piece) = reading?;
        loop {
            let failure = match decoder.next(&mut piece) {
                Ok(Some(event)) => match &*event.name {
                    // The second is that of GraphQL.
                    "done" | "complete" => return None,
                    "error" => return Some((Err(Problem::from_event(event.data.as_bytes())), None)),
                    _ if event.data.is_empty() => continue,
                    _ => return Some((Ok(Bytes::from(event.data)), Some((body, decoder, piece)))),
                },
                Ok(None) => match body.next().await {
                    Some(Ok(next)) => {
                        piece = next;
                        continue;
                    }
                    Some(Err(failure)) => failure,
                    None => Failure::new(Kind::Network, "the stream was cut before its end"),
                },
                Err(failure) => failure,
            };
            return Some((Err(failure.into()), None));
        }
    })
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;
    use crate::wire::sse::LONGEST_LINE;

    async fn read(chunks: Vec<&'static str>) -> Vec<Result<String, String>> {
        let chunks = chunks.into_iter().map(|chunk| Ok(Bytes::from_static(chunk.as_bytes())));
        of_chunks(stream::iter(chunks))
            .map(|event| match event {
                Ok(data) => Ok(String::from_utf8(data.to_vec()).expect("text")),
                Err(problem) => Err(problem.code().to_owned()),
            })
            .collect()
            .await
    }

    #[tokio::test]
    async fn events_are_found_however_they_are_cut() {
        let text = ": hello\r\nid: 1\r\ndata: {\"a\":\r\ndata: 1}\r\n\r\ndata:{\"b\":2}\n\nevent: done\ndata: {}\n\n";
        let whole = read(vec![text]).await;
        assert_eq!(whole, [Ok("{\"a\":\n1}".to_owned()), Ok("{\"b\":2}".to_owned())]);
        let bytes = text.split_inclusive(|_| true).collect();
        assert_eq!(read(bytes).await, whole);
    }

    #[tokio::test]
    async fn an_error_event_and_a_cut_are_failures_and_the_last_thing() {
        let failed = read(vec![
            "data: {}\n\nevent: error\ndata: {\"code\":\"upstream_failed\",\"status\":502}\n\ndata: {}\n\n",
        ]);
        assert_eq!(failed.await, [Ok("{}".to_owned()), Err("upstream_failed".to_owned())]);
        assert_eq!(
            read(vec!["data: {}\n\n", "data: {"]).await,
            [Ok("{}".to_owned()), Err("network".to_owned())]
        );
    }

    #[tokio::test]
    async fn an_endless_event_is_refused() {
        let endless: Vec<&'static str> = vec!["data: ", "xxxxxxxxxxxxxxxx".repeat(LONGEST_LINE / 16).leak()];
        assert_eq!(read(endless).await, [Err("upstream_failed".to_owned())]);
    }
}
