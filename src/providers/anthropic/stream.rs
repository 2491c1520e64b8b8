//! A streamed answer: events in, neutral events out.
//!
//! Invariant: an answer ends cleanly only where the provider said that it is whole, by `message_stop`; an event that is not
//! known is passed over, and one that is known and cannot be understood is a failure.

use std::collections::VecDeque;
use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::Piece;

use super::block::Open;
use super::convert::{self, strange};
use super::{refuse, wire};
use crate::catalogue::ai::{ChatEvent, Finish, Warning};
use crate::providers::ai::{Hearing, told};
use crate::providers::http::text::present;
use crate::providers::http::{Fault, sse};

/// The neutral events of a streamed answer of the `asked` model.
pub fn chat_events(
    instance: Arc<str>,
    asked: Arc<str>,
    warnings: Vec<Warning>,
    upstream: impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    let answer = Answer {
        instance,
        asked,
        warnings,
        begun: false,
        open: None,
        calls: 0,
        usage: wire::Usage::default(),
        finish: (None, None),
        stop_sequence: None,
        over: false,
        ready: VecDeque::new(),
    };
    told(answer, upstream)
}

/// What is known of a streamed answer so far.
struct Answer {
    instance: Arc<str>,
    asked: Arc<str>,
    warnings: Vec<Warning>,
    /// The caller knows that it has begun.
    begun: bool,
    /// The block that is being told, and its number.
    open: Option<(Option<u32>, Open)>,
    /// Calls of tools so far.
    calls: u32,
    /// As counted last.
    usage: wire::Usage,
    finish: (Option<Finish>, Option<String>),
    stop_sequence: Option<String>,
    over: bool,
    /// Events to hand out; at most a handful, those of one event.
    ready: VecDeque<ChatEvent>,
}

impl Hearing for Answer {
    fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    fn accept(&mut self, event: &sse::Event) -> Result<(), Failure> {
        let data = event.data.trim();
        if event.name == "error" {
            return Err(refuse::within(&Fault::read(data.as_bytes())));
        }
        if data.is_empty() || event.name == "ping" {
            return Ok(());
        }
        let read: wire::Event = sse::json(event)?;
        let kind = read.kind.as_deref().unwrap_or(&event.name);
        if read.error.is_some() || kind == "error" {
            return Err(refuse::within(&Fault::read(data.as_bytes())));
        }
        match kind {
            "message_start" => self.begin(read.message),
            "content_block_start" | "content_block_delta" | "content_block_stop" | "message_delta" | "message_stop"
                if !self.begun =>
            {
                Err(strange("it does not begin with message_start"))
            }
            "content_block_start" => {
                self.close()?;
                let block = read
                    .content_block
                    .ok_or_else(|| strange("a block begins without one"))?;
                let open = Open::block(&block, &mut self.calls, &mut self.ready)?;
                self.open = Some((read.index, open));
                Ok(())
            }
            "content_block_delta" => match &mut self.open {
                Some((index, open)) if *index == read.index => open.hear(read.delta, &mut self.ready),
                _ => Err(strange("a piece is of a block that was not begun")),
            },
            "content_block_stop" => self.close(),
            "message_delta" => {
                self.close()?;
                self.usage = convert::counted(self.usage, read.usage);
                if read.delta.stop_reason.is_some() {
                    self.finish = convert::finish(read.delta.stop_reason.as_deref());
                }
                self.stop_sequence = read.delta.stop_sequence.or(self.stop_sequence.take());
                let refusal = convert::explained(read.delta.stop_details);
                self.ready.extend(refusal.map(|text| ChatEvent::Refusal { text }));
                Ok(())
            }
            "message_stop" => self.end(),
            _ => Ok(()),
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
    fn begin(&mut self, message: Option<wire::Message>) -> Result<(), Failure> {
        if std::mem::replace(&mut self.begun, true) {
            return Err(strange("it begins twice"));
        }
        let message = message.ok_or_else(|| strange("message_start holds no message"))?;
        self.usage = message.usage;
        let id = present(message.id);
        self.ready.push_back(ChatEvent::Start {
            id: id.map(|id| Resource::neutral_id(&self.instance, id)),
            model: present(message.model).unwrap_or_else(|| self.asked.to_string()),
            warnings: std::mem::take(&mut self.warnings),
        });
        Ok(())
    }

    fn close(&mut self) -> Result<(), Failure> {
        match self.open.take() {
            Some((_, open)) => open.close(&mut self.ready),
            None => Ok(()),
        }
    }

    fn end(&mut self) -> Result<(), Failure> {
        self.close()?;
        let usage = convert::usage(self.usage);
        self.ready.extend(usage.map(|usage| ChatEvent::Usage { usage }));
        let (finish, raw_finish) = std::mem::take(&mut self.finish);
        self.ready.push_back(ChatEvent::End {
            finish,
            raw_finish,
            stop_sequence: self.stop_sequence.take(),
        });
        self.over = true;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ai::{Chat, Usage, fold};
    use futures_util::{StreamExt, stream};
    use mosaic_actors::error::Kind;
    use serde_json::{Value, json};

    async fn run(data: &[Value]) -> Vec<Result<ChatEvent, Failure>> {
        let event = |data: &Value| {
            Ok(Piece::Item(sse::Event {
                name: data["type"].as_str().unwrap_or_default().to_owned(),
                data: data.to_string(),
                ..sse::Event::default()
            }))
        };
        let upstream = stream::iter(data.iter().map(event).collect::<Vec<_>>());
        let pieces = chat_events(Arc::from("ai-a"), Arc::from("asked"), vec![], upstream);
        let items = pieces.filter_map(async |piece| match piece {
            Ok(Piece::Item(event)) => Some(Ok(event)),
            Ok(Piece::Alive) => None,
            Err(failure) => Some(Err(failure)),
        });
        items.collect().await
    }

    async fn whole_of(data: &[Value]) -> Chat {
        let events = run(data).await.into_iter().map(|event| event.expect("an event"));
        fold::fold(events).expect("an end")
    }

    fn start() -> Value {
        json!({"type": "message_start", "message": {"id": "msg_1", "model": "m", "content": [],
            "usage": {"input_tokens": 3, "cache_read_input_tokens": 5, "output_tokens": 1}}})
    }

    fn block(index: u32, block: Value) -> Value {
        json!({"type": "content_block_start", "index": index, "content_block": block})
    }

    fn delta(index: u32, delta: Value) -> Value {
        json!({"type": "content_block_delta", "index": index, "delta": delta})
    }

    fn stop(index: u32) -> Value {
        json!({"type": "content_block_stop", "index": index})
    }

    fn ended(reason: &str) -> [Value; 2] {
        let delta = json!({"stop_reason": reason, "stop_sequence": null});
        [
            json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 9}}),
            json!({"type": "message_stop"}),
        ]
    }

