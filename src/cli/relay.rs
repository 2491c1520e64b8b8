//! Passes messages of the Model Context Protocol on: lines of standard input to a gateway, and its answers back as lines.
//!
//! Invariant: every request that is not cancelled gets one answer, from the gateway or about why there is none; memory is
//! bounded by the requests under way and the length of a message.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use mosaic_actors::error::{Failure, Kind};
use reqwest::header::{ACCEPT, CONTENT_TYPE};
use reqwest::{Method, RequestBuilder, Response};
use serde_json::{Value, json};
use tokio::io::BufReader;
use tokio::sync::{Semaphore, mpsc};
use tokio::task::{AbortHandle, JoinSet};
use tokio::time::timeout;
use url::form_urlencoded;

use super::client::Remote;
use super::problem::Problem;
use super::relay_headers::{Answered, SESSION, Spoken};
use super::relay_lines::{LONGEST, Said, next_line, write};
use super::transport::{body, broken};
use crate::wire::sse::Decoder;

/// How long after the end of standard input answers may take: as long as where the gateway is in the process.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// The most requests under way.
const MOST: usize = 64;

/// Passes on until standard input ends, and what was asked is answered or has had some seconds more.
///
/// # Errors
/// `network` where standard input or output breaks.
pub async fn relay(remote: Remote, toolsets: Option<&str>) -> Result<(), Problem> {
    let query = toolsets.map(|names| {
        form_urlencoded::Serializer::new(String::new())
            .append_pair("toolsets", names)
            .finish()
    });
    let path = query.map_or_else(|| "/mcp".to_owned(), |query| format!("/mcp?{query}"));
    let (lines, written) = mpsc::channel(MOST);
    let writer = tokio::spawn(write(written));
    let mut relay = Relay {
        line: Arc::new(Line { remote, path, lines }),
        spoken: Spoken::default(),
        under_way: JoinSet::new(),
        by_id: HashMap::new(),
        room: Arc::new(Semaphore::new(MOST)),
    };
    let mut input = BufReader::new(tokio::io::stdin());
    let mut ended = Ok(());
    loop {
        match next_line(&mut input).await {
            Ok(Said::Message(line)) => relay.pass(line).await,
            Ok(Said::TooMuch) => relay.line.tell(too_long()).await,
            Ok(Said::NoMore) => break,
            Err(failure) => {
                ended = Err(failure.into());
                break;
            }
        }
    }
    // Who has no more to say goes away, and waits for nothing that takes long.
    let answered = async { while relay.under_way.join_next().await.is_some() {} };
    if timeout(LAST_WORDS, answered).await.is_err() {
        relay.under_way.shutdown().await;
    }
    relay.leave().await;
    drop(relay);
    match writer.await {
        Ok(Ok(())) => ended,
        Ok(Err(error)) => Err(Failure::new(Kind::Network, "standard output broke")
            .because(error)
            .into()),
        Err(error) => Err(Failure::new(Kind::Internal, "standard output's writer was cut")
            .because(error)
            .into()),
    }
}

/// One conversation.
struct Relay {
    line: Arc<Line>,
    spoken: Spoken,
    under_way: JoinSet<()>,
    /// Requests under way, by their ids as JSON.
    by_id: HashMap<String, AbortHandle>,
    room: Arc<Semaphore>,
}

impl Relay {
    /// Passes a message on.
    async fn pass(&mut self, line: Vec<u8>) {
        while self.under_way.try_join_next().is_some() {}
        self.by_id.retain(|_, request| !request.is_finished());
        let Ok(message) = serde_json::from_slice::<Value>(&line) else {
            return self
                .line
                .tell(error(&Value::Null, -32700, "the message is not JSON", None))
                .await;
        };
        let method = message["method"].as_str().unwrap_or_default().to_owned();
        if method == "notifications/cancelled" {
            let request = self.by_id.remove(&message["params"]["requestId"].to_string());
            if self.spoken.in_session() {
                let told = self.spoken.headers(&message, self.line.post(line));
                self.line.notify(told).await;
            }
            // Nobody waits for it any more; of a request by itself that is all that there is to tell.
            if let Some(request) = request {
                request.abort();
            }
            return;
        }
        let id = message.get("id").filter(|_| !method.is_empty()).cloned();
        let request = self.spoken.headers(&message, self.line.post(line));
        match id {
            // What follows it takes what it brings.
            Some(id) if method == "initialize" => {
                let answered = self.line.ask(request, &id).await;
                self.spoken.begin(answered);
            }
            Some(id) => {
                let Ok(room) = self.room.clone().acquire_owned().await else {
                    return;
                };
                let (line, key) = (self.line.clone(), id.to_string());
                let request = self.under_way.spawn(async move {
                    line.ask(request, &id).await;
                    drop(room);
                });
                self.by_id.insert(key, request);
            }
            // In the order in which they are told.
            None => self.line.notify(request).await,
        }
    }

