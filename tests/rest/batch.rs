//! Several operations in one request.

use std::time::Duration;

use mosaic_actors::call::Body;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::refused;
use crate::support::fake::{FakeCalls, Gate, answer};
use crate::support::memory_store::MemoryStore;
use crate::support::{KEY, Server, eventually, raw};

fn repo(name: &str) -> Value {
    json!({ "operation": "git.repo.get", "input": { "repo": name } })
}

fn asked(server: &Server, operations: &Value) -> reqwest::RequestBuilder {
    let request = server.http.post(server.url("/v1/batch")).bearer_auth(KEY);
    request.json(&json!({ "operations": operations }))
}

async fn done(request: reqwest::RequestBuilder) -> Vec<Value> {
    let response = request.send().await.expect("an answer");
    assert_eq!(response.status(), 200);
    assert_eq!(response.headers()["content-type"], "application/json");
    let answer: Value = response.json().await.expect("JSON");
    answer["results"].as_array().expect("results").clone()
}

/// Answers with the resource's name.
fn names() -> FakeCalls {
    FakeCalls::new(|call| async move {
        match &**call.resource.native() {
            "a/none" => Err(Failure::new(Kind::NotFound, "there is none").by(&"forge-a".into())),
            "a/long" => Ok(answer("forge-a", &format!("\"{}\"", "x".repeat(2_000)))),
            name => Ok(answer("forge-a", &format!("{{\"name\":\"{name}\"}}"))),
        }
    })
}

#[tokio::test]
async fn each_has_its_own_outcome_in_the_order_asked_for() {
    let server = Server::start(names()).await;
    let operations = json!([
        repo("a/b"),
        repo("a/none"),
        { "operation": "git.repo.gte", "input": {} },
        { "operation": "git.repo.get", "input": { "repo": "a/c" }, "options": { "provider": "forge-b", "no_cache": true } },
        { "operation": "ai.chat.stream", "input": { "model": "m", "prompt": "x" } },
    ]);
    let results = done(
        asked(&server, &operations)
            .header("x-request-id", "mine")
            .header("x-mosaic-labels", "team=web"),
    )
    .await;
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_u64().expect("a status"))
        .collect();
    assert_eq!(statuses, [200, 404, 400, 200, 400]);
    assert_eq!(results[0]["body"], json!({ "name": "a/b" }));
    assert_eq!(results[3]["body"], json!({ "name": "a/c" }));
    for (number, result) in results.iter().enumerate() {
        assert_eq!(result["headers"]["x-request-id"], format!("mine.{number}"));
    }
    let headers = &results[0]["headers"];
    assert_eq!(headers["content-type"], "application/json");
    assert_eq!(headers["x-mosaic-provider"], "forge-a");
    assert!(headers["etag"].is_string() && headers["cache-status"].is_string());
    assert_eq!(results[1]["headers"]["content-type"], "application/problem+json");
    assert_eq!(
        (&results[1]["body"]["code"], &results[1]["body"]["request_id"]),
        (&json!("not_found"), &json!("mine.1"))
    );
    let detail = |at: usize| results[at]["body"]["detail"].as_str().expect("a detail").to_owned();
    assert!(detail(2).contains("did you mean git.repo.get?"), "{}", detail(2));
    assert!(
        detail(4).contains("streams its answer") && detail(4).contains("POST /v1/ai/chat/stream"),
        "{}",
        detail(4)
    );
    let mut calls = server.calls.seen();
    calls.sort_by(|a, b| a.id.cmp(&b.id));
    let ids: Vec<_> = calls.iter().map(|call| &*call.id).collect();
    assert_eq!(ids, ["mine.0", "mine.1", "mine.3"]);
    assert_eq!(
        (calls[2].provider.as_deref(), calls[2].no_cache),
        (Some("forge-b"), true)
    );
    for call in &calls {
        assert_eq!((&*call.caller.tenant, call.attributes.labels.len()), ("acme", 1));
        // One deadline for all.
        assert_eq!(call.deadline, calls[0].deadline);
    }
}

#[tokio::test]
async fn what_is_no_batch_is_refused_before_anything_is_done() {
    let server = Server::start(names()).await;
    let many = Value::from(vec![repo("a/b"); 6]);
    for (operations, what) in [(json!([]), "none"), (many, "too many"), (json!("x"), "no list")] {
        let problem = refused(asked(&server, &operations), 400, what).await;
        assert_eq!(problem["field"], "operations", "{what}");
    }
    let one = json!([repo("a/b")]);
    let keyed = asked(&server, &one).header("idempotency-key", "k");
    assert_eq!(
        refused(keyed, 400, "whose key is it?").await["field"],
        "idempotency_key"
    );
    let url = server.url("/v1/batch?provider=forge-a");
    let odd = server
        .http
        .post(url)
        .bearer_auth(KEY)
        .json(&json!({ "operations": one }));
    assert_eq!(refused(odd, 400, "a parameter").await["field"], "provider");
    let unknown = server
        .http
        .post(server.url("/v1/batch"))
        .json(&json!({ "operations": one }));
    refused(unknown, 401, "nobody").await;
    assert!(server.calls.seen().is_empty());
    // What is wrong with one is its own.
    let results = done(asked(
        &server,
        &json!([1, { "input": {} }, { "operation": "git.repo.get", "more": 1 }, repo("a/b")]),
    ))
    .await;
    let statuses: Vec<_> = results
        .iter()
        .map(|result| result["status"].as_u64().expect("a status"))
        .collect();
    assert_eq!(statuses, [400, 400, 400, 200]);
}

