//! From a neutral answer to a message. Pure.
//!
//! Invariant: a thought without what its provider knows it by is left out, never made up; arguments that are no object are a
//! failure, for no block can hold them.

use mosaic_actors::error::{Failure, Kind};
use serde_json::{Map, Value, json};

use super::super::dialect::thoughts;
use super::blocks::DIALECT;
use crate::catalogue::ai::{Chat, Finish, Part, Usage, Warning};

/// The word for why it stopped.
pub fn stop_reason(finish: Option<Finish>, stop: Option<&str>, calls: bool) -> &'static str {
    match finish {
        Some(Finish::Length) => "max_tokens",
        Some(Finish::Tool) => "tool_use",
        Some(Finish::Filter) => "refusal",
        Some(Finish::Pause) => "pause_turn",
        _ if calls => "tool_use",
        _ if stop.is_some() => "stop_sequence",
        _ => "end_turn",
    }
}

/// What has to do with a provider's cache is counted apart here.
pub fn usage(usage: Option<&Usage>) -> Value {
    let usage = usage.copied().unwrap_or_default();
    let (read, written) = (usage.cached_input_tokens, usage.cache_write_tokens);
    let apart = read.unwrap_or(0).saturating_add(written.unwrap_or(0));
    let mut told = json!({
        "input_tokens": usage.input_tokens.saturating_sub(apart),
        "output_tokens": usage.output_tokens,
        "cache_read_input_tokens": read.unwrap_or(0),
        "cache_creation_input_tokens": written.unwrap_or(0),
    });
    if let Some(hour) = usage.cache_write_hour_tokens {
        let short = written.unwrap_or(0).saturating_sub(hour);
        told["cache_creation"] = json!({"ephemeral_5m_input_tokens": short, "ephemeral_1h_input_tokens": hour});
    }
    if let Some(thought) = usage.reasoning_tokens {
        told["output_tokens_details"] = json!({ "thinking_tokens": thought });
    }
    told
}

/// A message with nothing said yet.
pub fn empty(id: &str, model: &str) -> Value {
    json!({
        "id": id, "type": "message", "role": "assistant", "model": model, "content": [], "stop_reason": null,
        "stop_sequence": null, "usage": usage(None),
    })
}

/// The message, and what of the answer is not in it.
///
/// # Errors
/// `upstream_failed` where a tool is called with what is no object.
pub fn message(id: &str, chat: &Chat) -> Result<(Value, Vec<Warning>), Failure> {
    let mut warnings = chat.warnings.clone();
    let mut blocks: Vec<Value> = vec![];
    let text = chat.message.content.text().unwrap_or_default();
    if !text.is_empty() {
        blocks.push(json!({"type": "text", "text": text}));
    }
    let mut calls = false;
    for part in chat.message.content.parts() {
        match part {
            Part::Text { text, .. } | Part::Refusal { text } => blocks.push(json!({"type": "text", "text": text})),
            Part::ToolCall {
                id, name, arguments, ..
            } => {
                calls = true;
                blocks.push(json!({"type": "tool_use", "id": id, "name": name, "input": object(name, arguments)?}));
            }
            Part::Thinking {
                text,
                signature: Some(signature),
                dialect,
                ..
            } => {
                let signature = thoughts::written(signature, dialect.as_deref());
                blocks.push(json!({"type": "thinking", "thinking": text, "signature": signature}));
            }
            Part::Thinking { data: Some(data), .. } => {
                blocks.push(json!({"type": "redacted_thinking", "data": &**data}));
            }
            Part::Other { dialect, block } if dialect == DIALECT => blocks.push(block.to_value()),
            Part::Other { .. } => warnings.push(left_out()),
            Part::Thinking { .. } | Part::Image { .. } | Part::File { .. } | Part::ToolResult { .. } => {}
        }
    }
    let mut message = empty(id, &chat.model);
    message["content"] = Value::Array(blocks);
    let stop = chat.stop_sequence.as_deref();
    message["stop_reason"] = stop_reason(chat.finish, stop, calls).into();
    message["stop_sequence"] = stop.into();
    message["usage"] = usage(chat.usage.as_ref());
    Ok((message, warnings))
}

/// That a part of the answer has no form here.
pub fn left_out() -> Warning {
    Warning::new("content", "a part is left out that only another dialect can tell")
}

/// The arguments of a call; none at all are an empty object.
///
/// # Errors
/// `upstream_failed` where they are no object.
pub fn object(name: &str, arguments: &str) -> Result<Map<String, Value>, Failure> {
    if arguments.trim().is_empty() {
        return Ok(Map::new());
    }
    serde_json::from_str(arguments).map_err(|_| {
        let sentence = format!("the model calls {name} with arguments that are no JSON object");
        Failure::new(Kind::UpstreamFailed, sentence)
    })
}
