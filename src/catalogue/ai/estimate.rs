//! How many tokens a model may read and write, guessed before it is asked.
//!
//! Invariant: a guess costs one look at each character, and errs above rather than below for texts that are not English.

use mosaic_actors::call::Estimate;
use serde_json::Value;

use super::content::Content;
use super::input::{ChatInput, Said};
use super::part::{Part, ResultPart};
use super::response_input::ResponseInput;
use super::tool::{ResponseFormat, Tool};

/// Characters of English in a token: the vendors' rule of thumb.
const CHARACTERS: u64 = 4;
/// A message's frame: who says it, where it begins and ends.
const FRAME: u64 = 4;
/// A picture of the largest size that is looked at without being made smaller.
const PICTURE: u64 = 1_600;
/// Bytes of an encoded document for a token: three bytes of it are four letters, and most of them are pictures or packed.
const PACKED: u64 = 16;

/// Of a conversation.
pub fn chat(input: &ChatInput) -> Estimate {
    let said = input.conversation().map(|turn| match turn.content {
        Said::Text(text) => FRAME + tokens(text),
        Said::Parts(parts) => FRAME + parts.iter().map(part).sum::<u64>(),
    });
    let tools = input.tools.iter().map(tool);
    let format = match &input.response_format {
        Some(ResponseFormat::JsonSchema { schema, .. }) => schema.values().map(json).sum(),
        _ => 0,
    };
    Estimate {
        input_tokens: said.chain(tools).sum::<u64>() + format,
        max_output_tokens: input.max_tokens.map(u64::from),
    }
}

/// Of texts that stand for themselves.
pub fn texts<'a>(texts: impl Iterator<Item = &'a str>) -> Estimate {
    Estimate {
        input_tokens: texts.map(tokens).sum(),
        max_output_tokens: Some(0),
    }
}

/// Of an answer that is kept. What was said before in the one that it goes on from, only the provider knows.
pub fn response(input: &ResponseInput) -> Estimate {
    let instructions = input.instructions.as_deref().map_or(0, |text| FRAME + tokens(text));
    let chat = chat(&input.chat);
    Estimate {
        input_tokens: chat.input_tokens.saturating_add(instructions),
        ..chat
    }
}

/// Of many requests together; the most that is written is known where it is of each.
pub fn sum(guesses: impl Iterator<Item = Estimate>) -> Estimate {
    let none = Estimate {
        input_tokens: 0,
        max_output_tokens: Some(0),
    };
    guesses.fold(none, |all, one| Estimate {
        input_tokens: all.input_tokens.saturating_add(one.input_tokens),
        max_output_tokens: all
            .max_output_tokens
            .zip(one.max_output_tokens)
            .map(|(all, one)| all.saturating_add(one)),
    })
}

/// A letter beyond ASCII is mostly a token of its own, or a part of a short one.
fn tokens(text: &str) -> u64 {
    let (plain, other) = text
        .chars()
        .fold((0u64, 0u64), |(plain, other), letter| match letter.is_ascii() {
            true => (plain + 1, other),
            false => (plain, other + 1),
        });
    plain.div_ceil(CHARACTERS) + other
}

fn part(part: &Part) -> u64 {
    match part {
        Part::Text { text, .. } | Part::Refusal { text } => tokens(text),
        Part::Image { .. } => PICTURE,
        Part::File { data, .. } => data.as_deref().map_or(PICTURE, |data| data.len() as u64 / PACKED),
        Part::ToolCall { name, arguments, .. } => FRAME + tokens(name) + tokens(arguments),
        Part::ToolResult { content, .. } => FRAME + result(content),
        Part::Thinking { text, data, .. } => {
            tokens(text) + data.as_deref().map_or(0, |data| data.len() as u64 / CHARACTERS)
        }
        Part::Other { block, .. } => block.get().len() as u64 / CHARACTERS,
    }
}

fn result(content: &Content<ResultPart>) -> u64 {
    let of = |part: &ResultPart| match part {
        ResultPart::Text { text } => tokens(text),
        ResultPart::Image { .. } => PICTURE,
    };
    content.text().map_or(0, tokens) + content.parts().iter().map(of).sum::<u64>()
}

fn tool(tool: &Tool) -> u64 {
    let schema = tool.parameters.iter().flat_map(|schema| schema.values()).map(json);
    FRAME + tokens(&tool.name) + tool.description.as_deref().map_or(0, tokens) + schema.sum::<u64>()
}

/// What stands in JSON; its depth is bounded where it is checked.
fn json(value: &Value) -> u64 {
    match value {
        Value::String(text) => tokens(text),
        Value::Array(items) => items.iter().map(json).sum(),
        Value::Object(fields) => fields.iter().map(|(name, value)| tokens(name) + json(value)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn of(input: Value) -> Estimate {
        chat(&serde_json::from_value(input).expect("an input"))
    }

    #[test]
    fn all_that_is_read_counts() {
        let short = of(json!({"model": "m", "prompt": "Hello, you!!"}));
        assert_eq!((short.input_tokens, short.max_output_tokens), (4 + 3, None));
        let long = of(json!({
            "model": "m", "max_tokens": 50,
            "messages": [
                {"role": "user", "content": [
                    {"type": "text", "text": "\u{65e5}\u{672c}\u{8a9e}"},
                    {"type": "image", "url": "https://example.com/a.png"}
                ]},
                {"role": "assistant", "content": [{"type": "tool_call", "id": "1", "name": "look", "arguments": "{}"}]},
                {"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "1", "content": "four"}]}
            ],
            "tools": [{"name": "look", "description": "It looks.", "parameters": {"type": "object"}}]
        }));
        let messages = (FRAME + 3 + PICTURE) + (FRAME + FRAME + 1 + 1) + (FRAME + FRAME + 1);
        assert_eq!(long.input_tokens, messages + (FRAME + 1 + 3 + 2));
        assert_eq!(long.max_output_tokens, Some(50));
        assert_eq!(texts(["four", "fours"].into_iter()).input_tokens, 1 + 2);
    }
}
