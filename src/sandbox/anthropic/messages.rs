//! Messages: whole, streamed, and counted.
//!
//! Invariant: a stream says the same as the whole, and counts the same in the end.

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

use super::problem::Problem;
use super::request::MessageRequest;
use super::{Anthropic, frame, said};
use crate::sandbox::model;

pub(crate) async fn create(State(anthropic): State<Arc<Anthropic>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let request = MessageRequest::parse(&body, &anthropic.instance.name, false)?;
    let message = anthropic.message(&request)?;
    if !request.stream {
        return Ok(Json(message).into_response());
    }
    let mut response = Response::new(paced(frames(message), anthropic.instance.chunk_pace));
    let kind = HeaderValue::from_static("text/event-stream; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    response
        .headers_mut()
        .insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    Ok(response)
}

pub(crate) async fn count(State(anthropic): State<Arc<Anthropic>>, body: Bytes) -> Result<Response<Body>, Problem> {
    let request = MessageRequest::parse(&body, &anthropic.instance.name, true)?;
    Ok(Json(json!({ "input_tokens": request.input_tokens })).into_response())
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

impl Anthropic {
    fn message(&self, request: &MessageRequest) -> Result<Value, Problem> {
        let (message, tokens) = self.spoken(request);
        let now = SystemTime::now();
        self.input
            .take(request.input_tokens as u64, now)
            .map_err(Problem::rate_limited)?;
        self.output.take(tokens as u64, now).map_err(Problem::rate_limited)?;
        Ok(message)
    }

    /// A whole message, and how many tokens it has.
    pub(crate) fn spoken(&self, request: &MessageRequest) -> (Value, usize) {
        let spoken = model::say(&request.asked);
        let id = self.next_message_id();
        let mut content = request
            .query
            .as_deref()
            .map_or(vec![], |query| said::searched(query, &id));
        content.extend(said::blocks(&spoken, &id));
        let mut message = json!({
            "id": id, "type": "message", "role": "assistant", "model": request.model.id,
            "content": content,
            "container": null,
            "usage": {
                "input_tokens": request.input_tokens, "output_tokens": spoken.tokens(),
                "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0,
                "cache_creation": { "ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0 },
                "inference_geo": null, "server_tool_use": null, "service_tier": "standard",
            },
        });
        for (name, value) in said::stop(&spoken).as_object().cloned().unwrap_or_default() {
            message[name] = value;
        }
        (message, spoken.tokens())
    }
}

/// All frames of a message's stream.
fn frames(mut message: Value) -> Vec<Bytes> {
    let blocks = message["content"].take();
    let counted = message["usage"].clone();
    let mut delta = json!({ "container": null });
    for name in ["stop_reason", "stop_sequence", "stop_details"] {
        delta[name] = message[name].take();
    }
    message["content"] = json!([]);
    // As if the first token were said by then.
    message["usage"]["output_tokens"] = json!(1);
    let usage = json!({
        "input_tokens": counted["input_tokens"], "output_tokens": counted["output_tokens"],
        "cache_creation_input_tokens": 0, "cache_read_input_tokens": 0, "server_tool_use": null,
    });
    let mut events = vec![
        json!({ "type": "message_start", "message": message }),
        json!({ "type": "ping" }),
    ];
    let blocks = blocks.as_array().into_iter().flatten().enumerate();
    events.extend(blocks.flat_map(|(index, block)| said::events(index, block)));
    events.push(json!({ "type": "message_delta", "delta": delta, "usage": usage }));
    events.push(json!({ "type": "message_stop" }));
    events.iter().map(frame).collect()
}
