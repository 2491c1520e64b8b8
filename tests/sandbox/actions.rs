//! The Actions of GitHub's and Gitea's sandboxes as clients meet them: what moves, what starts, and what lies elsewhere.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::{Rig, header};

/// Where a redirect leads.
fn leads(response: &Response) -> String {
    assert_eq!(response.status(), 302);
    header(response, "location").expect("a place").to_owned()
}

/// Starts a run of `ci.yml` and tells where it is.
async fn started(rig: &Rig, server: &str, outcome: &str) -> String {
    let mut body = json!({ "ref": "main", "inputs": { "SANDBOX_OUTCOME": outcome } });
    if server.starts_with("github") {
        body["return_run_details"] = json!(true);
    }
    let path = "/repos/acme/api/actions/workflows/ci.yml/dispatches?return_run_details=true";
    let started = rig.post(server, path, &body).await;
    assert_eq!(started.status(), 200);
    let started: Value = started.json().await.unwrap();
    format!("/repos/acme/api/actions/runs/{}", started["workflow_run_id"])
}

async fn words(rig: &Rig, server: &str, run: &str) -> (String, Option<String>) {
    let run = rig.get_json(server, run).await;
    let text = |name: &str| run[name].as_str().map(str::to_owned);
    (text("status").unwrap(), text("conclusion"))
}

#[tokio::test]
async fn a_run_moves_by_being_read_and_ends_as_it_was_chosen() {
    let rig = Rig::start().await;
    for (server, outcome, end) in [
        ("github-a", "success", "success"),
        ("github-a", "error", "startup_failure"),
        ("github-a", "unstable", "neutral"),
        ("github-a", "skipped", "skipped"),
        ("gitea-a", "success", "success"),
        ("gitea-a", "error", "failure"),
    ] {
        let run = started(&rig, server, outcome).await;
        assert_eq!(words(&rig, server, &run).await, ("queued".to_owned(), None));
        if !matches!(outcome, "error" | "skipped") {
            assert_eq!(words(&rig, server, &run).await, ("in_progress".to_owned(), None));
        }
        let over = ("completed".to_owned(), Some(end.to_owned()));
        assert_eq!(words(&rig, server, &run).await, over, "{server} {outcome}");
        assert_eq!(words(&rig, server, &run).await, over);
    }
    for (server, waits) in [
        ("github-a", ("completed", Some("action_required"))),
        ("gitea-a", ("waiting", None)),
    ] {
        let run = started(&rig, server, "approval").await;
        for _ in 0..4 {
            let (status, conclusion) = words(&rig, server, &run).await;
            assert_eq!((&*status, conclusion.as_deref()), waits);
        }
    }
}

#[tokio::test]
async fn a_run_whose_id_was_not_told_takes_a_moment_to_appear() {
    let rig = Rig::start().await;
    let path = "/repos/acme/api/actions/workflows/ci.yml/dispatches";
    let body = json!({ "ref": "main", "inputs": { "note": "mine" } });
    assert_eq!(rig.post("github-a", path, &body).await.status(), 204);
    let list = "/repos/acme/api/actions/runs?event=workflow_dispatch&branch=main";
    assert_eq!(rig.get_json("github-a", list).await["total_count"], 0);
    let listed = rig.get_json("github-a", list).await;
    assert_eq!(listed["workflow_runs"][0]["display_title"], "mine");
}

#[tokio::test]
async fn logs_and_archives_lie_where_no_credential_is_taken() {
    let rig = Rig::start().await;
    let run = started(&rig, "github-a", "failure").await;
    let jobs = rig.get_json("github-a", &format!("{run}/jobs")).await;
    let log = |place: usize| format!("/repos/acme/api/actions/jobs/{}/logs", jobs["jobs"][place]["id"]);
    // It is queued: nothing lies there yet, which the store says in XML.
    let place = leads(&rig.get("github-a", &log(1)).await);
    let missing = rig.client.get(&place).send().await.unwrap();
    assert_eq!(
        (missing.status().as_u16(), header(&missing, "content-type")),
        (404, Some("application/xml"))
    );
    assert!(missing.text().await.unwrap().contains("<Code>BlobNotFound</Code>"));
    words(&rig, "github-a", &run).await;
    // It runs: the log of the job that is over is there, that of the other and the archive of all are not.
    for (path, status) in [(log(0), 200), (log(1), 404), (format!("{run}/logs"), 404)] {
        let place = leads(&rig.get("github-a", &path).await);
        assert_eq!(rig.client.get(place).send().await.unwrap().status(), status, "{path}");
    }
    words(&rig, "github-a", &run).await;
    let place = leads(&rig.get("github-a", &log(1)).await);
    assert!(!place.starts_with(rig.server("github-a").origin()), "{place}");
    let refused = rig
        .client
        .get(&place)
        .bearer_auth("sandbox-github-a")
        .send()
        .await
        .unwrap();
    assert_eq!(refused.status(), 400);
    assert!(refused.text().await.unwrap().contains("InvalidAuthenticationInfo"));
    let forged = place.replace("sig=", "sig=0");
    assert_eq!(rig.client.get(forged).send().await.unwrap().status(), 403);
    let text = rig.client.get(&place).send().await.unwrap().text().await.unwrap();
    assert!(
        text.starts_with('\u{feff}') && text.contains("\u{1b}[36;1mmake test\u{1b}[0m"),
        "{text}"
    );
    assert!(text.contains("##[error]make: *** [test] Error 1"), "{text}");
    let artifacts = rig.get_json("github-a", &format!("{run}/artifacts")).await;
    let artifact = format!(
        "/repos/acme/api/actions/artifacts/{}/zip",
        artifacts["artifacts"][0]["id"]
    );
    for (path, part) in [
        (format!("{run}/logs"), "test/2_test.txt"),
        (artifact, "html/index.html"),
    ] {
        let place = leads(&rig.get("github-a", &path).await);
        let archive = rig.client.get(place).send().await.unwrap().bytes().await.unwrap();
        let holds = archive.windows(part.len()).any(|bytes| bytes == part.as_bytes());
        assert!(archive.starts_with(b"PK\x03\x04") && holds, "{path}");
    }
}

