//! A provider for tests: answers from a script on a local port and remembers what it was asked.
//!
//! Invariant: an answer is given once, in order; a request too many is answered by a status that no driver expects.
#![allow(dead_code, reason = "each test binary uses a part of it")]

pub mod cells;
pub mod jenkins;
pub mod logs;
pub mod raw;
pub mod specs;
pub mod yaml;

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Response, StatusCode};
use futures_util::StreamExt;
use mosaic::catalogue::cursor::{CursorKey, Query};
use mosaic::catalogue::{self, Catalogue};
use mosaic::providers::http::HttpClient;
use mosaic::providers::{Connection, KINDS};
use mosaic_actors::call::{Answer, Body as AnswerBody, Call, Caller};
use mosaic_actors::driver::Driver;
use mosaic_actors::error::Failure;
use mosaic_actors::stream::ByteStream;
use secrecy::SecretString;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// The credential of every test driver: wherever it turns up in a failure, it has leaked.
pub const TOKEN: &str = "tok-5ecret-of-the-tests";
/// The instance's name.
pub const INSTANCE: &str = "under-test";

/// One scripted answer.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canned {
    pub status: u16,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
    /// The body as JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// The body as text, where it is no JSON.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The body as bytes, whatever they are.
    #[serde(skip)]
    pub bytes: Option<Vec<u8>>,
}

impl Canned {
    pub fn json(status: u16, body: Value) -> Self {
        Canned {
            status,
            body: Some(body),
            ..Canned::default()
        }
    }

    pub fn text(status: u16, text: &str) -> Self {
        Canned {
            status,
            text: Some(text.to_owned()),
            ..Canned::default()
        }
    }

    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.insert(name.to_owned(), value.to_owned());
        self
    }

    /// The body; where an answer leads to itself, `{origin}` stands for where it is.
    fn bytes_at(&self, host: &str) -> Vec<u8> {
        let bytes = self.bytes();
        match std::str::from_utf8(&bytes) {
            Ok(text) if text.contains("{origin}") => text.replace("{origin}", &format!("http://{host}")).into_bytes(),
            _ => bytes,
        }
    }

    fn bytes(&self) -> Vec<u8> {
        if let Some(bytes) = &self.bytes {
            return bytes.clone();
        }
        match (&self.body, &self.text) {
            (Some(body), _) => serde_json::to_vec(body).expect("JSON"),
            (None, Some(text)) => text.clone().into_bytes(),
            (None, None) => vec![],
        }
    }
}

