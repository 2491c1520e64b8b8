//! From a neutral answer's events to chunks. Pure.
//!
//! Invariant: the first chunk tells the role, one chunk why it stopped, and only a whole answer ends in `[DONE]`; all chunks
//! have one id, one time and one model.

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_with::skip_serializing_none;

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
    pub fn new(id: String, created: i64, model: String, include_usage: bool, old: bool) -> Self {
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
                self.delta(Delta { role, content, ..none() }, out)
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
                self.thought.push_str(&text);
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