#[tokio::test]
async fn a_file_is_no_part_of_a_batch() {
    let server = Server::start(names()).await;
    for entry in mosaic::catalogue::OPERATIONS.iter() {
        let declaration = entry.declaration;
        if !(declaration.upload || declaration.bytes || declaration.facts.streaming) {
            continue;
        }
        let results = done(asked(&server, &json!([{ "operation": entry.name() }]))).await;
        assert_eq!(
            (&results[0]["status"], &results[0]["body"]["field"]),
            (&json!(400), &json!("operation")),
            "{}",
            entry.name()
        );
    }
}

#[tokio::test]
async fn keys_are_of_one_each_and_replay_it() {
    let store = std::sync::Arc::new(MemoryStore::default());
    let server = Server::with(names(), Some(store), mosaic::server::ServerLimits::default()).await;
    let create = |key: &str| {
        json!({
            "operation": "git.branch.create",
            "input": { "repo": "a/b", "branch": "mend", "from": "main" },
            "options": { "idempotency_key": key },
        })
    };
    for replayed in [Value::Null, json!("true")] {
        let results = done(asked(&server, &json!([create("one"), create("two")]))).await;
        for result in &results {
            assert_eq!(
                (&result["status"], &result["headers"]["idempotency-replayed"]),
                (&json!(200), &replayed),
                "{result}"
            );
        }
    }
    assert_eq!(server.calls.seen().len(), 2, "each was done once");
}

#[tokio::test]
async fn some_are_done_at_a_time_and_all_end_with_their_client() {
    let gate = Gate::default();
    let inner = gate.clone();
    let server = Server::start(FakeCalls::new(move |_| {
        let alive = inner.enter();
        async move {
            let _alive = alive;
            std::future::pending().await
        }
    }))
    .await;
    let body = json!({ "operations": [repo("a/1"), repo("a/2"), repo("a/3"), repo("a/4")] }).to_string();
    let mut client = raw::connect(server.listener.local_addr()).await;
    let head = format!(
        "POST /v1/batch HTTP/1.1\r\nhost: x\r\nx-api-key: {KEY}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    tokio::io::AsyncWriteExt::write_all(&mut client, head.as_bytes())
        .await
        .expect("written");
    eventually("as many as may are begun", || gate.alive() == 3).await;
    drop(client);
    eventually("all are dropped", || gate.alive() == 0).await;
    assert_eq!(server.calls.seen().len(), 3);
}

#[tokio::test]
async fn one_deadline_is_that_of_all() {
    let server = Server::start(names()).await;
    let patient =
        json!({ "operation": "git.repo.get", "input": { "repo": "a/b" }, "options": { "timeout_ms": 9_000 } });
    let hasty = json!({ "operation": "git.repo.get", "input": { "repo": "a/b" }, "options": { "timeout_ms": 100 } });
    let body = json!({ "operations": [patient, hasty, repo("a/c")] });
    let url = server.url("/v1/batch?timeout_ms=2000");
    done(
        server
            .http
            .post(url)
            .bearer_auth(KEY)
            .json(&body)
            .header("x-request-id", "t"),
    )
    .await;
    let mut calls = server.calls.seen();
    calls.sort_by(|a, b| a.id.cmp(&b.id));
    assert_eq!(
        calls[0].deadline, calls[2].deadline,
        "none may take longer than the batch"
    );
    let sooner = calls[0].deadline - calls[1].deadline;
    assert_eq!(sooner, Duration::from_millis(1_900));
}

#[tokio::test]
async fn answers_that_find_no_room_say_so() {
    let server = Server::start(names()).await;
    let results = done(asked(&server, &json!([repo("a/long"), repo("a/b"), repo("a/none")]))).await;
    assert_eq!(results[0]["status"], 503);
    assert_eq!(
        (&results[0]["body"]["code"], &results[0]["body"]["retryable"]),
        (&json!("overloaded"), &json!(true))
    );
    assert_eq!(
        (&results[1]["status"], &results[2]["status"]),
        (&json!(200), &json!(404))
    );
    let write = json!({ "operation": "git.repo.delete", "input": { "repo": "a/long" } });
    let results = done(asked(&server, &json!([write]))).await;
    assert_eq!(results[0]["body"]["retryable"], false);
    assert!(
        results[0]["body"]["detail"]
            .as_str()
            .expect("a detail")
            .contains("it was done")
    );
}

#[tokio::test]
async fn an_empty_answer_is_null() {
    let server = Server::start(FakeCalls::new(|_| async {
        let mut empty = answer("forge-a", "");
        empty.body = Body::Bytes(bytes::Bytes::new());
        Ok(empty)
    }))
    .await;
    assert_eq!(
        done(asked(&server, &json!([repo("a/b")]))).await[0]["body"],
        Value::Null
    );
}
