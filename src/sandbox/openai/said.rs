//! What the model says, in OpenAI's words: whole, and piece by piece.
//!
//! Invariant: the pieces put together are the whole.

use serde_json::{Value, json};

use crate::sandbox::model::text;
use crate::sandbox::model::{Finish, Spoken};

pub(crate) fn finish(finish: &Finish) -> &'static str {
    match finish {
        // Which stop text was met is not told, nor that the model refused: the message says so.
        Finish::Stop(_) | Finish::Refusal => "stop",
        Finish::Length => "length",
        Finish::Tool => "tool_calls",
    }
}

/// Each call has an id that no other answer has.
fn call_id(answer: &str, at: usize) -> String {
    format!("call_{answer}_{at}")
}

pub(crate) fn message(spoken: &Spoken, answer: &str) -> Value {
    let silent = spoken.text.is_empty() && (spoken.refusal.is_some() || !spoken.calls.is_empty());
    let content = (!silent).then_some(&spoken.text);
    let mut message = json!({
        "role": "assistant", "content": content, "refusal": spoken.refusal, "annotations": [],
    });
    if !spoken.calls.is_empty() {
        let calls = spoken.calls.iter().enumerate().map(|(at, call)| {
            json!({
                "id": call_id(answer, at), "type": "function",
                "function": { "name": call.name, "arguments": call.arguments },
            })
        });
        message["tool_calls"] = calls.collect();
    }
    // As servers that are like OpenAI show it; hidden thoughts are shown nowhere.
    if let Some(thought) = spoken.thought.as_ref().filter(|thought| !thought.hidden) {
        message["reasoning_content"] = thought.text.clone().into();
    }
    message
}

pub(crate) fn deltas(spoken: &Spoken, answer: &str) -> Vec<Value> {
    let thought = spoken.thought.as_ref().filter(|thought| !thought.hidden);
    let pieces = |name: &'static str, text: &str| -> Vec<Value> {
        text::tokens(text).map(|token| json!({ name: token })).collect()
    };
    let mut deltas = thought.map_or(vec![], |thought| pieces("reasoning_content", &thought.text));
    deltas.extend(pieces("content", &spoken.text));
    deltas.extend(pieces("refusal", spoken.refusal.as_deref().unwrap_or_default()));
    let calls = || spoken.calls.iter().enumerate();
    deltas.extend(calls().map(|(at, call)| {
        json!({ "tool_calls": [{
            "index": at, "id": call_id(answer, at), "type": "function",
            "function": { "name": call.name, "arguments": "" },
        }] })
    }));
    // The arguments of several calls come in turns.
    let longest = calls()
        .map(|(_, call)| text::tokens(&call.arguments).count())
        .max()
        .unwrap_or(0);
    for piece in 0..longest {
        for (at, call) in calls() {
            let token = text::tokens(&call.arguments).nth(piece);
            deltas.extend(
                token.map(|token| json!({ "tool_calls": [{ "index": at, "function": { "arguments": token } }] })),
            );
        }
    }
    deltas
}
