//! A request for a message, read and checked.
//!
//! Invariant: a request that passed has a known model, a limit, and messages in their order.

use bytes::Bytes;
use serde_json::Value;

use super::models::{self, Model};
use super::order::{self, blocks};
use super::problem::Problem;
use crate::sandbox::model::Asked;
use crate::sandbox::model::text;

/// The tool by which the model searches the web itself.
pub(crate) const SEARCH: &str = "web_search";

/// What is asked.
pub(crate) struct MessageRequest {
    pub model: &'static Model,
    pub asked: Asked,
    /// What is looked for in the web first: it has the tool for it, and the prompt begins with `search`.
    pub query: Option<String>,
    pub input_tokens: usize,
    pub stream: bool,
}

impl MessageRequest {
    /// `counts`: nothing is to be said, so that there is no limit to it.
    pub fn parse(body: &Bytes, instance: &str, counts: bool) -> Result<Self, Problem> {
        let input: Value =
            serde_json::from_slice(body).map_err(|_| Problem::invalid("The request body is not valid JSON"))?;
        let name = input["model"]
            .as_str()
            .ok_or_else(|| Problem::invalid("model: Field required"))?;
        let model = models::find(name).ok_or_else(|| Problem::no_model(name))?;
        let messages = input["messages"]
            .as_array()
            .ok_or_else(|| Problem::invalid("messages: Field required"))?;
        if messages.is_empty() {
            return Err(Problem::invalid("messages: at least one message is required"));
        }
        order::check(messages)?;
        let max_tokens = max_tokens(&input, model, counts)?;
        let thinks = thinking(&input["thinking"], model, max_tokens)?;
        if let Some(temperature) = input["temperature"].as_f64().filter(|t| !(0.0..=1.0).contains(t)) {
            return Err(Problem::invalid(format!(
                "temperature: {temperature} is not between 0 and 1"
            )));
        }
        let (tools, searches) = tools(&input["tools"])?;
        let last = blocks(&messages[messages.len() - 1]["content"]);
        let count = |kind: &str| last.iter().filter(|block| block["type"] == kind).count();
        let said = said(&last);
        let asked = Asked {
            instance: instance.to_owned(),
            model: model.id.to_owned(),
            // What came of tools is the last word where nothing is said behind it.
            results: if said.is_empty() { results(&last) } else { vec![] },
            prompt: match said.is_empty() {
                true => prompt(messages),
                false => said,
            },
            pictures: count("image"),
            documents: count("document"),
            required: required(&input["tool_choice"], &tools, searches)?,
            tools: if input["tool_choice"]["type"] == "none" {
                vec![]
            } else {
                tools
            },
            one_call: input["tool_choice"]["disable_parallel_tool_use"] == true,
            json: input["output_config"]["format"]["type"] == "json_schema",
            thinks,
            stops: stops(&input["stop_sequences"])?,
            max_tokens: Some(max_tokens),
        };
        let texts = messages
            .iter()
            .map(|message| &message["content"])
            .chain([&input["system"], &input["tools"]]);
        let query = asked.prompt.strip_prefix("search ").filter(|_| searches);
        Ok(Self {
            model,
            query: query.map(str::to_owned),
            asked,
            input_tokens: texts.map(tokens).sum(),
            stream: input["stream"] == true,
        })
    }
}

/// Anthropic counts some tokens around each message.
fn tokens(said: &Value) -> usize {
    match said {
        Value::Null => 0,
        Value::String(said) => text::tokens(said).count() + 4,
        said => text::tokens(&said.to_string()).count() + 4,
    }
}

fn max_tokens(input: &Value, model: &Model, counts: bool) -> Result<usize, Problem> {
    match input["max_tokens"].as_u64() {
        _ if counts => Ok(1),
        Some(most) if most > model.max_tokens => {
            let most_there = model.max_tokens;
            Err(Problem::invalid(format!(
                "max_tokens: {most} > {most_there}, which is the most for {}",
                model.id
            )))
        }
        Some(most) => Ok(usize::try_from(most).unwrap_or(usize::MAX)),
        None => Err(Problem::invalid("max_tokens: Field required")),
    }
}