    /// Ends the session, where there is one.
    async fn leave(&self) {
        let Some(session) = self.spoken.session() else { return };
        let request = self.line.remote.raw(Method::DELETE, "/mcp");
        let request = request.map(|request| request.header(SESSION, session));
        if let Ok(request) = request {
            // A session that is not ended ends by itself.
            let _ = request.send().await;
        }
    }
}

/// The way to the gateway, and back to standard output.
struct Line {
    remote: Remote,
    path: String,
    lines: mpsc::Sender<Bytes>,
}

impl Line {
    fn post(&self, message: Vec<u8>) -> Result<RequestBuilder, Failure> {
        let request = self.remote.raw(Method::POST, &self.path)?;
        Ok(request
            .header(ACCEPT, "application/json, text/event-stream")
            .header(CONTENT_TYPE, "application/json")
            .body(message))
    }

    async fn tell(&self, message: Value) {
        // Where nobody reads any more, the process ends.
        let _ = self.lines.send(message.to_string().into()).await;
    }

    /// Asks, and passes on what comes; where that is no answer, tells why.
    async fn ask(&self, request: Result<RequestBuilder, Failure>, id: &Value) -> Answered {
        match self.answers(request).await {
            Ok(answered) => answered,
            Err((failure, problem)) => {
                self.tell(error(id, -32603, failure.message(), problem)).await;
                Answered::default()
            }
        }
    }

    async fn answers(&self, request: Result<RequestBuilder, Failure>) -> Result<Answered, (Failure, Option<Value>)> {
        let plain = |failure| (failure, None);
        let reply = request.map_err(plain)?.send().await;
        let reply = reply.map_err(|error| plain(broken(&error)))?;
        let header = |name: &str| reply.headers().get(name).cloned();
        let mut answered = Answered {
            session: header(SESSION),
            version: None,
        };
        let kind = header(CONTENT_TYPE.as_str());
        let kind = kind
            .as_ref()
            .and_then(|kind| kind.to_str().ok())
            .unwrap_or_default()
            .to_owned();
        if kind.starts_with("text/event-stream") {
            answered.version = self.events(reply).await.map_err(plain)?;
            return Ok(answered);
        }
        let status = reply.status();
        let text = body(reply).await.map_err(plain)?;
        match serde_json::from_slice::<Value>(&text) {
            Ok(message) if message["jsonrpc"] == "2.0" => {
                answered.version = negotiated(&message);
                self.tell(message).await;
                Ok(answered)
            }
            Ok(problem) => {
                let detail = problem["detail"]
                    .as_str()
                    .unwrap_or("the gateway refused the request")
                    .to_owned();
                Err((Failure::new(Kind::UpstreamFailed, detail), Some(problem)))
            }
            Err(_) => {
                let sentence = format!("the gateway answered with status {}, and no message", status.as_u16());
                Err(plain(Failure::new(Kind::UpstreamFailed, sentence)))
            }
        }
    }

    /// Passes events on, up to the end of their stream; tells the revision that one of them agrees on.
    async fn events(&self, reply: Response) -> Result<Option<String>, Failure> {
        let (mut pieces, mut decoder, mut version) = (reply.bytes_stream(), Decoder::default(), None);
        let mut answered = false;
        while let Some(piece) = pieces.next().await {
            let mut piece = piece.map_err(|error| broken(&error))?;
            while let Some(event) = decoder.next(&mut piece)? {
                // What primes a stream says nothing.
                let Ok(message) = serde_json::from_str::<Value>(&event.data) else {
                    continue;
                };
                version = version.or_else(|| negotiated(&message));
                answered |= message.get("method").is_none();
                self.tell(message).await;
            }
            if answered {
                return Ok(version);
            }
        }
        Err(Failure::new(
            Kind::Network,
            "the gateway's answer was cut before its end",
        ))
    }

    /// Passes on what asks for no answer; what comes of it nobody can be told.
    async fn notify(&self, request: Result<RequestBuilder, Failure>) {
        if let Err((failure, _)) = self.sent(request).await {
            tracing::debug!(failure = failure.message(), "a notification was not taken");
        }
    }

    async fn sent(&self, request: Result<RequestBuilder, Failure>) -> Result<(), (Failure, Option<Value>)> {
        let reply = request.map_err(|failure| (failure, None))?.send().await;
        reply.map(drop).map_err(|error| (broken(&error), None))
    }
}

fn negotiated(message: &Value) -> Option<String> {
    message["result"]["protocolVersion"].as_str().map(str::to_owned)
}

fn too_long() -> Value {
    let sentence = format!("a message has at most {LONGEST} bytes");
    error(&Value::Null, -32600, &sentence, None)
}

fn error(id: &Value, code: i32, message: &str, data: Option<Value>) -> Value {
    let mut error = json!({ "code": code, "message": message });
    if let Some(data) = data {
        error["data"] = data;
    }
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}
