//! From a neutral conversation to a request for a response. Pure.
//!
//! Invariant: what cannot be said here is refused by its name before anything is sent, and what may be left out is told.

use std::borrow::Cow;

use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_json::{Map, Value, json};
use serde_with::skip_serializing_none;

use super::asked::{Function, ResponseRequest, Tool, ToolChoice};
use super::items::Speaker;
use crate::catalogue::ai::{
    self, ChatInput, Effort, Part, ResponseFormat, ResponseInput, Role, Said, ToolMode, Turn, Warning,
};
use crate::providers::openai::messages::uncached;
use crate::providers::openai::profile::{Profile, Thinking};
use crate::providers::openai::request::{DIALECT, UNNAMED, asker, formed, heeded, unsupported, word};

/// The fields of a body that are written from what an input says; an extension has none of these.
const OWN: &[&str] = &[
    "model",
    "input",
    "instructions",
    "background",
    "max_output_tokens",
    "temperature",
    "top_p",
    "parallel_tool_calls",
    "user",
    "safety_identifier",
    "stream",
];
/// Those that only the input of an answer that is kept says.
const KEPT: &[&str] = &["previous_response_id", "store"];
/// What an answer must be asked for, so that its thoughts can be given back.
const SEALED: &str = "reasoning.encrypted_content";

/// A request, and what of the input is not in it.
pub struct Asked<'a> {
    pub body: ResponseRequest<'a>,
    pub warnings: Vec<Warning>,
}

/// The request for the answer of a conversation, of which nobody keeps anything.
///
/// # Errors
/// `unsupported` naming the field that the server does not take.
pub fn chat<'a>(
    profile: &'a Profile,
    model: &'a str,
    input: &'a ChatInput,
    streamed: bool,
) -> Result<Asked<'a>, Failure> {
    let mut asked = ask(profile, model, input, streamed, true)?;
    let body = &mut asked.body;
    body.store = (!body.extensions.contains_key("store")).then_some(false);
    Ok(asked)
}

/// The request for an answer that is kept.
///
/// # Errors
/// As [`chat`].
pub fn response<'a>(
    profile: &'a Profile,
    model: &'a str,
    previous: Option<&'a str>,
    input: &'a ResponseInput,
    streamed: bool,
) -> Result<Asked<'a>, Failure> {
    input.chat.extensions.of(DIALECT, KEPT)?;
    let mut asked = ask(profile, model, &input.chat, streamed, false)?;
    let body = &mut asked.body;
    body.instructions = input.instructions.as_deref().map(Cow::Borrowed);
    body.previous_response_id = previous;
    body.background = input.background;
    body.store = input.store;
    Ok(asked)
}

/// `leading`: instructions at the front are told apart from what is said.
fn ask<'a>(
    profile: &'a Profile,
    model: &'a str,
    input: &'a ChatInput,
    streamed: bool,
    leading: bool,
) -> Result<Asked<'a>, Failure> {
    let mut warnings = vec![];
    if !input.stop.is_empty() {
        return Err(unsupported("stop"));
    }
    if input.top_k.is_some() {
        return Err(unsupported("top_k"));
    }
    if input.parallel_tool_calls.is_some() && !profile.parallel_tool_calls {
        return Err(unsupported("parallel_tool_calls"));
    }
    let (user, safety_identifier) = asker(profile, input.user.as_deref())?;
    let mut extensions = input.extensions.of(DIALECT, OWN)?;
    let (instructions, told) = match leading {
        true => instructions(input, &mut warnings),
        false => (None, 0),
    };
    let mut speaker = Speaker {
        instructs: if profile.developer { "developer" } else { "system" },
        own: true,
        warnings: &mut warnings,
    };
    let items = speaker.items(input, told)?;
    let mut tools = tools(input, &mut warnings);
    tools.extend(builtin(&mut extensions)?);
    let body = ResponseRequest {
        model,
        input: items,
        instructions,
        max_output_tokens: input.max_tokens,
        temperature: input.temperature,
        top_p: input.top_p,
        tools,
        tool_choice: chosen(profile, input, &mut extensions)?,
        parallel_tool_calls: input.parallel_tool_calls,
        text: text(profile, input, &mut extensions)?,
        reasoning: reasoning(profile, input, &mut extensions, &mut warnings)?,
        include: include(input, &mut extensions),
        user,
        safety_identifier,
        stream: streamed.then_some(true),
        extensions,
        ..ResponseRequest::default()
    };
    Ok(Asked { body, warnings })
}

/// The instructions at the front of a conversation as one text, and how many turns they are; none where nothing else is
/// said.
fn instructions<'a>(input: &'a ChatInput, warnings: &mut Vec<Warning>) -> (Option<Cow<'a, str>>, usize) {
    if input.conversation().all(|turn| turn.role == Role::System) {
        return (None, 0);
    }
    let mut texts: Vec<&str> = vec![];
    let mut turns = 0;
    for turn in input.conversation().take_while(|turn| turn.role == Role::System) {
        turns += 1;
        texts.extend(lines(&turn, warnings));
    }
    let joined = match texts[..] {
        [] => None,
        [only] => Some(Cow::Borrowed(only)),
        _ => Some(Cow::Owned(texts.join("\n"))),
    };
    (joined, turns)
}

/// The texts of an instruction, which has no other parts.
fn lines<'a>(turn: &Turn<'a>, warnings: &mut Vec<Warning>) -> Vec<&'a str> {
    let parts = match turn.content {
        Said::Text(text) => return vec![text],
        Said::Parts(parts) => parts,
    };
    let mut texts = vec![];
    for (at, part) in parts.iter().enumerate() {
        warnings.extend(part.cache().map(|_| uncached(&turn.part(at))));
        if let Part::Text { text, .. } = part {
            texts.push(text.as_str());
        }
    }
    texts
}

