//! The heads of answers: what a page may read of them, and how their decisions are found.

use reqwest::Method;
use serde_json::json;

use crate::harness::http::send;
use crate::place::Place;
use crate::rows::{chat, message};

/// What every page may read, and what is no page's affair.
const PLAIN: &[&str] = &[
    "access-control-allow-origin",
    "access-control-expose-headers",
    "cache-control",
    "connection",
    "content-length",
    "content-security-policy",
    "content-type",
    "date",
    "transfer-encoding",
    "vary",
    "x-content-type-options",
];

#[tokio::test(flavor = "multi_thread")]
async fn a_page_may_read_every_header_of_its_answers() {
    const PAGE: &str = "https://app.test";
    let priced = |name: &str| format!("[[providers.{name}.prices]]\ninput_usd = 1.0\noutput_usd = 1.0\n");
    let tables = priced("openai-a") + &priced("anthropic-a");
    let place = Place::with(&format!("[server.cors]\norigins = [\"{PAGE}\"]\n{tables}")).await;
    let mut seen = std::collections::BTreeSet::new();
    let mut odd = message("openai-a~sandbox-large", "say 2 words");
    odd["metadata"] = json!({"user_id": "u"});
    let mut beside = chat("anthropic-a~sandbox-large", "say 2 words");
    beside["metadata"] = json!({"a": "b"});
    for (path, body) in [
        (
            "/openai/v1/chat/completions",
            chat("openai-a~sandbox-large", "say 2 words"),
        ),
        ("/openai/v1/chat/completions", chat("openai-a~gone", "say 2 words")),
        (
            "/anthropic/v1/messages",
            message("anthropic-a~sandbox-large", "say 2 words"),
        ),
        ("/anthropic/v1/messages", odd),
        ("/openai/v1/chat/completions", beside),
        ("/anthropic/v1/messages", json!({})),
        (
            "/v1/ai/chat/complete?timing=true",
            json!({"model": "openai-a~sandbox-large", "prompt": "say 2 words"}),
        ),
    ] {
        let asked = place.ask(Method::POST, path).json(&body);
        let reply = send(asked.header("origin", PAGE).header("x-mosaic-explain", "true"), &[]).await;
        let exposed: Vec<_> = reply
            .header("access-control-expose-headers")
            .split(',')
            .map(str::trim)
            .collect();
        for name in reply.headers.keys().map(http::HeaderName::as_str) {
            assert!(
                PLAIN.contains(&name) || exposed.contains(&name),
                "{path} {name}: {exposed:?}"
            );
            seen.insert(name.to_owned());
        }
        if reply.status == 200 && !path.starts_with("/v1") {
            let id = reply.header("x-mosaic-decision-id");
            assert_eq!(id, reply.header("x-request-id"));
            let found = place.get(&format!("/v1/explain/{id}")).await.ok();
            assert_eq!(found["decisions"][0]["id"], *id, "{found}");
        }
    }
    for name in [
        "x-mosaic-decision-id",
        "x-mosaic-cost-usd",
        "x-mosaic-warnings",
        "x-should-retry",
        "request-id",
    ] {
        assert!(seen.contains(name), "{name}: {seen:?}");
    }
    place.close().await;
}
