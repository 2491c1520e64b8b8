//! What the program holds of bodies that are large: of answers that are read whole together no more than is allowed, and of
//! files that go up next to nothing.
//!
//! Invariant: the provider gives the end of an answer only when all have begun, so that none is over before another begins.

mod harness;

use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{StatusCode, Uri};
use axum::response::{IntoResponse, Json, Response};
use axum::routing::{get, post};
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use harness::Gateway;
use harness::http::send;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::watch;

/// Reads at one time.
const READS: usize = 24;
/// What each answer has.
const ANSWER: usize = 16 << 20;
/// What they may take together.
const ALLOWED: &str = "64MiB";
/// What the memory of the program may grow by meanwhile: what is allowed, and what is made of the few that are read; all of
/// them would be 384 MiB, and as much again.
const MOST_GROWTH_KIB: u64 = 288 << 10;
/// A file that goes up.
const FILE: usize = 100 << 20;
/// What it may grow by for that.
const MOST_GROWTH_UP_KIB: u64 = 48 << 10;
/// Ample, because test machines are busy.
const LIMIT: Duration = Duration::from_secs(240);

/// Which answers have come but for their ends, or were given up.
#[derive(Default)]
struct Begun {
    names: Mutex<HashSet<String>>,
    whole: watch::Sender<bool>,
}

impl Begun {
    fn tell(&self, name: &str) {
        let mut names = self.names.lock().expect("no panic");
        names.insert(name.to_owned());
        self.whole.send_replace(names.len() == READS);
    }

    async fn all(&self, name: &str) {
        self.tell(name);
        let mut whole = self.whole.subscribe();
        whole.wait_for(|whole| *whole).await.expect("it is held");
    }
}

/// A forge whose repositories have long descriptions, and which swallows what is sent to it.
#[derive(Clone)]
struct Forge {
    begun: Arc<Begun>,
    /// Bytes that came.
    came: Arc<AtomicUsize>,
}

async fn repo(State(forge): State<Forge>, uri: Uri) -> Response {
    let name = uri.path().rsplit('/').next().unwrap_or_default().to_owned();
    let head = format!(
        "{{\"id\":1,\"name\":\"{name}\",\"full_name\":\"acme/{name}\",\"owner\":{{\"id\":1,\"login\":\"acme\"}},\"description\":\""
    );
    let short = name == "short";
    let long = if short { 1 } else { ANSWER >> 20 };
    let text = stream::repeat(Bytes::from(vec![b'x'; 1 << 20])).take(long);
    let end = async move {
        if name != "short" {
            forge.begun.all(&name).await;
        }
        Bytes::from_static(b"\"}")
    };
    let whole = stream::iter([Bytes::from(head)]).chain(text).chain(stream::once(end));
    Body::from_stream(whole.map(Ok::<_, std::io::Error>)).into_response()
}

async fn swallow(State(forge): State<Forge>, request: Request) -> Json<Value> {
    let mut pieces = request.into_body().into_data_stream();
    while let Some(Ok(piece)) = pieces.next().await {
        forge.came.fetch_add(piece.len(), Ordering::SeqCst);
    }
    Json(json!({"id": "file-1", "object": "file", "filename": "a", "purpose": "user_data", "bytes": FILE}))
}

async fn forge() -> (String, Forge) {
    let forge = Forge {
        begun: Arc::default(),
        came: Arc::default(),
    };
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    let routes = Router::new()
        .route("/api/v1/repos/acme/{name}", get(repo))
        .route("/v1/files", post(swallow))
        .route("/api/v1/large", axum::routing::put(swallow))
        .route(
            "/api/v1/repos/acme/{name}/contents/{*path}",
            get(async || StatusCode::NOT_FOUND).post(swallow),
        )
        .with_state(forge.clone());
    tokio::spawn(async move { axum::serve(listener, routes).await });
    (url, forge)
}

async fn gateway(url: &str, more: &str) -> Gateway {
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\nrequest_timeout = \"5m\"\n[admin]\nlisten = \"127.0.0.1:0\"\n\
         [log]\nformat = \"json\"\n[cache.l1]\nenabled = false\n[gateway]\nattempt_timeout = \"2m\"\n{more}\n\
         [providers.forge]\nkind = \"gitea\"\nbase_url = \"{url}/api/v1\"\nhealth_check = false\n\
         [providers.model]\nkind = \"openai\"\nbase_url = \"{url}/v1\"\nmodels = [\"*\"]\nhealth_check = false\ntoken = \"env:TOKEN\"\n"
    );
    Gateway::serve(&config, vec![("TOKEN".to_owned(), "a-token".to_owned())]).await
}

async fn metric(gateway: &Gateway, name: &str) -> f64 {
    let metrics = gateway.admin("/metrics").await.text;
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    line.and_then(|number| number.parse().ok())
        .unwrap_or_else(|| panic!("no {name}: {metrics}"))
}

