//! A streamed answer: chunks in, neutral events out.
//!
//! Invariant: an answer ends cleanly only where the provider said that it is whole, by a finish word, or by `[DONE]` alone
//! where that is all that its server says; what is not understood is a failure.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;

use super::calls::Calls;
use super::convert;
use super::refuse::{self, Sent};
use super::wire;
use crate::catalogue::ai::{ChatEvent, Finish, Usage, Warning};
use crate::providers::ai::{Hearing, told, unfinished};
use crate::providers::http::text::{Joined, Text, present};
use crate::providers::http::{Fault, sse};

/// The last event's data.
const DONE: &str = "[DONE]";

/// The neutral events of a streamed answer of the `asked` model, from a server that says why it `finishes`, or may not.
pub fn chat_events(
    instance: Arc<str>,
    asked: Arc<str>,
    sent: Sent,
    finishes: bool,
    warnings: Vec<Warning>,
    upstream: impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    let answer = Answer {
        finishes,
        ..Answer::new(instance, asked, sent, warnings)
    };
    told(answer, upstream)
}

/// What is known of a streamed answer so far.
struct Answer {
    instance: Arc<str>,
    asked: Arc<str>,
    sent: Sent,
    /// The server says why an answer is over.
    finishes: bool,
    id: Option<String>,
    model: Option<String>,
    /// A chunk has come.
    heard: bool,
    /// The caller knows that it has begun.
    begun: bool,
    refused: bool,
    finish: (Option<Finish>, Option<String>),
    /// As counted last: some servers count on in each chunk.
    usage: Option<Usage>,
    /// Their terms, in the server's word.
    tier: Option<String>,
    text: Joined,
    refusal: Joined,
    reasoning: Joined,
    calls: Calls,
    warnings: Vec<Warning>,
    over: bool,
    /// Events to hand out: those of one chunk.
    ready: VecDeque<ChatEvent>,
}

