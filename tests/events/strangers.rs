//! Strangers: who can prove nothing stops nobody who can.
//!
//! Invariant: as in the crate.

use std::net::SocketAddr;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{SOON, Stage};
use crate::{Listener, PATH, deliver, issue, send, setup, signed};

/// A body that is one byte short of the most that may come.
const LARGE: usize = (8 << 20) - 1;

/// A signature that could be one.
fn forged() -> String {
    format!("sha256={}", "0f".repeat(32))
}

/// Sends a head that announces `length` bytes, and `sent` of them.
async fn begin(public: SocketAddr, path: &str, headers: &[(&str, &str)], length: usize, sent: usize) -> TcpStream {
    let mut stream = TcpStream::connect(public).await.expect("a connection");
    let mut head = format!("POST /webhooks/{path} HTTP/1.1\r\nhost: {public}\r\ncontent-length: {length}\r\n");
    for (name, value) in headers {
        head += &format!("{name}: {value}\r\n");
    }
    head += "\r\n";
    stream.write_all(head.as_bytes()).await.expect("taken");
    // A gateway that has answered already may have closed.
    let _ = stream.write_all(&vec![b' '; sent]).await;
    stream
}

/// The status of the answer.
async fn status(mut stream: TcpStream) -> u16 {
    let mut head = [0; 12];
    let read = timeout(SOON, stream.read_exact(&mut head))
        .await
        .expect("an answer in time");
    read.expect("an answer");
    let status = std::str::from_utf8(&head[9..]).expect("a number");
    status.parse().expect("a number")
}

#[tokio::test(flavor = "multi_thread")]
async fn what_can_prove_nothing_is_refused_before_any_of_its_body_comes() {
    // Whoever waited for the body would wait longer than this test.
    let stage = Stage::open(setup("[events]\ndelivery_idle_timeout = \"10s\"\n")).await;
    let public = stage.gateway.public;
    let forged = forged();
    let proof = ("x-hub-signature-256", forged.as_str());
    let elsewhere = format!("bookstack-a/{PATH}x");
    for (path, headers, expected) in [
        ("github-a", &[][..], 401),
        ("github-a", &[("x-hub-signature-256", "sha256=0f0f")], 401),
        ("github-a", &[("x-hub-signature", "sha1=00")], 401),
        ("github-b", &[proof], 404),
        ("nobody", &[proof], 404),
        (&elsewhere, &[], 404),
        ("github-a", &[proof, ("content-encoding", "gzip")], 415),
    ] {
        let stream = begin(public, path, headers, LARGE, 0).await;
        assert_eq!(status(stream).await, expected, "{path} {headers:?}");
    }
    let stream = begin(public, "github-a", &[proof], LARGE + 2, 0).await;
    assert_eq!(status(stream).await, 413);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_bodies_that_prove_nothing_leave_room_for_what_does() {
    let stage = Stage::open(setup("[events]\ndelivery_idle_timeout = \"10s\"\n")).await;
    let gateway = &stage.gateway;
    let forged = forged();
    let mut stalled = vec![];
    for _ in 0..4 {
        let proof = [("x-hub-signature-256", forged.as_str())];
        stalled.push(begin(gateway.public, "github-a", &proof, LARGE, LARGE - 1).await);
    }
    for number in 1..=20 {
        let reply = deliver(gateway, &number.to_string(), "issues", &issue(number, "closed")).await;
        assert_eq!(reply.ok()["repeated"], false);
    }
    // Those that gave way were told so.
    assert_eq!(status(stalled.remove(0)).await, 429);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_stalls_is_cut() {
    let stage = Stage::open(setup("[events]\ndelivery_idle_timeout = \"100ms\"\n")).await;
    let forged = forged();
    let proof = [("x-hub-signature-256", forged.as_str())];
    let stream = begin(stage.gateway.public, "github-a", &proof, 1000, 999).await;
    assert_eq!(status(stream).await, 400);
    let metrics = stage.gateway.admin("/metrics").await.text;
    assert!(
        metrics.contains("mosaic_webhook_deliveries_total{result=\"unread\"} 1"),
        "{metrics}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_told_is_bounded_and_steers_nothing() {
    let stage = Stage::open(setup("")).await;
    let gateway = &stage.gateway;
    let body = r#"{"action": "closed", "issue": {"number": 1, "html_url": "javascript:alert(1)"},
        "repository": {"full_name": "acme/api\nid: 7", "html_url": "data:text/html,x"},
        "sender": {"login": "kim\u001b[2J", "html_url": "file:///etc/passwd"}}"#;
    let signature = signed(body, crate::SECRET);
    let name = "x".repeat(8_000);
    let headers = [("x-hub-signature-256", &*signature), ("x-github-event", &name)];
    send(gateway, "github-a", &headers, body).await.ok();
    let mut listener = Listener::open(gateway, "after=0", &[]).await;
    let told = listener.next().await.expect("an event").data;
    let word = told["raw_type"].as_str().expect("a word");
    assert!(word.len() <= 128 && word.starts_with("xxx"), "{word}");
    for field in ["resource", "web_url", "actor"] {
        assert_eq!(told.get(field), None, "{field}: {told}");
    }
    stage.close().await;
}
