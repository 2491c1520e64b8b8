//! From the body of `POST /v1/messages` to a neutral conversation (API version 2023-06-01). Pure.
//!
//! Invariant: what came of tools is told before what else stands in the same message; a fault is told by the place that the
//! client knows.

use http::HeaderMap;
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::super::dialect::fields::{Fields, must, read, unsupported};
use super::super::dialect::hints::Hints;
use super::super::dialect::home::Home;
use super::blocks::{self, DIALECT};
use crate::catalogue::ai::{
    ChatInput, Content, Effort, Extensions, Message, NamedTool, Part, Reasoning, ResponseFormat, Role, Tool,
    ToolChoice, ToolMode,
};
use crate::catalogue::fields::ModelRef;

/// What an answer is as good without.
pub const HINTS: Hints = Hints {
    dialect: DIALECT,
    names: &["betas", "service_tier", "context_management", "inference_geo", "speed"],
};

/// A conversation, and how its answer shall be told.
#[derive(Debug)]
pub struct Asked {
    pub input: ChatInput,
    pub stream: bool,
    /// The place that each message came from.
    pub places: Vec<String>,
    pub home: Home,
}

/// Reads a body; `answered`: an answer is wanted, and not a count.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn asked(mut fields: Fields, answered: bool) -> Result<Asked, Failure> {
    let model = fields.required("model")?;
    let mut home = Home::default();
    let mut said = Said::default();
    if let Some(system) = fields.take("system") {
        let parts = blocks::said("system", system, false, &mut home)?;
        said.push(Role::System, parts, "system");
    }
    if !fields.has("messages") {
        return Err(fields.missing("messages"));
    }
    for (at, value) in fields.list("messages")?.into_iter().enumerate() {
        said.message(Fields::of(format!("messages[{at}]"), value)?, &mut home)?;
    }
    let mut input = ChatInput {
        model: read::<ModelRef>("model", &Value::String(model))?,
        messages: said.messages,
        max_tokens: max_tokens(&mut fields, answered)?,
        temperature: fields.get("temperature")?,
        top_p: fields.get("top_p")?,
        top_k: fields.get("top_k")?,
        stop: fields.get("stop_sequences")?.unwrap_or_default(),
        user: user(&mut fields)?,
        ..ChatInput::default()
    };
    let mut builtin = Map::new();
    tools(&mut fields, &mut input, &mut builtin)?;
    choose(&mut fields, &mut input, &mut builtin)?;
    think(&mut fields, &mut input)?;
    let stream = fields.get("stream")?.unwrap_or(false);
    fields.leave_where("service_tier", |word| word == "auto");
    fields.refuse(
        &["container", "mcp_servers"],
        "cannot be had here: tools are the caller's own",
    )?;
    let mut own = fields.rest();
    own.extend(builtin);
    if !own.is_empty() {
        input.extensions = Extensions([(DIALECT.to_owned(), own)].into());
    }
    Ok(Asked {
        input,
        stream,
        places: said.places,
        home,
    })
}

impl Asked {
    /// Adds the features that a client asks for in its head.
    pub fn with_betas(mut self, headers: &HeaderMap) -> Self {
        let lines = headers
            .get_all("anthropic-beta")
            .iter()
            .filter_map(|line| line.to_str().ok());
        let names = lines.flat_map(|line| line.split(',')).map(str::trim);
        let betas: Vec<Value> = names.filter(|name| !name.is_empty()).map(Value::from).collect();
        if !betas.is_empty() {
            let own = self.input.extensions.0.entry(DIALECT.to_owned()).or_default();
            own.entry("betas").or_insert(Value::Array(betas));
        }
        self
    }
}

