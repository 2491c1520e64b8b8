//! A chat request, read and checked.
//!
//! Fields that change nothing for the sandbox's small model (temperature, tools, …) are accepted and ignored.
//!
//! Invariant: a request that passed has a known model, a prompt, and limits of at least one token.

use bytes::Bytes;
use http::StatusCode;
use serde_json::Value;

use super::models::MODELS;
use super::problem::Problem;
use super::text;

const MAX_STOPS: usize = 4;

/// What is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ChatRequest {
    pub model: String,
    /// The last message of the user.
    pub prompt: String,
    pub prompt_tokens: usize,
    pub max_tokens: Option<usize>,
    pub stops: Vec<String>,
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
        let user = messages.iter().rfind(|(role, _)| role == "user").or(messages.last());
        // OpenAI counts a few tokens around each message.
        let prompt_tokens = messages
            .iter()
            .map(|(_, content)| text::tokens(content).count() + 4)
            .sum();
        Ok(Self {
            model,
            prompt: user.map(|(_, content)| content.clone()).unwrap_or_default(),
            prompt_tokens,
            max_tokens: max_tokens(&input)?,
            stops: stops(&input["stop"])?,
            stream: flag(&input, "stream")?,
            include_usage: flag(&input["stream_options"], "include_usage")?,
        })
    }
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
