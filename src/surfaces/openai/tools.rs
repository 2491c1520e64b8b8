//! Tools, the choice among them, the form of an answer, and how much is thought before it: as both APIs of this dialect ask.
//!
//! Invariant: a tool that is not a function of the caller's has no neutral form.

use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::super::dialect::fields::{Fields, must, unsupported};
use crate::catalogue::ai::{ChatInput, NamedTool, ResponseFormat, Tool, ToolChoice, ToolMode};

/// A function's declaration.
///
/// # Errors
/// `invalid_input` naming the field.
pub fn function(mut fields: Fields) -> Result<Tool, Failure> {
    let tool = Tool {
        name: fields.required("name")?,
        description: fields.text("description")?,
        parameters: fields.get::<Map<String, Value>>("parameters")?,
        strict: fields.get("strict")?,
        cache: None,
    };
    fields.end()?;
    Ok(tool)
}

/// The choice among tools, and which of them there are to choose from.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn choice(value: Value, input: &mut ChatInput) -> Result<(), Failure> {
    const PLACE: &str = "tool_choice";
    let chosen = match value {
        Value::String(word) => mode(PLACE, &word)?,
        value => {
            let mut fields = Fields::of(PLACE.to_owned(), value)?;
            let kind = fields.required("type")?;
            let chosen = match kind.as_str() {
                "function" => ToolChoice::Tool(NamedTool {
                    // The one API has the name within an object, the other beside.
                    name: match fields.object("function")? {
                        Some(mut function) => {
                            let name = function.required("name")?;
                            function.end()?;
                            name
                        }
                        None => fields.required("name")?,
                    },
                }),
                "allowed_tools" => match fields.object("allowed_tools")? {
                    Some(allowed) => allowed_tools(allowed, input)?,
                    None => return allowed_tools(fields, input).map(|chosen| input.tool_choice = Some(chosen)),
                },
                _ => return Err(unsupported("tool_choice.type", "is not taken here: choose a function")),
            };
            fields.end()?;
            chosen
        }
    };
    // Without tools, these say what is so anyway.
    let says_nothing = matches!(chosen, ToolChoice::Mode(ToolMode::Auto | ToolMode::None)) && input.tools.is_empty();
    input.tool_choice = (!says_nothing).then_some(chosen);
    Ok(())
}

fn mode(place: &str, word: &str) -> Result<ToolChoice, Failure> {
    Ok(ToolChoice::Mode(match word {
        "auto" => ToolMode::Auto,
        "none" => ToolMode::None,
        "required" | "any" => ToolMode::Required,
        _ => return Err(must(place, "be auto, none, required, or name a function")),
    }))
}

/// Some of the tools alone: the others are not told of.
fn allowed_tools(mut fields: Fields, input: &mut ChatInput) -> Result<ToolChoice, Failure> {
    let word = fields.required("mode")?;
    let chosen = mode(&fields.place("mode"), &word)?;
    let mut names = vec![];
    let place = fields.place("tools");
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        let mut tool = Fields::of(format!("{place}[{at}]"), value)?;
        names.push(match tool.object("function")? {
            Some(mut function) => function.required("name")?,
            None => tool.required("name")?,
        });
    }
    fields.end()?;
    input.tools.retain(|tool| names.contains(&tool.name));
    if input.tools.is_empty() {
        return Err(must(&place, "name some of the tools"));
    }
    Ok(chosen)
}

/// The form of an answer; none where it is a text.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn format(mut fields: Fields) -> Result<Option<ResponseFormat>, Failure> {
    let kind = fields.required("type")?;
    let form = match kind.as_str() {
        "text" => None,
        "json_object" => Some(ResponseFormat::JsonObject {}),
        "json_schema" => {
            // As with functions.
            let form = match fields.object("json_schema")? {
                Some(mut schema) => {
                    let form = by_schema(&mut schema)?;
                    schema.end()?;
                    form
                }
                None => by_schema(&mut fields)?,
            };
            Some(form)
        }
        _ => return Err(unsupported(&fields.place("type"), "is a form that is not known here")),
    };
    fields.end()?;
    Ok(form)
}

fn by_schema(fields: &mut Fields) -> Result<ResponseFormat, Failure> {
    Ok(ResponseFormat::JsonSchema {
        name: fields.text("name")?,
        description: fields.text("description")?,
        schema: fields.get("schema")?.ok_or_else(|| fields.missing("schema"))?,
        strict: fields.get("strict")?,
    })
}

/// What stands in a neutral input, by the names of both APIs.
pub fn renamed(field: &str) -> Option<String> {
    if let Some(rest) = field.strip_prefix("response_format.") {
        return Some(format!("response_format.json_schema.{rest}"));
    }
    if field == "reasoning" || field.starts_with("reasoning.") {
        return Some("reasoning_effort".to_owned());
    }
    let (tool, rest) = field.strip_prefix("tools[")?.split_once("].")?;
    Some(format!("tools[{tool}].function.{rest}"))
}
