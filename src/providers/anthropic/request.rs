//! From a neutral conversation to a request for its next message. Pure.
//!
//! Invariant: what cannot be said here is refused by its name before anything is sent, and what may be left out is told.

use std::borrow::Cow;

use mosaic_actors::error::Failure;
use serde_json::{Map, Value, json};

use super::asked::{Format, MessagesRequest, Metadata, OWN, OrOwn, OutputConfig, Thinking, Tool, ToolChoice};
use super::messages::{Conversation, conversation};
use super::options::{Abilities, Asker, DIALECT, FILES, Options};
use crate::catalogue::ai::{self, ChatInput, Effort, Reasoning, ResponseFormat, ToolMode, Warning};

/// By which an extension names features that are not for everybody yet; the header that they are asked for in.
const BETAS: &str = "betas";
/// The smallest budget for thoughts.
const LEAST_BUDGET: u32 = 1024;

/// A request, the features that it needs, and what of the input is not in it as it was said.
pub struct Asked<'a> {
    pub body: MessagesRequest<'a>,
    pub betas: Vec<String>,
    pub warnings: Vec<Warning>,
}

/// The request for one answer, whole or streamed.
///
/// # Errors
/// `unsupported` naming the field that cannot be said, `invalid_input` where there is no limit.
pub fn request<'a>(
    options: &Options,
    abilities: Abilities,
    model: &'a str,
    input: &'a ChatInput,
    streamed: bool,
) -> Result<Asked<'a>, Failure> {
    let max_tokens = input.max_tokens.or(options.max_tokens).or(abilities.max_tokens);
    let Some(max_tokens) = max_tokens else {
        let sentence = "this provider wants max_tokens, and does not tell its model's own";
        return Err(Failure::invalid("max_tokens", sentence).never_sent());
    };
    let mut asked = counted(options, abilities, model, input, Some(max_tokens))?;
    let warnings = &mut asked.warnings;
    asked.body.max_tokens = Some(max_tokens);
    asked.body.stream = streamed.then_some(true);
    asked.body.stop_sequences = stops(input, warnings);
    asked.body.temperature = temperature(input, warnings);
    asked.body.top_p = input.top_p;
    asked.body.top_k = input.top_k;
    asked.body.metadata = metadata(options, input, warnings);
    Ok(asked)
}

/// The same without what only steers the answer: as much as is read.
///
/// # Errors
/// As [`request`].
pub fn counted<'a>(
    options: &Options,
    abilities: Abilities,
    model: &'a str,
    input: &'a ChatInput,
    max_tokens: Option<u32>,
) -> Result<Asked<'a>, Failure> {
    let mut warnings = vec![];
    let mut extensions = input.extensions.of(DIALECT, OWN)?;
    let mut betas = betas(options, &mut extensions)?;
    let mut tools = tools(input)?;
    tools.extend(builtin(&mut extensions)?);
    let tool_choice = tool_choice(input, &mut extensions)?;
    let Conversation {
        system,
        messages,
        files,
    } = conversation(options, input, &mut warnings)?;
    if files && !betas.iter().any(|beta| beta == FILES) {
        betas.push(FILES.to_owned());
    }
    let (thinking, effort) = thinking(options, abilities, input.reasoning, max_tokens, &mut warnings)?;
    let format = format(input, &mut warnings)?;
    let body = MessagesRequest {
        model,
        max_tokens: None,
        system,
        messages,
        stop_sequences: vec![],
        temperature: None,
        top_p: None,
        top_k: None,
        tools,
        tool_choice,
        thinking,
        output_config: (effort.is_some() || format.is_some()).then_some(OutputConfig { effort, format }),
        metadata: None,
        stream: None,
        extensions,
    };
    Ok(Asked { body, betas, warnings })
}

/// Leaves out the extensions that have no part in what is read: who counts takes none of them.
pub fn read_alone(asked: &mut Asked<'_>) {
    /// What is kept for the next time is counted as it is read.
    const READ: &[&str] = &["cache_control"];
    let Asked { body, warnings, .. } = asked;
    body.extensions.retain(|name, _| {
        let read = READ.contains(&name.as_str());
        if !read {
            let field = format!("extensions.{DIALECT}.{name}");
            warnings.push(Warning::new(field, "left out: it has no part in what is read"));
        }
        read
    });
}

