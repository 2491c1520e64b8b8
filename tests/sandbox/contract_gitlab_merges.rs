//! Merge requests and what is said to them, against what is recorded of GitLab.
//!
//! Invariant: a case finds what the one before it left.

use serde_json::json;

use crate::contract::{case, post};
use crate::contract_gitlab::{Contract, api, put};

const MERGES: &str = "/projects/{id}/merge_requests";
const MERGE: &str = "/projects/{id}/merge_requests/{iid}";
const NOTES: &str = "/projects/{id}/merge_requests/{iid}/notes";

pub(crate) async fn merges(contract: &mut Contract) {
    let new = json!({ "source_branch": "work", "target_branch": "main", "title": "Work", "description": "text" });
    let made = contract
        .send(
            post(api("/merge_requests"), MERGES, new.clone(), 201),
            Some("pr_create.json"),
        )
        .await;
    let path = api(&format!("/merge_requests/{}", made["iid"]));
    let below = |what: &str| format!("{path}{what}");
    contract
        .recorded([
            (case(api("/merge_requests?state=all"), MERGES, 200), "merges.json"),
            (case(&path, MERGE, 200), "merge.json"),
            (
                case(below("/changes"), "/projects/{id}/merge_requests/{iid}/changes", 200),
                "merge_diff.json",
            ),
            (
                case(below("/commits"), "/projects/{id}/merge_requests/{iid}/commits", 200),
                "commits.json",
            ),
            (
                case(below("/diffs"), "/projects/{id}/merge_requests/{iid}/diffs", 200),
                "commit_diff.json",
            ),
            (case("/merge_requests", "/merge_requests", 200), "merges.json"),
            (put(&path, MERGE, json!({ "title": "Draft: work" }), 200), "merge.json"),
        ])
        .await;
    let of_merge = "/projects/{id}/merge_requests/{iid}/merge";
    contract
        .all([
            post(api("/merge_requests"), MERGES, new, 409),
            post(api("/merge_requests"), MERGES, json!({ "source_branch": "work" }), 400),
            post(
                api("/merge_requests"),
                MERGES,
                json!({ "source_branch": "main", "target_branch": "main", "title": "t" }),
                422,
            ),
            post(
                api("/merge_requests"),
                MERGES,
                json!({ "source_branch": "none", "target_branch": "main", "title": "t" }),
                400,
            ),
            case(api("/merge_requests/1"), MERGE, 404),
            put(&path, MERGE, json!({}), 400),
            put(below("/merge"), of_merge, json!({}), 405),
            put(&path, MERGE, json!({ "title": "Work" }), 200),
            put(below("/merge"), of_merge, json!({ "sha": "0".repeat(40) }), 409),
            case(
                below("/reviewers"),
                "/projects/{id}/merge_requests/{iid}/reviewers",
                200,
            ),
            case(
                api("/repository/commits/work/merge_requests"),
                "/projects/{id}/repository/commits/{sha}/merge_requests",
                200,
            ),
        ])
        .await;
    contract
        .send(
            put(below("/merge"), of_merge, json!({ "squash": true }), 200),
            Some("pr_create.json"),
        )
        .await;
    contract.all([put(below("/merge"), of_merge, json!({}), 405)]).await;
}

/// To the guest's merge request, which is not our own.
pub(crate) async fn said(contract: &mut Contract) {
    let path = api("/merge_requests/3");
    let below = |what: &str| format!("{path}{what}");
    let (approve, unapprove) = (
        "/projects/{id}/merge_requests/{iid}/approve",
        "/projects/{id}/merge_requests/{iid}/unapprove",
    );
    let (discussions, one) = (
        "/projects/{id}/merge_requests/{iid}/discussions",
        "/projects/{id}/merge_requests/{iid}/discussions/{discussion}",
    );
    let note = contract
        .send(
            post(below("/notes"), NOTES, json!({ "body": "Well" }), 201),
            Some("merge_note.json"),
        )
        .await;
    contract
        .send(case(below("/notes"), NOTES, 200), Some("merge_notes.json"))
        .await;
    let talk =
        json!({ "body": "Here", "position": { "position_type": "text", "new_path": "notes/3.md", "new_line": 1 } });
    let talk = contract
        .send(post(below("/discussions"), discussions, talk, 201), None)
        .await;
    contract
        .all([
            case(
                below(&format!("/notes/{}", note["id"])),
                "/projects/{id}/merge_requests/{iid}/notes/{note}",
                200,
            ),
            post(below("/notes"), NOTES, json!({}), 400),
            post(below("/notes"), NOTES, json!({ "body": "/label bug" }), 202),
            case(below("/discussions"), discussions, 200),
            case(
                below(&format!("/discussions/{}", talk["id"].as_str().unwrap())),
                one,
                200,
            ),
            case(below("/discussions/none"), one, 404),
            case(
                below("/approvals"),
                "/projects/{id}/merge_requests/{iid}/approvals",
                200,
            ),
            post(below("/approve"), approve, json!({ "sha": "0".repeat(40) }), 409),
            post(below("/approve"), approve, json!({}), 201),
            post(below("/approve"), approve, json!({}), 401),
            post(below("/unapprove"), unapprove, json!({}), 201),
            post(below("/unapprove"), unapprove, json!({}), 404),
        ])
        .await;
}
