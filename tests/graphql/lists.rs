//! Connections, ids, and what is said beside an input.

use std::collections::BTreeSet;

use mosaic::sandbox::{Effect, Fault};
use serde_json::{Value, json};

use super::{ask, data, post, sound, stage};

fn texts(values: &Value, field: &str) -> Vec<String> {
    let values = values.as_array().into_iter().flatten();
    values
        .map(|value| value[field].as_str().expect("a text").to_owned())
        .collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_list_is_walked_by_its_pages_and_from_within_them() {
    let stage = stage("").await;
    let mut seen = Vec::new();
    let mut after = Value::Null;
    loop {
        let query = "query($after: String) { gitRepoList(owner: \"many\", first: 50, after: $after) {
            edges { cursor node { path } } pageInfo { hasNextPage hasPreviousPage endCursor } } }";
        let asked = json!({ "query": query, "variables": { "after": after } });
        let answer = post(&stage.gateway, &asked, &[]).await.ok();
        let page = sound(&answer)["gitRepoList"].clone();
        let edges = page["edges"].as_array().expect("edges");
        seen.extend(
            edges
                .iter()
                .map(|edge| edge["node"]["path"].as_str().expect("a path").to_owned()),
        );
        assert_eq!(page["pageInfo"]["hasPreviousPage"], !after.is_null());
        assert_eq!(page["pageInfo"]["endCursor"], edges.last().expect("one")["cursor"]);
        if page["pageInfo"]["hasNextPage"] == false {
            break;
        }
        after = page["pageInfo"]["endCursor"].clone();
    }
    assert_eq!((seen.len(), seen.iter().collect::<BTreeSet<_>>().len()), (120, 120));

    let first = data(
        &stage.gateway,
        "{ gitRepoList(owner: \"many\", first: 5) { edges { cursor } } }",
    )
    .await;
    let within = first["gitRepoList"]["edges"][1]["cursor"]
        .as_str()
        .expect("a cursor")
        .to_owned();
    let query = format!(
        "{{ gitRepoList(owner: \"many\", first: 2, after: \"{within}\") {{ nodes {{ path }} pageInfo {{ hasNextPage }} }} }}"
    );
    let behind = data(&stage.gateway, &query).await["gitRepoList"].clone();
    assert_eq!(texts(&behind["nodes"], "path"), seen[2..4]);
    assert_eq!(behind["pageInfo"]["hasNextPage"], true);

    let wrong = ask(&stage.gateway, "{ gitRepoList(first: 500) { nodes { path } } }").await;
    assert_eq!(wrong["errors"][0]["extensions"]["field"], "first", "{wrong}");
    let wrong = ask(&stage.gateway, "{ gitRepoList(after: \"forged\") { nodes { path } } }").await;
    assert_eq!(wrong["errors"][0]["extensions"]["field"], "after", "{wrong}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_id_names_a_thing_on_its_own_and_as_an_input() {
    let stage = stage("").await;
    let repo = data(
        &stage.gateway,
        "{ gitRepoGet(repo: \"acme/api\", provider: \"github-a\") { id neutralId } }",
    )
    .await;
    let repo = &repo["gitRepoGet"];
    assert_eq!(
        *repo,
        json!({ "id": "Repo:github-a~acme/api", "neutralId": "github-a~acme/api" })
    );
    let query = "query($id: ID!, $repo: String!) {
        node(id: $id) { id __typename ... on Repo { path } }
        nodes(ids: [$id, \"Nothing:x~y\"]) { id }
        gitRepoGet(repo: $repo) { path } }";
    let asked = json!({ "query": query, "variables": { "id": repo["id"], "repo": repo["id"] } });
    let answer = post(&stage.gateway, &asked, &[]).await.ok();
    assert_eq!(
        answer["data"],
        json!({
            "node": { "id": repo["id"], "__typename": "Repo", "path": "acme/api" },
            "nodes": [{ "id": repo["id"] }],
            "gitRepoGet": { "path": "acme/api" },
        })
    );
    assert_eq!(answer["errors"].as_array().map(Vec::len), Some(1), "{answer}");
    assert_eq!(answer["errors"][0]["path"], json!(["nodes"]));
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_instance_is_asked_and_each_row_tells_whose_it_is() {
    let stage = stage("").await;
    let query =
        "{ gitRepoList(provider: \"all\", first: 3) { edges { provider node { path } } errors { provider code } } }";
    let all = data(&stage.gateway, query).await["gitRepoList"].clone();
    let of: BTreeSet<String> = texts(&all["edges"], "provider").into_iter().collect();
    assert!(of.contains("github-a") && of.contains("github-b"), "{all}");
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_instance_whose_rows_are_missing_is_told_among_the_errors() {
    let stage = stage("").await;
    let broken = Fault::new(Effect::Error { status: 500 });
    stage.server("github-b").faults().add(broken).expect("a sound fault");
    let query = "{ all: gitRepoList(provider: \"all\", first: 3) { edges { provider node { path } } } }";
    let answer = ask(&stage.gateway, query).await;
    let of = texts(&answer["data"]["all"]["edges"], "provider");
    assert!(
        of.contains(&"github-a".to_owned()) && !of.contains(&"github-b".to_owned()),
        "{answer}"
    );
    let errors = answer["errors"].as_array().expect("errors");
    let of_b: Vec<_> = errors
        .iter()
        .filter(|error| error["extensions"]["provider"] == "github-b")
        .collect();
    let [error] = &of_b[..] else { panic!("one: {answer:#}") };
    assert_eq!(error["path"], json!(["all"]), "{answer}");
    assert_eq!(error["extensions"]["code"], "upstream_failed", "{answer}");
    assert_eq!(error["extensions"]["retryable"], true);
    assert!(error["extensions"]["request_id"].is_string());
    stage.close().await;
}
