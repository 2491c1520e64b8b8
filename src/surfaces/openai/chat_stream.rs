//! From a neutral answer's events to chunks. Pure.
//!
//! Invariant: the first chunk tells the role, one chunk why it stopped, and only a whole answer ends in `[DONE]`; all chunks
//! have one id, one time and one model.

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_with::skip_serializing_none;

use super::super::dialect::kept::keep;
use super::super::dialect::sse::{Teller, write};
use super::super::problem::Problem;
use super::super::request_id::RequestId;
use super::chat_said::{Thought, Usage, finish};
use super::error;
use crate::catalogue::ai::{self, ChatEvent};

/// `CreateChatCompletionStreamResponse`
#[derive(Serialize)]
struct Chunk<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: Vec<Choice<'a>>,
    /// Null in all chunks but the last, where it was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    usage: Option<Option<Usage>>,
}

#[derive(Serialize)]
struct Choice<'a> {
    index: u32,
    delta: Delta<'a>,
    logprobs: Option<()>,
    finish_reason: Option<&'static str>,
}

#[skip_serializing_none]
#[derive(Default, Serialize)]
struct Delta<'a> {
    role: Option<&'static str>,
    content: Option<&'a str>,
    refusal: Option<&'a str>,
    reasoning_content: Option<&'a str>,
    thinking_blocks: Option<[Thought; 1]>,
    tool_calls: Option<[ToolCall<'a>; 1]>,
    function_call: Option<Function<'a>>,
}

#[skip_serializing_none]
#[derive(Serialize)]
struct ToolCall<'a> {
    index: u32,
    id: Option<&'a str>,
    r#type: Option<&'static str>,
    function: Function<'a>,
}

#[skip_serializing_none]
#[derive(Serialize)]
struct Function<'a> {
    name: Option<&'a str>,
    arguments: &'a str,
}

/// Tells one answer.
pub struct Chunks {
    id: String,
    created: i64,
    model: String,
    include_usage: bool,
    old: bool,
    usage: Option<ai::Usage>,
    calls: u32,
    /// A thought that may yet be signed.
    thought: String,
    thoughts: u32,
    over: bool,
}

impl Chunks {
    pub(super) fn new(id: String, created: i64, model: String, include_usage: bool, old: bool) -> Self {
        Chunks {
            id,
            created,
            model,
            include_usage,
            old,
            usage: None,
            calls: 0,
            thought: String::new(),
            thoughts: 0,
            over: false,
        }
    }

    fn chunk(&self, choices: Vec<Choice<'_>>, usage: Option<Usage>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let chunk = Chunk {
            id: &self.id,
            object: "chat.completion.chunk",
            created: self.created,
            model: &self.model,
            choices,
            usage: self.include_usage.then_some(usage),
        };
        write(None, &chunk, out)
    }

    fn delta(&self, delta: Delta<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let choice = Choice {
            index: 0,
            delta,
            logprobs: None,
            finish_reason: None,
        };
        self.chunk(vec![choice], None, out)
    }

    fn think(&mut self, mut thought: Thought, out: &mut Vec<u8>) -> Result<(), Failure> {
        thought.index = Some(self.thoughts);
        self.thoughts += 1;
        let thinking_blocks = Some([thought]);
        self.delta(
            Delta {
                thinking_blocks,
                ..Delta::default()
            },
            out,
        )
    }

    fn call(&self, index: u32, id: Option<&str>, function: Function<'_>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let mut delta = Delta::default();
        match self.old {
            // There was no place for a second one.
            true if index > 0 => return Ok(()),
            true => delta.function_call = Some(function),
            false => {
                delta.tool_calls = Some([ToolCall {
                    index,
                    id,
                    r#type: id.map(|_| "function"),
                    function,
                }]);
            }
        }
        self.delta(delta, out)
    }

    fn end(&mut self, why: Option<ai::Finish>, out: &mut Vec<u8>) -> Result<(), Failure> {
        let last = Choice {
            index: 0,
            delta: Delta::default(),
            logprobs: None,
            finish_reason: Some(finish(why, self.calls > 0, self.old)),
        };
        self.chunk(vec![last], None, out)?;
        if self.include_usage {
            self.chunk(vec![], self.usage.map(Usage::from), out)?;
        }
        out.extend_from_slice(b"data: [DONE]\n\n");
        self.over = true;
        Ok(())
    }
}

