//! Reads the event stream of a streaming operation.
//!
//! Invariant: a stream ends with `event: done` or with a failure; a connection that just ends is a failure.

use std::collections::VecDeque;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use mosaic_actors::error::{Failure, Kind};

use super::client::Events;
use super::problem::Problem;
use super::transport::broken;

/// The longest event, in bytes: far above the pieces that models send.
const LONGEST_EVENT: usize = 1 << 20;

/// The events of a reply's body, each one JSON document.
pub fn read(reply: reqwest::Response) -> Events {
    let body = reply.bytes_stream().map(|chunk| chunk.map_err(|error| broken(&error)));
    Box::pin(of_chunks(body))
}

fn of_chunks(
    body: impl Stream<Item = Result<Bytes, Failure>> + Send + Unpin + 'static,
) -> impl Stream<Item = Result<Bytes, Problem>> + Send {
    let start = Some((body, Parser::default()));
    futures_util::stream::unfold(start, async |state| {
        let (mut body, mut parser) = state?;
        loop {
            match parser.ready.pop_front() {
                Some(Event::Data(data)) => return Some((Ok(data), Some((body, parser)))),
                Some(Event::Failed(problem)) => return Some((Err(problem), None)),
                Some(Event::Done) => return None,
                None => {}
            }
            let fed = match body.next().await {
                Some(Ok(chunk)) => parser.feed(&chunk),
                Some(Err(failure)) => Err(failure),
                None => Err(Failure::new(Kind::Network, "the stream was cut before its end")),
            };
            if let Err(failure) = fed {
                return Some((Err(failure.into()), None));
            }
        }
    })
}

enum Event {
    Data(Bytes),
    Failed(Problem),
    Done,
}

/// Lines to events, whatever pieces the lines come in.
#[derive(Default)]
struct Parser {
    line: Vec<u8>,
    name: Vec<u8>,
    data: Vec<u8>,
    ready: VecDeque<Event>,
}

impl Parser {
    fn feed(&mut self, chunk: &[u8]) -> Result<(), Failure> {
        for piece in chunk.split_inclusive(|byte| *byte == b'\n') {
            self.line.extend_from_slice(piece);
            if self.line.len() + self.data.len() > LONGEST_EVENT {
                let sentence = format!("an event is longer than {LONGEST_EVENT} bytes");
                return Err(Failure::new(Kind::UpstreamFailed, sentence));
            }
            if piece.ends_with(b"\n") {
                let line = std::mem::take(&mut self.line);
                let line = line.strip_suffix(b"\n").unwrap_or(&line);
                self.line(line.strip_suffix(b"\r").unwrap_or(line));
            }
        }
        Ok(())
    }

    /// One line: a field, or the empty line that ends an event. Comments and unknown fields are skipped.
    fn line(&mut self, line: &[u8]) {
        let value = |name: &[u8]| {
            let value = line.strip_prefix(name)?;
            Some(value.strip_prefix(b" ").unwrap_or(value))
        };
        if line.is_empty() {
            self.end_event();
        } else if let Some(data) = value(b"data:") {
            if !self.data.is_empty() {
                self.data.push(b'\n');
            }
            self.data.extend_from_slice(data);
        } else if let Some(name) = value(b"event:") {
            self.name = name.to_vec();
        }
    }

    fn end_event(&mut self) {
        let (name, data) = (std::mem::take(&mut self.name), std::mem::take(&mut self.data));
        match &name[..] {
            b"done" => self.ready.push_back(Event::Done),
            b"error" => self.ready.push_back(Event::Failed(Problem::from_event(&data))),
            _ if data.is_empty() => {}
            _ => self.ready.push_back(Event::Data(Bytes::from(data))),
        }
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;

    use super::*;

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

    #[test]
    fn an_endless_event_is_refused() {
        let mut parser = Parser::default();
        let piece = vec![b'x'; LONGEST_EVENT];
        assert!(parser.feed(&piece).is_ok());
        assert!(parser.feed(b"x").is_err());
    }
}
