//! From the body of `POST /chat/completions` to a neutral conversation (API description 2.3.0). Pure.
//!
//! Invariant: each of its messages is one neutral message, so that a fault is told by the place that the client knows; what
//! no answer of ours could tell is refused, and what only this dialect knows is passed on for who speaks it.

use mosaic_actors::error::Failure;
use serde_json::Value;

use super::super::dialect::fields::{Fields, must, read, unsupported};
use super::super::dialect::hints::Hints;
use super::super::dialect::home::Home;
use super::super::dialect::thoughts;
use super::{content, tools};
use crate::catalogue::ai::{ChatInput, Content, Effort, Extensions, Message, Part, Reasoning, Role};
use crate::catalogue::fields::ModelRef;

/// The dialect, as extensions name it.
pub const DIALECT: &str = "openai";

/// What an answer is as good without.
pub const HINTS: Hints = Hints {
    dialect: DIALECT,
    names: &[
        "metadata",
        "store",
        "service_tier",
        "prompt_cache_key",
        "prompt_cache_retention",
        "prompt_cache_options",
        "truncation",
        "client_metadata",
    ],
};

/// A conversation, and how its answer shall be told.
#[derive(Debug)]
pub struct Asked {
    pub input: ChatInput,
    /// Piece by piece.
    pub stream: bool,
    /// With a last piece that tells the tokens.
    pub include_usage: bool,
    /// Calls are told as they were when there was one at most.
    pub old_calls: bool,
    /// The instance that has what is said.
    pub home: Home,
}

/// Reads a body.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn asked(mut fields: Fields) -> Result<Asked, Failure> {
    let model = fields.required("model")?;
    let mut home = Home::default();
    let mut input = ChatInput {
        model: read::<ModelRef>("model", &Value::String(model))?,
        messages: messages(&mut fields, &mut home)?,
        max_tokens: max_tokens(&mut fields)?,
        temperature: fields.get("temperature")?,
        top_p: fields.get("top_p")?,
        top_k: fields.get("top_k")?,
        stop: stop(&mut fields)?,
        parallel_tool_calls: fields.get("parallel_tool_calls")?,
        reasoning: reasoning(&mut fields)?,
        user: user(&mut fields)?,
        ..ChatInput::default()
    };
    if let Some(form) = fields.object("response_format")? {
        input.response_format = tools::format(form)?;
    }
    let old_calls = declared(&mut fields, &mut input)?;
    let stream = fields.get("stream")?.unwrap_or(false);
    let include_usage = match fields.object("stream_options")? {
        Some(mut options) => {
            options.leave(&["include_obfuscation"]);
            let wanted = options.get("include_usage")?.unwrap_or(false);
            options.end()?;
            wanted
        }
        None => false,
    };
    fields.leave_where("n", |n| *n == 1);
    fields.leave_where("logprobs", |logprobs| *logprobs == false);
    fields.leave_where("modalities", |modalities| *modalities == serde_json::json!(["text"]));
    fields.refuse(
        &["n", "logprobs", "top_logprobs", "modalities", "audio"],
        "cannot be had here: an answer tells one text, without its probabilities",
    )?;
    leave_defaults(&mut fields);
    let own = fields.rest();
    if !own.is_empty() {
        input.extensions = Extensions([(DIALECT.to_owned(), own)].into());
    }
    Ok(Asked {
        input,
        stream,
        include_usage,
        old_calls,
        home,
    })
}

/// What says no more than what is so at every provider: clients send it whoever is asked.
fn leave_defaults(fields: &mut Fields) {
    for name in ["frequency_penalty", "presence_penalty"] {
        fields.leave_where(name, |value| value.as_f64() == Some(0.0));
    }
    for name in ["logit_bias", "metadata"] {
        fields.leave_where(name, |value| value.as_object().is_some_and(serde_json::Map::is_empty));
    }
    fields.leave_where("store", |value| *value == false);
    fields.leave_where("service_tier", |value| *value == "auto" || *value == "default");
}

