//! A chat request, read and checked.
//!
//! Fields that change nothing for the sandbox's small model (temperature, …) are accepted and ignored.
//!
//! Invariant: a request that passed has a known model, a prompt, and limits of at least one token.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::models::MODELS;
use super::problem::Problem;
use crate::sandbox::model::Asked;
use crate::sandbox::model::text;

const MAX_STOPS: usize = 4;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChatRequest {
    pub asked: Asked,
    pub prompt_tokens: usize,
    pub stream: bool,
    pub include_usage: bool,
}

impl ChatRequest {
    pub fn parse(body: &Bytes) -> Result<Self, Problem> {
        let input: Value = serde_json::from_slice(body).map_err(|error| {
            let message = format!("We could not parse the JSON body of your request. ({error})");
            Problem::invalid(StatusCode::BAD_REQUEST, message)
        })?;
        let model = match &input["model"] {
            Value::String(model) if MODELS.contains(&model.as_str()) => model.clone(),
            Value::String(model) => return Err(Problem::model_not_found(model)),
            _ => {
                return Err(Problem::field("model", "you must provide a model parameter", None));
            }
        };
        let messages = messages(&input["messages"])?;
        if input["n"].as_u64().is_some_and(|n| n != 1) {
            return Err(Problem::field(
                "n",
                "this sandbox makes one choice only",
                Some("unsupported_value"),
            ));
        }
        // OpenAI counts a few tokens around each message.
        let prompt_tokens = messages
            .iter()
            .map(|(_, content)| text::tokens(content).count() + 4)
            .sum();
        let user = messages.iter().rfind(|(role, _)| role == "user").or(messages.last());
        let results = messages.iter().rev().take_while(|(role, _)| role == "tool");
        let mut results: Vec<String> = results.map(|(_, content)| content.clone()).collect();
        results.reverse();
        let tools = tools(&input)?;
        let asked = Asked {
            instance: String::new(),
            model,
            prompt: user.map(|(_, content)| content.clone()).unwrap_or_default(),
            results,
            pictures: parts(&input, "image_url"),
            documents: parts(&input, "file"),
            required: required(&input["tool_choice"], &tools)?,
            tools: if input["tool_choice"] == "none" { vec![] } else { tools },
            one_call: input["parallel_tool_calls"] == false,
            json: !matches!(input["response_format"]["type"].as_str(), None | Some("text")),
            thinks: input["reasoning_effort"] != "none",
            stops: stops(&input["stop"])?,
            max_tokens: max_tokens(&input)?,
        };
        Ok(Self {
            asked,
            prompt_tokens,
            stream: flag(&input, "stream")?,
            include_usage: flag(&input["stream_options"], "include_usage")?,
        })
    }

    /// The same, of this instance.
    pub fn asked(&self, instance: &str) -> Asked {
        Asked {
            instance: instance.to_owned(),
            ..self.asked.clone()
        }
    }
}

/// How many parts of a kind the last message has.
fn parts(input: &Value, kind: &str) -> usize {
    let last = input["messages"].as_array().and_then(|messages| messages.last());
    let parts = last.and_then(|message| message["content"].as_array());
    parts.map_or(0, |parts| parts.iter().filter(|part| part["type"] == kind).count())
}

/// The names of the tools.
fn tools(input: &Value) -> Result<Vec<String>, Problem> {
    let tools = input["tools"].as_array().into_iter().flatten();
    let name = |tool: &Value| match (&tool["type"], tool["function"]["name"].as_str()) {
        (Value::String(kind), Some(name)) if kind == "function" => Ok(name.to_owned()),
        _ => Err(Problem::field(
            "tools",
            "each tool is a function with a name",
            Some("invalid_value"),
        )),
    };
    tools.map(name).collect()
}

/// The tool that must be called; some tool, where it is empty.
fn required(choice: &Value, tools: &[String]) -> Result<Option<String>, Problem> {
    let wrong = |message: &str| Problem::field("tool_choice", message, Some("invalid_value"));
    match choice {
        Value::Null => Ok(None),
        _ if tools.is_empty() => Err(wrong("'tool_choice' is only allowed when 'tools' are specified.")),
        Value::String(word) if matches!(word.as_str(), "auto" | "none") => Ok(None),
        Value::String(word) if word == "required" => Ok(Some(String::new())),
        choice => match choice["function"]["name"].as_str() {
            Some(name) if tools.iter().any(|tool| tool == name) => Ok(Some(name.to_owned())),
            _ => Err(wrong("Tool choice not found in 'tools' parameter.")),
        },
    }
}

