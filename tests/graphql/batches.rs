//! Batches, and documents that are asked for by their hash.

use ring::digest::{SHA256, digest};
use serde_json::{Value, json};

use super::errors::get;
use super::{post, stage};

const REPO: &str = "{ gitRepoGet(repo: \"github-a~acme/api\") { path } }";

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_answered_in_its_order_and_asks_equals_once() {
    let stage = stage("max_batch = 3").await;
    let before = stage.asked("github");
    let one = json!({ "query": REPO });
    let batch = json!([one, { "query": "{ nothing }" }, one]);
    let answers: Value = post(&stage.gateway, &batch, &[]).await.ok();
    assert_eq!(answers[0]["data"]["gitRepoGet"]["path"], "acme/api", "{answers}");
    assert_eq!(answers[1]["errors"][0]["extensions"]["code"], "invalid_input");
    assert_eq!(answers[2], answers[0]);
    assert_eq!(stage.asked("github") - before, 1);
    for wrong in [json!([]), json!([one, one, one, one]), json!([7])] {
        let refused = post(&stage.gateway, &wrong, &[]).await;
        assert_eq!(refused.status, 400, "{wrong}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_document_is_given_once_and_asked_for_by_its_hash() {
    let stage = stage("").await;
    let hash = digest(&SHA256, REPO.as_bytes());
    let hash: String = hash.as_ref().iter().map(|byte| format!("{byte:02x}")).collect();
    let named = |hash: &str| json!({ "persistedQuery": { "version": 1, "sha256Hash": hash } });
    let missing = post(&stage.gateway, &json!({ "extensions": named(&hash) }), &[])
        .await
        .ok();
    assert_eq!(missing["errors"][0]["message"], "PersistedQueryNotFound");
    assert_eq!(missing["errors"][0]["extensions"]["code"], "PERSISTED_QUERY_NOT_FOUND");
    let other = post(
        &stage.gateway,
        &json!({ "query": "{ __typename }", "extensions": named(&hash) }),
        &[],
    )
    .await
    .ok();
    assert_eq!(other["errors"][0]["extensions"]["code"], "invalid_input", "{other}");
    for request in [
        json!({ "query": REPO, "extensions": named(&hash) }),
        json!({ "extensions": named(&hash) }),
    ] {
        let answer = post(&stage.gateway, &request, &[]).await.ok();
        assert_eq!(answer["data"]["gitRepoGet"]["path"], "acme/api", "{answer}");
    }
    // By a link, too, which is short and can be kept.
    let extensions = named(&hash).to_string();
    let answer = get(&stage, &[("extensions", &extensions)], &[]).await.ok();
    assert_eq!(answer["data"]["gitRepoGet"]["path"], "acme/api", "{answer}");
    stage.close().await;
}
