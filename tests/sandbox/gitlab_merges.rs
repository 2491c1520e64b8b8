//! GitLab's merge requests: their states, what refuses a merge, approvals, quick actions, and merges that wait for CI.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::Rig;

const API: &str = "/projects/acme%2Fapi";

async fn rig() -> Rig {
    Rig::one("gitlab", |_| {}).await
}

async fn put(rig: &Rig, path: &str, body: Value) -> Response {
    rig.request("one", Method::PUT, &format!("{API}{path}"))
        .json(&body)
        .send()
        .await
        .unwrap()
}

async fn post(rig: &Rig, path: &str, body: Value) -> Response {
    rig.post("one", &format!("{API}{path}"), &body).await
}

async fn get(rig: &Rig, path: &str) -> Value {
    rig.get_json("one", &format!("{API}{path}")).await
}

/// Opens one from a new branch with this file; the answer is its path below the project.
async fn open(rig: &Rig, branch: &str, path: &str, text: &str) -> String {
    let action = json!({ "action": "update", "file_path": path, "content": text });
    let commit = json!({ "branch": branch, "start_branch": "main", "commit_message": "m", "actions": [action] });
    assert_eq!(post(rig, "/repository/commits", commit).await.status(), 201);
    let new = json!({ "source_branch": branch, "target_branch": "main", "title": format!("From {branch}") });
    let made: Value = post(rig, "/merge_requests", new).await.json().await.unwrap();
    assert_eq!(
        (&made["detailed_merge_status"], &made["prepared_at"]),
        (&json!("preparing"), &Value::Null)
    );
    format!("/merge_requests/{}", made["iid"])
}

#[tokio::test]
async fn whether_it_can_be_merged_is_found_out_by_being_read() {
    let rig = rig().await;
    let path = open(&rig, "one", "README.md", "1").await;
    let list = get(&rig, "/merge_requests?source_branch=one").await;
    assert_eq!(list[0]["merge_status"], "unchecked", "a list finds nothing out");
    for (detailed, older) in [
        ("checking", "checking"),
        ("mergeable", "can_be_merged"),
        ("mergeable", "can_be_merged"),
    ] {
        let seen = get(&rig, &path).await;
        assert_eq!(
            (&seen["detailed_merge_status"], &seen["merge_status"]),
            (&json!(detailed), &json!(older))
        );
    }
    // Another merge moves the target, and both changed the same file.
    let other = open(&rig, "two", "README.md", "2").await;
    assert_eq!(put(&rig, &format!("{other}/merge"), json!({})).await.status(), 200);
    assert_eq!(get(&rig, &path).await["detailed_merge_status"], "checking");
    let seen = get(&rig, &path).await;
    assert_eq!(
        (&seen["detailed_merge_status"], &seen["has_conflicts"]),
        (&json!("conflict"), &json!(true))
    );
    let refused = put(&rig, &format!("{path}/merge"), json!({ "squash": true })).await;
    assert_eq!(refused.status(), 422);
    assert_eq!(
        refused.json::<Value>().await.unwrap()["message"],
        "Branch cannot be merged"
    );
    assert_eq!(get(&rig, &path).await["squash"], false, "what was refused is not kept");
}

#[tokio::test]
async fn a_merge_is_refused_by_its_reason() {
    let rig = rig().await;
    let path = open(&rig, "one", "README.md", "1").await;
    let merge = format!("{path}/merge");
    put(&rig, &path, json!({ "title": "Draft: one" })).await;
    assert_eq!(get(&rig, &path).await["draft"], true);
    get(&rig, &path).await;
    assert_eq!(get(&rig, &path).await["detailed_merge_status"], "draft_status");
    assert_eq!(put(&rig, &merge, json!({})).await.status(), 405);
    put(&rig, &path, json!({ "title": "one", "state_event": "close" })).await;
    assert_eq!(get(&rig, &path).await["detailed_merge_status"], "not_open");
    assert_eq!(put(&rig, &merge, json!({})).await.status(), 405);
    put(&rig, &path, json!({ "state_event": "reopen" })).await;
    let stale = put(&rig, &merge, json!({ "sha": "0".repeat(40) })).await;
    assert_eq!(stale.status(), 409);
    let words = stale.json::<Value>().await.unwrap();
    assert!(
        words["message"]
            .as_str()
            .unwrap()
            .starts_with("SHA does not match HEAD of source branch: ")
    );
    let body = json!({ "squash": true, "should_remove_source_branch": true, "squash_commit_message": "All" });
    let merged: Value = put(&rig, &merge, body).await.json().await.unwrap();
    assert_eq!(
        (&merged["state"], &merged["merge_commit_sha"]),
        (&json!("merged"), &Value::Null)
    );
    let commit = get(
        &rig,
        &format!("/repository/commits/{}", merged["squash_commit_sha"].as_str().unwrap()),
    )
    .await;
    assert_eq!(commit["message"], "All");
    let gone = rig.get("one", &format!("{API}/repository/branches/one")).await;
    assert_eq!(gone.status(), 404);
    assert_eq!(put(&rig, &merge, json!({})).await.status(), 405, "once is enough");
    // Nobody merges where they have no say.
    let stranger = "/projects/sandbox-guest%2Fapi/merge_requests/1/merge";
    let refused = rig
        .request("one", Method::PUT, stranger)
        .json(&json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 401);
}

