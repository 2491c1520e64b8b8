//! What is passed through is a call: it counts, it invalidates, and it is bounded as all are.

use mosaic::sandbox::{Effect, Fault};
use reqwest::Method;
use serde_json::json;

use crate::harness::http::send;
use crate::place::Place;

const REPO: &str = "/v1/git/repos/github-a~acme/api";

#[tokio::test(flavor = "multi_thread")]
async fn a_write_makes_what_is_kept_of_its_instance_untrue() {
    let place = Place::open().await;
    let hit = async |expected: bool| {
        let reply = place.typed(REPO).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("cache-status").contains("hit"), expected, "{reply:?}");
        reply.json()["description"].clone()
    };
    hit(false).await;
    hit(true).await;
    // A read, a write elsewhere, and one that is refused before it is sent change nothing.
    assert_eq!(place.get("github-a", "/repos/acme/api").await.status, 200);
    let elsewhere = place
        .ask(Method::PATCH, "github-b", "/repos/acme/api")
        .json(&json!({"description": "there"}));
    assert_eq!(send(elsewhere, &[]).await.status, 200);
    hit(true).await;
    let change = place
        .ask(Method::PATCH, "github-a", "/repos/acme/api")
        .json(&json!({"description": "changed"}));
    assert_eq!(send(change, &[]).await.status, 200);
    hit(false).await;
    hit(true).await;
    // What may have been done, too.
    let reset = Fault::new(Effect::Reset { processed: true })
        .method(&Method::PATCH)
        .times(1);
    let server = place.sandbox.server("github-a").expect("it is there");
    server.faults().add(reset).expect("a sound fault");
    let change = place
        .ask(Method::PATCH, "github-a", "/repos/acme/api")
        .json(&json!({"description": "perhaps"}));
    let reply = send(change, &[]).await;
    assert_eq!(reply.refused(502), "network");
    assert_eq!(
        (&reply.json()["retryable"], &reply.json()["outcome"]),
        (&json!(false), &json!("unknown"))
    );
    hit(false).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_only_asks_leaves_what_is_kept() {
    let place = Place::open().await;
    let hit = async |path: &str, expected: bool| {
        let reply = place.typed(path).await;
        assert_eq!(reply.status, 200);
        assert_eq!(reply.header("cache-status").contains("hit"), expected, "{reply:?}");
    };
    hit(REPO, false).await;
    assert_eq!(
        send(place.ask(Method::OPTIONS, "github-a", "/repos/acme/api"), &[])
            .await
            .provider(),
        "github-a"
    );
    hit(REPO, true).await;
    const MODEL: &str = "/v1/ai/models?provider=anthropic-a";
    hit(MODEL, false).await;
    let count = json!({"model": "sandbox-large", "messages": [{"role": "user", "content": "say 5 words"}]});
    let counted = place
        .ask(Method::POST, "anthropic-a", "/v1/messages/count_tokens")
        .json(&count);
    assert_eq!(send(counted, &[]).await.status, 200);
    hit(MODEL, true).await;
    // And what is billed.
    let mut asked = count.clone();
    asked["max_tokens"] = 5.into();
    let asked = place.ask(Method::POST, "anthropic-a", "/v1/messages").json(&asked);
    assert_eq!(send(asked, &[]).await.status, 200);
    hit(MODEL, true).await;
    let written = place.ask(Method::POST, "anthropic-a", "/v1/messages/batches");
    send(written, &[]).await;
    hit(MODEL, false).await;
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn failures_open_the_breaker_and_a_write_is_sent_once() {
    let table = "[providers.frail]\nkind = \"github\"\nbase_url = \"http://127.0.0.1:1\"\nhealth_check = false\n\
                 token = \"env:MIRROR\"\nbreaker = { failures_to_open = 3, open_for = \"1h\" }\n";
    let place = Place::with(table).await;
    // Nobody is there: unsent, so it is tried again; and the breaker opens.
    let mut codes = vec![];
    for _ in 0..3 {
        codes.push(send(place.ask(Method::POST, "frail", "/x"), &[]).await.json()["code"].clone());
    }
    assert_eq!(codes.last(), Some(&json!("circuit_open")), "{codes:?}");

    let before = place.mirror.seen().len();
    let reply = send(place.ask(Method::POST, "mirror", "/503"), &[]).await;
    assert_eq!((reply.status, reply.header("x-its-own")), (503, "1"));
    assert_eq!(place.mirror.seen().len() - before, 1, "a write is not repeated");
    let before = place.mirror.seen().len();
    let reply = place.get("mirror", "/503").await;
    assert_eq!((reply.status, reply.header("x-its-own")), (503, "1"));
    assert!(place.mirror.seen().len() - before > 1, "a read is");
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_providers_own_failures_are_evidence_against_it() {
    let place = Place::open().await;
    let server = place.sandbox.server("github-b").expect("it is there");
    server
        .faults()
        .add(Fault::new(Effect::Error { status: 500 }))
        .expect("a sound fault");
    let mut statuses = vec![];
    for _ in 0..20 {
        let reply = send(place.ask(Method::DELETE, "github-b", "/repos/acme/none"), &[]).await;
        statuses.push(reply.status);
        if reply.status == 503 {
            assert_eq!(reply.refused(503), "circuit_open");
            break;
        }
    }
    assert_eq!(
        (statuses.first(), statuses.last()),
        (Some(&500), Some(&503)),
        "{statuses:?}"
    );
    place.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_goes_to_another_instance_however_equal() {
    let place = Place::with("[[routes]]\nservice = \"git\"\nproviders = [\"github-a\", \"github-b\"]\n").await;
    let other = place.sandbox.server("github-b").expect("it is there");
    let down = Fault::new(Effect::Error { status: 503 });
    let server = place.sandbox.server("github-a").expect("it is there");
    server.faults().add(down).expect("a sound fault");
    for method in [Method::GET, Method::POST] {
        let reply = send(place.ask(method, "github-a", "/repos/acme/api"), &[]).await;
        assert_eq!(reply.status, 503, "{reply:?}");
    }
    assert_eq!(other.requests().total, 0);
    // The typed surface has gone there.
    assert_eq!(place.typed("/v1/git/repos/acme/api").await.status, 200);
    assert_ne!(other.requests().total, 0);
    place.close().await;
}
