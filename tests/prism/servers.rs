//! Prism, and what stands before it and writes down.
//!
//! Invariant: requests and answers pass as they are.

use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::Request;
use axum::response::Response;
use serde_json::Value;

use crate::harness::http::Client;
use crate::harness::process::Program;

/// Reading a description of thirteen megabytes takes ten seconds, and minutes on a busy machine.
const PRISM_STARTS_WITHIN: Duration = Duration::from_secs(300);
/// What Prism says was wrong with a request or with its own answer.
const VIOLATIONS: &str = "sl-violations";
/// What it says before those that are more than a header holds.
const CUT: &str = "Too many violations! ";
/// What the types of its own problems hold.
const OWN_PROBLEM: &str = "prism/errors#";

pub struct Prism {
    /// Runs as long as this lives.
    _program: Program,
    pub origin: String,
}

impl Prism {
    pub async fn start(binary: &Path, description: &Path) -> Prism {
        let port = std::net::TcpListener::bind("127.0.0.1:0")
            .and_then(|free| free.local_addr())
            .expect("a free port")
            .port();
        let mut command = Command::new(binary);
        command
            .args([
                "mock",
                "-h",
                "127.0.0.1",
                "--cors=false",
                "-v",
                "warn",
                "-p",
                &port.to_string(),
            ])
            .arg(description);
        let program = Program::run(&mut command);
        let origin = format!("http://127.0.0.1:{port}");
        let (client, deadline) = (Client::new(), Instant::now() + PRISM_STARTS_WITHIN);
        while client.0.get(&origin).send().await.is_err() {
            assert!(Instant::now() < deadline, "Prism does not answer: {}", program.stderr());
            tokio::time::sleep(Duration::from_millis(250)).await;
        }
        Prism {
            _program: program,
            origin,
        }
    }
}

/// The violations of a header: of more than it holds, those before the cut.
fn violations(told: &str) -> Vec<Value> {
    let list = match told.strip_prefix(CUT) {
        None => told.to_owned(),
        Some(cut) => {
            let end = cut.rfind("},{").expect("more than one");
            format!("{}]", &cut[..=end])
        }
    };
    serde_json::from_str(&list).unwrap_or_else(|fault| panic!("{fault}: {told}"))
}

/// Passes requests on as they are, and writes down what came and what Prism held against it.
#[derive(Clone, Default)]
pub struct Recorder(Arc<Mutex<Vec<Recorded>>>);

#[derive(Clone, Debug)]
pub struct Recorded {
    pub line: String,
    pub violations: Vec<Value>,
    /// Prism's own problem with it, where it did not even make up an answer: an address that the description lacks, or a
    /// violation for which the description has no answer.
    pub refusal: Option<Value>,
}

impl Recorder {
    /// Serves in front of `origin`; the address.
    pub async fn serve(&self, origin: String) -> String {
        let (recorder, client) = (self.clone(), Client::new().0);
        let app = Router::new().fallback(move |request: Request| {
            let (recorder, client, origin) = (recorder.clone(), client.clone(), origin.clone());
            async move { recorder.pass(&client, &origin, request).await }
        });
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("it is bound");
        tokio::spawn(async move { axum::serve(listener, app).await });
        format!("http://{address}")
    }

    async fn pass(&self, client: &reqwest::Client, origin: &str, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let line = format!("{} {target}", parts.method);
        let mut headers = parts.headers;
        headers.remove("host");
        let body = to_bytes(body, 1 << 20).await.expect("a request of ours is small");
        let passed = client
            .request(parts.method, format!("{origin}{target}"))
            .headers(headers)
            .body(body);
        let reply = passed.send().await.expect("Prism answers");
        let told = reply
            .headers()
            .get(VIOLATIONS)
            .map_or("[]", |told| told.to_str().expect("ASCII"));
        let violations = violations(told);
        let mut response = Response::builder().status(reply.status());
        let kept = reply
            .headers()
            .iter()
            .filter(|(name, _)| !matches!(name.as_str(), "transfer-encoding" | "connection"));
        response
            .headers_mut()
            .expect("it is new")
            .extend(kept.map(|(name, value)| (name.clone(), value.clone())));
        let bytes = reply.bytes().await.expect("a whole answer");
        let problem: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let own = problem["type"].as_str().is_some_and(|name| name.contains(OWN_PROBLEM));
        self.0.lock().unwrap().push(Recorded {
            line,
            violations,
            refusal: own.then_some(problem),
        });
        response.body(Body::from(bytes)).expect("its parts were sound")
    }

    pub fn seen(&self) -> Vec<Recorded> {
        self.0.lock().unwrap().clone()
    }
}
