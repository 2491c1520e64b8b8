//! The items of an answer, and the answer around them. Pure.
//!
//! Invariant: an item is the same whole and at the end of its pieces.

use serde_json::{Map, Value, json};

use super::super::chat_input::DIALECT;
use super::super::error::Told;
use super::sealed;
use crate::catalogue::ai::{Finish, Part, ResponseState, Usage};

/// Where items get their ids from.
#[derive(Debug)]
pub struct Ids {
    request: String,
    next: usize,
}

impl Ids {
    /// Those of an answer to this request.
    pub fn of(request: &str) -> Self {
        Ids {
            request: request.replace('-', ""),
            next: 0,
        }
    }

    /// The next one of a kind.
    pub fn next(&mut self, kind: &str) -> String {
        self.next += 1;
        format!("{kind}_{}_{}", self.request, self.next)
    }
}

pub(super) fn text(text: &str) -> Value {
    json!({"type": "output_text", "text": text, "annotations": [], "logprobs": []})
}

pub(super) fn refusal(text: &str) -> Value {
    json!({"type": "refusal", "refusal": text})
}

pub(super) fn message(id: &str, content: &[Value], status: &str) -> Value {
    json!({"type": "message", "id": id, "role": "assistant", "status": status, "content": content})
}

pub(super) fn call(id: &str, call: &str, name: &str, arguments: &str, status: &str) -> Value {
    json!({"type": "function_call", "id": id, "call_id": call, "name": name, "arguments": arguments, "status": status})
}

/// A thought of which this is shown, and this given back.
pub fn thought(id: &str, shown: &str, seal: Option<&str>) -> Value {
    let summary: &[Value] = match shown {
        "" => &[],
        shown => &[json!({"type": "summary_text", "text": shown})],
    };
    json!({"type": "reasoning", "id": id, "summary": summary, "encrypted_content": seal})
}

/// The item of a thought that goes by its signature: one of this dialect's own is told as it came.
pub fn signed(id: &str, shown: &str, signature: Option<&str>, data: Option<&str>, dialect: Option<&str>) -> Value {
    let own = signature.filter(|_| dialect == Some(DIALECT));
    let item = own.and_then(|item| serde_json::from_str(item).ok());
    item.unwrap_or_else(|| {
        // Of yet another dialect it is shown alone.
        let seal = sealed::seal(signature, data).filter(|_| dialect.is_none());
        thought(id, shown, seal.as_deref())
    })
}

/// All items of what was said; `reasoning`: what was shown of a thought that is not given back.
pub fn of(parts: &[Part], reasoning: Option<&str>, ids: &mut Ids) -> Vec<Value> {
    let mut items = vec![];
    if let Some(shown) = reasoning {
        items.push(thought(&ids.next(sealed::OWN), shown, None));
    }
    let mut said: Vec<Value> = vec![];
    for part in parts {
        match part {
            Part::Text { text: words, .. } => said.push(text(words)),
            Part::Refusal { text } => said.push(refusal(text)),
            _ => {
                tell(&mut said, &mut items, ids);
                items.extend(item(part, ids));
            }
        }
    }
    tell(&mut said, &mut items, ids);
    items
}

fn tell(said: &mut Vec<Value>, items: &mut Vec<Value>, ids: &mut Ids) {
    if !said.is_empty() {
        items.push(message(&ids.next("msg"), &std::mem::take(said), "completed"));
    }
}

fn item(part: &Part, ids: &mut Ids) -> Option<Value> {
    match part {
        Part::ToolCall {
            id, name, arguments, ..
        } => Some(call(&ids.next("fc"), id, name, arguments, "completed")),
        Part::Thinking {
            text,
            signature,
            data,
            dialect,
        } => {
            let id = ids.next(sealed::OWN);
            Some(signed(
                &id,
                text,
                signature.as_deref(),
                data.as_deref(),
                dialect.as_deref(),
            ))
        }
        Part::Other { dialect, block } if dialect == DIALECT => Some(block.to_value()),
        _ => None,
    }
}

/// What an answer tells around its items.
#[derive(Debug, Default)]
pub struct Frame {
    pub id: String,
    pub created_at: i64,
    pub completed_at: Option<i64>,
    pub model: String,
    pub previous: Option<String>,
    pub background: bool,
    pub store: bool,
    /// What of its request it tells again.
    pub again: Map<String, Value>,
}

/// `Response`, in a state, with what it says so far.
pub fn response(frame: &Frame, status: &str, output: Vec<Value>) -> Value {
    let usual = json!({
        "instructions": null, "max_output_tokens": null, "temperature": null, "top_p": null, "tools": [], "tool_choice": "auto",
        "text": {"format": {"type": "text"}}, "reasoning": {"effort": null, "summary": null}, "parallel_tool_calls": true,
        "truncation": "disabled", "metadata": {}, "user": null,
    });
    let own = json!({
        "id": frame.id, "object": "response", "created_at": frame.created_at, "completed_at": frame.completed_at,
        "status": status, "model": frame.model, "output": output, "error": null, "incomplete_details": null, "usage": null,
        "previous_response_id": frame.previous, "background": frame.background, "store": frame.store,
    });
    let mut whole = Map::new();
    for part in [usual, own] {
        if let Value::Object(part) = part {
            whole.extend(part);
        }
    }
    whole.extend(
        frame
            .again
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone())),
    );
    Value::Object(whole)
}

/// The word for where an answer stands.
pub fn status(state: ResponseState) -> &'static str {
    match state {
        ResponseState::Queued => "queued",
        ResponseState::Running | ResponseState::Other => "in_progress",
        ResponseState::Completed => "completed",
        ResponseState::Incomplete => "incomplete",
        ResponseState::Failed => "failed",
        ResponseState::Cancelled => "cancelled",
    }
}

/// The word for why an answer is not whole, where it is not.
pub fn incomplete(finish: Option<Finish>) -> Option<&'static str> {
    match finish {
        Some(Finish::Length) => Some("max_output_tokens"),
        Some(Finish::Filter) => Some("content_filter"),
        _ => None,
    }
}

/// `ResponseUsage`
pub fn usage(usage: &Usage) -> Value {
    json!({
        "input_tokens": usage.input_tokens,
        "input_tokens_details": {"cached_tokens": usage.cached_input_tokens.unwrap_or(0)},
        "output_tokens": usage.output_tokens,
        "output_tokens_details": {"reasoning_tokens": usage.reasoning_tokens.unwrap_or(0)},
        "total_tokens": usage.input_tokens.saturating_add(usage.output_tokens),
    })
}

/// What a stream breaks off with: flat, as this API has it, and with the member by which every client knows an error.
pub fn broken(told: &Told<'_>, number: u64) -> Value {
    let error = json!(told);
    json!({
        "type": "error", "sequence_number": number, "code": error["code"], "message": error["message"],
        "param": error["param"], "error": error,
    })
}
