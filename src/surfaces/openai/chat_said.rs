//! From a neutral answer to a chat completion. Pure.
//!
//! Invariant: what an answer says is told whole: texts are joined, and what only another dialect can tell is warned of.

use serde::Serialize;
use serde_json::Value;
use serde_with::skip_serializing_none;

use super::super::dialect::thoughts;
use crate::catalogue::ai::{self, Chat, Finish, Part, Warning};

/// `CreateChatCompletionResponse`
#[derive(Serialize)]
pub struct Completion<'a> {
    id: &'a str,
    object: &'static str,
    created: i64,
    model: &'a str,
    choices: [Choice; 1],
    usage: Option<Usage>,
    system_fingerprint: Option<&'static str>,
}

#[derive(Serialize)]
struct Choice {
    index: u32,
    message: Message,
    logprobs: Option<()>,
    finish_reason: &'static str,
}

#[derive(Serialize)]
struct Message {
    role: &'static str,
    content: Option<String>,
    refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tool_calls: Vec<ToolCall>,
    #[serde(skip_serializing_if = "Option::is_none")]
    function_call: Option<Function>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_content: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    thinking_blocks: Vec<Thought>,
}

#[derive(Serialize)]
struct ToolCall {
    id: String,
    r#type: &'static str,
    function: Function,
}

#[derive(Serialize)]
struct Function {
    name: String,
    arguments: String,
}

/// A thought that its provider wants back, in a field of ours: those who give messages back whole give it back, too.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct Thought {
    /// Of pieces, which of the answer's thoughts it is.
    pub index: Option<u32>,
    r#type: &'static str,
    thinking: Option<String>,
    signature: Option<String>,
    data: Option<String>,
}

impl Thought {
    /// One that is shown.
    pub fn shown(text: &str, signature: &str, dialect: Option<&str>) -> Self {
        Thought {
            index: None,
            r#type: "thinking",
            thinking: Some(text.to_owned()),
            signature: Some(thoughts::written(signature, dialect)),
            data: None,
        }
    }

    /// One that is hidden.
    pub fn hidden(data: &str) -> Self {
        Thought {
            index: None,
            r#type: "redacted_thinking",
            thinking: None,
            signature: None,
            data: Some(data.to_owned()),
        }
    }
}

/// `CompletionUsage`
#[derive(Serialize)]
pub struct Usage {
    prompt_tokens: u64,
    completion_tokens: u64,
    total_tokens: u64,
    prompt_tokens_details: Value,
    completion_tokens_details: Value,
}

impl From<ai::Usage> for Usage {
    fn from(usage: ai::Usage) -> Self {
        Usage {
            prompt_tokens: usage.input_tokens,
            completion_tokens: usage.output_tokens,
            total_tokens: usage.input_tokens.saturating_add(usage.output_tokens),
            prompt_tokens_details: serde_json::json!({"cached_tokens": usage.cached_input_tokens.unwrap_or(0)}),
            completion_tokens_details: serde_json::json!({"reasoning_tokens": usage.reasoning_tokens.unwrap_or(0)}),
        }
    }
}

/// The word for why it stopped.
pub fn finish(finish: Option<Finish>, calls: bool, old: bool) -> &'static str {
    match finish {
        Some(Finish::Length) => "length",
        Some(Finish::Filter) => "content_filter",
        Some(Finish::Tool) if old => "function_call",
        Some(Finish::Tool) => "tool_calls",
        None | Some(Finish::Other) if calls && old => "function_call",
        None | Some(Finish::Other) if calls => "tool_calls",
        _ => "stop",
    }
}

/// A completion, and what of the answer is not in it.
pub fn completion<'a>(id: &'a str, created: i64, chat: &'a Chat, old: bool) -> (Completion<'a>, Vec<Warning>) {
    let mut warnings = chat.warnings.clone();
    let said = Said::of(chat, &mut warnings);
    let finish_reason = finish(chat.finish, !said.calls.is_empty(), old);
    // Where nobody explains a refusal, what was said is the explanation.
    let refusal = said.refusal.or_else(|| {
        (finish_reason == "content_filter")
            .then(|| said.text.clone())
            .filter(|text| !text.is_empty())
    });
    let silent = said.text.is_empty() && (!said.calls.is_empty() || refusal.is_some());
    let mut calls = said.calls.into_iter();
    let message = Message {
        role: "assistant",
        content: (!silent).then_some(said.text),
        refusal,
        function_call: if old {
            calls.next().map(|call| call.function)
        } else {
            None
        },
        tool_calls: if old { vec![] } else { calls.collect() },
        reasoning_content: said.shown.or_else(|| chat.reasoning.clone()),
        thinking_blocks: said.thoughts,
    };
    if chat.finish == Some(Finish::Pause) {
        warnings.push(Warning::new("finish_reason", "the model paused, and can be continued"));
    }
    let completion = Completion {
        id,
        object: "chat.completion",
        created,
        model: &chat.model,
        choices: [Choice {
            index: 0,
            message,
            logprobs: None,
            finish_reason,
        }],
        usage: chat.usage.map(Usage::from),
        system_fingerprint: None,
    };
    (completion, warnings)
}

