//! What providers say of their limits on us: told of every instance that comes with the same credential.

use std::sync::Arc;
use std::sync::atomic::AtomicU16;
use std::sync::atomic::Ordering::Relaxed;

use axum::Router;
use axum::body::Body;
use http::{Response, StatusCode};
use mosaic::admin::openapi::document;
use mosaic::server::{Listener, ServerLimits};
use serde_json::Value;

use crate::stage::Stage;
use crate::support::listen;

/// A provider that answers with the status set, and each time with one request less that is left.
async fn counting(status: Arc<AtomicU16>) -> (Listener, String) {
    let left = Arc::new(AtomicU16::new(50));
    let answer = move || {
        let (left, status) = (left.fetch_sub(1, Relaxed), status.load(Relaxed));
        let answer = Response::builder()
            .status(StatusCode::from_u16(status).expect("a status"))
            .header("x-ratelimit-limit", "60")
            .header("x-ratelimit-remaining", left)
            .header("x-ratelimit-used", 60 - left)
            .header("x-ratelimit-reset", "3600")
            .header("x-ratelimit-resource", "core")
            .body(Body::from("{}"));
        std::future::ready(answer.expect("sound headers"))
    };
    let listener = listen(ServerLimits::default(), Router::new().fallback(answer)).await;
    let url = format!("http://{}", listener.local_addr());
    (listener, url)
}

fn three_at(url: &str, tokens: &std::path::Path) -> String {
    let instance = |name: &str, token: &str, settings: &str| {
        let file = tokens.join(token).display().to_string();
        format!(
            "[providers.{name}]\nkind = \"github\"\nbase_url = \"{url}\"\nhealth_check = false\ntoken = \"file:{file}\"\n{settings}"
        )
    };
    let listeners = "[server]\nlisten = \"127.0.0.1:0\"\n[admin]\nlisten = \"127.0.0.1:0\"\n".to_owned();
    // How it asks makes no other of whoever asks.
    let version = "[providers.b.settings]\napi_version = \"2022-11-28\"\n";
    listeners + &instance("a", "one", "") + &instance("b", "one", version) + &instance("c", "other", "")
}

#[tokio::test]
async fn instances_with_one_credential_have_one_quota_and_every_answer_tells_of_it() {
    let status = Arc::new(AtomicU16::new(200));
    let (_upstream, url) = counting(status.clone()).await;
    let folder = tempfile::tempdir().expect("a folder");
    for token in ["one", "other"] {
        std::fs::write(folder.path().join(token), token).expect("a file");
    }
    let stage = Stage::of(&three_at(&url, folder.path())).await;
    let known = async |name: &str| stage.plugin(name).await["rate_limits"].clone();
    for name in ["a", "b", "c"] {
        assert_eq!(known(name).await, Value::Array(vec![]), "{name} was told nothing yet");
    }
    // Successes that cannot be read, refusals and failures: each tells.
    for (answered, left) in [(200, 50), (404, 49), (403, 48), (500, 47)] {
        status.store(answered, Relaxed);
        let ask = stage.ask("/v1/git/repos/b~acme%2Fapi?no_cache=true");
        ask.send().await.expect("an answer");
        let limits = known("a").await;
        let told = limits[0]["remaining"].as_u64();
        assert!(told.is_some_and(|told| told <= left), "{answered}: {limits}");
        assert_eq!(limits, known("b").await, "one credential, one quota");
        assert_eq!(known("c").await, Value::Array(vec![]), "another credential");
    }
    let limit = &known("a").await[0];
    assert_eq!((&limit["resource"], &limit["limit"]), (&"core".into(), &60.into()));
    assert!(limit["reset"].is_string() && limit["seen"].is_string(), "{limit}");
    // What is shown is described.
    let document = document();
    let schemas = &document["components"]["schemas"];
    for (schema, shown) in [("RateLimit", limit), ("Plugin", &stage.plugin("a").await)] {
        let schema = &schemas[schema];
        let required = schema["required"].as_array().expect("a list");
        assert!(
            required
                .iter()
                .all(|name| !shown[name.as_str().expect("a name")].is_null()),
            "{schema}"
        );
    }
    for name in limit.as_object().expect("an object").keys() {
        assert!(schemas["RateLimit"]["properties"].get(name).is_some(), "{name}");
    }
    let listed = stage.view("/plugins").await;
    assert_eq!(listed["plugins"][0]["rate_limits"][0]["resource"], "core");

    // A file whose token is another is another's quota, from the driver's next start on.
    std::fs::write(folder.path().join("one"), "rotated").expect("a file");
    stage
        .order(
            "/actors/restart",
            serde_json::json!({"path": "/root/plugins/instances/a/provider"}),
        )
        .await;
    let rotated = stage.until("the new driver", "/plugins/a", |plugin| {
        plugin["rate_limits"] == Value::Array(vec![])
    });
    rotated.await;
    assert!(known("b").await[0].is_object(), "it was not restarted");
    stage.stop().await;
}
