//! A request for a response, read and checked.
//!
//! Invariant: a request that passed has a known model, and each call in it has what came of it.

use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};

use super::seal;
use crate::sandbox::model::{Asked, text};
use crate::sandbox::openai::models::MODELS;
use crate::sandbox::openai::problem::Problem;

/// The least that an answer may be limited to.
const LEAST: u64 = 16;
/// The fields that a request may have.
const KNOWN: &[&str] = &[
    "background",
    "context_management",
    "conversation",
    "include",
    "input",
    "instructions",
    "max_output_tokens",
    "max_tool_calls",
    "metadata",
    "model",
    "moderation",
    "parallel_tool_calls",
    "previous_response_id",
    "prompt",
    "prompt_cache_key",
    "prompt_cache_options",
    "prompt_cache_retention",
    "reasoning",
    "safety_identifier",
    "service_tier",
    "store",
    "stream",
    "stream_options",
    "temperature",
    "text",
    "tool_choice",
    "tools",
    "top_logprobs",
    "top_p",
    "truncation",
    "user",
];
/// What one that is to have thoughts given back says that its answer shall include.
const SEALED: &str = "reasoning.encrypted_content";

/// What is asked.
pub(super) struct ResponseRequest {
    pub body: Value,
    pub asked: Asked,
    /// All that was said before the answer.
    pub items: Vec<Value>,
    pub input_tokens: usize,
    /// Thoughts are given out sealed.
    pub sealed: bool,
    /// Thoughts are shown.
    pub shown: bool,
    /// Something is to be searched for first.
    pub searches: bool,
}

fn invalid(param: &str, message: impl Into<String>) -> Problem {
    Problem::field(param, message, Some("invalid_value"))
}

impl ResponseRequest {
    /// Reads a body.
    pub fn read(body: &Bytes) -> Result<Value, Problem> {
        let body: Value = serde_json::from_slice(body).map_err(|error| {
            let message = format!("We could not parse the JSON body of your request. ({error})");
            Problem::invalid(StatusCode::BAD_REQUEST, message)
        })?;
        let names = body.as_object().into_iter().flat_map(|fields| fields.keys());
        match names.into_iter().find(|name| !KNOWN.contains(&name.as_str())) {
            Some(name) => Err(Problem::field(
                name,
                format!("Unknown parameter: '{name}'."),
                Some("unknown_parameter"),
            )),
            None => Ok(body),
        }
    }

    /// What a body asks, behind what was said `before`.
    pub fn of(body: Value, before: Vec<Value>, instance: &str) -> Result<Self, Problem> {
        let model = match &body["model"] {
            Value::String(model) if MODELS.contains(&model.as_str()) => model.clone(),
            Value::String(model) => return Err(Problem::model_not_found(model)),
            _ => return Err(Problem::field("model", "you must provide a model parameter", None)),
        };
        let mut items = before;
        items.extend(input(&body["input"])?);
        items.iter().try_for_each(|item| check(item, instance))?;
        answered(&items)?;
        let (functions, builtin) = tools(&body)?;
        let last = items.iter().rfind(|item| item["role"] == "user");
        let prompt = last.map(said).unwrap_or_default();
        let results = items
            .iter()
            .rev()
            .take_while(|item| item["type"] == "function_call_output");
        let mut results: Vec<String> = results.map(|item| words(&item["output"])).collect();
        results.reverse();
        let asked = Asked {
            instance: instance.to_owned(),
            model,
            prompt: prompt.clone(),
            results,
            pictures: parts(items.last(), "input_image"),
            documents: parts(items.last(), "input_file"),
            required: required(&body["tool_choice"], &functions, builtin)?,
            tools: if body["tool_choice"] == "none" {
                vec![]
            } else {
                functions
            },
            one_call: body["parallel_tool_calls"] == false,
            json: !matches!(body["text"]["format"]["type"].as_str(), None | Some("text")),
            thinks: body["reasoning"]["effort"] != "none",
            stops: vec![],
            max_tokens: limit(&body["max_output_tokens"])?,
        };
        let instructions = body["instructions"].as_str().unwrap_or_default();
        let counted = items
            .iter()
            .map(|item| text::tokens(&said(item)).count() + 4)
            .sum::<usize>();
        let include = body["include"].as_array().into_iter().flatten();
        Ok(Self {
            input_tokens: counted + text::tokens(instructions).count(),
            sealed: include.into_iter().any(|word| word == SEALED),
            shown: body["reasoning"]["summary"].is_string(),
            searches: builtin && prompt.starts_with("search "),
            asked,
            items,
            body,
        })
    }

    pub fn flag(&self, name: &str) -> bool {
        self.body[name] == true
    }
}

/// The items of an input; a text alone is a message by the user.
fn input(input: &Value) -> Result<Vec<Value>, Problem> {
    match input {
        Value::String(text) => Ok(vec![json!({ "type": "message", "role": "user", "content": text })]),
        Value::Array(items) => Ok(items.clone()),
        Value::Null => Err(Problem::field("input", "Missing required parameter: 'input'.", None)),
        _ => Err(invalid("input", "input must be a text or a list of items")),
    }
}