#[derive(Default)]
struct Said {
    text: String,
    refusal: Option<String>,
    calls: Vec<ToolCall>,
    thoughts: Vec<Thought>,
    /// What is shown of the thoughts.
    shown: Option<String>,
}

impl Said {
    fn of(chat: &Chat, warnings: &mut Vec<Warning>) -> Self {
        let mut said = Said::default();
        said.text.push_str(chat.message.content.text().unwrap_or_default());
        for part in chat.message.content.parts() {
            match part {
                Part::Text { text, .. } => said.text.push_str(text),
                Part::Refusal { text } => said.refusal.get_or_insert_default().push_str(text),
                Part::ToolCall {
                    id, name, arguments, ..
                } => said.calls.push(ToolCall {
                    id: id.clone(),
                    r#type: "function",
                    function: Function {
                        name: name.clone(),
                        arguments: arguments.clone(),
                    },
                }),
                Part::Thinking {
                    text,
                    signature,
                    data,
                    dialect,
                } => said.think(text, signature.as_deref(), data.as_deref(), dialect.as_deref()),
                Part::Other { .. } => warnings.push(left_out()),
                Part::Image { .. } | Part::File { .. } | Part::ToolResult { .. } => {}
            }
        }
        said
    }

    fn think(&mut self, text: &str, signature: Option<&str>, data: Option<&str>, dialect: Option<&str>) {
        if !text.is_empty() {
            self.shown.get_or_insert_default().push_str(text);
        }
        match (signature, data) {
            (Some(signature), _) => self.thoughts.push(Thought::shown(text, signature, dialect)),
            (None, Some(data)) => self.thoughts.push(Thought::hidden(data)),
            (None, None) => {}
        }
    }
}

/// That a part of the answer has no form here.
pub fn left_out() -> Warning {
    Warning::new(
        "choices[0].message",
        "a part is left out that only another dialect can tell",
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(chat: Value, old: bool) -> Value {
        let chat: Chat = serde_json::from_value(chat).expect("an answer");
        json!(completion("chatcmpl-1", 5, &chat, old).0)
    }

    fn says(parts: Value, finish: &str) -> Value {
        json!({"id": "a~b", "model": "m", "message": {"role": "assistant", "content": parts}, "finish": finish,
            "usage": {"input_tokens": 7, "output_tokens": 2, "cached_input_tokens": 3}})
    }

    #[test]
    fn an_answer_is_told_as_the_dialect_has_it() {
        let whole = told(says(json!("hi"), "stop"), false);
        assert_eq!(
            whole,
            json!({"id": "chatcmpl-1", "object": "chat.completion", "created": 5, "model": "m", "system_fingerprint": null,
                "choices": [{"index": 0, "logprobs": null, "finish_reason": "stop",
                    "message": {"role": "assistant", "content": "hi", "refusal": null}}],
                "usage": {"prompt_tokens": 7, "completion_tokens": 2, "total_tokens": 9,
                    "prompt_tokens_details": {"cached_tokens": 3}, "completion_tokens_details": {"reasoning_tokens": 0}}})
        );
        let call = json!({"type": "tool_call", "id": "c", "name": "look", "arguments": "{}"});
        for (parts, finish, reason, message) in [
            (json!("hi"), "length", "length", json!({"content": "hi"})),
            (json!("hi"), "pause", "stop", json!({"content": "hi"})),
            (json!("hi"), "other", "stop", json!({"content": "hi"})),
            (
                json!("no"),
                "filter",
                "content_filter",
                json!({"content": "no", "refusal": "no"}),
            ),
            (
                json!([{"type": "text", "text": "a"}, {"type": "refusal", "text": "never"}]),
                "filter",
                "content_filter",
                json!({"content": "a", "refusal": "never"}),
            ),
            (
                json!([call]),
                "tool",
                "tool_calls",
                json!({"content": null, "tool_calls": [{"id": "c", "type": "function", "function": {"name": "look", "arguments": "{}"}}]}),
            ),
            (
                json!([{"type": "thinking", "text": "hm", "signature": "s"}, {"type": "text", "text": "a"}]),
                "stop",
                "stop",
                json!({"content": "a", "reasoning_content": "hm", "thinking_blocks": [{"type": "thinking", "thinking": "hm", "signature": "s"}]}),
            ),
        ] {
            let choice = told(says(parts.clone(), finish), false)["choices"][0].clone();
            assert_eq!(choice["finish_reason"], reason, "{parts}");
            for (name, value) in message.as_object().expect("an object") {
                assert_eq!(&choice["message"][name], value, "{parts} {name}");
            }
        }
        let old = told(says(json!([call]), "tool"), true)["choices"][0].clone();
        assert_eq!(
            (&old["finish_reason"], &old["message"]["function_call"]["name"]),
            (&json!("function_call"), &json!("look"))
        );
        assert!(old["message"].get("tool_calls").is_none());
    }
}
