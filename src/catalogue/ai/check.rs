//! What a conversation must be, whoever is asked.
//!
//! Invariant: what is passed on is bounded in number, depth and size, and each part stands where its speaker can say it.

use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::content::Content;
use super::input::ChatInput;
use super::message::{Message, Role};
use super::part::{Part, ResultPart};
use super::tool::{ResponseFormat, Tool, ToolChoice};

const MOST_MESSAGES: usize = 1000;
const MOST_PARTS: usize = 1000;
const MOST_TOOLS: usize = 256;
const MOST_STOPS: usize = 64;
const MOST_EXTENSIONS: usize = 64;
/// The deepest JSON that is passed on.
const DEEPEST: usize = 32;
/// The most values that a schema or an extension may hold.
const MOST_VALUES: usize = 10_000;
/// The longest short text, in bytes.
const LONGEST: usize = 1024;

/// Checks across fields.
///
/// # Errors
/// `invalid_input` naming the field.
pub fn check(input: &ChatInput) -> Result<(), Failure> {
    if input.messages.is_empty() && input.prompt.is_none() {
        return wrong("messages", "give messages, a prompt, or both");
    }
    at_most("messages", input.messages.len(), MOST_MESSAGES)?;
    for (at, message) in input.messages.iter().enumerate() {
        check_message(&format!("messages[{at}]"), message)?;
    }
    if input.max_tokens == Some(0) {
        return wrong("max_tokens", "max_tokens must be at least 1");
    }
    if input.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return wrong("temperature", "temperature must be between 0 and 2");
    }
    if input.top_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return wrong("top_p", "top_p must be between 0 and 1");
    }
    at_most("stop", input.stop.len(), MOST_STOPS)?;
    for (at, stop) in input.stop.iter().enumerate() {
        short(&format!("stop[{at}]"), stop)?;
    }
    input.user.as_deref().map_or(Ok(()), |user| short("user", user))?;
    check_tools(input)?;
    if let Some(ResponseFormat::JsonSchema { name, schema, .. }) = &input.response_format {
        name.as_deref()
            .map_or(Ok(()), |text| named("response_format.name", text))?;
        bounded("response_format.schema", schema)?;
    }
    if input
        .reasoning
        .is_some_and(|reasoning| reasoning.budget_tokens == Some(0))
    {
        return wrong("reasoning.budget_tokens", "reasoning.budget_tokens must be at least 1");
    }
    let fields = input.extensions.0.values().map(Map::len).sum();
    at_most("extensions", fields, MOST_EXTENSIONS)?;
    for (dialect, fields) in &input.extensions.0 {
        named("extensions", dialect)?;
        fields
            .keys()
            .try_for_each(|name| named(&format!("extensions.{dialect}"), name))?;
        bounded(&format!("extensions.{dialect}"), fields)?;
    }
    Ok(())
}

fn wrong(field: &str, sentence: &str) -> Result<(), Failure> {
    Err(Failure::invalid(field, sentence))
}

fn at_most(field: &str, count: usize, most: usize) -> Result<(), Failure> {
    match count <= most {
        true => Ok(()),
        false => wrong(field, &format!("{field} holds more than {most}")),
    }
}

fn short(field: &str, text: &str) -> Result<(), Failure> {
    match (1..=LONGEST).contains(&text.len()) {
        true => Ok(()),
        false => wrong(field, &format!("{field} must have 1 to {LONGEST} bytes")),
    }
}

/// The rule of what models and dialects know things by.
fn named(field: &str, name: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
    match (1..=128).contains(&name.len()) && name.bytes().all(plain) {
        true => Ok(()),
        false => wrong(
            field,
            &format!("{field} must have 1 to 128 letters, digits, '_' and '-'"),
        ),
    }
}

fn check_tools(input: &ChatInput) -> Result<(), Failure> {
    at_most("tools", input.tools.len(), MOST_TOOLS)?;
    for (at, Tool { name, parameters, .. }) in input.tools.iter().enumerate() {
        named(&format!("tools[{at}].name"), name)?;
        parameters
            .as_ref()
            .map_or(Ok(()), |schema| bounded(&format!("tools[{at}].parameters"), schema))?;
        if input.tools[..at].iter().any(|before| before.name == *name) {
            return wrong(&format!("tools[{at}].name"), "two tools have the same name");
        }
    }
    if let Some(ToolChoice::Tool(chosen)) = &input.tool_choice
        && !input.tools.iter().any(|tool| tool.name == chosen.name)
    {
        return wrong("tool_choice", "tool_choice names none of the tools");
    }
    if input.tool_choice.is_some() && input.tools.is_empty() {
        return wrong("tool_choice", "there are no tools to choose from");
    }
    Ok(())
}

