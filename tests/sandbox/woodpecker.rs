//! Woodpecker: look-ups, pipelines that move, logs, filters, refusals, and every answer against its description.

use reqwest::Method;
use serde_json::{Value, json};

use crate::{Rig, header};

const SERVER: &str = "woodpecker-a";

async fn id(rig: &Rig, name: &str) -> u64 {
    let repo = rig.get_json(SERVER, &format!("/repos/lookup/{name}")).await;
    assert_eq!(repo["full_name"], name);
    repo["id"].as_u64().expect("a number")
}

async fn trigger(rig: &Rig, repo: u64, body: Value) -> Value {
    let answer = rig.post(SERVER, &format!("/repos/{repo}/pipelines"), &body).await;
    assert_eq!(answer.status(), 200);
    answer.json().await.expect("JSON")
}

#[tokio::test]
async fn a_repository_is_found_by_name_and_read_by_number() {
    let rig = Rig::start().await;
    let api = id(&rig, "acme/api").await;
    assert_eq!(rig.get_json(SERVER, "/repos/lookup/acme%2Fapi").await["id"], api);
    assert_eq!(rig.get_json(SERVER, &format!("/repos/{api}")).await["name"], "api");
    for (path, status) in [
        ("/repos/lookup/acme/none", 404),
        ("/repos/999", 404),
        ("/repos/acme", 400),
    ] {
        let answer = rig.get(SERVER, path).await;
        assert_eq!(answer.status(), status, "{path}");
        assert_eq!(answer.text().await.unwrap(), "", "refusals have no body");
    }
}

#[tokio::test]
async fn a_pipeline_moves_to_the_end_that_was_asked_for() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/web").await;
    for (outcome, end, exit_code) in [("success", "success", 0), ("failure", "failure", 1)] {
        let body = json!({ "branch": "main", "variables": { "SANDBOX_OUTCOME": outcome } });
        let pipeline = trigger(&rig, repo, body).await;
        assert_eq!(
            (&pipeline["status"], &pipeline["event"]),
            (&json!("pending"), &json!("manual"))
        );
        let path = format!("/repos/{repo}/pipelines/{}", pipeline["number"]);
        let mut states = vec![];
        let mut last = Value::Null;
        for _ in 0..4 {
            last = rig.get_json(SERVER, &path).await;
            states.push(last["status"].clone());
        }
        assert_eq!(states, ["pending", "running", end, end]);
        let test = last.pointer("/workflows/1/children/1").expect("a step");
        assert_eq!((&test["name"], &test["exit_code"]), (&json!("test"), &json!(exit_code)));
    }
    assert_eq!(rig.server(SERVER).created(), 2);
}

#[tokio::test]
async fn a_log_grows_with_its_step() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/api").await;
    let pipeline = trigger(&rig, repo, json!({ "branch": "develop" })).await;
    let number = &pipeline["number"];
    let step = pipeline.pointer("/workflows/0/children/1/id").expect("a step");
    let mut lengths = vec![];
    for _ in 0..4 {
        let log = rig
            .get_json(SERVER, &format!("/repos/{repo}/logs/{number}/{step}"))
            .await;
        // Nothing at all is null.
        lengths.push(log.as_array().map_or(0, Vec::len));
        rig.get_json(SERVER, &format!("/repos/{repo}/pipelines/{number}")).await;
    }
    assert_eq!(lengths, [0, 0, 2, 4]);
    assert_eq!(
        rig.get(SERVER, &format!("/repos/{repo}/logs/{number}/1"))
            .await
            .status(),
        404
    );
}

#[tokio::test]
async fn pages_have_at_most_fifty_rows_and_no_links() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/web").await;
    for (query, rows) in [
        ("", 50),
        ("perPage=100", 50),
        ("perPage=0", 50),
        ("page=3", 20),
        ("page=4", 0),
        ("perPage=7&page=2", 7),
        ("status=failure", 30),
        ("branch=none", 0),
        ("event=manual,push&perPage=2", 2),
        ("before=2026-01-05T09:10:00Z", 9),
        ("after=2026-01-05T09:10:00Z&page=3", 10),
    ] {
        let answer = rig.get(SERVER, &format!("/repos/{repo}/pipelines?{query}")).await;
        assert_eq!(header(&answer, "link"), None);
        let list: Value = answer.json().await.unwrap();
        assert_eq!(list.as_array().expect("a list").len(), rows, "{query}");
    }
    for query in ["page=x", "before=yesterday"] {
        let answer = rig.get(SERVER, &format!("/repos/{repo}/pipelines?{query}")).await;
        assert_eq!(answer.status(), 400, "{query}");
    }
}

#[tokio::test]
async fn a_trigger_may_run_nothing() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/api").await;
    let path = format!("/repos/{repo}/pipelines");
    let filtered = rig.post(SERVER, &path, &json!({ "branch": "release/1.4" })).await;
    assert_eq!(
        (filtered.status().as_u16(), header(&filtered, "pipeline-filtered")),
        (204, Some("true"))
    );
    assert_eq!(
        rig.post(SERVER, &path, &json!({ "branch": "none" })).await.status(),
        500
    );
    assert_eq!(rig.post(SERVER, &path, &json!([])).await.status(), 400);
    assert_eq!(rig.server(SERVER).created(), 0);
}