impl Hearing for Answer {
    fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    fn accept(&mut self, event: &sse::Event) -> Result<(), Failure> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(refuse::within(&Fault::read(data.as_bytes()), self.sent));
        }
        if data == DONE {
            return match self.finish.0 {
                None if self.finishes => Err(unfinished()),
                _ => self.end(),
            };
        }
        if data.is_empty() || event.name == "ping" {
            return Ok(());
        }
        let chunk: wire::Completion =
            sse::json(event).map_err(|failure| super::disguised(data.as_bytes(), self.sent, failure))?;
        if chunk.kind.as_deref() == Some("ping") {
            return Ok(());
        }
        super::sound(data.as_bytes(), &chunk, self.sent)?;
        let usage = chunk.usage.or(chunk.x_groq.and_then(|groq| groq.usage));
        self.tier = chunk.service_tier.or(self.tier.take());
        let counted = usage.and_then(|usage| convert::usage(usage, self.tier.as_deref()));
        self.usage = counted.or(self.usage);
        self.heard = true;
        self.id = self.id.take().or(present(chunk.id));
        self.model = self.model.take().or(present(chunk.model));
        // A first chunk without an id is one of a filter in front of the model: the id is still to come.
        if self.id.is_some() {
            self.begin();
        }
        let choices = chunk.choices.into_iter().flatten();
        choices
            .filter(|choice| choice.index == 0)
            .try_for_each(|choice| self.hear(choice))
    }

    fn cease(&mut self) -> Result<(), Failure> {
        match self.finish.0 {
            Some(_) => self.end(),
            None => Err(unfinished()),
        }
    }

    fn ready(&mut self) -> &mut VecDeque<ChatEvent> {
        &mut self.ready
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

impl Answer {
    fn new(instance: Arc<str>, asked: Arc<str>, sent: Sent, warnings: Vec<Warning>) -> Self {
        Answer {
            instance,
            asked,
            sent,
            finishes: true,
            id: None,
            model: None,
            heard: false,
            begun: false,
            refused: false,
            finish: (None, None),
            usage: None,
            tier: None,
            text: Joined::default(),
            refusal: Joined::default(),
            reasoning: Joined::default(),
            calls: Calls::default(),
            warnings,
            over: false,
            ready: VecDeque::new(),
        }
    }

    fn begin(&mut self) {
        if !std::mem::replace(&mut self.begun, true) {
            let id = self.id.as_deref();
            self.ready.push_back(ChatEvent::Start {
                id: id.map(|id| Resource::neutral_id(&self.instance, id)),
                model: self.model.clone().unwrap_or_else(|| self.asked.to_string()),
                warnings: std::mem::take(&mut self.warnings),
            });
        }
    }

    fn hear(&mut self, choice: wire::Choice) -> Result<(), Failure> {
        let wire::Said {
            content,
            refusal,
            tool_calls,
            reasoning_content,
            reasoning,
        } = choice.delta;
        let said = |text: &Option<Text>| text.as_ref().map(|text| text.said.clone()).unwrap_or_default();
        let among = content.as_ref().map(|content| content.thought.clone());
        let thought = match said(&reasoning_content.or(reasoning)) {
            thought if thought.is_empty() => among.unwrap_or_default(),
            thought => thought,
        };
        let refusal = said(&refusal);
        self.refused |= !refusal.is_empty();
        let thought = self.reasoning.piece(&thought);
        self.tell(thought, |text| ChatEvent::Reasoning { text });
        let text = self.text.piece(&said(&content));
        self.tell(text, |text| ChatEvent::Delta { text });
        let refusal = self.refusal.piece(&refusal);
        self.tell(refusal, |text| ChatEvent::Refusal { text });
        for call in tool_calls.into_iter().flatten() {
            let events = self.calls.hear(call)?;
            self.tell_all(events);
        }
        if choice.finish_reason.as_deref().is_some_and(|word| !word.is_empty()) {
            self.finish = convert::finish(choice.finish_reason.as_deref(), self.refused);
        }
        Ok(())
    }

    fn tell(&mut self, text: String, event: fn(String) -> ChatEvent) {
        if !text.is_empty() {
            self.tell_all([event(text)]);
        }
    }

    fn tell_all(&mut self, events: impl IntoIterator<Item = ChatEvent>) {
        for event in events {
            self.begin();
            self.ready.push_back(event);
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        if !self.heard {
            return Err(unfinished());
        }
        self.begin();
        let rest = self.reasoning.rest();
        self.tell(rest, |text| ChatEvent::Reasoning { text });
        let rest = self.text.rest();
        self.tell(rest, |text| ChatEvent::Delta { text });
        let rest = self.refusal.rest();
        self.tell(rest, |text| ChatEvent::Refusal { text });
        let calls = self.calls.end()?;
        self.tell_all(calls);
        self.ready.extend(self.usage.map(|usage| ChatEvent::Usage { usage }));
        let (finish, raw_finish) = std::mem::take(&mut self.finish);
        self.ready.push_back(ChatEvent::End {
            finish,
            raw_finish,
            stop_sequence: None,
        });
        self.over = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::{StreamExt, stream};
    use mosaic_actors::error::Kind;

    async fn run(data: &[&str]) -> Vec<Result<ChatEvent, Failure>> {
        run_at(true, data).await
    }

    async fn run_at(finishes: bool, data: &[&str]) -> Vec<Result<ChatEvent, Failure>> {
        let event = |data: &&str| {
            Ok(Piece::Item(sse::Event {
                name: String::new(),
                data: (*data).to_owned(),
                ..sse::Event::default()
            }))
        };
        let upstream = stream::iter(data.iter().map(event).collect::<Vec<_>>());
        let pieces = chat_events(
            Arc::from("ai-a"),
            Arc::from("asked"),
            Sent::default(),
            finishes,
            vec![],
            upstream,
        );
        let items = pieces.filter_map(async |piece| match piece {
            Ok(Piece::Item(event)) => Some(Ok(event)),
            Ok(Piece::Alive) => None,
            Err(failure) => Some(Err(failure)),
        });
        items.collect().await
    }

    const FIRST: &str =
        r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"content":"a"},"finish_reason":null}]}"#;
    const LAST: &str = r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}"#;

    #[tokio::test]
    async fn only_a_finish_word_is_a_clean_end_or_done_where_none_is_said() {
        let whole = run_at(false, &[FIRST, DONE, FIRST]).await;
        assert!(matches!(
            whole[..],
            [Ok(_), Ok(_), Ok(ChatEvent::End { finish: None, .. })]
        ));
        let finished = run(&[FIRST, LAST]).await;
        let stop = Some(Finish::Stop);
        assert!(matches!(&finished[..], [Ok(_), Ok(_), Ok(ChatEvent::End { finish, .. })] if *finish == stop));
        for cut in [&[FIRST][..], &[][..], &[DONE][..], &[FIRST, DONE][..]] {
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
            (r#"{"error":{"code":"402"}}"#, Kind::UpstreamRateLimited, false),
            (r#"{"error":{"code":429}}"#, Kind::UpstreamRateLimited, true),
            (r#"{"error":{"code":500}}"#, Kind::UpstreamFailed, true),
            (r#"{"error":{"code":400}}"#, Kind::UpstreamFailed, false),
            (r#"{"error":{"code":400,"param":"stop"}}"#, Kind::InvalidInput, false),
            (
                r#"{"error":{"code":"context_length_exceeded"}}"#,
                Kind::InvalidInput,
                false,
            ),
            (r#"{"error":{"code":"invalid_api_key"}}"#, Kind::UpstreamAuth, false),
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
    async fn a_call_that_is_counted_oddly_is_told_by_its_id() {
        let piece = |call: &str| {
            format!(r#"{{"id":"c1","model":"m","choices":[{{"index":0,"delta":{{"tool_calls":[{call}]}}}}]}}"#)
        };
        let first = piece(r#"{"index":-1,"id":"a","function":{"name":"f","arguments":"{\"x\":"}}"#);
        let rest = piece(r#"{"index":-1,"function":{"arguments":"1}"}}"#);
        let second = piece(r#"{"index":-1,"id":"b","function":{"name":"g","arguments":"{}"}}"#);
        let events = run(&[&first, &rest, &second, LAST]).await;
        let events: Vec<_> = events.into_iter().map(Result::unwrap).collect();
        let named = |number: u32| {
            let name = events.iter().find_map(|event| match event {
                ChatEvent::ToolCall { index, name, .. } if *index == number => Some(name.as_str()),
                _ => None,
            });
            let said: String = events
                .iter()
                .filter_map(|event| match event {
                    ChatEvent::ToolArguments { index, text } if *index == number => Some(text.as_str()),
                    _ => None,
                })
                .collect();
            (name, said)
        };
        assert_eq!(named(0), (Some("f"), r#"{"x":1}"#.to_owned()));
        assert_eq!(named(1), (Some("g"), "{}".to_owned()));
    }

    #[tokio::test]
    async fn a_refusal_is_told_and_finishes_as_a_filter() {
        let refusal =
            r#"{"id":"c1","model":"m","choices":[{"index":0,"delta":{"refusal":"no"},"finish_reason":"stop"}]}"#;
        let events: Vec<_> = run(&[refusal, DONE]).await.into_iter().map(Result::unwrap).collect();
        assert_eq!(events[1], ChatEvent::Refusal { text: "no".to_owned() });
        assert_eq!(
            events[2],
            ChatEvent::End {
                finish: Some(Finish::Filter),
                raw_finish: None,
                stop_sequence: None,
            }
        );
    }
}