fn check_message(field: &str, Message { role, content }: &Message) -> Result<(), Failure> {
    let field = format!("{field}.content");
    if let (Role::Tool, Content::Text(_)) = (role, content) {
        return wrong(&field, "a message of the role tool holds parts of the type tool_result");
    }
    at_most(&field, content.parts().len(), MOST_PARTS)?;
    for (at, part) in content.parts().iter().enumerate() {
        let field = format!("{field}[{at}]");
        let fits = match part {
            Part::Text { .. } => *role != Role::Tool,
            Part::Image { .. } | Part::File { .. } => *role == Role::User,
            Part::ToolCall { .. } | Part::Thinking { .. } | Part::Refusal { .. } | Part::Other { .. } => {
                *role == Role::Assistant
            }
            Part::ToolResult { .. } => *role == Role::Tool,
        };
        if !fits {
            return wrong(&field, "a part of this type has no place in a message of this role");
        }
        check_part(&field, part)?;
    }
    Ok(())
}

fn check_part(field: &str, part: &Part) -> Result<(), Failure> {
    match part {
        Part::Image { media_type, file, .. } | Part::File { media_type, file, .. } => {
            check_source(field, part.source().is_some(), media_type.as_deref(), file.as_deref())?;
            match part {
                Part::File { name: Some(name), .. } => short(&format!("{field}.name"), name),
                _ => Ok(()),
            }
        }
        Part::ToolCall { id, name, .. } => {
            short(&format!("{field}.id"), id)?;
            named(&format!("{field}.name"), name)
        }
        Part::ToolResult {
            tool_call_id, content, ..
        } => {
            short(&format!("{field}.tool_call_id"), tool_call_id)?;
            at_most(&format!("{field}.content"), content.parts().len(), MOST_PARTS)?;
            for (at, part) in content.parts().iter().enumerate() {
                if let ResultPart::Image { media_type, file, .. } = part {
                    let field = format!("{field}.content[{at}]");
                    check_source(&field, part.source().is_some(), media_type.as_deref(), file.as_deref())?;
                }
            }
            Ok(())
        }
        Part::Thinking {
            text,
            signature,
            data,
            dialect,
        } => match data {
            Some(_) if signature.is_some() || !text.is_empty() => {
                wrong(field, "a thought is shown or hidden, and not both")
            }
            _ => dialect
                .as_deref()
                .map_or(Ok(()), |name| named(&format!("{field}.dialect"), name)),
        },
        Part::Other { dialect, block } => {
            named(&format!("{field}.dialect"), dialect)?;
            match block.to_value() {
                Value::Object(block) => bounded(&format!("{field}.block"), &block),
                _ => wrong(&format!("{field}.block"), "a block is an object"),
            }
        }
        Part::Text { .. } | Part::Refusal { .. } => Ok(()),
    }
}

fn check_source(field: &str, one: bool, media_type: Option<&str>, file: Option<&str>) -> Result<(), Failure> {
    if !one {
        return wrong(field, "give one of url, file, and data with its media_type");
    }
    file.map_or(Ok(()), |file| short(&format!("{field}.file"), file))?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'+' | b'-' | b'_');
    let word = |text: &str| (1..=64).contains(&text.len()) && text.bytes().all(plain);
    let sound = |text: &str| text.split_once('/').is_some_and(|(kind, sub)| word(kind) && word(sub));
    match media_type.is_none_or(sound) {
        true => Ok(()),
        false => wrong(
            &format!("{field}.media_type"),
            "a media type is written as type/subtype",
        ),
    }
}

/// JSON that is no deeper and holds no more than is passed on.
fn bounded(field: &str, object: &Map<String, Value>) -> Result<(), Failure> {
    let mut left = MOST_VALUES;
    match object.values().all(|value| fits(value, DEEPEST, &mut left)) {
        true => Ok(()),
        false => wrong(
            field,
            &format!("{field} is deeper than {DEEPEST} or holds more than {MOST_VALUES} values"),
        ),
    }
}

