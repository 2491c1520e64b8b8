//! From a neutral conversation to one whose tokens are counted: the dialect counts those of another of its APIs. Pure.
//!
//! Invariant: what would be read is counted; what only steers the answer has no part in it.

use std::borrow::Cow;

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use super::asked::OWN;
use super::messages::{data_url, uncached};
use super::request::{DIALECT, UNNAMED, word};
use crate::catalogue::ai::{
    self, ChatInput, Content, Detail, Part, ResponseFormat, ResultPart, Role, Said, Source, ToolMode, Turn, Warning,
};

/// The body of `POST /responses/input_tokens`.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct CountRequest<'a> {
    model: &'a str,
    input: Vec<Item<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool<'a>>,
    tool_choice: Option<ToolChoice<'a>>,
    parallel_tool_calls: Option<bool>,
    text: Option<Text<'a>>,
    reasoning: Option<Reasoning>,
}

/// `InputItem`
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Item<'a> {
    Message {
        role: &'static str,
        content: Spoken<'a>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Spoken<'a>,
    },
}

#[derive(Serialize)]
#[serde(untagged)]
enum Spoken<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(tag = "type")]
enum Piece<'a> {
    #[serde(rename = "input_text")]
    Text { text: &'a str },
    #[serde(rename = "input_image")]
    Image {
        image_url: Option<Cow<'a, str>>,
        file_id: Option<&'a str>,
        detail: &'static str,
    },
    #[serde(rename = "input_file")]
    File {
        file_url: Option<&'a str>,
        file_data: Option<String>,
        file_id: Option<&'a str>,
        filename: Option<&'a str>,
    },
}

/// `FunctionTool`
#[derive(Serialize)]
struct Tool<'a> {
    r#type: &'static str,
    name: &'a str,
    description: Option<&'a str>,
    parameters: Option<&'a Map<String, Value>>,
    strict: Option<bool>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum ToolChoice<'a> {
    Word(&'static str),
    Named { r#type: &'static str, name: &'a str },
}

#[derive(Serialize)]
struct Text<'a> {
    format: Format<'a>,
}

#[skip_serializing_none]
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Format<'a> {
    JsonObject,
    JsonSchema {
        name: &'a str,
        description: Option<&'a str>,
        schema: &'a Map<String, Value>,
        strict: Option<bool>,
    },
}

#[derive(Serialize)]
struct Reasoning {
    effort: &'static str,
}

/// The request, and what is not counted as it was said.
///
/// # Errors
/// `unsupported` naming the part that cannot be counted.
pub fn request<'a>(model: &'a str, input: &'a ChatInput) -> Result<(CountRequest<'a>, Vec<Warning>), Failure> {
    let mut warnings = vec![];
    let mut items = vec![];
    for turn in input.conversation() {
        turn_items(&turn, &mut items, &mut warnings)?;
    }
    let tools = input.tools.iter().enumerate().map(|(at, tool)| {
        warnings.extend(tool.cache.map(|_| uncached(&format!("tools[{at}]"))));
        Tool {
            r#type: "function",
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict: tool.strict,
        }
    });
    let tools = tools.collect();
    for name in input.extensions.of(DIALECT, OWN)?.keys() {
        let field = format!("extensions.{DIALECT}.{name}");
        warnings.push(Warning::new(field, "left out: it has no part in what is read"));
    }
    let reasoning = input.reasoning.unwrap_or_default();
    let body = CountRequest {
        model,
        input: items,
        tools,
        tool_choice: input.tool_choice.as_ref().map(tool_choice),
        parallel_tool_calls: input.parallel_tool_calls,
        text: input.response_format.as_ref().map(|form| Text { format: format(form) }),
        reasoning: word(reasoning.effort, reasoning.budget_tokens, &mut warnings).map(|effort| Reasoning { effort }),
    };
    Ok((body, warnings))
}

fn tool_choice(choice: &ai::ToolChoice) -> ToolChoice<'_> {
    match choice {
        ai::ToolChoice::Mode(ToolMode::Auto) => ToolChoice::Word("auto"),
        ai::ToolChoice::Mode(ToolMode::None) => ToolChoice::Word("none"),
        ai::ToolChoice::Mode(ToolMode::Required) => ToolChoice::Word("required"),
        ai::ToolChoice::Tool(tool) => ToolChoice::Named {
            r#type: "function",
            name: &tool.name,
        },
    }
}