/// The functions that the model may call. What is not said to be strict is not, as in a chat: here it would be.
pub fn tools<'a>(input: &'a ChatInput, warnings: &mut Vec<Warning>) -> Vec<Tool<'a>> {
    let tools = input.tools.iter().enumerate().map(|(at, tool)| {
        warnings.extend(tool.cache.map(|_| uncached(&format!("tools[{at}]"))));
        Tool::Function(Function {
            r#type: "function",
            name: &tool.name,
            description: tool.description.as_deref(),
            parameters: tool.parameters.as_ref(),
            strict: tool.strict.unwrap_or_default(),
        })
    });
    tools.collect()
}

/// The choice of the input, or one that is the provider's own: of a tool that it has itself.
fn chosen<'a>(
    profile: &'a Profile,
    input: &'a ChatInput,
    extensions: &mut Map<String, Value>,
) -> Result<Option<ToolChoice<'a>>, Failure> {
    match (&input.tool_choice, extensions.shift_remove("tool_choice")) {
        (Some(_), Some(_)) => Err(wrong("tool_choice", "is said by a field of the input's own")),
        (None, own) => Ok(own.map(ToolChoice::Own)),
        (Some(choice), None) => {
            heeded(profile, choice)?;
            Ok(Some(tool_choice(&profile.required, choice)))
        }
    }
}

/// The tools that the provider has itself, which stand behind the functions.
fn builtin<'a>(extensions: &mut Map<String, Value>) -> Result<Vec<Tool<'a>>, Failure> {
    match extensions.shift_remove("tools") {
        None => Ok(vec![]),
        Some(Value::Array(tools)) => Ok(tools.into_iter().map(Tool::Own).collect()),
        Some(_) => Err(wrong("tools", "is a list of tools that the provider has itself")),
    }
}

pub fn tool_choice<'a>(required: &'a str, choice: &'a ai::ToolChoice) -> ToolChoice<'a> {
    match choice {
        ai::ToolChoice::Mode(ToolMode::Auto) => ToolChoice::Word("auto"),
        ai::ToolChoice::Mode(ToolMode::None) => ToolChoice::Word("none"),
        ai::ToolChoice::Mode(ToolMode::Required) => ToolChoice::Word(required),
        ai::ToolChoice::Tool(tool) => ToolChoice::Named {
            r#type: "function",
            name: &tool.name,
        },
    }
}

/// `TextResponseFormatConfiguration`
pub fn format(form: &ResponseFormat) -> Value {
    #[skip_serializing_none]
    #[derive(Serialize)]
    struct Schema<'a> {
        r#type: &'static str,
        name: &'a str,
        description: Option<&'a str>,
        schema: &'a Map<String, Value>,
        strict: Option<bool>,
    }
    match form {
        ResponseFormat::JsonObject {} => json!({ "type": "json_object" }),
        ResponseFormat::JsonSchema {
            name,
            description,
            schema,
            strict,
        } => json!(Schema {
            r#type: "json_schema",
            name: name.as_deref().unwrap_or(UNNAMED),
            description: description.as_deref(),
            schema,
            strict: *strict,
        }),
    }
}

fn text(
    profile: &Profile,
    input: &ChatInput,
    extensions: &mut Map<String, Value>,
) -> Result<Option<Map<String, Value>>, Failure> {
    let form = input.response_format.as_ref();
    form.map_or(Ok(()), |form| formed(profile, form))?;
    within(extensions, "text", "format", form.map(format))
}

fn reasoning(
    profile: &Profile,
    input: &ChatInput,
    extensions: &mut Map<String, Value>,
    warnings: &mut Vec<Warning>,
) -> Result<Option<Map<String, Value>>, Failure> {
    let said = input.reasoning.unwrap_or_default();
    if input.reasoning.is_some() && profile.reasoning == Thinking::None {
        return Err(unsupported("reasoning"));
    }
    let effort = word(said.effort, said.budget_tokens, warnings);
    within(extensions, "reasoning", "effort", effort.map(Value::from))
}

/// An object of which one field is said by the input, and the others are of the dialect's own.
fn within(
    extensions: &mut Map<String, Value>,
    object: &str,
    field: &str,
    said: Option<Value>,
) -> Result<Option<Map<String, Value>>, Failure> {
    let mut fields = match extensions.shift_remove(object) {
        None => Map::new(),
        Some(Value::Object(fields)) => fields,
        Some(_) => return Err(wrong(object, "is an object")),
    };
    if fields.contains_key(field) {
        return Err(wrong(
            &format!("{object}.{field}"),
            "is said by a field of the input's own",
        ));
    }
    fields.extend(said.map(|said| (field.to_owned(), said)));
    Ok((!fields.is_empty()).then_some(fields))
}

/// Thoughts are asked for in the form that can be given back where the caller wants any, and does not say itself what
/// shall be in the answer: a model that has none may refuse.
fn include(input: &ChatInput, extensions: &mut Map<String, Value>) -> Option<Value> {
    let thinks = input
        .reasoning
        .is_some_and(|reasoning| reasoning.effort != Some(Effort::None));
    let said = extensions.shift_remove("include");
    said.or_else(|| thinks.then(|| json!([SEALED])))
}

fn wrong(name: &str, what: &str) -> Failure {
    let place = format!("extensions.{DIALECT}.{name}");
    Failure::invalid(&place, format!("{place} {what}")).never_sent()
}
