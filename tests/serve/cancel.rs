//! A client that leaves takes its work along.

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;

use crate::harness::{Gateway, SOON, soon};

/// A stream that has begun and goes on for ever.
const BEGUN: &str = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {\"id\":\"c\",\"object\":\
    \"chat.completion.chunk\",\"created\":1,\"model\":\"m\",\"choices\":[{\"index\":0,\"delta\":{\"role\":\
    \"assistant\",\"content\":\"Once\"},\"finish_reason\":null}]}\n\n";

/// A model server that takes one request and never finishes its answer.
async fn gateway() -> (Gateway, TcpListener) {
    gateway_with("").await
}

async fn gateway_with(server: &str) -> (Gateway, TcpListener) {
    let upstream = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let config = format!(
        "[server]\nlisten = \"127.0.0.1:0\"\n{server}\n[admin]\nlisten = \"127.0.0.1:0\"\n[log]\nformat = \"json\"\n\
         [providers.slow]\nkind = \"openai\"\nbase_url = \"http://{}/v1\"\ntoken = \"env:TOKEN\"\nhealth_check = false\nmodels = [\"*\"]\n",
        upstream.local_addr().expect("it is bound")
    );
    let env = vec![("TOKEN".to_owned(), "a-token".to_owned())];
    (Gateway::serve(&config, env).await, upstream)
}

async fn asked(upstream: &TcpListener) -> TcpStream {
    let (mut socket, _) = timeout(SOON, upstream.accept())
        .await
        .expect("in time")
        .expect("a connection");
    let mut head = [0; 16];
    timeout(SOON, socket.read_exact(&mut head))
        .await
        .expect("in time")
        .expect("a request");
    assert!(head.starts_with(b"POST /v1/chat"), "{head:?}");
    socket
}

/// Waits until the gateway has closed its end.
async fn closed(mut socket: TcpStream) {
    let mut rest = Vec::new();
    // Closed or reset: either way it has let go.
    let _ = timeout(SOON, socket.read_to_end(&mut rest))
        .await
        .expect("the gateway lets go of the provider");
}

async fn nothing_in_flight(gateway: &Gateway) {
    soon("no call in flight", async || {
        let status = gateway.admin("/admin/v1/status").await.ok();
        let attempts = status["providers"][0]["in_flight"].as_u64()?;
        (status["calls"]["in_flight"] == 0 && attempts == 0).then_some(())
    })
    .await;
}

fn chat(gateway: &Gateway, operation: &str) -> reqwest::RequestBuilder {
    let body: Value = json!({"model": "m", "prompt": "p"});
    gateway
        .client
        .0
        .post(format!("http://{}/v1/ai/chat/{operation}", gateway.public))
        .json(&body)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_before_the_answer_cancels_the_request() {
    let (gateway, upstream) = gateway().await;
    let call = tokio::spawn(chat(&gateway, "complete").send());
    let socket = asked(&upstream).await;
    call.abort();
    closed(socket).await;
    nothing_in_flight(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_leaves_within_a_stream_cancels_the_request() {
    let (gateway, upstream) = gateway().await;
    let call = tokio::spawn(chat(&gateway, "stream").send());
    let mut socket = asked(&upstream).await;
    socket.write_all(BEGUN.as_bytes()).await.expect("the gateway reads");
    let mut reply = call.await.expect("the test's own task").expect("a stream");
    let mut heard = String::new();
    while !heard.contains("Once") {
        let piece = timeout(SOON, reply.chunk()).await.expect("in time").expect("no error");
        heard += &String::from_utf8_lossy(&piece.expect("the stream goes on"));
    }
    drop(reply);
    closed(socket).await;
    nothing_in_flight(&gateway).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_outlives_the_drain_ends_in_a_typed_error() {
    let (gateway, upstream) = gateway_with("drain_timeout = \"300ms\"").await;
    let call = tokio::spawn(chat(&gateway, "stream").send());
    let mut socket = asked(&upstream).await;
    socket.write_all(BEGUN.as_bytes()).await.expect("the gateway reads");
    let reply = call.await.expect("the test's own task").expect("a stream");
    gateway.program.signal("TERM");
    let heard = timeout(SOON, reply.text())
        .await
        .expect("in time")
        .expect("a whole body");
    assert!(
        heard.contains("event: error") && heard.contains("\"code\":\"cancelled\""),
        "{heard}"
    );
    let ended = gateway.program.ended();
    ended.ok();
    assert!(ended.stderr.contains("\"drained\":\"Cancelled\""), "{}", ended.stderr);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_command_that_is_interrupted_cancels_the_request() {
    let (gateway, upstream) = gateway().await;
    let url = format!("http://{}", gateway.public);
    let command = ["ai", "chat", "complete", "m", "p", "--server", &url];
    let command = crate::harness::process::Program::start(&command, &[]);
    let socket = asked(&upstream).await;
    // The request has arrived, so the command has long been listening for signals.
    command.signal("INT");
    assert_eq!(command.ended().code, Some(130));
    closed(socket).await;
    nothing_in_flight(&gateway).await;
}