    #[tokio::test]
    async fn a22_a23_a27_a28_an_answer_is_put_together_of_its_blocks() {
        let mut data = vec![
            start(),
            json!({"type": "ping"}),
            json!({"type": "unheard_of", "x": 1}),
            block(0, json!({"type": "thinking", "thinking": "", "signature": ""})),
            delta(0, json!({"type": "thinking_delta", "thinking": "hm"})),
            delta(0, json!({"type": "signature_delta", "signature": "sig"})),
            stop(0),
            block(1, json!({"type": "redacted_thinking", "data": "hid"})),
            stop(1),
            block(2, json!({"type": "text", "text": ""})),
            delta(2, json!({"type": "text_delta", "text": "Hi"})),
            delta(2, json!({"type": "citations_delta", "citation": {}})),
            stop(2),
            block(3, json!({"type": "tool_use", "id": "t1", "name": "look", "input": {}})),
            delta(3, json!({"type": "input_json_delta", "partial_json": ""})),
            delta(3, json!({"type": "input_json_delta", "partial_json": "{\"x\":"})),
            delta(3, json!({"type": "input_json_delta", "partial_json": "1}"})),
            stop(3),
            block(4, json!({"type": "tool_use", "id": "t2", "name": "look", "input": {}})),
            stop(4),
            block(
                5,
                json!({"type": "server_tool_use", "id": "s1", "name": "find", "input": {}}),
            ),
            delta(5, json!({"type": "input_json_delta", "partial_json": "{\"q\":2}"})),
            stop(5),
        ];
        data.extend(ended("tool_use"));
        let chat = whole_of(&data).await;
        assert_eq!(
            serde_json::to_value(&chat.message.content).expect("JSON"),
            json!([
                {"type": "thinking", "text": "hm", "signature": "sig"},
                {"type": "thinking", "text": "", "data": "hid"},
                {"type": "text", "text": "Hi"},
                {"type": "tool_call", "id": "t1", "name": "look", "arguments": "{\"x\":1}"},
                {"type": "tool_call", "id": "t2", "name": "look", "arguments": "{}"},
                {"type": "other", "dialect": "anthropic",
                    "block": {"type": "server_tool_use", "id": "s1", "name": "find", "input": {"q": 2}}}])
        );
        // A25, A27: what was counted last, and all that was read.
        let usage = Usage {
            input_tokens: 8,
            output_tokens: 9,
            cached_input_tokens: Some(5),
            ..Usage::default()
        };
        assert_eq!((chat.usage, chat.finish), (Some(usage), Some(Finish::Tool)));
    }

