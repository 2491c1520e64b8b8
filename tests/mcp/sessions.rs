//! Sessions of the revisions that have some.
//!
//! Invariant: a session is its key's alone, and ends by a word, by silence or with the gateway.

use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::harness::http::Reply;
use crate::harness::{SOON, Stage};
use crate::stage::{KEY, OTHER_KEY, events, hangs, open, open_with, post};

fn named(session: Option<&str>, key: &str) -> Vec<(String, String)> {
    let named = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    let mut headers = vec![
        named("accept", "application/json, text/event-stream"),
        named("content-type", "application/json"),
        named("authorization", &format!("Bearer {key}")),
    ];
    headers.extend(session.map(|session| named("mcp-session-id", session)));
    headers
}

/// Sends a message of an older revision; the session and the key where there are any.
pub async fn sent(stage: &Stage, message: &Value, session: Option<&str>, key: &str) -> Reply {
    post(stage, "/mcp", message.to_string(), &named(session, key)).await
}

/// A request within a session by any method: its answer's head is there, and its body is yet to come.
async fn asked(stage: &Stage, method: Method, body: String, session: &str) -> reqwest::Response {
    let url = format!("http://{}/mcp", stage.gateway.public);
    let mut request = stage.gateway.client.0.request(method, url).body(body);
    for (name, value) in named(Some(session), KEY) {
        request = request.header(name, value);
    }
    request.send().await.expect("an answer")
}

/// Asks, and leaves what comes to be listened to.
pub async fn streaming(stage: &Stage, message: &Value, session: &str) -> reqwest::Response {
    let reply = asked(stage, Method::POST, message.to_string(), session).await;
    assert_eq!(reply.status(), 200);
    reply
}

/// Listens to what nobody asked for.
async fn listening(stage: &Stage, session: &str) -> reqwest::Response {
    let reply = asked(stage, Method::GET, String::new(), session).await;
    assert_eq!(reply.status(), 200);
    reply
}

/// Ends a session.
pub async fn ended(stage: &Stage, session: &str) -> Reply {
    let url = format!("http://{}/mcp", stage.gateway.public);
    let headers = named(Some(session), KEY);
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (&**name, &**value)).collect();
    crate::harness::http::send(stage.gateway.client.0.delete(url), &headers).await
}

async fn begin(stage: &Stage, revision: &str, key: &str) -> Reply {
    let client = json!({ "name": "test", "version": "1" });
    let params = json!({ "protocolVersion": revision, "capabilities": {}, "clientInfo": client });
    let initialize = json!({ "jsonrpc": "2.0", "id": 0, "method": "initialize", "params": params });
    sent(stage, &initialize, None, key).await
}

/// Opens a session, and gives its id.
pub async fn opened(stage: &Stage, revision: &str) -> String {
    let reply = begin(stage, revision, KEY).await;
    assert_eq!(reply.status, 200, "{reply:?}");
    let answer = events(&reply.text).pop().unwrap_or_else(|| panic!("{reply:?}"));
    assert_eq!(answer["result"]["protocolVersion"], revision, "{answer}");
    let session = reply.header("mcp-session-id").to_owned();
    let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
    assert_eq!(sent(stage, &initialized, Some(&session), KEY).await.status, 202);
    session
}

fn list() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list" })
}