/// A field of the neutral input by its name in this API; `places`: where its messages stood.
pub fn renamed(places: &[String], field: &str) -> Option<String> {
    if let Some(rest) = field.strip_prefix("stop") {
        return Some(format!("stop_sequences{rest}"));
    }
    if let Some(rest) = field.strip_prefix("response_format") {
        return Some(format!("output_config.format{rest}"));
    }
    if let Some(tool) = field.strip_suffix(".parameters") {
        return Some(format!("{tool}.input_schema"));
    }
    match field {
        "reasoning.effort" => return Some("output_config.effort".to_owned()),
        "reasoning" | "reasoning.budget_tokens" => return Some("thinking.budget_tokens".to_owned()),
        "user" => return Some("metadata.user_id".to_owned()),
        "parallel_tool_calls" => return Some("tool_choice.disable_parallel_tool_use".to_owned()),
        _ => {}
    }
    let (message, rest) = field.strip_prefix("messages[")?.split_once(']')?;
    let place = places.get(message.parse::<usize>().ok()?)?;
    Some(match place.as_str() {
        // Its blocks are its own.
        "system" => place.clone() + rest.strip_prefix(".content").unwrap_or_default(),
        _ => place.clone(),
    })
}

fn max_tokens(fields: &mut Fields, answered: bool) -> Result<Option<u32>, Failure> {
    let most = fields.get("max_tokens")?;
    match most {
        None if answered => Err(fields.missing("max_tokens")),
        Some(0) => Err(unsupported(
            "max_tokens",
            "must be at least 1 here: nothing is read ahead of an answer",
        )),
        most => Ok(most),
    }
}

fn user(fields: &mut Fields) -> Result<Option<String>, Failure> {
    let Some(mut metadata) = fields.object("metadata")? else {
        return Ok(None);
    };
    let user = metadata.text("user_id")?;
    metadata.end()?;
    Ok(user)
}

/// What was said, and where each message of it stood.
#[derive(Default)]
struct Said {
    messages: Vec<Message>,
    places: Vec<String>,
}

impl Said {
    fn push(&mut self, role: Role, parts: Vec<Part>, place: &str) {
        let content = match role {
            Role::Tool => Content::Parts(parts),
            _ => match <[Part; 1]>::try_from(parts) {
                Ok([Part::Text { text, cache: None }]) => Content::Text(text),
                Ok([part]) => Content::Parts(vec![part]),
                Err(parts) => Content::Parts(parts),
            },
        };
        self.messages.push(Message { role, content });
        self.places.push(place.to_owned());
    }

    fn message(&mut self, mut fields: Fields, home: &mut Home) -> Result<(), Failure> {
        let role = match fields.required("role")?.as_str() {
            "user" => Role::User,
            "assistant" => Role::Assistant,
            "system" => Role::System,
            _ => return Err(must(&fields.place("role"), "be user or assistant")),
        };
        let value = fields.take("content").ok_or_else(|| fields.missing("content"))?;
        let place = fields.own_place().to_owned();
        let parts = blocks::said(&fields.place("content"), value, role == Role::Assistant, home)?;
        fields.end()?;
        if role != Role::User {
            self.push(role, parts, &place);
            return Ok(());
        }
        let (results, rest): (Vec<_>, Vec<_>) = parts
            .into_iter()
            .partition(|part| matches!(part, Part::ToolResult { .. }));
        let only_results = rest.is_empty() && !results.is_empty();
        if !results.is_empty() {
            self.push(Role::Tool, results, &place);
        }
        if !only_results {
            self.push(Role::User, rest, &place);
        }
        Ok(())
    }
}

/// Tools of the caller's, and those that this vendor has itself, which go to it as they came.
fn tools(fields: &mut Fields, input: &mut ChatInput, own: &mut Map<String, Value>) -> Result<(), Failure> {
    let mut builtin = vec![];
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        if value
            .get("type")
            .and_then(Value::as_str)
            .is_some_and(|kind| kind != "custom")
        {
            builtin.push(value);
            continue;
        }
        let mut tool = Fields::of(format!("tools[{at}]"), value)?;
        tool.leave(&["type"]);
        // It only steers how the pieces of a call are cut.
        tool.leave(&["eager_input_streaming", "input_examples", "allowed_callers"]);
        tool.leave_where("defer_loading", |value| *value == false);
        input.tools.push(Tool {
            name: tool.required("name")?,
            description: tool.text("description")?,
            parameters: tool.get::<Map<String, Value>>("input_schema")?,
            strict: tool.get("strict")?,
            cache: blocks::cache(&mut tool)?,
        });
        tool.end()?;
    }
    if !builtin.is_empty() {
        own.insert("tools".to_owned(), Value::Array(builtin));
    }
    Ok(())
}