#[tokio::test]
async fn one_that_waits_is_merged_when_ci_says_yes() {
    let rig = rig().await;
    let path = open(&rig, "one", "README.md", "1").await;
    let merge = format!("{path}/merge");
    let waits = json!({ "auto_merge": true });
    assert_eq!(
        put(&rig, &merge, waits.clone()).await.status(),
        405,
        "there is no CI to wait for"
    );
    let say = |state: &'static str| post(&rig, "/statuses/one", json!({ "state": state, "ref": "one" }));
    say("pending").await;
    let answer: Value = put(&rig, &merge, waits.clone()).await.json().await.unwrap();
    assert_eq!(
        (&answer["state"], &answer["merge_when_pipeline_succeeds"]),
        (&json!("opened"), &json!(true))
    );
    say("failed").await;
    let after = get(&rig, &path).await;
    assert_eq!(
        (&after["state"], &after["merge_when_pipeline_succeeds"]),
        (&json!("opened"), &json!(false))
    );
    say("running").await;
    put(&rig, &merge, waits).await;
    say("success").await;
    assert_eq!(get(&rig, &path).await["state"], "merged");
}

#[tokio::test]
async fn a_status_that_is_not_over_says_nothing_twice() {
    let rig = rig().await;
    let say = |state: &'static str| {
        post(
            &rig,
            "/statuses/develop",
            json!({ "state": state, "name": "ci", "ref": "develop" }),
        )
    };
    for (state, status) in [
        ("pending", 201),
        ("pending", 400),
        ("running", 201),
        ("running", 400),
        ("success", 201),
        ("success", 201),
    ] {
        let response = say(state).await;
        assert_eq!(response.status(), status, "{state}");
        if status == 400 {
            let words = response.json::<Value>().await.unwrap();
            assert!(
                words["message"]
                    .as_str()
                    .unwrap()
                    .starts_with("Cannot transition status")
            );
        }
    }
    let latest = get(&rig, "/repository/commits/develop/statuses").await;
    assert_eq!(
        (latest.as_array().unwrap().len(), &latest[0]["status"]),
        (1, &json!("success"))
    );
    let commit = get(&rig, "/repository/commits/develop").await;
    assert_eq!(commit["last_pipeline"]["ref"], "develop");
}

#[tokio::test]
async fn lines_that_are_commands_are_carried_out() {
    let rig = rig().await;
    let path = open(&rig, "one", "README.md", "1").await;
    let wrong = json!({ "title": "Another", "squash": "maybe" });
    assert_eq!(put(&rig, &path, wrong).await.status(), 400);
    assert_eq!(get(&rig, &path).await["title"], "From one");
    let notes = format!("{path}/notes");
    let mixed = post(&rig, &notes, json!({ "body": "Well\n/draft" })).await;
    assert_eq!(mixed.status(), 201);
    assert_eq!(mixed.json::<Value>().await.unwrap()["body"], "Well");
    assert_eq!(get(&rig, &path).await["title"], "Draft: From one");
    let alone = post(&rig, &notes, json!({ "body": "/close" })).await;
    assert_eq!(alone.status(), 202);
    let answer = alone.json::<Value>().await.unwrap();
    assert_eq!(answer["summary"], json!(["Closed this merge request."]));
    assert_eq!(get(&rig, &path).await["state"], "closed");
    assert_eq!(get(&rig, &notes).await.as_array().unwrap().len(), 1);
    // One's own is not to be approved.
    let refused = post(&rig, &notes, json!({ "body": "/approve" })).await;
    assert_eq!(refused.status(), 400);
    let text = json!({ "description": "Words\n/reopen" });
    let changed: Value = put(&rig, &path, text).await.json().await.unwrap();
    assert_eq!(
        (&changed["description"], &changed["state"]),
        (&json!("Words"), &json!("opened"))
    );
}

#[tokio::test]
async fn an_approval_is_given_once_and_taken_back() {
    let rig = rig().await;
    let (approve, approvals) = ("/merge_requests/3/approve", "/merge_requests/3/approvals");
    assert_eq!(get(&rig, approvals).await["user_can_approve"], true);
    assert_eq!(post(&rig, approve, json!({})).await.status(), 201);
    let given = get(&rig, approvals).await;
    assert_eq!(
        (&given["user_has_approved"], &given["user_can_approve"]),
        (&json!(true), &json!(false))
    );
    assert_eq!(given["approved_by"][0]["user"]["username"], "sandbox-user");
    assert_eq!(post(&rig, approve, json!({})).await.status(), 401);
    let notes = get(&rig, "/merge_requests/3/notes").await;
    assert_eq!(
        (&notes[0]["system"], &notes[0]["body"]),
        (&json!(true), &json!("approved this merge request"))
    );
    assert_eq!(post(&rig, "/merge_requests/3/unapprove", json!({})).await.status(), 201);
    assert_eq!(get(&rig, approvals).await["approved_by"], json!([]));
}