impl Teller for Chunks {
    // Not an event: those whose data is empty break its clients.
    const BEAT: &'static str = ": keep-alive\n\n";

    fn hear(&mut self, event: ChatEvent, out: &mut Vec<u8>) -> Result<(), Failure> {
        let none = Delta::default;
        match event {
            ChatEvent::Start { model, .. } => {
                self.model = model;
                let (role, content) = (Some("assistant"), Some(""));
                self.delta(
                    Delta {
                        role,
                        content,
                        ..none()
                    },
                    out,
                )
            }
            ChatEvent::Delta { text } => {
                let content = Some(text.as_str());
                self.delta(Delta { content, ..none() }, out)
            }
            ChatEvent::Refusal { text } => {
                let refusal = Some(text.as_str());
                self.delta(Delta { refusal, ..none() }, out)
            }
            ChatEvent::Reasoning { text } => {
                keep(&mut self.thought, &text)?;
                let reasoning_content = Some(text.as_str());
                self.delta(
                    Delta {
                        reasoning_content,
                        ..none()
                    },
                    out,
                )
            }
            ChatEvent::Signature { signature, dialect } => {
                let text = std::mem::take(&mut self.thought);
                self.think(Thought::shown(&text, &signature, dialect.as_deref()), out)
            }
            ChatEvent::HiddenReasoning { data } => self.think(Thought::hidden(&data), out),
            ChatEvent::ToolCall { index, id, name } => {
                self.calls += 1;
                let function = Function {
                    name: Some(&name),
                    arguments: "",
                };
                self.call(index, Some(&id), function, out)
            }
            ChatEvent::ToolArguments { index, text } => {
                let function = Function {
                    name: None,
                    arguments: &text,
                };
                self.call(index, None, function, out)
            }
            ChatEvent::Other { .. } => Ok(()),
            ChatEvent::Usage { usage } => {
                self.usage = Some(usage);
                Ok(())
            }
            ChatEvent::End { finish, .. } => self.end(finish, out),
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn fail(&mut self, problem: &Problem, _id: &RequestId, out: &mut Vec<u8>) {
        out.extend_from_slice(b"data: ");
        out.extend_from_slice(&error::json(problem));
        out.extend_from_slice(b"\n\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::catalogue::ai::{Finish, Warning};
    use mosaic_actors::error::Kind;
    use serde_json::{Value, json};

    fn told(events: Vec<ChatEvent>, include_usage: bool, old: bool) -> (Vec<Value>, bool) {
        let mut chunks = Chunks::new("chatcmpl-1".to_owned(), 5, "asked".to_owned(), include_usage, old);
        let mut out = Vec::new();
        for event in events {
            chunks.hear(event, &mut out).expect("told");
        }
        let text = String::from_utf8(out).expect("text");
        let (text, done) = match text.strip_suffix("data: [DONE]\n\n") {
            Some(text) => (text, true),
            None => (text.as_str(), false),
        };
        let data = text
            .split_terminator("\n\n")
            .map(|event| event.strip_prefix("data: ").expect("data alone"));
        let chunks: Vec<Value> = data.map(|data| serde_json::from_str(data).expect("JSON")).collect();
        for chunk in &chunks {
            let frame = [&chunk["id"], &chunk["object"], &chunk["created"], &chunk["model"]];
            assert_eq!(
                frame,
                [
                    &json!("chatcmpl-1"),
                    &json!("chat.completion.chunk"),
                    &json!(5),
                    &json!("m")
                ]
            );
        }
        (chunks, done)
    }

    fn start() -> ChatEvent {
        ChatEvent::Start {
            id: Some("a~b".to_owned()),
            model: "m".to_owned(),
            warnings: vec![Warning::new("x", "y")],
        }
    }

    fn end(finish: Finish) -> ChatEvent {
        ChatEvent::End {
            finish: Some(finish),
            raw_finish: None,
            stop_sequence: None,
        }
    }

    fn call(index: u32) -> [ChatEvent; 2] {
        let (id, name) = (format!("c{index}"), "look".to_owned());
        let text = "{}".to_owned();
        [
            ChatEvent::ToolCall { index, id, name },
            ChatEvent::ToolArguments { index, text },
        ]
    }

    #[test]
    fn a_text_is_told_as_the_dialect_has_it() {
        let usage = ai::Usage {
            input_tokens: 7,
            output_tokens: 2,
            cached_input_tokens: Some(3),
            reasoning_tokens: Some(1),
            ..ai::Usage::default()
        };
        let text = ChatEvent::Delta {
            text: "hi\n".to_owned(),
        };
        let events = vec![start(), text, ChatEvent::Usage { usage }, end(Finish::Stop)];
        let (chunks, done) = told(events.clone(), true, false);
        assert!(done);
        let deltas: Vec<_> = chunks.iter().filter_map(|chunk| chunk["choices"].get(0)).collect();
        assert_eq!(deltas[0]["delta"], json!({"role": "assistant", "content": ""}));
        assert_eq!(
            (&deltas[1]["delta"], &deltas[1]["finish_reason"]),
            (&json!({"content": "hi\n"}), &Value::Null)
        );
        assert_eq!(
            (&deltas[2]["delta"], &deltas[2]["finish_reason"]),
            (&json!({}), &json!("stop"))
        );
        let last = &chunks[3];
        let counted = json!({"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
            "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 1}});
        assert_eq!((&last["choices"], &last["usage"]), (&json!([]), &counted));
        let (chunks, _) = told(events, false, false);
        assert!(chunks.len() == 3 && chunks.iter().all(|chunk| chunk.get("usage").is_none()));
    }

    #[test]
    fn calls_and_thoughts_are_told_by_their_numbers() {
        let mut events = vec![start(), ChatEvent::Reasoning { text: "hm".to_owned() }];
        events.push(ChatEvent::Signature {
            signature: "s".into(),
            dialect: None,
        });
        events.extend(call(0));
        events.extend(call(1));
        events.push(end(Finish::Tool));
        let (chunks, done) = told(events.clone(), false, false);
        let deltas: Vec<_> = chunks.iter().map(|chunk| &chunk["choices"][0]["delta"]).collect();
        assert_eq!(deltas[1], &json!({"reasoning_content": "hm"}));
        assert_eq!(
            deltas[2]["thinking_blocks"][0],
            json!({"index": 0, "type": "thinking", "thinking": "hm", "signature": "s"})
        );
        let began = json!({"index": 1, "id": "c1", "type": "function", "function": {"name": "look", "arguments": ""}});
        assert_eq!(deltas[5]["tool_calls"][0], began);
        assert_eq!(
            deltas[6]["tool_calls"][0],
            json!({"index": 1, "function": {"arguments": "{}"}})
        );
        assert_eq!(
            (&chunks[7]["choices"][0]["finish_reason"], done),
            (&json!("tool_calls"), true)
        );
        let (chunks, _) = told(events, false, true);
        assert_eq!(
            chunks[3]["choices"][0]["delta"]["function_call"],
            json!({"name": "look", "arguments": ""})
        );
        assert_eq!(
            chunks.last().expect("one")["choices"][0]["finish_reason"],
            "function_call"
        );
    }

    #[test]
    fn a_stream_that_breaks_has_an_error_and_no_end() {
        let mut chunks = Chunks::new("i".to_owned(), 5, "m".to_owned(), true, false);
        let mut out = Vec::new();
        let id = RequestId::of(&http::HeaderMap::new());
        chunks.fail(&Failure::new(Kind::UpstreamFailed, "broken").into(), &id, &mut out);
        let text = String::from_utf8(out).expect("text");
        let json: Value = serde_json::from_str(text.strip_prefix("data: ").expect("data").trim_end()).expect("JSON");
        assert_eq!(json["error"]["message"], "broken");
        assert!(!text.contains("[DONE]") && text.ends_with("\n\n") && !chunks.is_over());
    }
}
