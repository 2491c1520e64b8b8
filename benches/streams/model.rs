//! A model that speaks as OpenAI does, and tells in each piece when it was said.
//!
//! Invariant: a piece is made when it is sent, and not before.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::Response;
use axum::routing::post;
use axum::serve::ListenerExt as _;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::Failed;

/// Says so many pieces and ends; asked as [`HELD`] it says one, and then nothing as long as somebody listens.
pub const PACED: &str = "paced";
/// See [`PACED`].
pub const HELD: &str = "held";
/// Between two pieces.
const PACE: Duration = Duration::from_millis(1);

/// Since when it is counted.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// How many nanoseconds have passed since the first call.
pub fn now() -> u64 {
    u64::try_from(BEGAN.elapsed().as_nanos()).unwrap_or(u64::MAX)
}

/// What it is asked, by its vendor's API and by ours alike.
pub fn question(model: &str, pieces: usize, streamed: bool) -> Value {
    let mut question =
        json!({ "model": model, "messages": [{ "role": "user", "content": "tell the time" }], "max_tokens": pieces });
    if streamed {
        question["stream"] = true.into();
    }
    question
}

/// When what stands in a text was said: each between two signs that nothing else has.
pub fn said(text: &str) -> Vec<u64> {
    // Behind the last sign nothing is whole.
    let whole = text.rsplit_once('@').map_or("", |(whole, _)| whole);
    whole.split('@').filter_map(|part| part.parse().ok()).collect()
}

/// Starts it.
pub async fn start() -> Result<SocketAddr, Failed> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    // As servers of streams do: a small piece waits for no other one's receipt.
    let listener = listener.tap_io(|stream| drop(stream.set_nodelay(true)));
    let app = Router::new().route("/v1/chat/completions", post(speak));
    tokio::spawn(async move { axum::serve(listener, app).await });
    Ok(address)
}

async fn speak(asked: Bytes) -> Response {
    let asked: Value = serde_json::from_slice(&asked).unwrap_or_default();
    let pieces = ["max_tokens", "max_completion_tokens"]
        .iter()
        .find_map(|name| asked[name].as_u64());
    let (held, pieces) = (asked["model"] == HELD, pieces.unwrap_or(1));
    let said = stream::unfold(0, move |at| async move {
        if at > 0 {
            sleep(PACE).await;
        }
        let piece = match at {
            at if at < pieces => piece(json!({ "content": format!("@{}@", now()) }), None),
            _ if held => std::future::pending().await,
            at if at == pieces => piece(json!({}), Some("stop")),
            at if at == pieces + 1 => "data: [DONE]\n\n".to_owned(),
            _ => return None,
        };
        Some((Ok::<_, Infallible>(piece), at + 1))
    });
    let mut response = Response::new(Body::from_stream(said));
    let headers = response.headers_mut();
    headers.insert("content-type", http::HeaderValue::from_static("text/event-stream"));
    // nginx would wait for more.
    headers.insert("x-accel-buffering", http::HeaderValue::from_static("no"));
    response
}

fn piece(delta: Value, reason: Option<&str>) -> String {
    let piece = json!({ "id": "chatcmpl-1", "object": "chat.completion.chunk", "created": 1_741_569_952, "model": "m",
        "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }] });
    format!("data: {piece}\n\n")
}