/// The features that an extension asks for, of those that may be.
fn betas(options: &Options, extensions: &mut Map<String, Value>) -> Result<Vec<String>, Failure> {
    let named = match extensions.shift_remove(BETAS) {
        None => return Ok(vec![]),
        Some(Value::Array(named)) => named,
        Some(_) => vec![Value::Null],
    };
    let mut betas: Vec<String> = vec![];
    for name in named {
        match name
            .as_str()
            .filter(|name| options.betas.iter().any(|beta| beta == name))
        {
            Some(name) if betas.iter().any(|beta| beta == name) => {}
            Some(name) => betas.push(name.to_owned()),
            None => {
                let sentence = "settings.betas does not name what extensions.anthropic.betas asks for";
                return Err(Failure::unsupported_field("extensions.anthropic.betas", sentence).never_sent());
            }
        }
    }
    Ok(betas)
}

/// White space alone is refused as a stop text there.
fn stops<'a>(input: &'a ChatInput, warnings: &mut Vec<Warning>) -> Vec<&'a str> {
    let mut stops = vec![];
    for (at, stop) in input.stop.iter().enumerate() {
        match stop.trim().is_empty() {
            false => stops.push(stop.as_str()),
            true => {
                let sentence = "left out: this provider takes no stop text that is white space alone";
                warnings.push(Warning::new(format!("stop[{at}]"), sentence));
            }
        }
    }
    stops
}

/// It goes to 1 there.
fn temperature(input: &ChatInput, warnings: &mut Vec<Warning>) -> Option<f64> {
    let asked = input.temperature?;
    if asked > 1.0 {
        warnings.push(Warning::new(
            "temperature",
            "1 is asked for: this provider takes no higher one",
        ));
    }
    Some(asked.min(1.0))
}

/// Who asks, so that nobody can tell who that is unless the configuration wants it.
fn metadata<'a>(options: &Options, input: &'a ChatInput, warnings: &mut Vec<Warning>) -> Option<Metadata<'a>> {
    let user = input.user.as_deref()?;
    let user_id = match options.user_id {
        Asker::Plain => Cow::Borrowed(user),
        Asker::Hash => {
            let mut hasher = blake3::Hasher::new_derive_key("mosaic: who asks a model");
            hasher.update(user.as_bytes());
            Cow::Owned(hasher.finalize().to_hex().to_string())
        }
        Asker::Drop => {
            warnings.push(Warning::new("user", "left out: settings.user_id says so"));
            return None;
        }
    };
    Some(Metadata { user_id })
}

fn tools(input: &ChatInput) -> Result<Vec<OrOwn<Tool<'_>>>, Failure> {
    let mut tools = vec![];
    for (at, tool) in input.tools.iter().enumerate() {
        tools.push(OrOwn::Ours(Tool {
            name: &tool.name,
            description: tool.description.as_deref(),
            input_schema: schema(at, tool)?,
            strict: tool.strict,
            cache_control: tool.cache.map(Into::into),
        }));
    }
    Ok(tools)
}

/// The tools that the provider has itself, which stand behind the caller's.
fn builtin<'a>(extensions: &mut Map<String, Value>) -> Result<Vec<OrOwn<Tool<'a>>>, Failure> {
    match extensions.shift_remove("tools") {
        None => Ok(vec![]),
        Some(Value::Array(tools)) => Ok(tools.into_iter().map(OrOwn::Own).collect()),
        Some(_) => Err(wrong("tools", "is a list of tools that the provider has itself")),
    }
}

fn wrong(name: &str, what: &str) -> Failure {
    let place = format!("extensions.{DIALECT}.{name}");
    let sentence = format!("{place} {what}");
    Failure::invalid(place, sentence).never_sent()
}

/// A schema of an object, which is all that can be told.
fn schema(at: usize, tool: &ai::Tool) -> Result<Cow<'_, Map<String, Value>>, Failure> {
    let object = |more: &[(&str, Value)]| {
        let fields = [("type", json!("object"))].into_iter().chain(more.iter().cloned());
        fields
            .map(|(name, value)| (name.to_owned(), value))
            .collect::<Map<_, _>>()
    };
    let Some(parameters) = &tool.parameters else {
        return Ok(Cow::Owned(object(&[("properties", json!({}))])));
    };
    match parameters.get("type").map(Value::as_str) {
        Some(Some("object")) => Ok(Cow::Borrowed(parameters)),
        None => {
            let mut typed = object(&[]);
            typed.extend(parameters.clone());
            Ok(Cow::Owned(typed))
        }
        Some(_) => {
            let field = format!("tools[{at}].parameters");
            let sentence = format!("{field} must be of the type object for this provider");
            Err(Failure::unsupported_field(field, sentence).never_sent())
        }
    }
}

