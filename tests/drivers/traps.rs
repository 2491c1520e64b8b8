//! Traps of whole kinds of requests, which no one golden cell shows.
//!
//! Invariant: each test's name begins with the trap that it is of.

use mosaic::providers::KINDS;
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::cells::cells;
use crate::upstream::{Canned, Upstream, ask, connection};

#[tokio::test]
async fn trap_13_what_gitea_lacks_is_declared_and_never_sent() {
    let gitea = KINDS.iter().find(|kind| kind.name == "gitea").expect("a kind");
    for operation in ["cicd.run.cancel", "cicd.run.approve"] {
        assert!(!(gitea.operations)().contains(&operation), "{operation}");
        let provider = Upstream::answering([]).await;
        let input = json!({"run": "acme/api#41"});
        let failure = ask("gitea", &connection(&provider.url), operation, input).await;
        assert_eq!(failure.expect_err("it cannot").kind, Kind::Unsupported, "{operation}");
        assert_eq!(provider.seen().len(), 0, "{operation}");
    }
}

#[tokio::test]
async fn h22_a_write_that_was_cut_may_have_been_done_and_is_not_repeated() {
    for status in [500, 502, 504] {
        let provider = Upstream::answering([Canned::text(status, "timeout"), Canned::json(201, json!({}))]).await;
        let input = json!({"pr": "acme/api#7", "body": "A word"});
        let failure = ask("github", &connection(&provider.url), "git.pr.comment", input).await;
        let failure = failure.expect_err("it was cut");
        assert!(
            failure.kind.blames_provider() && !failure.unsent,
            "{status}: {failure:?}"
        );
        assert_eq!(provider.seen().len(), 1, "{status}");
    }
}

#[tokio::test]
async fn h23_the_api_s_version_is_the_oldest_unless_another_is_set() {
    for (set, sent) in [(None, "2022-11-28"), (Some("2026-03-10"), "2026-03-10")] {
        let provider = Upstream::answering([Canned::json(404, json!({}))]).await;
        let mut connection = connection(&provider.url);
        if let Some(version) = set {
            connection.settings.insert("api_version".to_owned(), version.into());
        }
        let failure = ask("github", &connection, "git.repo.get", crate::repo()).await;
        assert_eq!(failure.expect_err("404").kind, Kind::NotFound);
        assert_eq!(provider.seen()[0].headers["x-github-api-version"], sent);
    }
}

/// Texts in an address are cut by proxies and written into logs. What one request says of another's address alone is
/// asked for there: which page, and what a removal is of.
#[test]
fn gl28_what_is_written_at_gitlab_stands_in_a_body() {
    let mut writes = 0;
    for cell in cells().into_iter().filter(|cell| cell.kind == "gitlab") {
        for request in cell.read("request.json").as_array().expect("requests") {
            if !matches!(request["method"].as_str(), Some("POST" | "PUT" | "PATCH")) {
                continue;
            }
            writes += 1;
            assert_eq!(request["query"], Value::Null, "{}: {request}", cell.name());
        }
    }
    assert!(writes > 50, "{writes}");
}

/// As proxies and overloaded servers do: a success that only says something is no list without rows.
#[tokio::test]
async fn what_only_says_something_is_no_empty_list() {
    let lists = cells()
        .into_iter()
        .filter(|cell| matches!(&*cell.kind, "github" | "gitea" | "gitlab"));
    let lists: std::collections::BTreeSet<(String, String)> = lists
        .filter(|cell| cell.operation.ends_with(".list") || cell.operation.ends_with("s"))
        .map(|cell| (cell.kind, cell.operation))
        .collect();
    let mut asked = 0;
    for (kind, operation) in lists {
        let entry = mosaic::catalogue::find(&operation).expect("an operation");
        if !entry.declaration.facts.list {
            continue;
        }
        asked += 1;
        let said = || Canned::json(200, json!({"message": "Server Error"}));
        let provider = Upstream::answering(std::iter::repeat_with(said).take(9)).await;
        let mut input = serde_json::Map::new();
        for field in entry.fields.iter().filter(|field| field.required) {
            let value = match &*field.name {
                "run" => "acme/api#41",
                "pr" => "acme/api#7",
                "repo" | "project" => "acme/api",
                "issue" => "acme/api#7",
                "board" if kind == "github" => "orgs/acme#5",
                "board" => "acme/api#3",
                "query" => "words",
                other => panic!("{operation}: {other}"),
            };
            input.insert(field.name.clone(), value.into());
        }
        if operation == "projects.board.list" {
            let of = if kind == "github" { "acme" } else { "acme/api" };
            input.insert("of".to_owned(), of.into());
        }
        if operation == "cicd.pipeline.list" {
            input.insert("project".to_owned(), "acme/api".into());
        }
        let listed = ask(&kind, &connection(&provider.url), &operation, input.into()).await;
        let failure = listed.expect_err(&format!("{kind} {operation}"));
        assert_eq!(failure.kind, Kind::UpstreamFailed, "{kind} {operation}: {failure}");
    }
    assert!(asked > 30, "{asked}");
}
