//! Woodpecker: the ids that are remembered, what is refused unsent, and a run from its trigger to its log at a sandbox.
//!
//! Invariant: a repository that was made anew is found again, and nothing is done twice on the way.

use std::sync::Arc;

use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::driver::Driver;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::upstream::{self, Canned, Upstream, ask, connection, driver};

/// Does one operation at a driver that is kept.
async fn at(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Result<Value, Failure> {
    let call = upstream::call(operation, input, false)?;
    let (value, failure) = upstream::whole(driver.clone().call(Arc::new(call)).await?).await;
    failure.map_or(Ok(value), Err)
}

fn repo(id: u64) -> Canned {
    Canned::json(200, json!({"id": id, "default_branch": "main"}))
}

fn run() -> Canned {
    Canned::json(200, json!({"number": 12, "status": "success"}))
}

fn missing() -> Canned {
    Canned::text(404, "")
}

/// The paths that a driver asks for when it does `operation` twice.
async fn twice(operation: &str, input: Value, answers: Vec<Canned>) -> (Vec<String>, Result<Value, Failure>) {
    let provider = Upstream::answering(answers).await;
    let driver = driver("woodpecker", &connection(&provider.url)).expect("connected");
    at(&driver, operation, input.clone()).await.expect("the first");
    let second = at(&driver, operation, input).await;
    (provider.seen().into_iter().map(|seen| seen.path).collect(), second)
}

const LOOK_UP: &str = "/repos/lookup/acme/api";

#[tokio::test]
async fn trap_6_an_id_is_looked_up_once() {
    let (paths, second) = twice(
        "cicd.run.get",
        json!({"run": "acme/api#12"}),
        vec![repo(7), run(), run()],
    )
    .await;
    assert_eq!(paths, [LOOK_UP, "/repos/7/pipelines/12", "/repos/7/pipelines/12"]);
    assert_eq!(second.expect("the second")["number"], 12);
}

#[tokio::test]
async fn a_repository_made_anew_is_found_again() {
    let input = json!({"project": "acme/api", "branch": "main"});
    let answers = vec![repo(7), run(), missing(), repo(8), run()];
    let (paths, second) = twice("cicd.run.trigger", input, answers).await;
    let (old, new) = ("/repos/7/pipelines", "/repos/8/pipelines");
    assert_eq!(paths, [LOOK_UP, old, old, LOOK_UP, new]);
    assert_eq!(second.expect("the second")["outcome"], "started");
}

#[tokio::test]
async fn what_is_missing_in_a_repository_that_is_there_is_missing() {
    let (paths, second) = twice(
        "cicd.run.get",
        json!({"run": "acme/api#12"}),
        vec![repo(7), run(), missing(), repo(7)],
    )
    .await;
    assert_eq!(second.expect_err("missing").kind, Kind::NotFound);
    assert_eq!(paths.len(), 4, "it was not asked for again");
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    for (operation, input, field) in [
        ("cicd.run.list", json!({"project": "acme"}), "project"),
        ("cicd.run.list", json!({"project": "acme/../x"}), "project"),
        ("cicd.run.get", json!({"run": "acme/api"}), "run"),
        ("cicd.run.trigger", json!({"project": "/api"}), "project"),
    ] {
        let provider = Upstream::answering([]).await;
        let failure = ask("woodpecker", &connection(&provider.url), operation, input)
            .await
            .expect_err(operation);
        let what = (failure.kind, failure.field.as_deref(), failure.unsent);
        assert_eq!(what, (Kind::InvalidInput, Some(field), true), "{operation}");
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn trap_7_refusals_are_read_from_their_status() {
    for (status, text, kind) in [
        (401, "User not authorized", Kind::UpstreamAuth),
        (403, "", Kind::Forbidden),
        (400, "", Kind::InvalidInput),
        (422, "Cannot delete", Kind::InvalidInput),
        (429, "Too Many Requests", Kind::UpstreamRateLimited),
        (500, "", Kind::UpstreamFailed),
        (200, "<html>", Kind::UpstreamFailed),
    ] {
        let provider = Upstream::answering([Canned::text(status, text)]).await;
        let input = json!({"project": "acme/api"});
        let failure = ask("woodpecker", &connection(&provider.url), "cicd.run.list", input).await;
        assert_eq!(failure.expect_err("refused").kind, kind, "{status}");
    }
}

#[tokio::test]
async fn health_asks_who_we_are() {
    for (status, failure) in [(200, None), (401, Some(Kind::UpstreamAuth))] {
        let provider = Upstream::answering([Canned::json(status, json!({}))]).await;
        let driver = driver("woodpecker", &connection(&provider.url)).expect("connected");
        let outcome = driver.health().await;
        assert_eq!(outcome.err().map(|failure| failure.kind), failure);
        assert_eq!(provider.seen()[0].path, "/user");
    }
}

/// A sandbox, and a driver of it.
async fn sandbox() -> (Sandbox, Arc<dyn Driver>) {
    let servers = vec![ServerConfig::new("ci-a", "woodpecker", upstream::TOKEN)];
    let sandbox = Sandbox::start(SandboxConfig { servers }).await.expect("started");
    let url = sandbox.server("ci-a").expect("it runs").base_url().to_owned();
    let driver = driver("woodpecker", &connection(&url)).expect("connected");
    (sandbox, driver)
}

#[tokio::test]
async fn a_triggered_run_can_be_followed_to_its_log() {
    let (_sandbox, driver) = sandbox().await;
    let triggered = at(&driver, "cicd.run.trigger", json!({"project": "acme/api"})).await;
    let run = triggered.expect("triggered")["run"].clone();
    assert_eq!((&run["status"], &run["branch"]), (&json!("queued"), &json!("main")));
    let mut seen = vec![];
    for _ in 0..3 {
        let run = at(&driver, "cicd.run.get", json!({"run": run["id"]})).await;
        seen.push(run.expect("read")["status"].clone());
    }
    assert_eq!(seen, ["queued", "running", "success"]);
    let log = at(&driver, "cicd.log.get", json!({"run": run["id"], "step": "lint"})).await;
    let log = log.expect("a log");
    let lines: Vec<_> = log["lines"].as_array().expect("lines").iter().collect();
    let texts: Vec<_> = lines.iter().map(|line| line["text"].as_str().expect("text")).collect();
    assert_eq!(
        texts,
        ["+ make lint", "Grüße from ci-a", "make: lint is done", "exit code 0"]
    );
    assert_eq!(
        (&lines[1]["stream"], &lines[3]["stream"]),
        (&json!("stderr"), &json!("system"))
    );
    // The id of a step, as it was returned, leads to the same.
    let again = at(
        &driver,
        "cicd.log.get",
        json!({"run": log["run"], "step": log["step"]["id"]}),
    )
    .await;
    assert_eq!(again.expect("by its id")["lines"], log["lines"]);
}

#[tokio::test]
async fn nothing_runs_where_the_configuration_filters_it_out() {
    let (sandbox, driver) = sandbox().await;
    let input = json!({"project": "acme/api", "branch": "release/1.4"});
    let triggered = at(&driver, "cicd.run.trigger", input).await.expect("an answer");
    assert_eq!(triggered, json!({"outcome": "filtered"}));
    assert_eq!(sandbox.server("ci-a").expect("it runs").created(), 0);
}

#[tokio::test]
async fn every_run_of_a_project_is_listed_once() {
    let (_sandbox, driver) = sandbox().await;
    let mut input = json!({"project": "acme/web", "limit": 50});
    let (mut pages, mut numbers) = (0, vec![]);
    loop {
        let page = at(&driver, "cicd.run.list", input.clone()).await.expect("a page");
        pages += 1;
        numbers.extend(
            page["items"]
                .as_array()
                .expect("items")
                .iter()
                .map(|run| run["number"].clone()),
        );
        match page.get("next_cursor") {
            Some(cursor) => input["cursor"] = cursor.clone(),
            None => break,
        }
    }
    let expected: Vec<Value> = (1..=120).rev().map(Value::from).collect();
    assert_eq!((pages, numbers), (3, expected));
}
