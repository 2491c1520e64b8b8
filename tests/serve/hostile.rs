//! A provider whose streams never end, behind a whole gateway, and clients whose bodies never do, before it.
//!
//! Invariant: whoever waits for one is told in time, in a typed form, and nobody else is kept waiting by it.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::harness::http::Client;
use crate::harness::{SOON, Setup, Stage};

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

/// What a body announces that never comes whole.
const ANNOUNCED: usize = 400_000;
const DRIP: Duration = Duration::from_millis(100);

/// Sends the beginning of a body, then a byte now and then or none, and reads what it is told.
fn stall(gateway: SocketAddr, begun: usize, drips: bool) -> String {
    let mut socket = TcpStream::connect(gateway).expect("it listens");
    socket.set_read_timeout(Some(DRIP)).expect("a time");
    let head = format!(
        "POST /v1/ai/chat/complete HTTP/1.1\r\nhost: {gateway}\r\ncontent-type: application/json\r\n\
         content-length: {ANNOUNCED}\r\n\r\n"
    );
    let mut said = socket.write_all(head.as_bytes());
    if said.is_ok() {
        said = socket.write_all(&vec![b' '; begun]);
    }
    let (until, mut told, mut piece) = (Instant::now() + SOON, Vec::<u8>::new(), [0; 4096]);
    while Instant::now() < until && !told.ends_with(b"}") {
        match socket.read(&mut piece) {
            Ok(read @ 1..) => told.extend_from_slice(&piece[..read]),
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                if drips && said.is_ok() {
                    said = socket.write_all(b" ");
                }
            }
            Ok(_) | Err(_) => break,
        }
    }
    String::from_utf8(told).expect("text")
}

/// Each of them is within its bound; all together are many times the room.
#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_stall_take_the_room_that_there_is_and_give_it_back() {
    const STALLED: usize = 24;
    let setup = Setup {
        server: "max_body = \"512KiB\"\nmax_bodies = \"1MiB\"\nheader_read_timeout = \"3s\"".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let public = stage.gateway.public;
    let stalled: Vec<_> = (0..STALLED)
        .map(|_| thread::spawn(move || stall(public, ANNOUNCED - 10_000, false)))
        .collect();
    let (url, honest) = (
        format!("http://{public}/v1/ai/chat/complete"),
        json!({"model": "openai-a~sandbox-small", "prompt": "Hello"}),
    );
    let meanwhile = Client::new().post(&url, &honest, &[]).await;
    assert!(matches!(meanwhile.status, 200 | 503), "{meanwhile:?}");
    let join = move || -> Vec<String> {
        let joined = stalled.into_iter().map(|one| one.join().expect("it is told"));
        joined.collect()
    };
    let told = tokio::task::spawn_blocking(join).await.expect("all are told");
    let (refused, late): (Vec<_>, Vec<_>) = told.into_iter().partition(|told| told.starts_with("HTTP/1.1 503 "));
    // A tenant's share holds one of them at a time.
    assert!(refused.len() >= STALLED / 2, "{} were refused", refused.len());
    for told in refused {
        let named = told.contains("\"code\":\"overloaded\"") && told.contains("server.max_bodies");
        assert!(named && told.contains("retry-after: 1"), "{told}");
    }
    for told in late {
        assert!(told.starts_with("HTTP/1.1 504 "), "{told}");
        assert!(told.contains("server.header_read_timeout"), "{told}");
    }
    // On a connection of its own: the other has been idle for as long as one may be.
    Client::new().post(&url, &honest, &[]).await.ok();
    stage.close().await;
}

/// What is billed by tokens may take minutes; its input may not.
#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_drips_has_the_time_of_a_body() {
    let setup = Setup {
        server: "request_timeout = \"2s\"".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let public = stage.gateway.public;
    let told = tokio::task::spawn_blocking(move || stall(public, 1_000, true)).await;
    let told = told.expect("it is told");
    assert!(told.starts_with("HTTP/1.1 504 "), "{told}");
    let named = told.contains("\"code\":\"timeout\"") && told.contains("server.request_timeout");
    assert!(named && told.contains("\"field\":\"body\""), "{told}");
    stage.close().await;
}