/// One request as it came.
#[derive(Clone, Debug)]
pub struct Seen {
    pub method: String,
    pub path: String,
    pub query: Option<String>,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

/// The provider.
pub struct Upstream {
    pub url: String,
    seen: Arc<Mutex<Vec<Seen>>>,
    server: JoinHandle<()>,
}

/// Where it sends us by this in a header, it is another place to us, and its own: a name for the port that it listens on.
pub const BESIDE: &str = "http://beside.example";

struct Script {
    beside: String,
    answers: Mutex<VecDeque<Canned>>,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Upstream {
    pub async fn answering(answers: impl IntoIterator<Item = Canned>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let url = format!("http://{address}");
        let seen = Arc::new(Mutex::new(vec![]));
        let script = Arc::new(Script {
            beside: format!("http://localhost:{}", address.port()),
            answers: Mutex::new(answers.into_iter().collect()),
            seen: seen.clone(),
        });
        let router = Router::new().fallback(answer).with_state(script);
        let server = tokio::spawn(async move { axum::serve(listener, router).await.expect("the server runs") });
        Upstream { url, seen, server }
    }

    /// What it was asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().expect("no panic while held").clone()
    }
}

impl Drop for Upstream {
    fn drop(&mut self) {
        self.server.abort();
    }
}

async fn answer(State(script): State<Arc<Script>>, request: Request) -> Response<Body> {
    let (parts, body) = request.into_parts();
    let host = parts.headers.get("host").and_then(|host| host.to_str().ok());
    let host = host.unwrap_or_default().to_owned();
    let body = to_bytes(body, 1 << 20).await.expect("a small body").to_vec();
    script.seen.lock().expect("no panic while held").push(Seen {
        method: parts.method.to_string(),
        path: parts.uri.path().to_owned(),
        query: parts.uri.query().map(str::to_owned),
        headers: parts.headers,
        body,
    });
    let next = script.answers.lock().expect("no panic while held").pop_front();
    let canned = next.unwrap_or(Canned::text(418, "the script is over"));
    let mut response = Response::new(Body::from(canned.bytes_at(&host)));
    *response.status_mut() = StatusCode::from_u16(canned.status).expect("a status");
    for (name, value) in &canned.headers {
        let name: axum::http::HeaderName = name.parse().expect("a header name");
        response.headers_mut().append(
            name,
            value.replace(BESIDE, &script.beside).parse().expect("a header value"),
        );
    }
    response
}

/// What a test driver is connected with.
pub fn connection(base_url: &str) -> Connection {
    connection_by(&HttpClient::from_env().expect("a client"), base_url)
}

/// The same, by a client that others use too: making one reads all trust roots of the machine.
pub fn connection_by(client: &HttpClient, base_url: &str) -> Connection {
    Connection {
        instance: Arc::from(INSTANCE),
        base_url: Some(base_url.parse().expect("a URL")),
        credential: Some(SecretString::from(TOKEN).into()),
        settings: serde_json::Map::new(),
        http: client.clone(),
        cursors: cursors(),
        scope: None,
        operations: Catalogue::built_in().operations().clone(),
        max_response: 4 << 20,
        collected: Default::default(),
        quota: Arc::default(),
        directory: Arc::default(),
        models: Arc::new(mosaic::providers::models::Models::load(None).expect("a sound table")),
        prices: Arc::default(),
        clock: Default::default(),
    }
}

/// The key that seals the cursors of test drivers.
pub fn cursors() -> CursorKey {
    CursorKey::derived(b"the cursors of the tests")
}

/// A driver of `kind`.
pub fn driver(kind: &str, connection: &Connection) -> Result<Arc<dyn Driver>, Failure> {
    let mut connection = connection.clone();
    if kind == "jenkins" && connection.credential.is_some() {
        // A token is none without its user there.
        let user = connection.settings.entry("user");
        user.or_insert_with(|| "ada".into());
    }
    let kind = KINDS.iter().find(|row| row.name == kind).expect("a known kind");
    (kind.connect)(&connection)
}

/// A call as a surface would make it.
pub fn call(operation: &str, input: Value, include_raw: bool) -> Result<Call, Failure> {
    let entry = catalogue::find(operation).expect("a known operation");
    let prepared = entry.prepare(input, include_raw, &cursors())?;
    let caller = Caller::new("tenant", "identity");
    let deadline = Instant::now() + Duration::from_secs(30);
    let number = Catalogue::built_in().number(operation).expect("a known operation");
    let mut call = Call::new(number, prepared.resource, caller, prepared.input, deadline);
    call.include_raw = include_raw;
    Ok(call)
}

/// Does `operation` at a driver of `kind`; of a stream that fails, the failure.
pub async fn ask(kind: &str, connection: &Connection, operation: &str, input: Value) -> Result<Value, Failure> {
    let call = Arc::new(call(operation, input, false)?);
    let (output, failure) = whole(driver(kind, connection)?.call(call).await?).await;
    failure.map_or(Ok(output), Err)
}

/// The whole output: one value, or the list of a stream's events and how it failed.
pub async fn whole(answer: Answer) -> (Value, Option<Failure>) {
    let mut frames = match answer.body {
        AnswerBody::Bytes(bytes) => return (serde_json::from_slice(&bytes).expect("JSON"), None),
        AnswerBody::Stream(frames) => frames,
        AnswerBody::Raw(file) => return of_file(file).await,
    };
    let mut events = vec![];
    while let Some(frame) = frames.next().await {
        match frame {
            Ok(frame) => events.push(serde_json::from_slice(&frame.json().expect("JSON")).expect("JSON")),
            Err(failure) => return (Value::Array(events), Some(failure)),
        }
    }
    (Value::Array(events), None)
}

/// A file as JSON: what is said of it, and its text.
async fn of_file(mut file: ByteStream) -> (Value, Option<Failure>) {
    let mut text = vec![];
    let mut failure = None;
    while let Some(piece) = file.bytes.next().await {
        match piece {
            Ok(piece) => text.extend_from_slice(&piece),
            Err(error) => failure = Some(error),
        }
    }
    let text = String::from_utf8_lossy(&text);
    let file = json!({"media_type": file.media_type, "length": file.length, "name": file.name, "text": text});
    (file, failure)
}

/// A failure as JSON, for comparing.
pub fn failure_json(failure: &Failure) -> Value {
    let mut object = json!({
        "kind": failure.kind,
        "source": failure.source,
        "retryable": failure.retryable,
        "message": failure.message(),
    });
    let mut set = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            object[name] = value;
        }
    };
    set("field", failure.field.as_deref().map(Value::from));
    set("provider", failure.provider.as_deref().map(Value::from));
    set("unsent", failure.unsent.then_some(Value::Bool(true)));
    set(
        "retry_after_ms",
        failure.retry_after.map(|wait| Value::from(wait.as_millis() as u64)),
    );
    object
}

/// What the cursors of this input's list belong to.
pub fn query(operation: &str, input: &Value) -> Query {
    let mut begun = input.clone();
    if let Some(fields) = begun.as_object_mut() {
        fields.remove("cursor");
    }
    let call = call(operation, begun, false).expect("a sound input");
    let entry = catalogue::find(operation).expect("a known operation");
    entry.query(&call.input).expect("of this operation")
}

/// How many there are of each.
pub fn count(of: impl IntoIterator<Item = String>) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for one in of {
        *counts.entry(one).or_default() += 1;
    }
    counts
}