/// Whether it thinks; each model takes one of the two ways to be told.
fn thinking(told: &Value, model: &Model, max_tokens: usize) -> Result<bool, Problem> {
    match told["type"].as_str() {
        None | Some("disabled") => Ok(false),
        Some("adaptive") if model.adaptive => Ok(true),
        Some("enabled") if !model.adaptive => match told["budget_tokens"].as_u64() {
            Some(budget) if budget >= 1024 && (max_tokens <= 1 || budget < max_tokens as u64) => Ok(true),
            _ => {
                let what = "thinking.budget_tokens: Input should be at least 1024 and less than max_tokens";
                Err(Problem::invalid(what))
            }
        },
        Some(_) => Err(Problem::invalid(format!(
            "thinking.type: not supported by {}",
            model.id
        ))),
    }
}

/// The tools that the caller has, and whether the model may search the web itself.
fn tools(tools: &Value) -> Result<(Vec<String>, bool), Problem> {
    let tools: Vec<(usize, &Value)> = tools.as_array().into_iter().flatten().enumerate().collect();
    let (own, theirs): (Vec<_>, Vec<_>) = tools
        .into_iter()
        .partition(|(_, tool)| tool["type"].as_str().is_some_and(|kind| kind != "custom"));
    let searches = |tool: &Value| {
        tool["name"] == SEARCH
            && tool["type"]
                .as_str()
                .is_some_and(|kind| kind.starts_with("web_search_"))
    };
    if let Some((at, _)) = own.iter().find(|(_, tool)| !searches(tool)) {
        return Err(Problem::invalid(format!(
            "tools.{at}.type: this sandbox has web_search alone"
        )));
    }
    let name = |(at, tool): (usize, &Value)| match tool["name"].as_str() {
        Some(name) if tool["input_schema"]["type"] == "object" => Ok(name.to_owned()),
        Some(_) => Err(Problem::invalid(format!(
            "tools.{at}.input_schema.type: Field required"
        ))),
        None => Err(Problem::invalid(format!("tools.{at}.name: Field required"))),
    };
    let names = theirs.into_iter().map(name).collect::<Result<_, _>>()?;
    Ok((names, !own.is_empty()))
}

/// The tool that must be called; some tool, where it is empty.
fn required(choice: &Value, tools: &[String], searches: bool) -> Result<Option<String>, Problem> {
    match choice["type"].as_str() {
        Some("tool") if searches && choice["name"] == SEARCH => Ok(None),
        Some(_) if tools.is_empty() && !searches => Err(Problem::invalid(
            "tool_choice: may only be specified while providing tools",
        )),
        None if !choice.is_null() => Err(Problem::invalid("tool_choice.type: Field required")),
        None | Some("auto" | "none") => Ok(None),
        Some("any") if tools.is_empty() => Ok(None),
        Some("any") => Ok(Some(String::new())),
        Some("tool") => match choice["name"].as_str() {
            Some(name) if tools.iter().any(|tool| tool == name) => Ok(Some(name.to_owned())),
            _ => Err(Problem::invalid("tool_choice.name: no such tool")),
        },
        Some(_) => Err(Problem::invalid("tool_choice.type: Input tag does not match")),
    }
}

fn stops(stops: &Value) -> Result<Vec<String>, Problem> {
    let stops = stops.as_array().into_iter().flatten();
    let stop = |stop: &Value| match stop.as_str() {
        Some(stop) if !stop.trim().is_empty() => Ok(stop.to_owned()),
        _ => Err(Problem::invalid(
            "stop_sequences: each stop sequence must contain non-whitespace",
        )),
    };
    stops.map(stop).collect()
}

/// The texts of a message.
fn said(blocks: &[Value]) -> String {
    let texts = blocks.iter().filter(|block| block["type"] == "text");
    let texts: Vec<&str> = texts.filter_map(|block| block["text"].as_str()).collect();
    texts.join("\n")
}

/// What tools have said.
fn results(blocks: &[Value]) -> Vec<String> {
    let results = blocks.iter().filter(|block| block["type"] == "tool_result");
    results.map(|result| said(&order::blocks(&result["content"]))).collect()
}

/// The last thing that a person has said.
fn prompt(messages: &[Value]) -> String {
    let users = messages.iter().rev().filter(|message| message["role"] == "user");
    let mut texts = users.map(|message| said(&blocks(&message["content"])));
    texts.find(|text| !text.is_empty()).unwrap_or_default()
}
