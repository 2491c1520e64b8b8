//! A credential that is shown to a provider is seen nowhere else, however that provider repeats it.

use reqwest::Method;
use serde_json::json;

use crate::harness::http::send;
use crate::mirror::SECRET;
use crate::place::{KEY, Place};

#[tokio::test(flavor = "multi_thread")]
async fn neither_our_credential_nor_our_callers_is_told_on() {
    let place = Place::open().await;
    let mut told = vec![];
    for path in [
        "/links",
        "/moved",
        "/moved-with-secret",
        "/moved-away",
        "/login",
        "/cut-short",
        "/401",
        "/403",
        "/404",
        "/500",
        "/429",
    ] {
        let method = if path == "/500" { Method::POST } else { Method::GET };
        let reply = send(place.ask(method, "mirror", &format!("{path}?q=asked-in-secret")), &[]).await;
        told.push((path.to_owned(), format!("{:?}\n{}", reply.headers, reply.text)));
    }
    let request = place
        .ask(Method::POST, "mirror", "/login")
        .json(&json!({"body": "said-in-secret"}));
    let reply = send(request, &[("x-api-key", KEY)]).await;
    told.push(("a body".to_owned(), format!("{:?}\n{}", reply.headers, reply.text)));
    for path in ["/metrics", "/admin/v1/calls", "/admin/v1/plugins", "/admin/v1/tree"] {
        told.push((path.to_owned(), place.gateway.admin(path).await.text));
    }
    assert!(
        place
            .mirror
            .seen()
            .iter()
            .all(|seen| seen.headers["authorization"] == format!("Bearer {SECRET}"))
    );
    let shown: Vec<_> = place
        .mirror
        .seen()
        .iter()
        .map(|seen| format!("{:?}", seen.headers))
        .collect();
    assert!(!shown.concat().contains(KEY), "the caller's key stays here");
    told.push(("the log".to_owned(), place.close().await));
    let encoded: String = url::form_urlencoded::byte_serialize(SECRET.as_bytes()).collect();
    for (place, said) in &told {
        for secret in [SECRET, &encoded, &SECRET.replace('/', r"\/"), KEY] {
            assert!(!said.contains(secret), "{secret} in {place}: {said}");
        }
    }
    let (_, log) = told.pop().expect("the log");
    assert!(log.contains("proxy.read"), "the log tells of the calls");
    for payload in ["said-in-secret", "asked-in-secret"] {
        assert!(!log.contains(payload), "{payload}");
    }
}