/// Each call is followed by its result.
fn answered(entries: &[Value]) -> Result<(), Problem> {
    let mut waiting: Vec<&str> = vec![];
    for entry in entries {
        if entry["role"] == "tool" {
            let id = entry["tool_call_id"].as_str().unwrap_or_default();
            let at = waiting.iter().position(|waiting| *waiting == id).ok_or_else(|| {
                let message = "messages with role 'tool' must be a response to a preceding message with 'tool_calls'";
                Problem::field("messages", message, None)
            })?;
            waiting.remove(at);
            continue;
        }
        if !waiting.is_empty() {
            let message = "an assistant message with 'tool_calls' must be followed by tool messages for each of them";
            return Err(Problem::field("messages", message, None));
        }
        let calls = entry["tool_calls"].as_array().into_iter().flatten();
        waiting.extend(calls.filter_map(|call| call["id"].as_str()));
    }
    Ok(())
}

/// Role and text of each message.
fn messages(value: &Value) -> Result<Vec<(String, String)>, Problem> {
    let invalid = |message: &str| Problem::field("messages", message, None);
    let entries = value
        .as_array()
        .ok_or_else(|| invalid("'messages' is a required property, an array"))?;
    if entries.is_empty() {
        return Err(Problem::field(
            "messages",
            "[] is too short - 'messages'",
            Some("empty_array"),
        ));
    }
    answered(entries)?;
    let known = ["developer", "system", "user", "assistant", "tool", "function"];
    let read = |entry: &Value| {
        let role = entry["role"].as_str().filter(|role| known.contains(role));
        let role =
            role.ok_or_else(|| invalid("each message needs a role: developer, system, user, assistant or tool"))?;
        let content = content(&entry["content"]).ok_or_else(|| invalid("content must be text or parts"))?;
        Ok((role.to_owned(), content))
    };
    entries.iter().map(read).collect()
}

/// Text as it is, or the texts among the parts; parts of other kinds say nothing to this model.
fn content(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(content) => Some(content.clone()),
        Value::Array(parts) => Some(
            parts
                .iter()
                .filter_map(|part| part["text"].as_str())
                .collect::<Vec<_>>()
                .join("\n"),
        ),
        _ => None,
    }
}

/// `max_completion_tokens`, or its deprecated name; both at once are refused.
fn max_tokens(input: &Value) -> Result<Option<usize>, Problem> {
    let read = |name: &str| match &input[name] {
        Value::Null => Ok(None),
        value => match value
            .as_u64()
            .and_then(|count| usize::try_from(count).ok())
            .filter(|count| *count > 0)
        {
            Some(count) => Ok(Some(count)),
            None => Err(Problem::field(
                name,
                format!("{name} must be an integer of at least 1"),
                Some("invalid_value"),
            )),
        },
    };
    match (read("max_completion_tokens")?, read("max_tokens")?) {
        (Some(_), Some(_)) => {
            let message = "Setting 'max_tokens' and 'max_completion_tokens' at the same time is not supported.";
            Err(Problem::field(
                "max_tokens",
                message,
                Some("invalid_parameter_combination"),
            ))
        }
        (new, old) => Ok(new.or(old)),
    }
}

fn stops(value: &Value) -> Result<Vec<String>, Problem> {
    let stops = match value {
        Value::Null => Some(Vec::new()),
        Value::String(stop) => Some(vec![stop.clone()]),
        Value::Array(stops) if stops.len() <= MAX_STOPS => {
            stops.iter().map(|stop| stop.as_str().map(str::to_owned)).collect()
        }
        _ => None,
    };
    stops
        .filter(|stops| stops.iter().all(|stop| !stop.is_empty()))
        .ok_or_else(|| {
            Problem::field(
                "stop",
                "stop must be a string or one to four of them",
                Some("invalid_value"),
            )
        })
}

fn flag(input: &Value, name: &str) -> Result<bool, Problem> {
    match &input[name] {
        Value::Null => Ok(false),
        Value::Bool(flag) => Ok(*flag),
        _ => Err(Problem::field(
            name,
            format!("{name} must be a boolean"),
            Some("invalid_type"),
        )),
    }
}
