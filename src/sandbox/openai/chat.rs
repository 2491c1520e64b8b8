//! Chat completions: whole, or as a stream of data-only server-sent events.
//!
//! Invariant: the contents of a stream's frames, put together, are the content of the whole answer.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::{HeaderValue, Response, header};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::OpenAi;
use super::problem::Problem;
use super::request::ChatRequest;
use super::said;
use crate::sandbox::model::{self, Spoken};

/// A finished completion.
struct Completion {
    id: String,
    created_s: u64,
    model: String,
    spoken: Spoken,
    usage: Value,
    /// Tokens in all.
    total: u64,
}

/// A whole answer, of a request that is one of many.
pub(crate) fn made(openai: &OpenAi, body: &Value) -> Result<Value, Problem> {
    let request = ChatRequest::parse(&Bytes::from(body.to_string()))?;
    match request.stream {
        true => Err(Problem::field(
            "stream",
            "Streaming is not supported in a batch.",
            Some("invalid_value"),
        )),
        false => Ok(openai.completion(&request).whole()),
    }
}

pub(crate) async fn complete(State(openai): State<Arc<OpenAi>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let request = ChatRequest::parse(&body)?;
    let completion = openai.completion(&request);
    let now = SystemTime::now();
    let taken = openai.tokens.take(completion.total, now);
    taken.map_err(|wait| Problem::rate_limited("tokens", wait))?;
    if !request.stream {
        return Ok(Json(completion.whole()).into_response());
    }
    let frames = completion.frames(request.include_usage);
    Ok(streamed(frames, openai.instance.chunk_pace))
}

/// An answer that is a stream of these frames.
pub(super) fn streamed(frames: Vec<Bytes>, pace: Duration) -> Response<Body> {
    let mut response = Response::new(paced(frames, pace));
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}

/// One frame per piece of the body, so that a fault can count them.
fn paced(frames: Vec<Bytes>, pace: Duration) -> Body {
    let paced = stream::iter(frames.into_iter().enumerate()).then(move |(at, frame)| async move {
        if at > 0 && !pace.is_zero() {
            sleep(pace).await;
        }
        Ok::<_, Infallible>(frame)
    });
    Body::from_stream(paced)
}

impl OpenAi {
    fn completion(&self, request: &ChatRequest) -> Completion {
        let spoken = model::say(&request.asked(&self.instance.name));
        let (prompt_tokens, completion_tokens) = (request.prompt_tokens, spoken.tokens());
        let total = prompt_tokens + completion_tokens;
        Completion {
            id: self.next_completion_id(),
            created_s: self.now_s(),
            total: total as u64,
            model: request.asked.model.clone(),
            usage: json!({
                "prompt_tokens": prompt_tokens,
                "completion_tokens": completion_tokens,
                "total_tokens": total,
                "prompt_tokens_details": { "cached_tokens": 0, "audio_tokens": 0 },
                "completion_tokens_details": {
                    "reasoning_tokens": spoken.thought_tokens(), "audio_tokens": 0,
                    "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0,
                },
            }),
            spoken,
        }
    }
}

impl Completion {
    fn whole(&self) -> Value {
        json!({
            "id": self.id,
            "object": "chat.completion",
            "created": self.created_s,
            "model": self.model,
            "choices": [{
                "index": 0,
                "message": said::message(&self.spoken, &self.id),
                "logprobs": null,
                "finish_reason": said::finish(&self.spoken.finish),
            }],
            "usage": self.usage,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
        })
    }

    /// All frames of the stream, the end mark included. With `include_usage` every chunk has the field `usage`: null
    /// until the last chunk, which has no choice.
    fn frames(&self, include_usage: bool) -> Vec<Bytes> {
        let choice = |delta: Value, finish: Option<&str>| json!([{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": finish }]);
        let mut chunks = vec![choice(
            json!({ "role": "assistant", "content": "", "refusal": null }),
            None,
        )];
        let deltas = said::deltas(&self.spoken, &self.id).into_iter();
        chunks.extend(deltas.map(|delta| choice(delta, None)));
        chunks.push(choice(json!({}), Some(said::finish(&self.spoken.finish))));
        let mut frames: Vec<Bytes> = chunks
            .into_iter()
            .map(|choices| self.frame(choices, include_usage.then_some(&Value::Null)))
            .collect();
        if include_usage {
            frames.push(self.frame(json!([]), Some(&self.usage)));
        }
        frames.push(Bytes::from_static(b"data: [DONE]\n\n"));
        frames
    }

    fn frame(&self, choices: Value, usage: Option<&Value>) -> Bytes {
        let mut chunk = json!({
            "id": self.id,
            "object": "chat.completion.chunk",
            "created": self.created_s,
            "model": self.model,
            "service_tier": "default",
            "system_fingerprint": "fp_sandbox",
            "choices": choices,
        });
        if let Some(usage) = usage {
            chunk["usage"] = usage.clone();
        }
        Bytes::from(format!("data: {chunk}\n\n"))
    }
}