#[tokio::test(flavor = "multi_thread")]
async fn every_older_revision_has_its_session_and_only_its_own_key_has_it() {
    let stage = open("").await;
    for revision in ["2025-11-25", "2025-06-18", "2025-03-26", "2024-11-05"] {
        let session = opened(&stage, revision).await;
        let reply = sent(&stage, &list(), Some(&session), KEY).await;
        let answer = events(&reply.text).pop().unwrap_or_else(|| panic!("{reply:?}"));
        assert!(
            answer["result"]["tools"]
                .as_array()
                .is_some_and(|tools| tools.len() > 10),
            "{answer}"
        );
        assert!(answer["result"].get("resultType").is_none(), "{answer}");
        assert_eq!(
            sent(&stage, &list(), Some(&session), OTHER_KEY).await.refused(404),
            "not_found"
        );
    }
    assert_eq!(sent(&stage, &list(), Some("none"), KEY).await.refused(404), "not_found");
    // Without a session, and of no revision that goes without, nothing is asked.
    assert_eq!(sent(&stage, &list(), None, KEY).await.refused(400), "invalid_input");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_ends_when_it_is_told_or_silent() {
    let brief = "request_timeout = \"1s\"\nmax_request_timeout = \"1s\"";
    let stage = open_with(brief, "[mcp]\nsession_idle = \"1s\"", &[]).await;
    let session = opened(&stage, "2025-11-25").await;
    assert_eq!(ended(&stage, &session).await.status, 202);
    assert_eq!(sent(&stage, &list(), Some(&session), KEY).await.status, 404);
    // It is gone for good, also to be ended.
    assert_eq!(ended(&stage, &session).await.refused(404), "not_found");

    let session = opened(&stage, "2025-11-25").await;
    // To listen is to be silent: what is listened to ends with the session.
    let silence = listening(&stage, &session).await.bytes();
    let heard = timeout(SOON, silence).await.expect("it ends by itself");
    heard.expect("a whole answer");
    // Were it still there, to ask would keep it.
    crate::harness::soon("the session has ended", async || {
        (sent(&stage, &list(), Some(&session), KEY).await.status == 404).then_some(())
    })
    .await;
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_waits_for_a_call_is_not_silent() {
    let brief = "request_timeout = \"3s\"\nmax_request_timeout = \"3s\"";
    let stage = open_with(brief, "[mcp]\nsession_idle = \"1s\"", &[]).await;
    let session = opened(&stage, "2025-11-25").await;
    hangs(&stage, "github-a");
    let params = json!({ "name": "git_repo_list", "arguments": { "provider": "github-a" } });
    let call = json!({ "jsonrpc": "2.0", "id": 9, "method": "tools/call", "params": params });
    let reply = sent(&stage, &call, Some(&session), KEY).await;
    let answer = events(&reply.text).pop().unwrap_or_else(|| panic!("{reply:?}"));
    assert_eq!(
        answer["result"]["structuredContent"]["error"]["code"], "timeout",
        "{answer}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_tenant_takes_more_sessions_than_its_share() {
    let stage = open("[mcp]\nmax_sessions = 8").await;
    let first = opened(&stage, "2025-11-25").await;
    opened(&stage, "2025-11-25").await;
    let refused = begin(&stage, "2025-11-25", KEY).await;
    assert_eq!(refused.refused(503), "overloaded");
    assert_eq!(refused.header("retry-after"), "5");
    assert_eq!(begin(&stage, "2025-11-25", OTHER_KEY).await.status, 200);
    assert_eq!(sent(&stage, &list(), Some(&first), KEY).await.status, 200);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_those_who_open_at_once_as_many_come_in_as_may() {
    let stage = open("[mcp]\nmax_sessions = 8").await;
    let all = (0..24).map(|_| begin(&stage, "2025-11-25", KEY));
    let replies = futures_util::future::join_all(all).await;
    let (open, full): (Vec<_>, Vec<_>) = replies.iter().partition(|reply| reply.status == 200);
    assert_eq!(open.len(), 2, "{replies:?}");
    for reply in full {
        assert_eq!(reply.refused(503), "overloaded", "{reply:?}");
    }
    // A place is given back with its session.
    let session = open[0].header("mcp-session-id");
    assert_eq!(ended(&stage, session).await.status, 202);
    assert_eq!(begin(&stage, "2025-11-25", KEY).await.status, 200);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_gateway_ends_though_somebody_listens() {
    let stage = open("").await;
    let session = opened(&stage, "2025-11-25").await;
    let listening = listening(&stage, &session).await;
    let began = std::time::Instant::now();
    let ended = stage.close().await;
    assert_eq!(ended.code, Some(0), "{ended:?}");
    // Far from the thirty seconds that calls in flight would have.
    assert!(began.elapsed() < std::time::Duration::from_secs(20));
    drop(listening);
}
