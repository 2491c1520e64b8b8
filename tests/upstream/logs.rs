//! A CI server with one run, whose log is as large as a test wants it: GitHub, Gitea, Jenkins and Woodpecker at once.
//!
//! Invariant: a log is never whole in this process's memory.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::SeqCst};

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::header::{CONTENT_TYPE, HeaderMap, LOCATION};
use axum::http::{Response, StatusCode};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use futures_util::stream;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// The kinds that give logs, and the run and step of each that this server has.
pub const KINDS: [(&str, &str, Option<&str>); 4] = [
    ("github", "acme/api#1", Some("7")),
    ("gitea", "acme/api#1", Some("7")),
    ("jenkins", "api#42", None),
    ("woodpecker", "acme/api#12", Some("test")),
];

/// How many bytes go out at once, about.
const PIECE: usize = 64 << 10;

/// A log.
pub struct Log {
    /// Its lines, each as it was written, without its end.
    pub lines: Box<dyn Iterator<Item = Vec<u8>> + Send>,
    /// The connection breaks in the midst of the line behind the last.
    pub breaks: bool,
}

impl Log {
    pub fn of(lines: impl Iterator<Item = Vec<u8>> + Send + 'static) -> Self {
        Log {
            lines: Box::new(lines),
            breaks: false,
        }
    }

    /// The same, and then it breaks off.
    pub fn broken(mut self) -> Self {
        self.breaks = true;
        self
    }
}

type Make = Arc<dyn Fn(usize) -> Log + Send + Sync>;

/// The server.
pub struct Logs {
    pub url: String,
    /// How often a log was asked for.
    pub asked: Arc<AtomicUsize>,
    server: JoinHandle<()>,
}

impl Logs {
    /// `make`: the log, when it is asked for the nth time, counted from 0.
    pub async fn start(make: impl Fn(usize) -> Log + Send + Sync + 'static) -> Self {
        let make: Make = Arc::new(make);
        let asked = Arc::new(AtomicUsize::new(0));
        let counted = asked.clone();
        let app = Router::new().fallback(move |request: Request| {
            let (make, asked) = (make.clone(), counted.clone());
            async move { answer(&request, || make(asked.fetch_add(1, SeqCst))) }
        });
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}", listener.local_addr().expect("an address"));
        let server = tokio::spawn(async move { axum::serve(listener, app).await.expect("it runs") });
        Logs { url, asked, server }
    }

    /// Where a kind's API is.
    pub fn base(&self, kind: &str) -> String {
        match kind {
            "gitea" => format!("{}/api/v1", self.url),
            _ => self.url.clone(),
        }
    }
}

impl Drop for Logs {
    fn drop(&mut self) {
        self.server.abort();
    }
}

fn answer(request: &Request, log: impl FnOnce() -> Log) -> Response<Body> {
    let path = request.uri().path();
    match path {
        "/api/v1/version" => told(&json!({"version": "1.26.1"})),
        // GitHub sends who asks to where it keeps them.
        "/repos/acme/api/actions/jobs/7/logs" => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::FOUND;
            response
                .headers_mut()
                .insert(LOCATION, "/kept".parse().expect("a header"));
            response
        }
        "/kept" | "/api/v1/repos/acme/api/actions/jobs/7/logs" | "/job/api/42/consoleText" => text(log()),
        "/job/api/42/logText/progressiveText" => {
            let mut response = text(log());
            // However large: it is asked again only where more is to come.
            response
                .headers_mut()
                .insert("x-text-size", "1000000000".parse().expect("a header"));
            response
        }
        "/job/api/42/api/json" => told(&json!({"number": 42, "building": false, "result": "SUCCESS", "timestamp": 0})),
        "/repos/lookup/acme/api" => told(&json!({"id": 77, "default_branch": "main"})),
        "/repos/77/pipelines/12" => told(&json!({"number": 12, "status": "success", "workflows": [{"name": "ci",
            "children": [{"id": 34, "name": "test", "state": "success", "started": 1_767_603_610}]}]})),
        "/repos/77/logs/12/34" => rows(log()),
        _ if path.ends_with("/actions/jobs/7") => {
            told(&json!({"id": 7, "run_id": 1, "name": "build", "status": "completed", "conclusion": "success"}))
        }
        _ => {
            let mut response = Response::new(Body::empty());
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    }
}

fn told(body: &Value) -> Response<Body> {
    typed("application/json", Body::from(body.to_string()))
}

fn typed(media_type: &str, body: Body) -> Response<Body> {
    let mut response = Response::new(body);
    *response.headers_mut() = HeaderMap::from_iter([(CONTENT_TYPE, media_type.parse().expect("a header"))]);
    response
}

fn text(log: Log) -> Response<Body> {
    let lines = log.lines.map(|mut line| {
        line.push(b'\n');
        line
    });
    typed("text/plain", body(lines, vec![], b"half a li", log.breaks))
}

/// The same as Woodpecker gives it.
fn rows(log: Log) -> Response<Body> {
    let lines = log.lines.enumerate().map(|(at, line)| {
        let comma = if at == 0 { "[" } else { "," };
        let data = STANDARD.encode(line);
        format!(r#"{comma}{{"id":{at},"step_id":34,"time":1,"line":{at},"data":"{data}","type":0}}"#).into_bytes()
    });
    typed(
        "application/json",
        body(lines, b"]".to_vec(), br#",{"id":9,"da"#, log.breaks),
    )
}

fn body(parts: impl Iterator<Item = Vec<u8>> + Send + 'static, end: Vec<u8>, cut: &'static [u8], breaks: bool) -> Body {
    let end = if breaks { cut.to_vec() } else { end };
    let mut parts = parts.chain([end]).fuse();
    let pieces = std::iter::from_fn(move || {
        let mut piece = parts.next()?;
        while piece.len() < PIECE
            && let Some(part) = parts.next()
        {
            piece.extend(part);
        }
        Some(Ok(Bytes::from(piece)))
    });
    // A body that fails breaks its connection.
    let broken = breaks.then(|| Err(std::io::Error::other("as the test wants it")));
    // What came before is on its way by then.
    Body::from_stream(stream::unfold(pieces.chain(broken), |mut pieces| async move {
        tokio::task::yield_now().await;
        pieces.next().map(|piece| (piece, pieces))
    }))
}
