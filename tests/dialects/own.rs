//! Whom a dialect's client asks that names nobody, and what it is told of what there is not.

use reqwest::Method;
use serde_json::json;

use crate::harness::http::{Reply, send};
use crate::place::Place;
use crate::rows::{chat, message};

/// What this vendor's client does with a file of requests: it knows an address and a key, and no providers.
async fn upload(place: &Place, headers: &[(&str, &str)]) -> Reply {
    let form = "--x\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--x\r\n\
                Content-Disposition: form-data; name=\"file\"; filename=\"a.jsonl\"\r\n\r\n{}\r\n--x--\r\n";
    let request = place.ask(Method::POST, "/openai/v1/files").body(form);
    send(
        request.header("content-type", "multipart/form-data; boundary=x"),
        headers,
    )
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn what_has_no_model_goes_to_the_dialects_own_vendor() {
    let place = Place::open().await;
    let file = upload(&place, &[]).await.ok();
    let id = file["id"].as_str().expect("an id");
    let native = id.strip_prefix("openai-a~").expect("at the vendor's own instance");
    // Ids that come from elsewhere say no instance.
    let shown = place.get(&format!("/openai/v1/files/{native}")).await.ok();
    assert_eq!(shown["id"], id);
    let content = place.get(&format!("/openai/v1/files/{native}/content")).await;
    assert_eq!((content.status, &*content.text), (200, "{}"));
    for path in [
        "/openai/v1/batches/batch_none",
        "/anthropic/v1/messages/batches/msgbatch_none",
    ] {
        let reply = place.get(path).await;
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
    }
    // Whoever names one is heeded.
    let named = upload(&place, &[("x-mosaic-provider", "anthropic-a")]).await;
    assert!(!named.text.contains("openai-a~"), "{named:?}");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_model_that_is_not_there_is_named_and_whose_an_alias_is_is_not() {
    let tables =
        "[models.aliases]\nfast = [\"openai-a~sandbox-large\"]\n[tenants.acme]\nproviders = [\"anthropic-a\"]\n";
    let place = Place::with(tables).await;
    for (path, body) in [
        ("/openai/v1/chat/completions", chat("gone-1", "hi")),
        ("/anthropic/v1/messages", message("gone-1", "hi")),
    ] {
        let reply = place.post(path, &body).await;
        assert!(
            reply.status == 404 && reply.text.contains("gone-1"),
            "{path}: {reply:?}"
        );
    }
    for (path, body) in [
        ("/openai/v1/chat/completions", chat("fast", "hi")),
        ("/anthropic/v1/messages", message("fast", "hi")),
        ("/v1/ai/chat/complete", json!({"model": "fast", "prompt": "hi"})),
    ] {
        let reply = place.post(path, &body).await;
        assert_eq!(reply.status, 404, "{path}: {reply:?}");
        assert!(reply.text.contains("no provider here offers fast"), "{path}: {reply:?}");
        assert!(!reply.text.contains("openai-a"), "{path}: {reply:?}");
    }
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_path_that_is_not_there_is_refused_with_the_way_to_what_is() {
    let place = Place::open().await;
    for (path, hint) in [
        (
            "/anthropic/v1/v1/messages",
            "base URL of these clients ends in /anthropic\"",
        ),
        (
            "/openai/v1/v1/chat/completions",
            "base URL of these clients ends in /openai/v1\"",
        ),
        ("/openai/v1/images/generations", "below /proxy/INSTANCE"),
        ("/anthropic/v1/organizations", "below /proxy/INSTANCE"),
    ] {
        let reply = place.post(path, &json!({})).await;
        assert!(reply.status == 404 && reply.text.contains(hint), "{path}: {reply:?}");
    }
    let other = send(place.ask(Method::PUT, "/openai/v1/files/openai-a~file-1"), &[]).await;
    assert!(
        other.status == 405 && other.text.contains("below /proxy/INSTANCE"),
        "{other:?}"
    );
    place.close().await;
}