#[tokio::test(flavor = "multi_thread")]
async fn answers_that_are_read_whole_share_what_they_may_take() {
    let (url, forge) = forge().await;
    let gateway = gateway(&url, &format!("max_collected = \"{ALLOWED}\"")).await;
    let at = |name: &str| format!("http://{}/v1/git/repos/acme/{name}", gateway.public);
    let first = gateway.client.get(&at("short")).await.ok();
    assert_eq!(first["description"].as_str().map(str::len), Some(1 << 20));
    let before = gateway.program.memory_kib("VmRSS");
    let reads = (0..READS).map(|number| {
        let (request, begun) = (gateway.client.0.get(at(&format!("r{number}"))), forge.begun.clone());
        tokio::spawn(async move {
            let reply = request.timeout(LIMIT).send().await.expect("an answer");
            let (status, wait) = (reply.status().as_u16(), reply.headers().contains_key("retry-after"));
            let text = reply.text().await.expect("a whole answer");
            if status != 200 {
                // Nobody waits for this one any more.
                begun.tell(&format!("r{number}"));
            }
            (status, wait, text)
        })
    });
    let (mut read, mut refused) = (0, 0);
    for reply in reads.collect::<Vec<_>>() {
        let (status, wait, text) = reply.await.expect("no panic");
        match status {
            200 => read += 1,
            _ => {
                let problem: Value = serde_json::from_str(&text).expect("a problem");
                assert_eq!(
                    (status, &problem["code"], wait),
                    (503, &json!("overloaded"), true),
                    "{problem}"
                );
                assert!(
                    problem["detail"]
                        .as_str()
                        .expect("a sentence")
                        .contains("gateway.max_collected")
                );
                refused += 1;
            }
        }
    }
    assert!(read >= 1 && refused >= READS - 4, "{read} were read, {refused} refused");
    let growth = gateway.program.memory_kib("VmHWM").saturating_sub(before);
    assert!(growth <= MOST_GROWTH_KIB, "the memory grew by {growth} KiB");
    assert!(metric(&gateway, "mosaic_collected_refused_total").await >= refused as f64);
    // What was taken is back, also from those who were refused, and the provider is not blamed.
    assert!((metric(&gateway, "mosaic_collected_bytes").await).abs() < 1.0);
    let again = gateway.client.get(&at("short")).await.ok();
    assert_eq!(again["description"].as_str().map(str::len), Some(1 << 20));
}

/// So many bytes in pieces.
fn pieces() -> reqwest::Body {
    let piece = Bytes::from(vec![b'x'; 64 << 10]);
    let pieces = stream::repeat(piece).take(FILE >> 16).map(Ok::<_, std::io::Error>);
    reqwest::Body::wrap_stream(pieces)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_large_file_goes_up_in_little_memory_beyond_what_is_read_whole() {
    let (url, forge) = forge().await;
    let gateway = gateway(&url, "max_transfer_size = \"128MiB\"").await;
    let at = |path: &str| format!("http://{}{path}", gateway.public);
    let before = gateway.program.memory_kib("VmRSS");
    let client = &gateway.client.0;
    let upload = client.post(at("/v1/ai/files?name=a&provider=model&timeout_ms=240000"));
    let passed = client.put(at("/proxy/forge/large"));
    // A forge takes it as base64 within JSON, which is made while it is sent.
    let written = client.put(at(
        "/v1/git/repos/acme%2Fapi/raw/large.bin?provider=forge&timeout_ms=240000",
    ));
    for (request, status) in [(upload, 200), (passed, 200), (written, 200)] {
        let came = forge.came.load(Ordering::SeqCst);
        let reply = request.timeout(LIMIT).body(pieces()).send().await.expect("an answer");
        assert_eq!(
            reply.status().as_u16(),
            status,
            "{}",
            reply.text().await.expect("a text")
        );
        assert!(forge.came.load(Ordering::SeqCst) - came >= FILE);
    }
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("large.bin");
    std::fs::write(&file, vec![b'x'; FILE]).expect("written");
    let file = format!("--file={}", file.display());
    let told = gateway.cli(&[
        "ai",
        "file",
        "upload",
        &file,
        "--provider",
        "model",
        "--timeout",
        "4m",
        "--json",
    ]);
    assert!(told.ok().contains("file-1"), "{told:#?}");
    let came = forge.came.load(Ordering::SeqCst);
    let line = [
        "git",
        "file",
        "upload",
        "acme/api",
        "large.bin",
        "--provider",
        "forge",
        "--timeout",
        "4m",
        "--json",
    ];
    let told = gateway.cli(&[&line[..], &[&file]].concat());
    assert!(told.ok().contains("large.bin"), "{told:#?}");
    assert!(forge.came.load(Ordering::SeqCst) - came >= FILE / 3 * 4, "as base64");
    let growth = gateway.program.memory_kib("VmHWM").saturating_sub(before);
    assert!(growth <= MOST_GROWTH_UP_KIB, "the memory grew by {growth} KiB");

    // What is too large is refused by the name of its bound, and of the field.
    let over = vec![b'x'; 9 << 20];
    let input = client
        .post(at("/v1/projects/issues"))
        .header("content-type", "application/json");
    let input = send(input.body(over), &[]).await;
    assert_eq!(input.refused(413), "payload_too_large");
    assert!(
        input.text.contains("server.max_body") && input.text.contains("\"field\":\"body\""),
        "{input:?}"
    );
    for path in [
        "/v1/ai/files?name=a&provider=model",
        "/proxy/forge/large",
        "/v1/git/repos/acme%2Fapi/raw/large.bin?provider=forge",
    ] {
        let method = if path.starts_with("/v1/ai") { "POST" } else { "PUT" };
        let request = client.request(method.parse().expect("a method"), at(path));
        let told = request
            .header("content-length", (129_u64 << 20).to_string())
            .body(reqwest::Body::wrap_stream(stream::pending::<
                Result<Bytes, std::io::Error>,
            >()));
        let told = send(told, &[]).await;
        assert_eq!(told.refused(413), "payload_too_large");
        let named = told.text.contains("gateway.max_transfer_size") && told.text.contains("\"field\":\"body\"");
        assert!(named, "{told:?}");
    }
}
