//! Web pages that let a name of their own resolve to this machine.

use std::net::SocketAddr;

use mosaic::providers::http::http_client;
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Setup, Stage};

/// Asks `at` by this name as the `Host`.
async fn ask(at: SocketAddr, name: &str, path: &str, key: Option<&str>) -> (u16, String) {
    let url = format!("http://{at}{path}");
    let request = http_client().expect("a client").get(url).header("host", name);
    let request = match key {
        Some(key) => request.header("x-api-key", key),
        None => request,
    };
    let reply = request.send().await.expect("an answer");
    (reply.status().as_u16(), reply.text().await.expect("a text"))
}

/// The answer's body to a GET whose `:authority` is `name`, by HPACK's static table and literals.
async fn by_http2(at: SocketAddr, name: &str, path: &str) -> String {
    let mut socket = TcpStream::connect(at).await.expect("a connection");
    let literal = |at: u8, text: &str| {
        let length = u8::try_from(text.len()).ok().filter(|length| *length < 127);
        [&[at, length.expect("short")][..], text.as_bytes()].concat()
    };
    let block = [vec![0x82, 0x86], literal(0x01, name), literal(0x04, path)].concat();
    let length = u8::try_from(block.len()).expect("short");
    let head = [&[0, 0, length, 1, 0b101, 0, 0, 0, 1][..], &block].concat();
    let preface = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    socket
        .write_all(&[&preface[..], &head].concat())
        .await
        .expect("written");
    let mut body = Vec::new();
    loop {
        let mut frame = [0; 9];
        socket.read_exact(&mut frame).await.expect("a frame");
        let length = u32::from_be_bytes([0, frame[0], frame[1], frame[2]]);
        let mut payload = vec![0; length as usize];
        socket.read_exact(&mut payload).await.expect("its payload");
        if frame[3] == 0 {
            body.extend(payload);
        }
        if frame[3] <= 1 && frame[4] & 1 != 0 {
            return String::from_utf8_lossy(&body).into_owned();
        }
    }
}

const REPO: &str = "/v1/git/repos/acme/api";

#[tokio::test(flavor = "multi_thread")]
async fn without_keys_nobody_comes_by_a_name_that_is_none_of_ours() {
    let setup = Setup {
        server: "hosts = [\"Gateway.internal\"]".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let (public, port) = (stage.gateway.public, stage.gateway.public.port());
    for path in [REPO, "/v1/operations", "/v1/capabilities"] {
        let (status, told) = ask(public, "evil.example", path, None).await;
        let problem: Value = serde_json::from_str(&told).expect("a problem");
        assert_eq!((status, &problem["code"]), (403, &"forbidden".into()), "{path}");
        let detail = problem["detail"].as_str().expect("words");
        assert!(detail.contains("`server.hosts`"), "{detail}");
    }
    for evil in [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example",
        "10.0.0.1",
    ] {
        let named = format!("{evil}:{port}");
        assert_eq!(ask(public, &named, REPO, None).await.0, 403, "{evil}");
        let told = by_http2(public, &named, REPO).await;
        assert!(told.contains("`server.hosts`"), "{evil}: {told}");
    }
    for ours in [
        "127.0.0.1",
        "127.0.0.2",
        "[::1]",
        "localhost",
        "app.localhost",
        "gateway.internal",
    ] {
        let named = format!("{ours}:{port}");
        assert_eq!(ask(public, &named, REPO, None).await.0, 200, "{ours}");
        let told = by_http2(public, &named, REPO).await;
        assert!(told.contains("\"path\":\"acme/api\""), "{ours}: {told}");
    }
    // No browser leaves it out.
    let mut plain = TcpStream::connect(public).await.expect("a connection");
    let request = format!("GET {REPO} HTTP/1.0\r\n\r\n");
    plain.write_all(request.as_bytes()).await.expect("written");
    let mut answer = String::new();
    plain.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn with_a_key_every_name_is_as_good() {
    let setup = Setup {
        tables: "[keys.ci]\ntenant = \"local\"\nkey = \"env:KEY_CI\"\n".to_owned(),
        env: vec![("KEY_CI".to_owned(), "key-of-the-pipeline".to_owned())],
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let key = Some("key-of-the-pipeline");
    let told = ask(stage.gateway.public, "gateway.example", REPO, key).await;
    assert_eq!(told.0, 200, "{told:?}");
    let told = ask(stage.gateway.public, "gateway.example", REPO, None).await;
    assert_eq!(told.0, 401, "{told:?}");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_open_at_the_admin_listener_is_so_by_its_own_names() {
    let stage = Stage::open(Setup::default()).await;
    let admin = stage.gateway.admin;
    for path in ["/livez", "/readyz?verbose", "/metrics", "/admin/v1/status", "/"] {
        let told = [
            ask(admin, "evil.example", path, None).await.1,
            by_http2(admin, "evil.example", path).await,
        ];
        for told in told {
            assert!(told.contains("\"code\":\"forbidden\""), "{path}: {told}");
        }
    }
    assert_eq!(ask(admin, "localhost", "/readyz", None).await.0, 200);
    // A probe that names no host, as HTTP/1.0 allows.
    let mut probe = TcpStream::connect(admin).await.expect("a connection");
    probe.write_all(b"GET /readyz HTTP/1.0\r\n\r\n").await.expect("written");
    let mut answer = String::new();
    probe.read_to_string(&mut answer).await.expect("an answer");
    assert!(answer.starts_with("HTTP/1.0 200 "), "{answer}");
    stage.close().await.ok();
}
