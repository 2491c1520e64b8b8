//! Responses: whole, as a stream of named events, or made in the background; kept, read again, gone on from, cancelled.
//!
//! `fail with CODE` fails with that code.
//!
//! Invariant: what is not to be stored can neither be read again nor gone on from.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};
use serde_json::{Value, json};

use self::kept::Uncancelled;
use self::request::ResponseRequest;
use super::OpenAi;
use super::chat::streamed;
use super::problem::Problem;
use crate::sandbox::model::{self, Finish, Spoken};

pub(crate) mod kept;
mod request;
mod said;
mod seal;

pub(crate) async fn create(State(openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let body = ResponseRequest::read(&body)?;
    let before = match body["previous_response_id"].as_str() {
        None => vec![],
        Some(id) => openai.responses.said(id).ok_or_else(|| {
            let message = format!("Previous response with id '{id}' not found.");
            Problem::field("previous_response_id", message, Some("previous_response_not_found"))
        })?,
    };
    let request = ResponseRequest::of(body, before, &openai.instance.name)?;
    let (begun, whole) = openai.answer(&request)?;
    let background = request.flag("background");
    let id = whole["id"].as_str().unwrap_or_default();
    if request.body["store"] != false {
        let mut items = request.items.clone();
        items.extend(whole["output"].as_array().into_iter().flatten().cloned());
        openai
            .responses
            .keep(id, begun.clone(), whole.clone(), items, background);
    }
    if request.flag("stream") {
        let frames = said::frames(&begun, &whole, background);
        return Ok(streamed(frames, openai.instance.chunk_pace));
    }
    let mut answer = if background { begun } else { whole };
    if background {
        answer["status"] = "queued".into();
    }
    Ok(Json(answer).into_response())
}

pub(crate) async fn get(State(openai): State<Arc<OpenAi>>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let found = openai.responses.look(&id).ok_or_else(|| unknown(&id))?;
    Ok(Json(found).into_response())
}

pub(crate) async fn cancel(
    State(openai): State<Arc<OpenAi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    match openai.responses.cancel(&id) {
        Ok(cancelled) => Ok(Json(cancelled).into_response()),
        Err(Uncancelled::Unknown) => Err(unknown(&id)),
        Err(Uncancelled::Foreground) => Err(Problem::invalid(
            StatusCode::BAD_REQUEST,
            "Cannot cancel a synchronous response.",
        )),
    }
}

fn unknown(id: &str) -> Problem {
    Problem::invalid(StatusCode::NOT_FOUND, format!("Response with id '{id}' not found."))
}

impl OpenAi {
    /// An answer as it stands before anything is said, and as it will have ended.
    fn answer(&self, request: &ResponseRequest) -> Result<(Value, Value), Problem> {
        let spoken = model::say(&request.asked);
        let (read, written) = (request.input_tokens, spoken.tokens());
        let now = SystemTime::now();
        let taken = self.tokens.take((read + written) as u64, now);
        taken.map_err(|wait| Problem::rate_limited("tokens", wait))?;
        let n = self.last_response.fetch_add(1, Ordering::Relaxed) + 1;
        let answer = format!("{}_{n:08}", self.instance.name);
        let begun = frame(request, &answer, now);
        let mut whole = begun.clone();
        let code = request.asked.prompt.strip_prefix("fail with ");
        if let Some(code) = code.filter(|_| request.asked.results.is_empty()) {
            whole["status"] = "failed".into();
            whole["error"] = json!({ "code": code, "message": "It was asked to fail." });
            return Ok((begun, whole));
        }
        whole["status"] = status(&spoken).into();
        whole["output"] = said::items(request, &spoken, &answer).into();
        if spoken.finish == Finish::Length {
            whole["incomplete_details"] = json!({ "reason": "max_output_tokens" });
        } else {
            whole["completed_at"] = begun["created_at"].clone();
        }
        whole["usage"] = json!({
            "input_tokens": read,
            "input_tokens_details": { "cached_tokens": 0, "cache_write_tokens": 0 },
            "output_tokens": written,
            "output_tokens_details": { "reasoning_tokens": spoken.thought_tokens() },
            "total_tokens": read + written,
        });
        Ok((begun, whole))
    }
}

fn status(spoken: &Spoken) -> &'static str {
    match spoken.finish {
        Finish::Length => "incomplete",
        Finish::Stop(_) | Finish::Tool | Finish::Refusal => "completed",
    }
}

/// What an answer tells of what it was asked with, and nothing yet of what it says.
fn frame(request: &ResponseRequest, answer: &str, now: SystemTime) -> Value {
    let body = &request.body;
    let or = |name: &str, usual: Value| match &body[name] {
        Value::Null => usual,
        said => said.clone(),
    };
    let created = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs();
    json!({
        "id": format!("resp_{answer}"),
        "object": "response",
        "created_at": created,
        "status": "in_progress",
        "background": request.flag("background"),
        "completed_at": null,
        "error": null,
        "incomplete_details": null,
        "instructions": body["instructions"],
        "max_output_tokens": body["max_output_tokens"],
        "model": request.asked.model,
        "output": [],
        "parallel_tool_calls": or("parallel_tool_calls", true.into()),
        "previous_response_id": body["previous_response_id"],
        "reasoning": { "effort": body["reasoning"]["effort"], "summary": body["reasoning"]["summary"] },
        "store": or("store", true.into()),
        "temperature": or("temperature", json!(1.0)),
        "text": or("text", json!({ "format": { "type": "text" } })),
        "tool_choice": or("tool_choice", "auto".into()),
        "tools": or("tools", json!([])),
        "top_p": or("top_p", json!(1.0)),
        "truncation": or("truncation", "disabled".into()),
        "metadata": or("metadata", json!({})),
    })
}
