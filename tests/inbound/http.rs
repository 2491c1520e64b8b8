//! What is no request, what is only half of one, and clients that close their sending side.

use std::time::Duration;

use futures_util::{StreamExt, stream};
use mosaic::server::ServerLimits;
use mosaic_actors::stream::BodyStream;
use serde_json::Value;
use tokio::io::AsyncWriteExt;

use crate::Stage;
use crate::support::fake::{FakeCalls, Gate, frame, streamed};
use crate::support::{KEY, Server, eventually, raw};

#[tokio::test]
async fn every_refusal_is_a_problem_with_an_id_hypers_own_too() {
    let stage = Stage::open(ServerLimits::default()).await;
    let large = format!("GET / HTTP/1.1\r\nhost: x\r\nx: {}\r\n\r\n", "a".repeat(100_000));
    let many = format!("GET / HTTP/1.1\r\nhost: x\r\n{}\r\n", "x: y\r\n".repeat(200));
    for (bytes, status, code) in [
        ("junk\r\n\r\n", 400, "bad_request"),
        ("GET / HTTP/9.9\r\nhost: x\r\n\r\n", 400, "bad_request"),
        (
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: x\r\n\r\n",
            400,
            "bad_request",
        ),
        (&large, 431, "head_too_large"),
        (&many, 431, "head_too_large"),
        ("GET / HTTP/1.1\r\nconnection: close\r\n\r\n", 400, "bad_request"),
        (
            "GET / HTTP/1.1\r\nhost: a\r\nhost: b\r\nconnection: close\r\n\r\n",
            400,
            "bad_request",
        ),
        (
            "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-encoding: gzip\r\ncontent-length: 1\r\nconnection: close\r\n\r\na",
            415,
            "unsupported_media_type",
        ),
    ] {
        let answer = raw::exchange(stage.listener.local_addr(), bytes).await;
        let shown = &bytes[..bytes.len().min(60)];
        let (head, body) = answer
            .split_once("\r\n\r\n")
            .unwrap_or_else(|| panic!("{shown:?}: {answer}"));
        assert!(head.starts_with(&format!("HTTP/1.1 {status} ")), "{shown:?}: {answer}");
        assert!(
            head.contains("content-type: application/problem+json"),
            "{shown:?}: {answer}"
        );
        let problem: Value = serde_json::from_str(body).unwrap_or_else(|error| panic!("{shown:?}: {error}: {answer}"));
        assert_eq!(
            (&problem["status"], &problem["code"]),
            (&status.into(), &code.into()),
            "{shown:?}"
        );
        let id = problem["request_id"].as_str().expect("an id");
        assert!(head.contains(&format!("x-request-id: {id}")), "{shown:?}: {answer}");
    }
    let plain = "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-encoding: identity\r\ncontent-length: 1\r\nconnection: close\r\n\r\na";
    assert!(
        raw::exchange(stage.listener.local_addr(), plain)
            .await
            .ends_with("\r\n\r\na")
    );
}

#[tokio::test]
async fn an_answer_that_looks_like_a_refusal_of_hypers_is_left_alone() {
    let stage = Stage::open(ServerLimits::default()).await;
    let text = "HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n";
    let request = format!(
        "POST /echo HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{text}",
        text.len()
    );
    let answer = raw::exchange(stage.listener.local_addr(), request.clone() + &request + "junk\r\n\r\n").await;
    assert_eq!(answer.matches("content-length: 0\r\n").count(), 2, "{answer}");
    assert_eq!(answer.matches("HTTP/1.1 200 OK").count(), 2, "{answer}");
}

#[tokio::test]
async fn who_closes_his_sending_side_gets_his_answer_and_who_leaves_is_noticed() {
    let stage = Stage::open(ServerLimits::default()).await;
    let ask = async |path: &str| {
        let mut stream = raw::connect(stage.listener.local_addr()).await;
        let request = format!("GET {path} HTTP/1.1\r\nhost: x\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        stream.shutdown().await.expect("half closed");
        stream
    };
    let answer = raw::read_to_end(&mut ask("/").await).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("hello"),
        "{answer}"
    );

    let mut waits = ask("/slow").await;
    // It is asked whether it is there, in the words that every client skips.
    raw::read_until(&mut waits, "100 Continue\r\n\r\n").await;
    stage.gate.open();
    let answer = raw::read_to_end(&mut waits).await;
    assert!(
        answer.starts_with("HTTP/1.1 200 ") && answer.ends_with("late"),
        "{answer}"
    );

    let leaves = ask("/slow").await;
    eventually("it runs", || stage.gate.alive() == 1).await;
    drop(leaves);
    eventually("its work is dropped", || stage.gate.alive() == 0).await;
}

