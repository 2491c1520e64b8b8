//! What the model says, in Anthropic's words: whole, and piece by piece.
//!
//! Invariant: the pieces put together are the whole.

use serde_json::{Value, json};

use super::order::{hidden, signature};
use super::request::SEARCH;
use crate::sandbox::model::text;
use crate::sandbox::model::{Finish, Spoken};

/// `stop_reason`, `stop_sequence`, `stop_details`.
pub(crate) fn stop(spoken: &Spoken) -> Value {
    let (reason, sequence) = match &spoken.finish {
        Finish::Stop(None) => ("end_turn", None),
        Finish::Stop(Some(met)) => ("stop_sequence", Some(met)),
        Finish::Length => ("max_tokens", None),
        Finish::Tool => ("tool_use", None),
        Finish::Refusal => ("refusal", None),
    };
    let details = spoken
        .refusal
        .as_ref()
        .map(|why| json!({ "type": "refusal", "category": null, "explanation": why }));
    json!({ "stop_reason": reason, "stop_sequence": sequence, "stop_details": details })
}

/// The model has looked for this in the web, and found it.
pub(crate) fn searched(query: &str, answer: &str) -> Vec<Value> {
    let id = format!("srvtoolu_{answer}");
    let direct = json!({ "type": "direct" });
    let found = json!({
        "type": "web_search_result", "url": "https://found.example/", "title": format!("On {query}"),
        "encrypted_content": hidden(query), "page_age": null,
    });
    vec![
        json!({ "type": "server_tool_use", "id": id, "name": SEARCH, "input": { "query": query }, "caller": direct }),
        json!({ "type": "web_search_tool_result", "tool_use_id": id, "content": [found], "caller": direct }),
    ]
}

pub(crate) fn blocks(spoken: &Spoken, answer: &str) -> Vec<Value> {
    let mut blocks = vec![];
    if let Some(thought) = &spoken.thought {
        blocks.push(match thought.hidden {
            true => json!({ "type": "redacted_thinking", "data": hidden(&thought.text) }),
            false => {
                json!({ "type": "thinking", "thinking": thought.text, "signature": signature(&thought.text) })
            }
        });
    }
    if !spoken.text.is_empty() {
        blocks.push(json!({ "type": "text", "text": spoken.text, "citations": null }));
    }
    blocks.extend(spoken.calls.iter().enumerate().map(|(at, call)| {
        let input: Value = serde_json::from_str(&call.arguments).unwrap_or_else(|_| json!({}));
        json!({
            "type": "tool_use", "id": format!("toolu_{answer}_{at}"), "name": call.name, "input": input,
            "caller": { "type": "direct" },
        })
    }));
    blocks
}

/// The events of a block: it begins empty, where it comes in pieces.
pub(crate) fn events(index: usize, block: &Value) -> Vec<Value> {
    let mut begun = block.clone();
    let delta = |delta: Value| json!({ "type": "content_block_delta", "index": index, "delta": delta });
    let pieces = |text: &Value, kind: &str, name: &str| -> Vec<Value> {
        let tokens = text::tokens(text.as_str().unwrap_or_default());
        tokens
            .map(|token| delta(json!({ "type": kind, name: token })))
            .collect()
    };
    let mut deltas = vec![];
    match block["type"].as_str() {
        Some("text") => {
            begun["text"] = "".into();
            deltas = pieces(&block["text"], "text_delta", "text");
        }
        Some("thinking") => {
            begun["thinking"] = "".into();
            begun["signature"] = "".into();
            deltas = pieces(&block["thinking"], "thinking_delta", "thinking");
            deltas.push(delta(
                json!({ "type": "signature_delta", "signature": block["signature"] }),
            ));
        }
        Some("tool_use" | "server_tool_use") => {
            begun["input"] = json!({});
            // Even a call without arguments has a piece, an empty one.
            deltas.push(delta(json!({ "type": "input_json_delta", "partial_json": "" })));
            if block["input"] != json!({}) {
                let input = block["input"].to_string().into();
                deltas.extend(pieces(&input, "input_json_delta", "partial_json"));
            }
        }
        _ => {}
    }
    let start = json!({ "type": "content_block_start", "index": index, "content_block": begun });
    let stop = json!({ "type": "content_block_stop", "index": index });
    [start].into_iter().chain(deltas).chain([stop]).collect()
}