/// An item is one that is known, and whole.
fn check(item: &Value, instance: &str) -> Result<(), Problem> {
    let has = |name: &str| item[name].is_string();
    match item["type"].as_str() {
        None | Some("message") => message(item),
        Some("function_call") if has("call_id") && has("name") && has("arguments") => Ok(()),
        Some("function_call_output") if has("call_id") && (has("output") || item["output"].is_array()) => Ok(()),
        Some("reasoning") if has("id") && item["summary"].is_array() => match item["encrypted_content"].as_str() {
            Some(sealed) if seal::opens(instance, item["id"].as_str().unwrap_or_default(), sealed) => Ok(()),
            Some(_) => Err(invalid("input", "The encrypted content could not be verified.")),
            None => Err(Problem::field(
                "input",
                "Items are not persisted when `store` is set to false.",
                None,
            )),
        },
        Some("web_search_call") if has("id") => Ok(()),
        _ => Err(invalid(
            "input",
            "an item of the input is of no known type, or not whole",
        )),
    }
}

fn message(item: &Value) -> Result<(), Problem> {
    let known: &[&str] = match item["role"].as_str() {
        Some("user" | "system" | "developer") => &["input_text", "input_image", "input_file"],
        Some("assistant") => &["output_text", "refusal"],
        _ => return Err(invalid("input", "a message is by user, assistant, system or developer")),
    };
    let sound = |part: &Value| match part["type"].as_str() {
        // The description requires it.
        Some("input_image") => known.contains(&"input_image") && part["detail"].is_string(),
        Some(kind) => known.contains(&kind),
        None => false,
    };
    match &item["content"] {
        Value::String(_) => Ok(()),
        Value::Array(parts) if parts.iter().all(sound) => Ok(()),
        _ => Err(invalid(
            "input",
            "a message's content is a text or parts that its role can say",
        )),
    }
}

/// Each call has what came of it behind it, and nothing came of what was not called.
fn answered(items: &[Value]) -> Result<(), Problem> {
    let mut waiting: Vec<&str> = vec![];
    for item in items {
        let id = item["call_id"].as_str().unwrap_or_default();
        match item["type"].as_str() {
            Some("function_call") => waiting.push(id),
            Some("function_call_output") => {
                let at = waiting.iter().position(|waiting| *waiting == id).ok_or_else(|| {
                    let message = format!("No tool call found for function call output with call_id {id}.");
                    Problem::field("input", message, None)
                })?;
                waiting.remove(at);
            }
            _ => {}
        }
    }
    match waiting.first() {
        Some(id) => {
            let message = format!("No tool output found for function call {id}.");
            Err(Problem::field("input", message, None))
        }
        None => Ok(()),
    }
}

/// The names of the functions, and whether there is a tool that searches.
fn tools(body: &Value) -> Result<(Vec<String>, bool), Problem> {
    let mut functions = vec![];
    let mut searches = false;
    for tool in body["tools"].as_array().into_iter().flatten() {
        match (tool["type"].as_str(), tool["name"].as_str()) {
            (Some("function"), Some(name)) => functions.push(name.to_owned()),
            (Some("web_search"), _) => searches = true,
            _ => {
                return Err(invalid(
                    "tools",
                    "this sandbox knows functions with a name, and web_search",
                ));
            }
        }
    }
    Ok((functions, searches))
}

/// The tool that must be called; some tool, where it is empty.
fn required(choice: &Value, tools: &[String], searches: bool) -> Result<Option<String>, Problem> {
    match choice {
        Value::Null => Ok(None),
        Value::String(word) if matches!(word.as_str(), "auto" | "none") => Ok(None),
        Value::String(word) if word == "required" && !tools.is_empty() => Ok(Some(String::new())),
        choice if searches && (choice == "required" || choice["type"] == "web_search") => Ok(None),
        choice => match choice["name"].as_str() {
            Some(name) if choice["type"] == "function" && tools.iter().any(|tool| tool == name) => {
                Ok(Some(name.to_owned()))
            }
            _ => Err(invalid("tool_choice", "Tool choice not found in 'tools' parameter.")),
        },
    }
}

fn limit(value: &Value) -> Result<Option<usize>, Problem> {
    match value.as_u64() {
        None if value.is_null() => Ok(None),
        Some(most) if most >= LEAST => Ok(usize::try_from(most).ok()),
        _ => {
            let message =
                format!("Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {LEAST}.");
            Err(Problem::field(
                "max_output_tokens",
                message,
                Some("integer_below_min_value"),
            ))
        }
    }
}

/// What an item says, as text.
fn said(item: &Value) -> String {
    match item["type"].as_str() {
        Some("function_call") => words(&item["arguments"]),
        Some("function_call_output") => words(&item["output"]),
        _ => words(&item["content"]),
    }
}

fn words(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(parts) => {
            let texts = parts.iter().filter_map(|part| part["text"].as_str());
            texts.collect::<Vec<_>>().join("\n")
        }
        _ => String::new(),
    }
}

/// How many parts of a kind the last item has.
fn parts(item: Option<&Value>, kind: &str) -> usize {
    let parts = item.and_then(|item| item["content"].as_array());
    parts.map_or(0, |parts| parts.iter().filter(|part| part["type"] == kind).count())
}
