//! Listeners against clients that flood, stall, lie and leave, and drain.

mod support;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use http::{Request, StatusCode};
use hyper_util::rt::TokioIo;
use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic::server::{Drained, Listener, ServerLimits, ServerMeters};
use mosaic::surfaces::tenure::Tenure;
use mosaic_actors::telemetry::SharedRecorder;
use support::fake::Gate;
use support::{PATIENCE, client, client_builder, eventually, listen, raw};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

fn router(gate: &Gate) -> Router {
    Router::new()
        .route("/", get(|| async { "hello" }))
        .route("/echo", post(|body: Bytes| async { body }))
        .route("/panic", get(|| async { panic!("as told") as &'static str }))
        .route("/slow", gate.route())
}

async fn start(limits: ServerLimits) -> (Listener, Gate) {
    let gate = Gate::default();
    (listen(limits, router(&gate)).await, gate)
}

fn url(listener: &Listener, path: &str) -> String {
    format!("http://{}{path}", listener.local_addr())
}

#[tokio::test]
async fn too_many_and_too_large_headers_are_431() {
    let limits = ServerLimits {
        max_headers: 20,
        max_header_bytes: 8 * 1024,
        ..ServerLimits::default()
    };
    let (listener, _gate) = start(limits).await;
    let many: String = (0..21).map(|n| format!("x-{n}: 1\r\n")).collect();
    let large = format!("x-large: {}\r\n", "a".repeat(9 * 1024));
    for headers in [many, large] {
        let answer = raw::exchange(
            listener.local_addr(),
            format!("GET / HTTP/1.1\r\nhost: x\r\n{headers}\r\n"),
        )
        .await;
        assert!(answer.starts_with("HTTP/1.1 431 "), "{answer}");
    }
    let few: String = (0..19).map(|n| format!("x-{n}: 1\r\n")).collect();
    let answer = raw::exchange(listener.local_addr(), format!("GET / HTTP/1.0\r\n{few}\r\n")).await;
    assert!(answer.ends_with("hello"), "{answer}");
}

#[tokio::test]
async fn slow_heads_silence_and_idleness_are_cut() {
    let limits = ServerLimits {
        header_timeout: Duration::from_millis(500),
        idle_timeout: Duration::from_millis(500),
        ..ServerLimits::default()
    };
    let (listener, _gate) = start(limits).await;
    for start_of_head in ["", "P", "PRI * HTTP/2.0\r\n", "GET / HTTP/1.1\r\nhost: x\r\nx-never"] {
        let mut stream = raw::connect(listener.local_addr()).await;
        stream.write_all(start_of_head.as_bytes()).await.expect("written");
        let answer = raw::read_to_end(&mut stream).await;
        assert!(!answer.contains("200"), "{start_of_head:?}: {answer}");
    }
    let mut drip = raw::connect(listener.local_addr()).await;
    drip.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n").await.expect("written");
    let dripping = async {
        while drip.write_all(b"x-a: b\r\n").await.is_ok() {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, dripping)
        .await
        .expect("a head that never ends is cut");

    let mut idle = raw::connect(listener.local_addr()).await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("written");
    assert!(
        raw::read_to_end(&mut idle).await.ends_with("hello"),
        "answered, then closed"
    );
}

#[tokio::test]
async fn what_could_be_smuggled_is_never_served() {
    let (listener, _gate) = start(ServerLimits::default()).await;
    let addr = listener.local_addr();
    // A proxy in front that counts by length would take the second request for the first one's body.
    let hidden = "0\r\n\r\nGET / HTTP/1.1\r\nhost: x\r\n\r\n";
    for order in [
        format!("content-length: {}\r\ntransfer-encoding: chunked\r\n", hidden.len()),
        format!("transfer-encoding: chunked\r\ncontent-length: {}\r\n", hidden.len()),
    ] {
        let answer = raw::exchange(addr, format!("POST /echo HTTP/1.1\r\nhost: x\r\n{order}\r\n{hidden}")).await;
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{answer}");
        assert!(!answer.contains("hello"), "{answer}");
        assert!(answer.contains("connection: close"), "{answer}");
    }
    for head in [
        "content-length: 5\r\ncontent-length: 6\r\n",
        "content-length: 5, 6\r\n",
        "content-length: +5\r\n",
        "content-length: -1\r\n",
        "transfer-encoding: chunked, identity\r\n",
        "transfer-encoding: xchunked\r\n",
        "content-length : 5\r\n",
        " folded: 1\r\n",
    ] {
        let answer = raw::exchange(addr, format!("POST /echo HTTP/1.1\r\nhost: x\r\n{head}\r\nabcdef")).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{head:?}: {answer}");
        assert_eq!(answer.matches("HTTP/1.1").count(), 1, "{head:?}: {answer}");
    }
    let old = raw::exchange(
        addr,
        "POST /echo HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    )
    .await;
    assert!(old.contains(" 400 "), "{old}");
}

#[tokio::test]
async fn bodies_over_the_limit_are_413_however_they_are_framed() {
    let limits = ServerLimits {
        max_body: 10,
        ..ServerLimits::default()
    };
    let (listener, _gate) = start(limits).await;
    let declared = client().post(url(&listener, "/echo")).body("x".repeat(11));
    let response = declared.send().await.expect("an answer");
    assert_eq!(response.status(), 413);
    assert_eq!(response.headers()["content-type"], "application/problem+json");
    let chunked = "POST /echo HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\nb\r\n12345678901\r\n0\r\n\r\n";
    let answer = raw::exchange(listener.local_addr(), chunked).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    let fits = client().post(url(&listener, "/echo")).body("x".repeat(10));
    assert_eq!(
        fits.send().await.expect("an answer").text().await.expect("a body"),
        "xxxxxxxxxx"
    );
}

#[tokio::test]
async fn a_client_that_is_refused_while_it_sends_can_send_on_and_sees_why() {
    let limits = ServerLimits {
        max_body: 10,
        ..ServerLimits::default()
    };
    let (listener, _gate) = start(limits).await;
    let size = 4 << 20;
    let body = vec![b'x'; size];
    let mut socket = raw::connect(listener.local_addr()).await;
    let head = format!("POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {size}\r\n\r\n");
    socket.write_all(head.as_bytes()).await.expect("written");
    socket.write_all(&body).await.expect("heard out");
    let answer = raw::read_until(&mut socket, "}").await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    // Who waits to be asked is answered, and not asked.
    let asks = format!("POST /echo HTTP/1.1\r\nhost: x\r\nexpect: 100-continue\r\ncontent-length: {size}\r\n\r\n");
    let answer = raw::exchange(listener.local_addr(), asks).await;
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
}

#[tokio::test]
async fn panics_and_overtime_are_problems_with_the_requests_id() {
    let limits = ServerLimits {
        request_timeout: Duration::from_millis(100),
        ..ServerLimits::default()
    };
    let (listener, gate) = start(limits).await;
    for (path, status, code) in [("/panic", 500, "internal"), ("/slow", 504, "timeout")] {
        let request = client().get(url(&listener, path)).header("x-request-id", "mine-7");
        let response = request.send().await.expect("an answer");
        assert_eq!(response.status(), status, "{path}");
        assert_eq!(response.headers()["x-request-id"], "mine-7");
        let problem: serde_json::Value = response.json().await.expect("a problem");
        assert_eq!(
            (&problem["code"], &problem["request_id"]),
            (&code.into(), &"mine-7".into())
        );
        assert!(
            !problem.to_string().contains("as told"),
            "a panic's text is not for clients"
        );
    }
    eventually("the slow handler is dropped", || gate.alive() == 0).await;
    let odd = client().get(url(&listener, "/")).header("x-request-id", "not sane");
    let given = odd.send().await.expect("an answer").headers()["x-request-id"]
        .to_str()
        .expect("ASCII")
        .to_owned();
    assert_eq!(given.len(), 36);
}

#[tokio::test]
async fn http_2_is_spoken_too() {
    let (listener, _gate) = start(ServerLimits::default()).await;
    let client = client_builder().http2_prior_knowledge().build().expect("a client");
    let response = client.get(url(&listener, "/")).send().await.expect("an answer");
    assert_eq!(response.version(), reqwest::Version::HTTP_2);
    assert_eq!(response.text().await.expect("a body"), "hello");
}

#[tokio::test]
async fn drain_finishes_what_runs_and_refuses_what_is_new() {
    let (listener, gate) = start(ServerLimits::default()).await;
    let addr = listener.local_addr();
    let mut idle = raw::connect(addr).await;
    idle.write_all(b"GET / HTTP/1.1\r\nhost: x\r\n\r\n")
        .await
        .expect("written");
    raw::read_until(&mut idle, "hello").await;
    let slow = tokio::spawn(client().get(url(&listener, "/slow")).send());
    eventually("the request runs", || gate.alive() == 1).await;

    let drain = tokio::spawn(listener.drain(PATIENCE));
    raw::read_to_end(&mut idle).await;
    eventually_refused(addr).await;
    assert!(!drain.is_finished(), "a request is still under way");
    gate.open();
    let late = slow.await.expect("no panic").expect("an answer");
    assert_eq!(late.text().await.expect("a body"), "late");
    assert_eq!(drain.await.expect("no panic"), Drained { cut: 0 });
}

#[tokio::test]
async fn drain_cuts_what_does_not_end_and_counts_it() {
    let (listener, gate) = start(ServerLimits::default()).await;
    let slow = tokio::spawn(client().get(url(&listener, "/slow")).send());
    eventually("the request runs", || gate.alive() == 1).await;
    assert_eq!(listener.drain(Duration::from_millis(50)).await, Drained { cut: 1 });
    assert!(slow.await.expect("no panic").is_err());
    eventually("its handler is dropped", || gate.alive() == 0).await;
}

async fn eventually_refused(addr: std::net::SocketAddr) {
    let refused = async {
        while TcpStream::connect(addr).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, refused)
        .await
        .expect("new connections are refused");
}

/// Leaves HTTP, and says again what it is told until its client closes.
async fn leaves(mut request: Request<Body>) -> Response {
    let tenure = Tenure::of(request.extensions());
    let left = hyper::upgrade::on(&mut request);
    tokio::spawn(async move {
        let mut stream = TokioIo::new(left.await.expect("it leaves"));
        let mut heard = [0; 64];
        while let Ok(count @ 1..) = stream.read(&mut heard).await {
            stream.write_all(&heard[..count]).await.expect("it is told");
        }
        drop((stream, tenure));
    });
    let head = [("connection", "upgrade"), ("upgrade", "echo")];
    (StatusCode::SWITCHING_PROTOCOLS, head).into_response()
}

#[tokio::test]
async fn a_connection_that_has_left_http_is_counted_until_it_ends() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let told = recorder.handle();
    let is = |count: usize| {
        let line = format!("mosaic_http_connections{{listener=\"public\"}} {count}");
        told.render().lines().any(|told| told == line)
    };
    let recorder: SharedRecorder = Arc::new(recorder);
    let (router, meters) = (
        Router::new().route("/", get(leaves)),
        ServerMeters::new(&recorder, "public"),
    );
    let at = ([127, 0, 0, 1], 0).into();
    let listener = Listener::bind_measured(at, ServerLimits::default(), router, meters).await;
    let listener = listener.expect("a free port");
    let mut stream = TcpStream::connect(listener.local_addr()).await.expect("it listens");
    let asked = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: echo\r\n\r\n";
    stream.write_all(asked).await.expect("sent");
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(stream.read_u8().await.expect("a head"));
    }
    assert!(head.starts_with(b"HTTP/1.1 101 "));
    // What it says comes back only when HTTP has ended.
    stream.write_all(b"a").await.expect("sent");
    assert_eq!(stream.read_u8().await.expect("said again"), b'a');
    assert!(is(1), "{}", told.render());
    drop(stream);
    eventually("it has ended", || is(0)).await;
    assert_eq!(listener.drain(PATIENCE).await, Drained { cut: 0 });
}
