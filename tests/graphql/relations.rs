//! What belongs together is asked for together, and no oftener than it must be.

use serde_json::json;

use super::{ask, data, stage};
use crate::harness::Stage;

fn asked(stage: &Stage) -> u64 {
    stage.asked("github")
}

#[tokio::test(flavor = "multi_thread")]
async fn fifty_rows_of_one_parent_cost_one_more_call() {
    let stage = stage("").await;
    let made = 50;
    for at in 0..made {
        let query = format!(
            "mutation {{ projectsIssueCreate(project: \"github-a~acme/web\", title: \"Row {at}\", labels: [\"bug\"]) {{ id }} }}"
        );
        data(&stage.gateway, &query).await;
    }
    let before = asked(&stage);
    let query = "{ projectsIssueList(project: \"github-a~acme/web\", first: 50) {
        nodes { neutralId labels labelDetails { name color } } } }";
    let answer = data(&stage.gateway, query).await["projectsIssueList"]["nodes"].clone();
    let rows = answer.as_array().expect("rows");
    assert_eq!(rows.len(), made);
    for row in rows {
        let details = row["labelDetails"].as_array().expect("labels");
        assert_eq!(row["labels"].as_array().map(Vec::len), Some(details.len()), "{row}");
    }
    assert!(
        rows.iter().any(|row| row["labelDetails"][0]["name"] == "bug"),
        "{rows:?}"
    );
    // One list of issues, and one list of labels for all of them.
    assert_eq!(asked(&stage) - before, 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_distinct_parent_is_asked_once_and_equals_are_asked_together() {
    let stage = stage("").await;
    let before = asked(&stage);
    let query = "{ gitRepoList(owner: \"many\", first: 50, provider: \"github-a\") {
        nodes { id prs(first: 1) { nodes { id } } again: prs(first: 1) { pageInfo { hasNextPage } } } } }";
    let answer = data(&stage.gateway, query).await["gitRepoList"]["nodes"].clone();
    assert_eq!(answer.as_array().map(Vec::len), Some(50));
    assert_eq!(asked(&stage) - before, 1 + 50);

    // All of one repository's pull requests have one repository.
    let before = asked(&stage);
    let query = "{ gitPrList(repo: \"github-b~acme/api\", state: ALL) {
        nodes { number repository { path } head { branch } } } }";
    let pulls = data(&stage.gateway, query).await["gitPrList"]["nodes"].clone();
    let pulls = pulls.as_array().expect("rows");
    assert!(!pulls.is_empty());
    assert!(
        pulls.iter().all(|pull| pull["repository"]["path"] == "acme/api"),
        "{pulls:?}"
    );
    assert_eq!(asked(&stage) - before, 2);
    stage.close().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_fails_of_one_row_leaves_the_others_whole() {
    let stage = stage("").await;
    let query = "{ good: gitRepoGet(repo: \"github-a~acme/api\") { path branches(first: 1) { nodes { name } } }
        bad: gitRepoGet(repo: \"github-a~acme/none\") { path } }";
    let answer = ask(&stage.gateway, query).await;
    assert_eq!(answer["data"]["good"]["path"], "acme/api", "{answer}");
    assert_eq!(
        answer["data"]["good"]["branches"]["nodes"].as_array().map(Vec::len),
        Some(1)
    );
    assert_eq!(answer["data"]["bad"], json!(null));
    let error = &answer["errors"][0];
    assert_eq!(error["path"], json!(["bad"]));
    assert_eq!(error["extensions"]["code"], "not_found", "{error}");
    assert_eq!(error["extensions"]["provider"], "github-a", "{error}");
    stage.close().await;
}