#[tokio::test]
async fn gitea_s_log_can_be_read_while_its_job_runs_and_its_archive_by_a_signed_link() {
    let rig = Rig::start().await;
    let run = started(&rig, "gitea-a", "success").await;
    let jobs = rig.get_json("gitea-a", &format!("{run}/jobs")).await;
    let log = format!("/repos/acme/api/actions/jobs/{}/logs", jobs["jobs"][1]["id"]);
    assert_eq!(rig.get("gitea-a", &log).await.status(), 404);
    words(&rig, "gitea-a", &run).await;
    let part = rig.get("gitea-a", &log).await.text().await.unwrap();
    words(&rig, "gitea-a", &run).await;
    let whole = rig.get("gitea-a", &log).await.text().await.unwrap();
    assert!(
        whole.starts_with(&part) && whole.len() > part.len() && !part.is_empty(),
        "{part}\n{whole}"
    );
    let artifacts = rig.get_json("gitea-a", &format!("{run}/artifacts")).await;
    let zip = format!(
        "/repos/acme/api/actions/artifacts/{}/zip",
        artifacts["artifacts"][0]["id"]
    );
    let place = leads(&rig.get("gitea-a", &zip).await);
    let archive = rig.client.get(&place).send().await.unwrap();
    assert!(archive.bytes().await.unwrap().starts_with(b"PK"));
    let forged = place.replace("sig=", "sig=0");
    assert_eq!(rig.client.get(forged).send().await.unwrap().status(), 401);
}

#[tokio::test]
async fn a_pull_request_is_checked_by_a_run_of_its_own() {
    let rig = Rig::start().await;
    let file = json!({ "message": "Add a note", "content": "eA==", "branch": "topic" });
    let head = rig.get_json("github-a", "/repos/acme/api/branches/develop").await["commit"]["sha"].clone();
    let branch = json!({ "ref": "refs/heads/topic", "sha": head });
    assert_eq!(
        rig.post("github-a", "/repos/acme/api/git/refs", &branch).await.status(),
        201
    );
    let request = rig.request("github-a", Method::PUT, "/repos/acme/api/contents/note.txt");
    let written: Value = request.json(&file).send().await.unwrap().json().await.unwrap();
    let pull = json!({ "title": "A note", "head": "topic", "base": "develop" });
    let pull: Value = rig
        .post("github-a", "/repos/acme/api/pulls", &pull)
        .await
        .json()
        .await
        .unwrap();
    let list = "/repos/acme/api/actions/runs?branch=topic";
    let runs = rig.get_json("github-a", list).await;
    // The branch, the file, the pull request.
    let events: Vec<_> = runs["workflow_runs"]
        .as_array()
        .unwrap()
        .iter()
        .map(|run| &run["event"])
        .collect();
    assert_eq!(events, ["pull_request", "push", "push"]);
    let run = &runs["workflow_runs"][0];
    assert_eq!(
        (&run["head_sha"], &run["pull_requests"][0]["number"]),
        (&written["commit"]["sha"], &pull["number"])
    );
    let done = format!("{list}&event=pull_request&status=success");
    for total in [0, 1] {
        assert_eq!(rig.get_json("github-a", &done).await["total_count"], total);
    }
}

#[tokio::test]
async fn what_is_switched_off_starts_nothing_until_it_is_switched_on() {
    let rig = Rig::start().await;
    for (server, refused) in [("github-a", 422), ("gitea-a", 403)] {
        let of = |part: &str| format!("/repos/acme/api/actions/workflows/ci.yml/{part}");
        for (part, status) in [("disable", refused), ("enable", 204)] {
            let switched = rig.request(server, Method::PUT, &of(part)).send().await.unwrap();
            assert_eq!(switched.status(), 204);
            let body = json!({ "ref": "main" });
            assert_eq!(
                rig.post(server, &of("dispatches"), &body).await.status(),
                status,
                "{server}"
            );
        }
    }
}
