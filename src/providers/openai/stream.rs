//! A streamed answer: chunks in, neutral events out.
//!
//! Invariant: only `[DONE]` is a clean end; a stream that stops without it fails.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::{Stream, StreamExt, stream};
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;

use super::{convert, wire};
use crate::catalogue::ai::{ChatEvent, Finish};
use crate::providers::http::sse;

/// The last event's data.
const DONE: &str = "[DONE]";

/// The neutral events of a streamed answer.
pub fn chat_events(
    instance: Arc<str>,
    upstream: impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    let answer = Answer::new(instance);
    stream::try_unfold((Box::pin(upstream), answer), |(mut upstream, mut answer)| async move {
        loop {
            if let Some(event) = answer.ready.pop_front() {
                return Ok(Some((Piece::Item(event), (upstream, answer))));
            }
            if answer.over {
                return Ok(None);
            }
            let accepted = match upstream.next().await {
                Some(Ok(Piece::Item(event))) => answer.accept(&event),
                Some(Ok(Piece::Alive)) => Ok(()),
                Some(Err(failure)) => Err(failure),
                None => Err(unfinished()),
            };
            accepted.map_err(|failure| failure.by(&answer.instance))?;
            // Also a chunk that says nothing to the caller: a model that reasons is not silent.
            if answer.ready.is_empty() {
                return Ok(Some((Piece::Alive, (upstream, answer))));
            }
        }
    })
}

/// What is known of a streamed answer so far.
struct Answer {
    instance: Arc<str>,
    begun: bool,
    refused: bool,
    finish: Option<Finish>,
    over: bool,
    /// Events to hand out; at most a handful, those of one chunk.
    ready: VecDeque<ChatEvent>,
}

impl Answer {
    fn new(instance: Arc<str>) -> Self {
        Answer {
            instance,
            begun: false,
            refused: false,
            finish: None,
            over: false,
            ready: VecDeque::new(),
        }
    }

    fn accept(&mut self, event: &sse::Event) -> Result<(), Failure> {
        if event.data.trim_end() == DONE {
            if !self.begun {
                return Err(unfinished());
            }
            self.over = true;
            self.ready.push_back(ChatEvent::End { finish: self.finish });
            return Ok(());
        }
        let chunk: wire::Chunk = sse::json(event)?;
        if let Some(fault) = &chunk.error {
            return Err(failed_within(fault));
        }
        if !std::mem::replace(&mut self.begun, true) {
            self.ready.push_back(ChatEvent::Start {
                id: Resource::neutral_id(&self.instance, &chunk.id),
                model: chunk.model,
            });
        }
        for choice in chunk.choices.into_iter().filter(|choice| choice.index == 0) {
            self.hear(choice);
        }
        // Comes in a last chunk without choices, because we ask for it.
        let usage = chunk.usage.map(convert::usage);
        self.ready.extend(usage.map(|usage| ChatEvent::Usage { usage }));
        Ok(())
    }

    fn hear(&mut self, choice: wire::ChunkChoice) {
        self.refused |= choice.delta.refusal.is_some();
        let texts = [choice.delta.content, choice.delta.refusal];
        let texts = texts.into_iter().flatten().filter(|text| !text.is_empty());
        self.ready.extend(texts.map(|text| ChatEvent::Delta { text }));
        if let Some(word) = choice.finish_reason.as_deref() {
            self.finish = match self.refused {
                true => Some(Finish::Filter),
                false => convert::finish(word),
            };
        }
    }
}

fn unfinished() -> Failure {
    Failure::new(Kind::UpstreamFailed, "the stream ended before the answer was whole")
}

/// An error after the answer has begun. There is no status any more, so its own words decide.
fn failed_within(fault: &wire::Fault) -> Failure {
    if fault.says("insufficient_quota") {
        super::no_quota()
    } else if fault.says("rate_limit_exceeded") {
        Failure::new(
            Kind::UpstreamRateLimited,
            "the provider's rate limit was reached within the stream",
        )
    } else {
        Failure::new(Kind::UpstreamFailed, "the provider failed within the stream")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn run(data: &[&str]) -> Vec<Result<ChatEvent, Failure>> {
        let event = |data: &&str| {
            Ok(Piece::Item(sse::Event {
                name: String::new(),
                data: (*data).to_owned(),
            }))
        };
        let upstream = stream::iter(data.iter().map(event).collect::<Vec<_>>());
        let pieces = chat_events(Arc::from("ai-a"), upstream);
        let items = pieces.filter_map(async |piece| match piece {
            Ok(Piece::Item(event)) => Some(Ok(event)),
            Ok(Piece::Alive) => None,
            Err(failure) => Some(Err(failure)),
        });
        items.collect().await
    }

    const FIRST: &str =
        r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;

    #[tokio::test]
    async fn only_done_is_a_clean_end() {
        let whole = run(&[FIRST, DONE, FIRST]).await;
        assert!(matches!(whole[..], [Ok(_), Ok(_), Ok(ChatEvent::End { finish: None })]));
        for cut in [&[FIRST][..], &[][..], &[DONE][..]] {
            let failure = run(cut).await.pop().expect("an item").expect_err("a failure");
            assert_eq!(failure.kind, Kind::UpstreamFailed);
            assert_eq!(failure.provider.as_deref(), Some("ai-a"));
        }
    }

    #[tokio::test]
    async fn errors_within_a_stream_are_told_apart() {
        for (error, kind, retryable) in [
            (r#"{"error":{"type":"server_error"}}"#, Kind::UpstreamFailed, true),
            (
                r#"{"error":{"code":"rate_limit_exceeded"}}"#,
                Kind::UpstreamRateLimited,
                true,
            ),
            (
                r#"{"error":{"type":"insufficient_quota"}}"#,
                Kind::UpstreamRateLimited,
                false,
            ),
            (r#"{"error":{"code":500}}"#, Kind::UpstreamFailed, true),
            ("<html>", Kind::UpstreamFailed, false),
        ] {
            let failure = run(&[FIRST, error])
                .await
                .pop()
                .expect("an item")
                .expect_err("a failure");
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{error}");
        }
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_finishes_as_a_filter() {
        let refusal =
            r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#;
        let events: Vec<_> = run(&[refusal, DONE]).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(events[1], ChatEvent::Delta { text: "no".to_owned() });
        assert_eq!(
            events[2],
            ChatEvent::End {
                finish: Some(Finish::Filter)
            }
        );
    }
}
