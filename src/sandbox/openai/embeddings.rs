//! Embeddings: numbers that follow from the text alone.
//!
//! Invariant: they are told in the form that was asked for, and equal texts have equal ones.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use super::OpenAi;
use super::models::MODELS;
use super::problem::Problem;
use crate::sandbox::model::text;

/// As many as the model makes where nobody says.
const USUAL: u64 = 8;
const MOST: u64 = 64;

pub(crate) async fn create(State(_openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let input: Value = serde_json::from_slice(&body).map_err(|error| {
        let message = format!("We could not parse the JSON body of your request. ({error})");
        Problem::invalid(StatusCode::BAD_REQUEST, message)
    })?;
    Ok(Json(made(&input)?).into_response())
}

/// The vectors that are asked for.
pub(crate) fn made(input: &Value) -> Result<Value, Problem> {
    let model = input["model"].as_str().unwrap_or_default();
    if !MODELS.contains(&model) {
        return Err(Problem::model_not_found(model));
    }
    let texts = match &input["input"] {
        Value::String(text) => vec![text.as_str()],
        Value::Array(texts) => texts.iter().filter_map(Value::as_str).collect(),
        _ => vec![],
    };
    if texts.is_empty() || texts.contains(&"") {
        return Err(Problem::field(
            "input",
            "input must be texts that are not empty",
            Some("invalid_value"),
        ));
    }
    let dimensions = input["dimensions"].as_u64().unwrap_or(USUAL);
    if !(1..=MOST).contains(&dimensions) {
        let message = format!("dimensions must be between 1 and {MOST}");
        return Err(Problem::field("dimensions", message, Some("invalid_value")));
    }
    let as_bytes = input["encoding_format"] == "base64";
    let data: Vec<Value> = texts
        .iter()
        .enumerate()
        .map(|(index, text)| {
            let numbers = numbers(text, dimensions);
            let embedding = match as_bytes {
                true => STANDARD
                    .encode(
                        numbers
                            .iter()
                            .flat_map(|number| number.to_le_bytes())
                            .collect::<Vec<_>>(),
                    )
                    .into(),
                false => json!(numbers),
            };
            json!({ "object": "embedding", "index": index, "embedding": embedding })
        })
        .collect();
    let tokens: usize = texts.iter().map(|text| text::tokens(text).count()).sum();
    Ok(json!({
        "object": "list", "data": data, "model": model,
        "usage": { "prompt_tokens": tokens, "total_tokens": tokens },
    }))
}

/// Numbers between -1 and 1.
fn numbers(text: &str, count: u64) -> Vec<f32> {
    let hash = |at: u64| blake3::hash(format!("{at} {text}").as_bytes()).as_bytes()[0];
    (0..count).map(|at| f32::from(hash(at)) / 128.0 - 1.0).collect()
}