fn max_tokens(fields: &mut Fields) -> Result<Option<u32>, Failure> {
    let (new, old) = (fields.get("max_completion_tokens")?, fields.get("max_tokens")?);
    Ok(new.or(old))
}

fn stop(fields: &mut Fields) -> Result<Vec<String>, Failure> {
    match fields.take("stop") {
        None => Ok(vec![]),
        Some(Value::String(text)) => Ok(vec![text]),
        Some(list) => read("stop", &list),
    }
}

fn user(fields: &mut Fields) -> Result<Option<String>, Failure> {
    let (new, old) = (fields.text("safety_identifier")?, fields.text("user")?);
    Ok(new.or(old))
}

fn reasoning(fields: &mut Fields) -> Result<Option<Reasoning>, Failure> {
    let effort: Option<Effort> = fields.get("reasoning_effort")?;
    Ok(effort.map(|effort| Reasoning {
        effort: Some(effort),
        budget_tokens: None,
    }))
}

/// Tools and the choice among them; true where they are declared as they were of old.
fn declared(fields: &mut Fields, input: &mut ChatInput) -> Result<bool, Failure> {
    for (at, value) in fields.list("tools")?.into_iter().enumerate() {
        let mut tool = Fields::of(format!("tools[{at}]"), value)?;
        if tool.required("type")? != "function" {
            return Err(unsupported(&tool.place("type"), "is not taken here: give functions"));
        }
        let function = tool.object("function")?.ok_or_else(|| tool.missing("function"))?;
        input.tools.push(tools::function(function)?);
        tool.end()?;
    }
    if let Some(value) = fields.take("tool_choice") {
        tools::choice(value, input)?;
    }
    let functions = fields.list("functions")?;
    let old = !functions.is_empty();
    for (at, value) in functions.into_iter().enumerate() {
        input
            .tools
            .push(tools::function(Fields::of(format!("functions[{at}]"), value)?)?);
    }
    match fields.take("function_call") {
        None => {}
        Some(Value::String(word)) => tools::choice(Value::String(word), input)?,
        Some(value) => {
            let mut named = Fields::of("function_call".to_owned(), value)?;
            let name = named.required("name")?;
            named.end()?;
            tools::choice(serde_json::json!({"type": "function", "name": name}), input)?;
        }
    }
    if old && input.parallel_tool_calls.is_none() {
        input.parallel_tool_calls = Some(false);
    }
    // It says nothing where there are none, and not every provider takes it.
    if input.tools.is_empty() {
        input.parallel_tool_calls = None;
    }
    Ok(old)
}

fn messages(fields: &mut Fields, home: &mut Home) -> Result<Vec<Message>, Failure> {
    if !fields.has("messages") {
        return Err(fields.missing("messages"));
    }
    let mut messages = Vec::new();
    for (at, value) in fields.list("messages")?.into_iter().enumerate() {
        let message = Fields::of(format!("messages[{at}]"), value)?;
        let said = message_of(message, &messages, home)?;
        messages.push(said);
    }
    Ok(messages)
}

fn message_of(mut fields: Fields, before: &[Message], home: &mut Home) -> Result<Message, Failure> {
    let role = fields.required("role")?;
    let (role, content) = match role.as_str() {
        "system" | "developer" => (Role::System, spoken(&mut fields, home)?),
        "user" => (Role::User, spoken(&mut fields, home)?),
        "assistant" => return assistant(fields, before.len(), home),
        "tool" => {
            let id = fields.required("tool_call_id")?;
            (Role::Tool, result(&mut fields, id, home)?)
        }
        "function" => {
            let name = fields.required("name")?;
            let place = fields.place("name");
            let id = last_call(before, &name).ok_or_else(|| must(&place, "name a function that was called before"))?;
            (Role::Tool, result(&mut fields, id, home)?)
        }
        _ => {
            return Err(must(
                &fields.place("role"),
                "be system, developer, user, assistant or tool",
            ));
        }
    };
    // Who of several speaks has no counterpart elsewhere, and says nothing more to the model than a word.
    fields.leave(&["name"]);
    fields.end()?;
    Ok(Message { role, content })
}