#[tokio::test]
async fn so_it_is_for_clients_of_the_older_http_which_are_told_nothing_in_between() {
    let stage = Stage::open(ServerLimits::default()).await;
    let ask = async |path: &str| {
        let mut stream = raw::connect(stage.listener.local_addr()).await;
        let request = format!("GET {path} HTTP/1.0\r\n\r\n");
        stream.write_all(request.as_bytes()).await.expect("written");
        stream.shutdown().await.expect("half closed");
        stream
    };
    let mut waits = ask("/slow").await;
    // It is asked whether it is there by the beginning of its answer, of which each byte comes once.
    let mut asked = raw::read_until(&mut waits, "H").await;
    stage.gate.open();
    asked += &raw::read_to_end(&mut waits).await;
    assert!(
        asked.starts_with("HTTP/1.0 200 OK\r\n") && asked.ends_with("\r\n\r\nlate"),
        "{asked}"
    );

    let leaves = ask("/slow").await;
    eventually("it runs", || stage.gate.alive() == 1).await;
    drop(leaves);
    eventually("its work is dropped", || stage.gate.alive() == 0).await;

    // One that keeps its connection is answered like that each time.
    let mut keeps = raw::connect(stage.listener.local_addr()).await;
    let request = "GET / HTTP/1.0\r\nconnection: keep-alive\r\n\r\n";
    keeps.write_all(request.as_bytes()).await.expect("written");
    raw::read_until(&mut keeps, "hello").await;
    keeps.write_all(b"GET /slow HTTP/1.0\r\n\r\n").await.expect("written");
    keeps.shutdown().await.expect("half closed");
    let mut asked = raw::read_until(&mut keeps, "H").await;
    stage.gate.open();
    asked += &raw::read_to_end(&mut keeps).await;
    assert!(
        asked.starts_with("HTTP/1.0 200 OK\r\n") && asked.ends_with("late"),
        "{asked}"
    );
}

#[tokio::test]
async fn a_stream_goes_on_for_who_closed_his_sending_side_and_ends_with_who_leaves() {
    let gate = Gate::default();
    let inner = gate.clone();
    let server = Server::start(FakeCalls::new(move |_| {
        let alive = inner.enter();
        async move {
            let frames = stream::iter([Ok(frame("{}"))]).chain(stream::once(async move {
                let _alive = alive;
                std::future::pending().await
            }));
            Ok(streamed(BodyStream::from_items(frames)))
        }
    }))
    .await;
    let mut client = raw::connect(server.listener.local_addr()).await;
    let body = r#"{"model":"m","prompt":"p"}"#;
    let request = format!(
        "POST /v1/ai/chat/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    client.write_all(request.as_bytes()).await.expect("written");
    client.shutdown().await.expect("half closed");
    // The model is silent; the comment asks whether anybody is there.
    raw::read_until(&mut client, "\n:\n\n").await;
    assert_eq!(gate.alive(), 1);
    drop(client);
    eventually("the stream is dropped", || gate.alive() == 0).await;
}

#[tokio::test]
async fn the_time_of_a_call_runs_from_its_head() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let mut stream = raw::connect(server.listener.local_addr()).await;
    let head = format!(
        "POST /v1/projects/issues?timeout_ms=300 HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\ncontent-length: 1000\r\n\r\n{{"
    );
    stream.write_all(head.as_bytes()).await.expect("written");
    let answer = raw::read_until(&mut stream, "\"code\":\"timeout\"").await;
    assert!(answer.starts_with("HTTP/1.1 504 "), "{answer}");
    assert!(server.calls.seen().is_empty());

    // What the body took is not there for the call.
    let mut stream = raw::connect(server.listener.local_addr()).await;
    let body = r#"{"project":"a/b","title":"t"}"#;
    let head = head.replace("300", "5000").replace("1000", &body.len().to_string());
    let started = tokio::time::Instant::now();
    stream.write_all(head.as_bytes()).await.expect("written");
    tokio::time::sleep(Duration::from_millis(200)).await;
    stream.write_all(&body.as_bytes()[1..]).await.expect("written");
    raw::read_until(&mut stream, "HTTP/1.1 200 ").await;
    let deadline = server.calls.seen()[0].deadline;
    assert!(
        deadline < started + Duration::from_millis(5_100),
        "counted from the body"
    );
}

#[tokio::test]
async fn a_key_that_is_given_twice_is_refused_by_name() {
    let server = Server::start(FakeCalls::json("{}")).await;
    let whole = r#"{"project":"a/b","title":"t","title":"u"}"#;
    let send = server.http.post(server.url("/v1/projects/issues")).bearer_auth(KEY);
    let reply = send
        .header("content-type", "application/json")
        .body(whole)
        .send()
        .await
        .expect("an answer");
    assert_eq!(reply.status(), 400);
    let problem: Value = reply.json().await.expect("a problem");
    assert_eq!(
        (&problem["code"], &problem["field"]),
        (&"invalid_input".into(), &"title".into())
    );
    assert!(server.calls.seen().is_empty());
}
