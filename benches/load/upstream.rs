//! What all subjects stand in front of: a repository as GitHub tells it, and a model and its answers as OpenAI tells them.
//!
//! Invariant: every answer is whole in memory before the first request comes; of a stream each piece is sent by itself, and
//! the next one not before its time.

use std::convert::Infallible;
use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::stream::{self, BoxStream};
use http::header::CONTENT_TYPE;
use http_body_util::{BodyExt as _, Either, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::time::sleep;

use crate::Failed;

/// The answers, as the golden tests have them.
const WIRE: &str = include_str!("../../tests/golden/github/git.repo.get/wire.json");
const CHAT: &str = include_str!("../../tests/golden/openai/ai.chat.complete/wire.json");
const MODEL: &str = include_str!("../../tests/golden/openai/ai.models.get/wire.json");
/// Whole repositories within the example, which only forks and copies have: without them it has a usual answer's size.
const NESTED: [&str; 3] = ["template_repository", "parent", "source"];
/// The model that there is.
pub const MODEL_ID: &str = "gpt-5.4";
/// How many pieces a streamed answer has, beside its first and its last.
const PIECES: usize = 20;
/// Between two of them.
const PACE: Duration = Duration::from_millis(1);

/// How many requests have come to this process.
pub static ASKED: AtomicU64 = AtomicU64::new(0);

/// All that it says.
struct Said {
    repo: Bytes,
    model: Bytes,
    chat: Bytes,
    pieces: Vec<Bytes>,
}

type Body<S> = Either<Full<Bytes>, StreamBody<S>>;

/// Serves until nobody waits for it any more.
pub async fn serve(listener: TcpListener) -> Result<(), Failed> {
    let said = Arc::new(Said {
        repo: repo()?,
        model: model()?,
        chat: Bytes::from(serde_json::to_vec(&body(CHAT)?)?),
        pieces: pieces(),
    });
    loop {
        let (stream, _) = listener.accept().await?;
        stream.set_nodelay(true)?;
        let said = said.clone();
        let service = service_fn(move |request| answer(said.clone(), request));
        tokio::spawn(async move {
            // A client that leaves is no concern of the upstream's.
            let _gone = hyper::server::conn::http1::Builder::new()
                .serve_connection(TokioIo::new(stream), service)
                .await;
        });
    }
}

fn body(exchanges: &str) -> Result<Value, Failed> {
    let mut exchanges: Value = serde_json::from_str(exchanges)?;
    Ok(exchanges[0]["body"].take())
}

fn repo() -> Result<Bytes, Failed> {
    let mut body = body(WIRE)?;
    let repo = body.as_object_mut().ok_or("the golden answer is an object")?;
    repo.retain(|key, _| !NESTED.contains(&key.as_str()));
    Ok(Bytes::from(serde_json::to_vec(repo)?))
}

fn model() -> Result<Bytes, Failed> {
    let mut model = body(MODEL)?;
    model["id"] = MODEL_ID.into();
    Ok(Bytes::from(serde_json::to_vec(&model)?))
}

fn pieces() -> Vec<Bytes> {
    let chunk = |delta: Value, reason: Option<&str>| {
        let chunk = json!({ "id": "chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT", "object": "chat.completion.chunk",
            "created": 1_741_569_952, "model": MODEL_ID, "service_tier": "default", "system_fingerprint": "fp_44709d6fcb",
            "choices": [{ "index": 0, "delta": delta, "logprobs": null, "finish_reason": reason }] });
        format!("data: {chunk}\n\n")
    };
    let mut pieces = vec![chunk(
        json!({ "role": "assistant", "content": "", "refusal": null }),
        None,
    )];
    pieces.extend((0..PIECES).map(|_| chunk(json!({ "content": " token" }), None)));
    pieces.push(chunk(json!({}), Some("stop")) + "data: [DONE]\n\n");
    pieces.into_iter().map(Bytes::from).collect()
}

async fn answer(said: Arc<Said>, request: http::Request<Incoming>) -> io::Result<http::Response<Body<Pieces>>> {
    ASKED.fetch_add(1, Relaxed);
    let (head, body) = request.into_parts();
    // What was not read would end the connection.
    let asked = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let is_model = head.uri.path().starts_with("/v1/models/");
    let whole = match head.method {
        http::Method::GET if is_model => said.model.clone(),
        http::Method::GET => said.repo.clone(),
        _ if is_streamed(&asked) => return streamed(said).map_err(io::Error::other),
        _ => said.chat.clone(),
    };
    let response = http::Response::builder()
        .header(CONTENT_TYPE, "application/json; charset=utf-8")
        .header("etag", "W/\"9a1c3b5f7d2e4a6c8e0b1d3f5a7c9e1b\"")
        .header("x-github-request-id", "C0DE:2F4A:1B3C5D:2E4F60:673D0000")
        .header("x-ratelimit-limit", "5000")
        .header("x-ratelimit-remaining", "4987")
        .header("x-ratelimit-reset", "1893456000");
    response.body(Either::Left(Full::new(whole))).map_err(io::Error::other)
}

fn is_streamed(asked: &[u8]) -> bool {
    serde_json::from_slice(asked).is_ok_and(|asked: Value| asked["stream"] == true)
}

/// Frames that come one by one.
type Pieces = BoxStream<'static, Result<Frame<Bytes>, Infallible>>;

fn streamed(said: Arc<Said>) -> http::Result<http::Response<Body<Pieces>>> {
    let pieces = stream::unfold(0, move |at| {
        let said = said.clone();
        async move {
            let piece = said.pieces.get(at)?.clone();
            if at > 0 {
                sleep(PACE).await;
            }
            Some((Ok(Frame::data(piece)), at + 1))
        }
    });
    let response = http::Response::builder()
        .header(CONTENT_TYPE, "text/event-stream; charset=utf-8")
        // nginx would wait for more.
        .header("x-accel-buffering", "no");
    response.body(Either::Right(StreamBody::new(pieces.boxed())))
}