fn fits(value: &Value, deep: usize, left: &mut usize) -> bool {
    if deep == 0 || *left == 0 {
        return false;
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter().all(|value| fits(value, deep - 1, left)),
        Value::Object(map) => map.values().all(|value| fits(value, deep - 1, left)),
        _ => true,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn refused(fields: &Value) -> Option<String> {
        let mut input = json!({"model": "m", "prompt": "p"});
        let more = fields.as_object().expect("an object").clone();
        input.as_object_mut().expect("an object").extend(more);
        let input: ChatInput = serde_json::from_value(input).unwrap_or_else(|error| panic!("{fields}: {error}"));
        let failure = check(&input).err()?;
        Some(failure.field.as_deref().expect("a field").to_owned())
    }

    fn message(role: &str, part: &Value) -> Value {
        json!({"messages": [{"role": role, "content": [part]}]})
    }

    #[test]
    fn what_no_provider_can_take_names_its_field() {
        let deep = (0..40).fold(json!(1), |inner, _| json!({"a": inner}));
        let tool = json!({"name": "look"});
        for (fields, field) in [
            (json!({"max_tokens": 0}), "max_tokens"),
            (json!({"temperature": 2.1}), "temperature"),
            (json!({"stop": vec!["a"; 65]}), "stop"),
            (json!({"stop": [""]}), "stop[0]"),
            (json!({"user": ""}), "user"),
            (json!({"tools": vec![tool.clone(); 300]}), "tools"),
            (json!({"tools": [tool.clone(), tool.clone()]}), "tools[1].name"),
            (json!({"tools": [{"name": "look up"}]}), "tools[0].name"),
            (
                json!({"tools": [{"name": "a", "parameters": deep.clone()}]}),
                "tools[0].parameters",
            ),
            (
                json!({"tools": [tool.clone()], "tool_choice": {"name": "other"}}),
                "tool_choice",
            ),
            (json!({"tool_choice": "auto"}), "tool_choice"),
            (
                json!({"response_format": {"type": "json_schema", "schema": deep.clone()}}),
                "response_format.schema",
            ),
            (json!({"reasoning": {"budget_tokens": 0}}), "reasoning.budget_tokens"),
            (json!({"extensions": {"one": deep.clone()}}), "extensions.one"),
            (json!({"extensions": {"one": {"a b": 1}}}), "extensions.one"),
            (
                json!({"messages": [{"role": "tool", "content": "42"}]}),
                "messages[0].content",
            ),
            (
                message("user", &json!({"type": "refusal", "text": "no"})),
                "messages[0].content[0]",
            ),
            (
                message("assistant", &json!({"type": "image", "file": "f"})),
                "messages[0].content[0]",
            ),
            (
                message("tool", &json!({"type": "text", "text": "a"})),
                "messages[0].content[0]",
            ),
            (message("user", &json!({"type": "image"})), "messages[0].content[0]"),
            (
                message("user", &json!({"type": "image", "data": "YQ=="})),
                "messages[0].content[0]",
            ),
            (
                message(
                    "user",
                    &json!({"type": "file", "file": "f", "url": "https://example.com"}),
                ),
                "messages[0].content[0]",
            ),
            (
                message(
                    "user",
                    &json!({"type": "image", "data": "YQ==", "media_type": "image/png;x"}),
                ),
                "messages[0].content[0].media_type",
            ),
            (
                message("assistant", &json!({"type": "thinking", "signature": "s", "data": "d"})),
                "messages[0].content[0]",
            ),
            (
                message(
                    "assistant",
                    &json!({"type": "thinking", "signature": "s", "dialect": "a b"}),
                ),
                "messages[0].content[0].dialect",
            ),
            (
                message("assistant", &json!({"type": "other", "dialect": "one", "block": 7})),
                "messages[0].content[0].block",
            ),
            (
                message(
                    "tool",
                    &json!({"type": "tool_result", "tool_call_id": "c", "content": [{"type": "image"}]}),
                ),
                "messages[0].content[0].content[0]",
            ),
        ] {
            assert_eq!(refused(&fields).as_deref(), Some(field), "{fields}");
        }
    }

    #[test]
    fn what_each_can_say_is_sound() {
        for fields in [
            json!({"stop": ["a", "b", "c", "d", "e"]}),
            json!({"tools": [{"name": "look"}], "tool_choice": {"name": "look"}}),
            json!({"extensions": {"one": {"seed": 7}}}),
            message("system", &json!({"type": "text", "text": "a", "cache": "1h"})),
            message(
                "user",
                &json!({"type": "image", "data": "YQ==", "media_type": "image/svg+xml"}),
            ),
            message(
                "assistant",
                &json!({"type": "tool_call", "id": "c", "name": "look", "arguments": ""}),
            ),
            message("assistant", &json!({"type": "thinking", "data": "d"})),
            message(
                "tool",
                &json!({"type": "tool_result", "tool_call_id": "c", "content": "42"}),
            ),
        ] {
            assert_eq!(refused(&fields), None, "{fields}");
        }
    }
}