fn format(form: &ResponseFormat) -> Format<'_> {
    match form {
        ResponseFormat::JsonObject {} => Format::JsonObject,
        ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => Format::JsonSchema {
            name: name.as_deref().unwrap_or(UNNAMED),
            description: description.as_deref(),
            schema,
            strict: *strict,
        },
    }
}

fn turn_items<'a>(turn: &Turn<'a>, items: &mut Vec<Item<'a>>, warnings: &mut Vec<Warning>) -> Result<(), Failure> {
    let role = match turn.role {
        Role::System => "system",
        Role::Assistant => "assistant",
        Role::User | Role::Tool => "user",
    };
    let parts = match turn.content {
        Said::Text(text) => {
            let content = Spoken::Text(text.into());
            items.push(Item::Message { role, content });
            return Ok(());
        }
        Said::Parts(parts) => parts,
    };
    let mut pieces = vec![];
    for (at, part) in parts.iter().enumerate() {
        let place = turn.part(at);
        warnings.extend(part.cache().map(|_| uncached(&place)));
        match part {
            // Of what the model said, no pieces are taken.
            Part::Text { text, .. } | Part::Refusal { text } if turn.role == Role::Assistant => {
                let content = Spoken::Text(text.into());
                items.push(Item::Message { role, content });
            }
            Part::ToolCall {
                id, name, arguments, ..
            } => items.push(Item::FunctionCall {
                call_id: id,
                name,
                arguments,
            }),
            Part::ToolResult {
                tool_call_id, content, ..
            } => items.push(Item::FunctionCallOutput {
                call_id: tool_call_id,
                output: output(content),
            }),
            Part::Thinking { .. } => {
                let sentence = "not counted: this provider takes no thoughts back";
                warnings.push(Warning::new(place, sentence));
            }
            Part::Other { .. } => {
                let field = format!("{place}.dialect");
                return Err(Failure::unsupported_field(field, "this part is of another dialect").never_sent());
            }
            part => pieces.extend(piece(part)),
        }
    }
    if !pieces.is_empty() {
        let content = Spoken::Pieces(pieces);
        items.push(Item::Message { role, content });
    }
    Ok(())
}

fn piece(part: &Part) -> Option<Piece<'_>> {
    match (part, part.source()) {
        (Part::Text { text, .. }, _) => Some(Piece::Text { text }),
        (Part::Image { detail, .. }, Some(source)) => Some(image(source, *detail)),
        (Part::File { name, .. }, Some(source)) => Some(Piece::File {
            file_url: match source {
                Source::Url(url) => Some(url),
                _ => None,
            },
            file_data: match source {
                Source::Data { media_type, data } => Some(data_url(media_type, data)),
                _ => None,
            },
            file_id: match source {
                Source::File(id) => Some(id),
                _ => None,
            },
            filename: name.as_deref(),
        }),
        _ => None,
    }
}

fn image(source: Source<'_>, detail: Option<Detail>) -> Piece<'_> {
    let detail = detail.unwrap_or(Detail::Auto).word();
    let (image_url, file_id) = match source {
        Source::Url(url) => (Some(Cow::Borrowed(&**url)), None),
        Source::Data { media_type, data } => (Some(data_url(media_type, data).into()), None),
        Source::File(id) => (None, Some(id)),
    };
    Piece::Image {
        image_url,
        file_id,
        detail,
    }
}

fn output(content: &Content<ResultPart>) -> Spoken<'_> {
    match content {
        Content::Text(text) => Spoken::Text(text.into()),
        Content::Parts(parts) => Spoken::Pieces(parts.iter().filter_map(shown).collect()),
    }
}

fn shown(part: &ResultPart) -> Option<Piece<'_>> {
    match part {
        ResultPart::Text { text } => Some(Piece::Text { text }),
        ResultPart::Image { detail, .. } => Some(image(part.source()?, *detail)),
    }
}
