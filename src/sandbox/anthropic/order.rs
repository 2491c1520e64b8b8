//! The order in which messages must stand.
//!
//! Invariant: a person begins, each call is answered in the message behind it before anything else is said, and a thought
//! that is given back is as it was.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

use super::problem::Problem;

/// What proves that a thought is unchanged.
pub(crate) fn signature(thought: &str) -> String {
    STANDARD.encode(&blake3::hash(thought.as_bytes()).as_bytes()[..12])
}

/// A thought that nobody may see.
pub(crate) fn hidden(thought: &str) -> String {
    STANDARD.encode(format!("hidden:{thought}"))
}

/// The blocks of a message; a text is one.
pub(crate) fn blocks(content: &Value) -> Vec<Value> {
    match content {
        Value::String(text) => vec![serde_json::json!({ "type": "text", "text": text })],
        Value::Array(blocks) => blocks.clone(),
        _ => vec![],
    }
}

/// Checks all messages.
pub(crate) fn check(messages: &[Value]) -> Result<(), Problem> {
    let mut calls: Vec<String> = vec![];
    for (at, message) in messages.iter().enumerate() {
        let place = format!("messages.{at}");
        let user = match message["role"].as_str() {
            Some("user") => true,
            Some("assistant") if at > 0 => false,
            Some("assistant") => return Err(Problem::invalid("messages: first message must use the \"user\" role")),
            _ => {
                return Err(Problem::invalid(format!(
                    "{place}.role: Input should be 'user' or 'assistant'"
                )));
            }
        };
        let blocks = blocks(&message["content"]);
        if blocks.is_empty() {
            return Err(Problem::invalid(format!(
                "{place}: messages must have non-empty content"
            )));
        }
        for (number, block) in blocks.iter().enumerate() {
            sound(&format!("{place}.content.{number}"), block, user)?;
        }
        if user {
            results(&place, &blocks, &mut calls)?;
        }
        calls = ids(&blocks, "tool_use", "id");
    }
    Ok(())
}

fn ids(blocks: &[Value], kind: &str, name: &str) -> Vec<String> {
    let such = blocks.iter().filter(|block| block["type"] == kind);
    such.filter_map(|block| block[name].as_str().map(str::to_owned))
        .collect()
}

/// All calls are answered, and first.
fn results(place: &str, blocks: &[Value], calls: &mut Vec<String>) -> Result<(), Problem> {
    let first = blocks.iter().take_while(|block| block["type"] == "tool_result").count();
    if blocks[first..].iter().any(|block| block["type"] == "tool_result") {
        return Err(Problem::invalid(format!(
            "{place}: `tool_result` blocks must stand first"
        )));
    }
    let mut answered = ids(blocks, "tool_result", "tool_use_id");
    answered.sort();
    calls.sort();
    match answered == *calls {
        true => Ok(()),
        false => {
            let what = "`tool_use` ids and the `tool_result` blocks immediately after do not match";
            Err(Problem::invalid(format!("{place}: {what}")))
        }
    }
}

fn sound(place: &str, block: &Value, user: bool) -> Result<(), Problem> {
    let wrong = |what: &str| Err(Problem::invalid(format!("{place}.{what}")));
    let text = |name: &str| block[name].as_str();
    let kind = text("type").unwrap_or_default();
    match (kind, user) {
        ("text", _) => match text("text") {
            Some("") => wrong("text: text content blocks must be non-empty"),
            Some(_) => Ok(()),
            None => wrong("text: Field required"),
        },
        ("image" | "document", true) if block["source"]["type"].is_string() => Ok(()),
        ("tool_result", true) if block["tool_use_id"].is_string() => Ok(()),
        ("tool_use", false) if block["id"].is_string() && block["name"].is_string() => match block["input"].is_object()
        {
            true => Ok(()),
            false => wrong("input: Input should be a valid dictionary"),
        },
        ("thinking", false) => match (text("thinking"), text("signature")) {
            (Some(thought), Some(signed)) if signed == signature(thought) => Ok(()),
            (Some(_), Some(_)) => wrong("signature: Invalid `signature` in `thinking` block"),
            _ => wrong("signature: Field required"),
        },
        ("server_tool_use", false) if block["id"].is_string() && block["input"].is_object() => Ok(()),
        ("web_search_tool_result", false) => {
            let found = block["content"].as_array().into_iter().flatten();
            let mut found = found.map(|found| found["encrypted_content"].as_str().unwrap_or_default());
            match found.all(|found| STANDARD.decode(found).is_ok_and(|text| text.starts_with(b"hidden:"))) {
                true => Ok(()),
                false => wrong("content.encrypted_content: Invalid `encrypted_content` in search result block"),
            }
        }
        ("redacted_thinking", false) => {
            let data = text("data").and_then(|data| STANDARD.decode(data).ok());
            match data.is_some_and(|data| data.starts_with(b"hidden:")) {
                true => Ok(()),
                false => wrong("data: Invalid `data` in `redacted_thinking` block"),
            }
        }
        _ => wrong("type: Input tag does not match any of the expected tags"),
    }
}