#[tokio::test]
async fn only_the_right_token_is_let_in() {
    let rig = Rig::start().await;
    let bare = |path: &str| rig.bare(SERVER, Method::GET, path);
    let token = rig.server(SERVER).token();
    for request in [
        bare("/user"),
        bare("/user").bearer_auth("x"),
        bare("/user?access_token=x"),
        bare("/nowhere"),
    ] {
        let answer = request.send().await.unwrap();
        let status = answer.status();
        assert!([401, 404].contains(&status.as_u16()), "{status}");
        assert!(!header(&answer, "content-type").unwrap_or_default().contains("json"));
    }
    let query = bare(&format!("/user?access_token={token}")).send().await.unwrap();
    assert_eq!(query.status(), 200);
    let version = rig.client.get(format!("{}/version", rig.server(SERVER).origin()));
    assert_eq!(version.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn a_limit_is_a_proxy_s() {
    let rig = Rig::one("woodpecker", |server| server.requests_per_window = Some(1)).await;
    assert_eq!(rig.get("one", "/user").await.status(), 200);
    let refused = rig.get("one", "/user").await;
    assert_eq!(refused.status(), 429);
    let wait: u64 = header(&refused, "retry-after").expect("a wait").parse().unwrap();
    assert!((1..=60).contains(&wait), "{wait}");
}

#[tokio::test]
async fn what_is_chosen_becomes_of_a_pipeline_and_a_flaky_one_succeeds_again() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/api").await;
    for (outcome, status) in [
        ("error", "error"),
        ("skipped", "skipped"),
        ("approval", "blocked"),
        ("x", "pending"),
    ] {
        let body = json!({ "branch": "main", "message": "By hand", "variables": { "SANDBOX_OUTCOME": outcome } });
        let pipeline = trigger(&rig, repo, body).await;
        assert_eq!(
            (&pipeline["status"], &pipeline["message"]),
            (&json!(status), &json!("By hand")),
            "{outcome}"
        );
    }
    let flaky = trigger(
        &rig,
        repo,
        json!({ "branch": "main", "variables": { "SANDBOX_OUTCOME": "flaky" } }),
    )
    .await;
    let path = |number: &Value| format!("/repos/{repo}/pipelines/{number}");
    let again = rig
        .request(SERVER, Method::POST, &path(&flaky["number"]))
        .send()
        .await
        .unwrap();
    let again: Value = again.json().await.unwrap();
    for (pipeline, end) in [(flaky, "failure"), (again, "success")] {
        let mut last = Value::Null;
        for _ in 0..3 {
            last = rig.get_json(SERVER, &path(&pipeline["number"])).await;
        }
        assert_eq!(last["status"], end);
    }
}

#[tokio::test]
async fn who_may_only_read_changes_nothing() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/api").await;
    let token = format!("{}-reader", rig.server(SERVER).token());
    for (method, path, status) in [
        (Method::GET, format!("/repos/{repo}/pipelines"), 200),
        (Method::GET, "/user/repos".to_owned(), 200),
        (Method::GET, "/repos".to_owned(), 403),
        (Method::GET, "/queue/info".to_owned(), 403),
        (Method::POST, format!("/repos/{repo}/pipelines/8/approve"), 404),
        (Method::DELETE, format!("/repos/{repo}/pipelines/1"), 404),
    ] {
        let request = rig.bare(SERVER, method, &path).bearer_auth(&token);
        assert_eq!(request.send().await.unwrap().status(), status, "{path}");
    }
    let user = rig
        .bare(SERVER, Method::GET, "/user")
        .bearer_auth(&token)
        .send()
        .await
        .unwrap();
    assert_eq!(user.json::<Value>().await.unwrap()["admin"], false);
}

/// The stream of the test step, from behind an event on.
async fn stream(rig: &Rig, repo: u64, pipeline: &Value, behind: Option<u64>) -> String {
    let step = pipeline.pointer("/workflows/1/children/1/id").expect("a step");
    let path = format!("/stream/logs/{repo}/{}/{step}", pipeline["number"]);
    let request = rig.request(SERVER, Method::GET, &path);
    let request = match behind {
        Some(id) => request.header("last-event-id", id),
        None => request,
    };
    let answer = request.send().await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), header(&answer, "content-type")),
        (200, Some("text/event-stream"))
    );
    answer.text().await.unwrap()
}

#[tokio::test]
async fn a_stream_goes_on_behind_the_last_event_and_has_its_end() {
    let rig = Rig::start().await;
    let repo = id(&rig, "acme/api").await;
    let ids = |events: &str| -> Vec<u64> {
        let ids = events.lines().filter_map(|line| line.strip_prefix("id: "));
        ids.map(|id| id.parse().unwrap()).collect()
    };
    for (behind, expected) in [(None, vec![1, 2, 3, 4]), (Some(2), vec![3, 4]), (Some(9), vec![])] {
        let pipeline = trigger(&rig, repo, json!({ "branch": "develop" })).await;
        let events = stream(&rig, repo, &pipeline, behind).await;
        assert_eq!(ids(&events), expected, "{events}");
        assert!(
            events.starts_with(": ping\n\n") && events.ends_with("event: eof\ndata: eof\n\n"),
            "{events}"
        );
        // A step that has ended has no stream; nor has one that is not there.
        let ended = stream(&rig, repo, &pipeline, None).await;
        assert_eq!(ended, "event: error\ndata: step not running (anymore)\n\n");
    }
    let missing = rig.get(SERVER, &format!("/stream/logs/{repo}/999/1")).await;
    assert_eq!(
        missing.text().await.unwrap(),
        "event: error\ndata: stream not found\n\n"
    );
}