    #[tokio::test]
    async fn only_message_stop_is_a_clean_end() {
        let text = [block(0, json!({"type": "text", "text": "a"})), stop(0)];
        let [delta_, stop_] = ended("end_turn");
        let sound = [&[start()][..], &text, &[delta_.clone(), stop_.clone()]].concat();
        assert_eq!(whole_of(&sound).await.finish, Some(Finish::Stop));
        for cut in 0..sound.len() {
            let failure = run(&sound[..cut]).await.pop().expect("an item").expect_err("a failure");
            let told = (failure.kind, failure.provider.as_deref());
            assert_eq!(told, (Kind::UpstreamFailed, Some("ai-a")), "{cut}");
        }
        for odd in [
            vec![stop_],
            vec![delta_],
            vec![start(), start()],
            vec![start(), delta(0, json!({"type": "text_delta", "text": "a"}))],
            vec![
                start(),
                text[0].clone(),
                delta(1, json!({"type": "text_delta", "text": "a"})),
            ],
            vec![start(), block(0, json!({"type": "tool_use", "input": {}}))],
            vec![start(), block(0, json!({"text": "a"}))],
        ] {
            let failure = run(&odd).await.pop().expect("an item").expect_err("a failure");
            assert_eq!(
                (failure.kind, failure.retryable),
                (Kind::UpstreamFailed, false),
                "{odd:?}"
            );
        }
    }

    #[tokio::test]
    async fn a29_errors_within_a_stream_are_told_by_their_type() {
        let error = |kind: &str, message: &str| json!({"type": "error", "error": {"type": kind, "message": message}});
        for (event, kind, retryable) in [
            (error("overloaded_error", "Overloaded"), Kind::UpstreamFailed, true),
            (error("api_error", "m"), Kind::UpstreamFailed, true),
            (error("unheard_of", "m"), Kind::UpstreamFailed, true),
            (error("rate_limit_error", "m"), Kind::UpstreamRateLimited, true),
            (error("billing_error", "m"), Kind::UpstreamRateLimited, false),
            (
                error("invalid_request_error", "Your credit balance is too low"),
                Kind::UpstreamRateLimited,
                false,
            ),
            (error("authentication_error", "m"), Kind::UpstreamAuth, false),
            (error("permission_error", "m"), Kind::Forbidden, false),
            (error("not_found_error", "model: m"), Kind::NotFound, false),
            (error("invalid_request_error", "m"), Kind::UpstreamFailed, false),
            (
                error("invalid_request_error", "messages.0: m"),
                Kind::InvalidInput,
                false,
            ),
        ] {
            let failure = run(&[start(), event.clone()])
                .await
                .pop()
                .expect("an item")
                .expect_err("a failure");
            assert_eq!((failure.kind, failure.retryable), (kind, retryable), "{event}");
        }
    }

    #[tokio::test]
    async fn a26_a_refusal_is_told_with_its_reason() {
        let details = json!({"type": "refusal", "category": "bio", "explanation": "because"});
        let delta = json!({"stop_reason": "refusal", "stop_sequence": null, "stop_details": details});
        let data = [
            start(),
            block(0, json!({"type": "text", "text": "I"})),
            stop(0),
            json!({"type": "message_delta", "delta": delta, "usage": {"output_tokens": 2}}),
            json!({"type": "message_stop"}),
        ];
        let chat = whole_of(&data).await;
        let said = json!([{"type": "text", "text": "I"}, {"type": "refusal", "text": "because"}]);
        assert_eq!(serde_json::to_value(chat.message.content).expect("JSON"), said);
        assert_eq!(chat.finish, Some(Finish::Filter));
    }
}
