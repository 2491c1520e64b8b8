//! Clients that are slow, that go away, and that cancel what they asked for.
//!
//! Invariant: no call outlives whoever waits for it.

use mosaic::sandbox::{Effect, Fault};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::TcpStream;
use tokio::time::timeout;

use crate::harness::{SOON, Stage};
use crate::sessions::{opened, sent, streaming};
use crate::stage::{KEY, ask, asked, call_at, hangs, headers, idle, in_flight, open, request};

/// A request's head and the beginning of its body, of which `promised` bytes are to come.
async fn begun(stage: &Stage, path: &str, message: &Value, promised: usize, body: &str) -> TcpStream {
    let mut head = format!(
        "POST {path} HTTP/1.1\r\nhost: {}\r\ncontent-length: {promised}\r\n",
        stage.gateway.public
    );
    for (name, value) in headers(message) {
        head += &format!("{name}: {value}\r\n");
    }
    let mut socket = TcpStream::connect(stage.gateway.public).await.expect("it listens");
    let whole = format!("{head}\r\n{body}");
    socket.write_all(whole.as_bytes()).await.expect("it reads");
    socket
}

async fn whole(stage: &Stage, path: &str, message: &Value) -> TcpStream {
    let body = message.to_string();
    begun(stage, path, message, body.len(), &body).await
}

fn hanging_call() -> Value {
    let params = json!({ "name": "git_repo_list", "arguments": { "provider": "github-a" } });
    request("tools/call", params)
}

#[tokio::test(flavor = "multi_thread")]
async fn who_vanishes_leaves_no_call_behind() {
    let stage = open("").await;
    let before = hangs(&stage, "github-a");
    let socket = whole(&stage, "/mcp", &hanging_call()).await;
    asked(&stage, "github-a", before).await;
    assert_eq!(in_flight(&stage).await, 1);
    drop(socket);
    idle(&stage).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_vanishes_while_events_come_leaves_no_call_behind() {
    let stage = open("").await;
    let listed = call_at(
        &stage,
        "/mcp?toolsets=ai",
        "ai_models_list",
        json!({ "provider": "openai-a" }),
    )
    .await;
    let model = listed["structuredContent"]["items"][0]["id"].clone();
    // Each frame lets the next wait for longer than the test.
    let drip = Fault::new(Effect::Drip { ms: 60_000 });
    stage.server("openai-a").faults().add(drip).expect("a fault");
    let messages = json!([{ "role": "user", "content": "Say something." }]);
    let arguments = json!({ "model": model, "messages": messages, "provider": "openai-a" });
    let mut message = request(
        "tools/call",
        json!({ "name": "ai_chat_stream", "arguments": arguments }),
    );
    message["params"]["_meta"]["progressToken"] = json!("told");
    let socket = whole(&stage, "/mcp?toolsets=ai", &message).await;
    // By the first word on its progress the answer has become a stream.
    let mut lines = BufReader::new(socket).lines();
    let first = async {
        while let Some(line) = lines.next_line().await.expect("a line") {
            if line.contains("notifications/progress") {
                return line;
            }
        }
        panic!("the stream ended");
    };
    let line = timeout(SOON, first).await.expect("in time");
    assert!(line.contains("\"progressToken\":\"told\""), "{line}");
    assert_eq!(in_flight(&stage).await, 1);
    drop(lines);
    idle(&stage).await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_never_comes_whole_holds_nobody_up() {
    let stage = open("").await;
    let list = request("tools/list", json!({}));
    let mut socket = begun(&stage, "/mcp", &list, 1_000, "{").await;
    // Others are answered meanwhile.
    assert!(ask(&stage, "tools/list", json!({})).await["result"]["tools"].is_array());
    let mut answer = Vec::new();
    let waited = timeout(SOON, socket.read_to_end(&mut answer)).await;
    waited.expect("it is given up").expect("an answer");
    let answer = String::from_utf8_lossy(&answer);
    assert!(
        answer.starts_with("HTTP/1.1 504") && answer.contains("\"source\":\"caller\""),
        "{answer}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_cancelled_in_a_session_ends_and_the_session_goes_on() {
    let stage = open("").await;
    let session = opened(&stage, "2025-11-25").await;
    let before = hangs(&stage, "github-a");
    let call = json!({
        "jsonrpc": "2.0", "id": "slow", "method": "tools/call",
        "params": { "name": "git_repo_list", "arguments": { "provider": "github-a" } },
    });
    let _listens = streaming(&stage, &call, &session).await;
    asked(&stage, "github-a", before).await;
    assert_eq!(in_flight(&stage).await, 1);
    let params = json!({ "requestId": "slow", "reason": "a test" });
    let cancelled = json!({ "jsonrpc": "2.0", "method": "notifications/cancelled", "params": params });
    assert_eq!(sent(&stage, &cancelled, Some(&session), KEY).await.status, 202);
    idle(&stage).await;
    let list = json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/list" });
    assert_eq!(sent(&stage, &list, Some(&session), KEY).await.status, 200);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_that_is_ended_ends_its_calls() {
    let stage = open("").await;
    let session = opened(&stage, "2025-06-18").await;
    let before = hangs(&stage, "github-a");
    let call = json!({
        "jsonrpc": "2.0", "id": 7, "method": "tools/call",
        "params": { "name": "git_repo_list", "arguments": { "provider": "github-a" } },
    });
    let _listens = streaming(&stage, &call, &session).await;
    asked(&stage, "github-a", before).await;
    assert_eq!(crate::sessions::ended(&stage, &session).await.status, 202);
    idle(&stage).await;
    stage.close().await;
}
