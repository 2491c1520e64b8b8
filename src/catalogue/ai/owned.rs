//! Files that a conversation names by their ids at a provider.
//!
//! Invariant: each id is found wherever a part, or the JSON of a dialect's own, has a place for one.

use mosaic_actors::call::Resource;
use serde_json::Value;

use super::content::Content;
use super::input::ChatInput;
use super::part::{Part, ResultPart};

/// What a dialect's own JSON calls a file's id, and several.
const FILE: [&str; 2] = ["file_id", "file_ids"];

/// The files that a conversation names, at the instance that its model pins.
pub(super) fn files(chat: &ChatInput) -> Vec<Resource> {
    let mut ids = Vec::new();
    for message in &chat.messages {
        if let Content::Parts(parts) = &message.content {
            parts.iter().for_each(|part| of_part(part, &mut ids));
        }
    }
    let own = chat.extensions.0.values().flat_map(|fields| fields.iter());
    own.for_each(|(name, value)| of_field(name, value, &mut ids));
    let model = chat.model.resource();
    let pinned = |id: String| match model.instance() {
        Some(instance) => Resource::parse(&Resource::neutral_id(instance, id)),
        None => Resource::parse(&id),
    };
    ids.into_iter().map(pinned).collect()
}

fn of_part(part: &Part, ids: &mut Vec<String>) {
    match part {
        Part::Image { file, .. } | Part::File { file, .. } => ids.extend(file.clone()),
        Part::ToolResult {
            content: Content::Parts(parts),
            ..
        } => ids.extend(parts.iter().filter_map(of_result)),
        Part::Other { block, .. } => {
            if let Ok(block) = serde_json::from_str(block.get()) {
                of_json(&block, ids);
            }
        }
        _ => {}
    }
}

fn of_result(part: &ResultPart) -> Option<String> {
    match part {
        ResultPart::Image { file, .. } => file.clone(),
        ResultPart::Text { .. } => None,
    }
}

/// JSON that was read nests no deeper than its reader allows.
fn of_json(value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(name, value)| of_field(name, value, ids)),
        Value::Array(values) => values.iter().for_each(|value| of_json(value, ids)),
        _ => {}
    }
}

fn of_field(name: &str, value: &Value, ids: &mut Vec<String>) {
    match value {
        Value::String(id) if FILE.contains(&name) => ids.push(id.clone()),
        Value::Array(several) if FILE.contains(&name) => {
            ids.extend(several.iter().filter_map(Value::as_str).map(str::to_owned));
        }
        other => of_json(other, ids),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn each_place_for_a_file_is_looked_at() {
        let chat = json!({"model": "oai~m", "messages": [
            {"role": "user", "content": [
                {"type": "file", "file": "a"}, {"type": "image", "file": "b"}, {"type": "text", "text": "file_id"},
                {"type": "other", "dialect": "x", "block": {"deep": [{"file_id": "c"}], "file_ids": ["d", 7]}}]},
            {"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "t", "content": [{"type": "image", "file": "e"}]}]}],
            "extensions": {"openai": {"tools": [{"file_ids": ["f"]}]}}});
        let chat: ChatInput = serde_json::from_value(chat).expect("read");
        let expected: Vec<Resource> = ["a", "b", "c", "d", "e", "f"]
            .map(|id| Resource::parse(&format!("oai~{id}")))
            .into();
        assert_eq!(files(&chat), expected);
        let unpinned: ChatInput = serde_json::from_value(json!({"model": "m", "prompt": "p"})).expect("read");
        assert!(files(&unpinned).is_empty());
    }
}