/// The choice of the input, or one that is the provider's own: of a tool that it has itself.
fn tool_choice<'a>(
    input: &'a ChatInput,
    extensions: &mut Map<String, Value>,
) -> Result<Option<OrOwn<ToolChoice<'a>>>, Failure> {
    match (chosen(input), extensions.shift_remove("tool_choice")) {
        (chosen, None) => Ok(chosen.map(OrOwn::Ours)),
        (None, Some(own)) => Ok(Some(OrOwn::Own(own))),
        (Some(_), Some(_)) => Err(wrong("tool_choice", "is said by a field of the input's own")),
    }
}

/// That no two tools be called at once is a part of the choice there.
fn chosen(input: &ChatInput) -> Option<ToolChoice<'_>> {
    let alone = input.parallel_tool_calls == Some(false) && !input.tools.is_empty();
    let (r#type, name) = match &input.tool_choice {
        None if alone => ("auto", None),
        None => return None,
        Some(ai::ToolChoice::Mode(ToolMode::Auto)) => ("auto", None),
        Some(ai::ToolChoice::Mode(ToolMode::None)) => ("none", None),
        Some(ai::ToolChoice::Mode(ToolMode::Required)) => ("any", None),
        Some(ai::ToolChoice::Tool(tool)) => ("tool", Some(tool.name.as_str())),
    };
    let disable_parallel_tool_use = (alone && r#type != "none").then_some(true);
    Some(ToolChoice {
        r#type,
        name,
        disable_parallel_tool_use,
    })
}

fn format<'a>(input: &'a ChatInput, warnings: &mut Vec<Warning>) -> Result<Option<Format<'a>>, Failure> {
    match &input.response_format {
        None => Ok(None),
        Some(ResponseFormat::JsonObject {}) => {
            let sentence = "this provider cannot be told to answer with JSON of any kind: give a json_schema";
            Err(Failure::unsupported_field("response_format", sentence).never_sent())
        }
        Some(ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        }) => {
            let left_out = [
                ("name", name.is_some()),
                ("description", description.is_some()),
                ("strict", *strict == Some(false)),
            ];
            for (field, _) in left_out.into_iter().filter(|(_, given)| *given) {
                let sentence = "left out: this provider takes the schema alone, and keeps to it";
                warnings.push(Warning::new(format!("response_format.{field}"), sentence));
            }
            Ok(Some(Format {
                r#type: "json_schema",
                schema,
            }))
        }
    }
}

/// How much is thought: how it is told, and in which word.
fn thinking(
    options: &Options,
    abilities: Abilities,
    reasoning: Option<Reasoning>,
    max_tokens: Option<u32>,
    warnings: &mut Vec<Warning>,
) -> Result<(Option<Thinking>, Option<&'static str>), Failure> {
    let Some(Reasoning { effort, budget_tokens }) = reasoning else {
        return Ok((None, None));
    };
    let enabled = |budget, field| {
        let budget_tokens = within(budget, max_tokens, field)?;
        Ok::<_, Failure>(Some(Thinking::Enabled { budget_tokens }))
    };
    match (effort, budget_tokens) {
        (None, None) => Ok((None, None)),
        (Some(Effort::None), None) => Ok((Some(Thinking::Disabled), None)),
        (Some(Effort::None), Some(_)) => {
            let sentence = "no effort has no budget";
            Err(Failure::invalid("reasoning.budget_tokens", sentence).never_sent())
        }
        (effort, Some(budget)) => {
            let effort = effort.map(|effort| word(effort, warnings));
            Ok((enabled(budget, "reasoning.budget_tokens")?, effort))
        }
        (Some(effort), None) if options.is_adaptive(abilities)? => {
            Ok((Some(Thinking::Adaptive), Some(word(effort, warnings))))
        }
        (Some(effort), None) => {
            // Of what a word stands for, no more than fits beside an answer.
            let fits = max_tokens.map_or(u32::MAX, |most| most.saturating_sub(1));
            Ok((enabled(options.budget(effort).min(fits), "reasoning.effort")?, None))
        }
    }
}

/// The least effort has no word of its own there.
fn word(effort: Effort, warnings: &mut Vec<Warning>) -> &'static str {
    match effort {
        Effort::Minimal => {
            let sentence = "low is asked for: this provider knows no less";
            warnings.push(Warning::new("reasoning.effort", sentence));
            Effort::Low.word()
        }
        effort => effort.word(),
    }
}

/// A budget that the provider takes.
fn within(budget: u32, max_tokens: Option<u32>, field: &str) -> Result<u32, Failure> {
    let fits = max_tokens.is_none_or(|most| budget < most);
    match budget >= LEAST_BUDGET && fits {
        true => Ok(budget),
        false => {
            let sentence =
                format!("this provider's model thinks in at least {LEAST_BUDGET} tokens, and fewer than max_tokens");
            Err(Failure::unsupported_field(field, sentence).never_sent())
        }
    }
}
