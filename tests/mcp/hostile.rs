//! What strangers, proxies and broken clients send.
//!
//! Invariant: each is refused with what was wrong with it, and hurts nobody else.

use serde_json::{Value, json};

use crate::harness::Stage;
use crate::harness::http::Reply;
use crate::stage::{ask, headers, open, post, request};

fn with(message: &Value, changed: &[(&str, &str)]) -> Vec<(String, String)> {
    let mut headers = headers(message);
    for (name, value) in changed {
        headers.retain(|(given, _)| given != name);
        if !value.is_empty() {
            headers.push(((*name).to_owned(), (*value).to_owned()));
        }
    }
    headers
}

async fn sent(stage: &Stage, message: &Value, changed: &[(&str, &str)]) -> Reply {
    post(stage, "/mcp", message.to_string(), &with(message, changed)).await
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_comes_in_by_another_origin_or_without_a_key() {
    let stage = open("[mcp]\norigins = [\"https://agents.example\"]").await;
    let list = request("tools/list", json!({}));
    let own = format!("http://{}", stage.gateway.public);
    for (origin, status) in [
        ("http://evil.example", 403),
        ("null", 403),
        ("https://agents.example.evil.example", 403),
        ("not an origin", 403),
        ("https://agents.example", 200),
        (&own, 200),
    ] {
        assert_eq!(
            sent(&stage, &list, &[("origin", origin)]).await.status,
            status,
            "{origin}"
        );
    }
    // A name that a page lets resolve to us is none of ours, though origin and host agree.
    let rebound = sent(
        &stage,
        &list,
        &[("origin", "http://evil.example"), ("host", "evil.example")],
    )
    .await;
    assert_eq!(rebound.status, 403, "{rebound:?}");
    assert_eq!(
        sent(&stage, &list, &[("authorization", "")]).await.refused(401),
        "unauthenticated"
    );
    assert_eq!(
        sent(&stage, &list, &[("authorization", "Bearer wrong")])
            .await
            .refused(401),
        "unauthenticated"
    );
    let wrong = post(&stage, "/mcp?toolsets=gti", list.to_string(), &headers(&list)).await;
    assert_eq!(wrong.refused(400), "invalid_input");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn headers_that_say_something_else_than_the_body_are_refused() {
    let stage = open("").await;
    let call = request("tools/call", json!({ "name": "mosaic_instances", "arguments": {} }));
    assert_eq!(sent(&stage, &call, &[]).await.status, 200);
    for changed in [
        ("mcp-method", "tools/list"),
        ("mcp-method", ""),
        ("mcp-name", "git_repo_list"),
        ("mcp-name", ""),
        ("mcp-protocol-version", "2025-11-25"),
        ("mcp-protocol-version", ""),
    ] {
        let reply = sent(&stage, &call, &[changed]).await;
        assert_eq!(reply.status, 400, "{changed:?}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], -32020, "{changed:?}: {reply:?}");
    }
    let mut unknown = call.clone();
    unknown["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"] = json!("2099-01-01");
    let reply = sent(&stage, &unknown, &[("mcp-protocol-version", "2099-01-01")]).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (400, &json!(-32022)),
        "{reply:?}"
    );
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_no_message_is_told_so() {
    let stage = open("").await;
    let list = request("tools/list", json!({}));
    let deep = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":{}{}}}",
        "[".repeat(5_000),
        "]".repeat(5_000)
    );
    for (body, code) in [
        ("", -32700),
        ("{", -32700),
        ("\u{feff}{}", -32700),
        (&deep, -32700),
        ("3", -32600),
        ("{}", -32600),
        ("[]", -32600),
        (&format!("[{list},{list}]"), -32600),
        ("{\"jsonrpc\":\"1.0\",\"id\":1,\"method\":\"ping\"}", -32600),
        ("{\"jsonrpc\":\"2.0\",\"id\":1,\"id\":2,\"method\":\"ping\"}", -32600),
    ] {
        let reply = post(&stage, "/mcp", body.to_owned(), &headers(&list)).await;
        let shown = &body[..body.len().min(60)];
        assert_eq!(reply.status, 400, "{shown}: {reply:?}");
        assert_eq!(reply.json()["error"]["code"], code, "{shown}: {reply:?}");
    }
    let large = format!(
        "{{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\",\"params\":\"{}\"}}",
        "x".repeat(9 << 20)
    );
    assert_eq!(post(&stage, "/mcp", large, &headers(&list)).await.status, 413);
    // What is no matter of the protocol is told as everywhere.
    for (header, value, status, code) in [
        ("content-type", "text/plain", 415, "unsupported_media_type"),
        ("accept", "text/html", 406, "not_acceptable"),
    ] {
        let reply = sent(&stage, &list, &[(header, value)]).await;
        assert_eq!(reply.refused(status), code, "{reply:?}");
        assert_eq!(reply.header("content-type"), "application/problem+json");
    }
    let mut odd = request("tools/call", json!({ "name": "mosaic_instances" }));
    odd["params"]["arguments"] = json!([]);
    let refused = sent(&stage, &odd, &[]).await.json();
    assert_eq!(
        (&refused["error"]["code"], &refused["id"]),
        (&json!(-32602), &odd["id"]),
        "{refused}"
    );
    assert!(
        refused["error"]["message"]
            .as_str()
            .is_some_and(|told| told.contains("arguments")),
        "{refused}"
    );
    let unknown = request("tools/destroy", json!({}));
    let reply = sent(&stage, &unknown, &[]).await;
    assert_eq!(
        (reply.status, &reply.json()["error"]["code"]),
        (404, &json!(-32601)),
        "{reply:?}"
    );
    // All of it has hurt nobody.
    assert!(ask(&stage, "tools/list", json!({})).await["result"]["tools"].is_array());
    stage.close().await;
}
