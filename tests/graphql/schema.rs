//! The schema: whole, sound, and no more than there is for whoever asks.

use std::collections::BTreeSet;

use mosaic::catalogue::OPERATIONS;
use reqwest::Method;
use serde_json::{Value, json};

use super::harness::http::send;
use super::{KEY, STRANGER, data, post, stage};

const ROOTS: &str = "{ __schema { queryType { fields { name } } mutationType { fields { name } } \
                     subscriptionType { fields { name } } } }";

fn names(root: &Value) -> BTreeSet<String> {
    let fields = root["fields"].as_array().into_iter().flatten();
    fields
        .map(|field| field["name"].as_str().expect("a name").to_owned())
        .collect()
}

/// `git.repo.get` as the field that it is.
fn field(name: &str) -> String {
    let mut parts = name.split(['.', '_']);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |name, part| name + &part[..1].to_uppercase() + &part[1..])
}

#[tokio::test(flavor = "multi_thread")]
async fn every_operation_is_one_field_of_the_root_that_it_belongs_to() {
    let stage = stage("").await;
    let all: Vec<&str> = OPERATIONS.iter().map(|entry| entry.name()).collect();
    let schema = data(&stage.gateway, ROOTS).await["__schema"].clone();
    let offered: Value = {
        let url = format!("http://{}/v1/operations", stage.gateway.public);
        send(stage.gateway.client.0.get(url).bearer_auth(KEY), &[]).await.ok()
    };
    let offered = offered["operations"].as_array().expect("a list").clone();
    assert!(offered.len() > 50, "{} of {}", offered.len(), all.len());
    for operation in offered {
        let name = operation["name"].as_str().expect("a name");
        let roots = ["queryType", "mutationType", "subscriptionType"];
        let of: Vec<&str> = roots
            .into_iter()
            .filter(|root| names(&schema[root]).contains(&field(name)))
            .collect();
        let wanted = match (operation["streaming"] == true, operation["safe"] == true) {
            (true, _) => "subscriptionType",
            (false, true) => "queryType",
            (false, false) => "mutationType",
        };
        assert_eq!(of, [wanted], "{name}");
    }
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_reaches_less_is_told_of_less_and_a_setting_tells_nobody() {
    let stage = stage("").await;
    let whole = names(&data(&stage.gateway, ROOTS).await["__schema"]["queryType"]);
    let url = format!("http://{}/graphql", stage.gateway.public);
    let asked = stage
        .gateway
        .client
        .0
        .post(&url)
        .bearer_auth(STRANGER)
        .json(&json!({ "query": ROOTS }));
    let part = names(&send(asked, &[]).await.ok()["data"]["__schema"]["queryType"]);
    assert!(
        part.is_subset(&whole) && part.len() < whole.len(),
        "{} of {}",
        part.len(),
        whole.len()
    );
    assert!(part.contains("gitRepoGet") && !part.contains("docsPageGet"));
    let refused = stage.gateway.client.0.post(&url).bearer_auth(STRANGER);
    let refused = refused.json(&json!({ "query": "{ docsPageGet(page: \"7\") { id } }" }));
    let refused = send(refused, &[]).await.ok();
    assert_eq!(refused["errors"][0]["extensions"]["code"], "invalid_input", "{refused}");
    stage.close().await;

    let closed = super::stage("introspection = false").await;
    let told = post(&closed.gateway, &json!({ "query": ROOTS }), &[]).await.json();
    assert!(
        told["errors"][0].is_object() && told["data"]["__schema"].is_null(),
        "{told}"
    );
    let answered = data(
        &closed.gateway,
        "{ gitRepoGet(repo: \"acme/api\") { path __typename } }",
    )
    .await;
    assert_eq!(
        answered["gitRepoGet"],
        json!({ "path": "acme/api", "__typename": "Repo" })
    );
    closed.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_loads_nothing_from_elsewhere() {
    let stage = stage("").await;
    let url = format!("http://{}/graphql", stage.gateway.public);
    let page = send(
        stage.gateway.client.0.request(Method::GET, &url),
        &[("accept", "text/html,*/*;q=0.8")],
    )
    .await;
    assert_eq!(
        (page.status, page.header("content-type")),
        (200, "text/html; charset=utf-8")
    );
    assert!(page.header("content-security-policy").contains("connect-src 'self'"));
    assert!(
        !page.text.contains("http://") && !page.text.contains("https://"),
        "{}",
        page.text
    );
    assert!(page.text.contains("graphql/explorer.js"));
    let script = stage.gateway.get("/graphql/explorer.js").await;
    assert_eq!(
        (script.status, script.header("content-type")),
        (200, "text/javascript; charset=utf-8")
    );
    assert!(!script.text.contains("//cdn") && script.text.contains("__schema"));
    stage.close().await;
}
