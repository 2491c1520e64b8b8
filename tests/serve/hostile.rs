//! A provider whose streams never end, before a whole gateway.
//!
//! Invariant: whoever waits for one is told in time, in a typed form, and nobody else is kept waiting by it.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;

use serde_json::json;

use crate::harness::{Setup, Stage};

const HEAD: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
const BEGINS: &str =
    "data: {\"id\":\"c\",\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\n";

/// A server that begins an answer so, and sends comments for as long as anybody reads.
fn endless(begins: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = listener.local_addr().expect("an address");
    thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            thread::spawn(move || say(socket, begins));
        }
    });
    address
}

fn say(mut socket: TcpStream, begins: &str) {
    let mut head = vec![];
    let mut piece = [0; 4096];
    while !head.windows(4).any(|window| window == b"\r\n\r\n") {
        match socket.read(&mut piece) {
            Ok(read @ 1..) => head.extend_from_slice(&piece[..read]),
            _ => return,
        }
    }
    let mut said = socket.write_all(format!("{HEAD}{begins}").as_bytes());
    while said.is_ok() {
        said = socket.write_all(&b": nothing\n\n".repeat(64));
    }
}

fn setup(begins: &'static str) -> Setup {
    let address = endless(begins);
    Setup {
        tables: format!(
            "[providers.bad]\nkind = \"openai\"\nbase_url = \"http://{address}/v1\"\ntoken = \"env:BAD\"\nhealth_check = false\n\
             models = [\"m\"]\n[gateway]\nmax_stream = \"2s\"\nstream_idle_timeout = \"1s\"\n"
        ),
        env: vec![("BAD".to_owned(), "planted-token-of-the-bad-one".to_owned())],
        ..Setup::default()
    }
}

async fn streamed(stage: &Stage, timeout_ms: u32) -> crate::harness::http::Reply {
    let body = json!({"model": "bad~m", "prompt": "Hello"});
    let path = format!("/v1/ai/chat/stream?timeout_ms={timeout_ms}");
    stage.gateway.post(&path, &body).await
}

/// An answer has begun with its head; what says nothing behind that has the time of a stream, and others have theirs.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_says_nothing_ends_in_a_typed_error() {
    let stage = Stage::open(setup("")).await;
    let (first, second, other) = tokio::join!(
        streamed(&stage, 20_000),
        streamed(&stage, 20_000),
        stage.gateway.get("/v1/git/repos/github-a~acme%2Fapi"),
    );
    for told in [first, second] {
        assert!(told.text.starts_with("event: error"), "{told:?}");
        assert!(
            told.text.contains("max_stream") && !told.text.contains("event: done"),
            "{told:?}"
        );
    }
    assert_eq!(other.ok()["name"], "api");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_never_ends_ends_in_a_typed_error() {
    let stage = Stage::open(setup(BEGINS)).await;
    let told = streamed(&stage, 20_000).await;
    assert_eq!(told.status, 200);
    assert!(told.text.contains("\"a\""), "{}", told.text);
    let (_, last) = told.text.rsplit_once("event: ").expect("an end");
    assert!(last.starts_with("error"), "{last}");
    assert!(!told.text.contains("event: done"), "{}", told.text);
    let calls = stage.gateway.admin("/admin/v1/calls").await.ok();
    assert_eq!(calls["in_flight"], 0, "{calls}");
    stage.close().await;
}
