//! The counting of a conversation's tokens, which is asked for in the words of the Responses API.
//!
//! Invariant: counting takes no tokens from the limit.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::OpenAi;
use super::models::MODELS;
use super::problem::Problem;
use crate::sandbox::model::text;

pub(crate) async fn count(State(_openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let input: Value = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("We could not parse the JSON body of your request. ({error})");
        Problem::invalid(StatusCode::BAD_REQUEST, message)
    })?;
    let model = input["model"].as_str().unwrap_or_default();
    if !MODELS.contains(&model) {
        return Err(Problem::model_not_found(model));
    }
    let tokens = match &input["input"] {
        Value::String(said) => text::tokens(said).count() + 4,
        Value::Array(items) => items.iter().map(item).sum::<Result<usize, Problem>>()?,
        _ => return Err(Problem::field("input", "input must be a text or a list of items", None)),
    };
    let tools = input["tools"].as_array().into_iter().flatten();
    let tools: usize = tools.map(|tool| text::tokens(&tool.to_string()).count() + 8).sum();
    Ok(Json(json!({ "object": "response.input_tokens", "input_tokens": tokens + tools })).into_response())
}

fn item(item: &Value) -> Result<usize, Problem> {
    let said = match item["type"].as_str() {
        Some("message") | None => &item["content"],
        Some("function_call") if item["call_id"].is_string() => &item["arguments"],
        Some("function_call_output") if item["call_id"].is_string() => &item["output"],
        Some("reasoning") if item["id"].is_string() => &item["summary"],
        Some("web_search_call") if item["id"].is_string() => &Value::Null,
        _ => {
            return Err(Problem::field(
                "input",
                "an item of the input is of no known type",
                Some("invalid_value"),
            ));
        }
    };
    let of = |text: &Value| text.as_str().map_or(0, |text| text::tokens(text).count());
    let said = match said {
        Value::Array(parts) => parts.iter().map(|part| of(&part["text"])).sum(),
        text => of(text),
    };
    Ok(said + 4)
}