fn spoken(fields: &mut Fields, home: &mut Home) -> Result<Content<Part>, Failure> {
    let value = fields.take("content").ok_or_else(|| fields.missing("content"))?;
    content::said(&fields.place("content"), value, home)
}

fn result(fields: &mut Fields, id: String, home: &mut Home) -> Result<Content<Part>, Failure> {
    let place = fields.place("content");
    let value = fields.take("content").unwrap_or_else(|| Value::String(String::new()));
    Ok(Content::Parts(vec![Part::ToolResult {
        tool_call_id: id,
        content: content::result(&place, value, home)?,
        is_error: false,
        cache: None,
    }]))
}

/// The id of the last call of a function.
fn last_call(before: &[Message], function: &str) -> Option<String> {
    let parts = before
        .iter()
        .rev()
        .flat_map(|message| message.content.parts().iter().rev());
    let mut calls = parts.filter_map(|part| match part {
        Part::ToolCall { id, name, .. } if name == function => Some(id.clone()),
        _ => None,
    });
    calls.next()
}

/// What the model said before, as answers of ours and of the vendor tell it.
fn assistant(mut fields: Fields, at: usize, home: &mut Home) -> Result<Message, Failure> {
    let mut parts = thought(&mut fields)?;
    if let Some(value) = fields.take("content") {
        parts.extend(content::said(&fields.place("content"), value, home)?.into_parts());
    }
    if let Some(text) = fields.text("refusal")? {
        parts.push(Part::Refusal { text });
    }
    let place = fields.place("tool_calls");
    for (at, value) in fields.list("tool_calls")?.into_iter().enumerate() {
        let mut call = Fields::of(format!("{place}[{at}]"), value)?;
        call.leave(&["index", "parsed_arguments"]);
        if call.text("type")?.is_some_and(|kind| kind != "function") {
            return Err(unsupported(
                &call.place("type"),
                "is not taken here: give calls of functions",
            ));
        }
        let id = call.required("id")?;
        let function = call.object("function")?.ok_or_else(|| call.missing("function"))?;
        parts.push(called(function, id)?);
        call.end()?;
    }
    if let Some(function) = fields.object("function_call")? {
        parts.push(called(function, format!("call_{at}"))?);
    }
    fields.leave(&["name", "annotations", "audio", "parsed", "role"]);
    fields.end()?;
    Ok(Message {
        role: Role::Assistant,
        content: Content::said(parts),
    })
}

fn called(mut function: Fields, id: String) -> Result<Part, Failure> {
    let call = Part::ToolCall {
        id,
        name: function.required("name")?,
        arguments: function.text("arguments")?.unwrap_or_default(),
        cache: None,
    };
    function.leave(&["parsed_arguments"]);
    function.end()?;
    Ok(call)
}

/// Thoughts as our answers tell them: those that a provider wants back, and else what was shown of them.
fn thought(fields: &mut Fields) -> Result<Vec<Part>, Failure> {
    let place = fields.place("thinking_blocks");
    let blocks = fields.list("thinking_blocks")?;
    let shown = (fields.text("reasoning_content")?, fields.text("reasoning")?);
    let mut parts = vec![];
    for (at, value) in blocks.into_iter().enumerate() {
        let mut block = Fields::of(format!("{place}[{at}]"), value)?;
        block.leave(&["index"]);
        let kind = block.required("type")?;
        parts.push(match kind.as_str() {
            "thinking" => thoughts::shown(block.text("thinking")?.unwrap_or_default(), block.text("signature")?),
            "redacted_thinking" => thoughts::hidden(block.required("data")?),
            _ => return Err(must(&block.place("type"), "be thinking or redacted_thinking")),
        });
        block.end()?;
    }
    if parts.is_empty() {
        let text = shown.0.or(shown.1).filter(|text| !text.is_empty());
        parts.extend(text.map(|text| thoughts::shown(text, None)));
    }
    Ok(parts)
}

#[cfg(test)]
mod tests;