/// Whether the choice cannot be said of the caller's tools alone: it names another, or there are none of the caller's.
fn is_own(choice: &Value, input: &ChatInput, own: &Map<String, Value>) -> bool {
    let known = |name: &str| input.tools.iter().any(|tool| tool.name == name);
    let other = choice["name"].as_str().is_some_and(|name| !known(name));
    own.contains_key("tools") && (input.tools.is_empty() || other)
}

fn choose(fields: &mut Fields, input: &mut ChatInput, own: &mut Map<String, Value>) -> Result<(), Failure> {
    let Some(choice) = fields.take("tool_choice") else {
        return Ok(());
    };
    if is_own(&choice, input, own) {
        own.insert("tool_choice".to_owned(), choice);
        return Ok(());
    }
    let mut choice = Fields::of("tool_choice".to_owned(), choice)?;
    let chosen = match choice.required("type")?.as_str() {
        "auto" => ToolChoice::Mode(ToolMode::Auto),
        "any" => ToolChoice::Mode(ToolMode::Required),
        "none" => ToolChoice::Mode(ToolMode::None),
        "tool" => ToolChoice::Tool(NamedTool {
            name: choice.required("name")?,
        }),
        _ => return Err(must("tool_choice.type", "be auto, any, tool or none")),
    };
    let alone = choice.get("disable_parallel_tool_use")?.unwrap_or(false);
    choice.end()?;
    let says_nothing = input.tools.is_empty() && matches!(chosen, ToolChoice::Mode(ToolMode::Auto | ToolMode::None));
    if !says_nothing {
        input.tool_choice = Some(chosen);
        input.parallel_tool_calls = alone.then_some(false);
    }
    Ok(())
}

/// How much is thought, and the form of the answer.
fn think(fields: &mut Fields, input: &mut ChatInput) -> Result<(), Failure> {
    let mut effort: Option<Effort> = None;
    if let Some(mut config) = fields.object("output_config")? {
        effort = config.get("effort")?;
        if let Some(mut format) = config.object("format")? {
            if format.required("type")? != "json_schema" {
                return Err(must("output_config.format.type", "be json_schema"));
            }
            let schema = format.get("schema")?.ok_or_else(|| format.missing("schema"))?;
            format.end()?;
            input.response_format = Some(ResponseFormat::JsonSchema {
                name: None,
                description: None,
                schema,
                // There, a schema is always kept to.
                strict: Some(true),
            });
        }
        config.end()?;
    }
    let mut budget_tokens = None;
    if let Some(mut thinking) = fields.object("thinking")? {
        // Whether thoughts are told or left out, their provider decides.
        thinking.leave(&["display"]);
        match thinking.required("type")?.as_str() {
            "enabled" => {
                let budget = thinking.get("budget_tokens")?;
                budget_tokens = Some(budget.ok_or_else(|| thinking.missing("budget_tokens"))?);
            }
            // Where nothing else is said, that is much.
            "adaptive" => effort = effort.or(Some(Effort::High)),
            "disabled" => effort = Some(Effort::None),
            _ => return Err(must("thinking.type", "be enabled, adaptive or disabled")),
        }
        thinking.end()?;
    }
    if effort.is_some() || budget_tokens.is_some() {
        input.reasoning = Some(Reasoning { effort, budget_tokens });
    }
    Ok(())
}

#[cfg(test)]
mod tests;
