//! What drivers make of CI, given something else in the place of each answer that they know.
//!
//! Invariant: whatever comes, a driver answers or fails, and names its instance where it fails behind an answer.

use mosaic::providers::http::HttpClient;
use mosaic_actors::error::Kind;
use serde_json::json;

use crate::upstream::cells::cells;
use crate::upstream::{self, Canned, Upstream};

/// What may stand where an answer should.
fn odd() -> Vec<Canned> {
    let json = [
        json!(null),
        json!([]),
        json!({}),
        json!("x"),
        json!([null, 5, {}]),
        json!({"jobs": 5, "allBuilds": [[]], "builds": {}, "items": [null], "artifacts": "x", "workflows": [7]}),
        json!({"number": -1, "status": [], "building": "no", "timestamp": 1e300, "duration": i64::MAX, "actions": [[]]}),
        json!({"id": -1, "total_count": "many", "workflow_runs": [{"id": u64::MAX, "status": 5}], "conclusion": [], "steps": {}}),
        json!({"id": 0, "workflow_run_id": 1, "key": "", "key_id": "", "login": "", "default_branch": "..", "run_id": 7}),
        json!({"number": 1, "status": "success", "timestamp": i64::MAX, "duration": i64::MAX, "created": -5,
            "workflows": [{"children": [{"id": "x"}]}]}),
    ];
    let texts = ["", "<html></html>", "{\"number\": 1, \"sta", "\u{0}\u{feff}"];
    let json = json.into_iter().map(|body| Canned::json(200, body));
    json.chain(texts.into_iter().map(|text| Canned::text(200, text)))
        .collect()
}

#[tokio::test]
async fn whatever_stands_in_the_place_of_an_answer_ends_in_an_answer_or_a_failure() {
    let client = HttpClient::from_env().expect("a client");
    let mut given = 0;
    for cell in cells() {
        // What is followed is asked for again after a pause; its parts are read as elsewhere.
        let pauses = matches!(&*cell.operation, "cicd.log.follow" | "cicd.run.wait");
        if !cell.operation.starts_with("cicd.") || pauses {
            continue;
        }
        let mut input = cell.read("input.json");
        if input["input"].is_object() {
            input = input["input"].take();
        }
        if input["cursor"].is_string() {
            continue;
        }
        for at in 0..cell.answers.len() {
            for answer in odd() {
                let mut answers = cell.answers.clone();
                answers[at] = answer;
                let provider = Upstream::answering(answers).await;
                let connection = upstream::connection_by(&client, &provider.url);
                let outcome = upstream::ask(&cell.kind, &connection, &cell.operation, input.clone()).await;
                if let Err(failure) = outcome {
                    assert!(failure.provider.is_some(), "{}: {failure:?}", cell.name());
                }
                given += 1;
            }
        }
    }
    assert!(given > 1000, "{given} answers were given");
}

/// Within the bytes that an answer may have, there is room for millions of rows, which would take many times its memory.
#[tokio::test]
async fn a_list_of_millions_of_rows_is_not_read() {
    let client = HttpClient::from_env().expect("a client");
    let rows = |row: &str| ["[", row, &format!(",{row}").repeat(1_400_000), "]"].concat();
    for (kind, operation, input, before, after) in [
        ("github", "git.branch.list", json!({"repo": "a/b"}), "", ""),
        ("gitea", "git.branch.list", json!({"repo": "a/b"}), "", ""),
        ("gitlab", "git.tag.list", json!({"repo": "a/b"}), "", ""),
        ("jenkins", "cicd.queue.list", json!({}), r#"{"items":"#, "}"),
        ("openai", "ai.models.list", json!({}), r#"{"data":"#, "}"),
    ] {
        for row in ["1", "{}"] {
            let answer = Canned {
                bytes: Some([before, &rows(row), after].concat().into_bytes()),
                ..Canned::json(200, json!(null))
            };
            let provider = Upstream::answering([answer]).await;
            let mut connection = upstream::connection_by(&client, &provider.url);
            connection.max_response = 32 << 20;
            let failure = upstream::ask(kind, &connection, operation, input.clone()).await;
            let failure = failure.expect_err(kind);
            assert_eq!(failure.kind, Kind::UpstreamFailed, "{kind}");
            assert!(failure.message().contains("more rows"), "{kind}: {failure}");
            assert!(!failure.retryable && failure.sound, "{kind}");
            assert_eq!(failure.provider.as_deref(), Some(upstream::INSTANCE), "{kind}");
        }
    }
}
