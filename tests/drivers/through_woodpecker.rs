//! The driver of Woodpecker through its sandbox: two readings of the same facts.
//!
//! Invariant: every operation that the driver declares is called, and each of its failures tells what to do next.

use http::Method;
use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::through::{Through, event, ids, run, texts};

const TOKEN: &str = "sandbox-one";
const STREAM: &str = "/api/stream/logs/{repo_id}/{number}/{step_id}";
const STORED: &str = "/api/repos/{repo_id}/logs/{number}/{step_id}";

async fn start() -> Through {
    Through::start("woodpecker", TOKEN).await
}

/// Triggers a run of `acme/api` with this outcome.
async fn triggered(woodpecker: &Through, outcome: &str) -> Value {
    let variables = json!({ "SANDBOX_OUTCOME": outcome });
    let input = json!({ "project": "acme/api", "branch": "develop", "variables": variables });
    let triggered = woodpecker.ask("cicd.run.trigger", input).await;
    assert_eq!(triggered["outcome"], "started", "{outcome}");
    triggered["run"].clone()
}

/// Reads a run until it is at work.
async fn at_work(woodpecker: &Through, of: &Value) {
    for status in ["queued", "running"] {
        assert_eq!(woodpecker.ask("cicd.run.get", run(of)).await["status"], status);
    }
}

fn step(of: &Value, name: &str) -> Value {
    json!({ "run": of["id"], "step": name })
}

#[tokio::test]
async fn every_operation_is_done() {
    let woodpecker = start().await;
    projects(&woodpecker).await;
    let run = runs(&woodpecker).await;
    logs(&woodpecker, &run).await;
    orders(&woodpecker).await;
    secrets(&woodpecker).await;
    woodpecker.assert_all_asked();
}

async fn projects(woodpecker: &Through) {
    let all = woodpecker.pages("cicd.pipeline.list", json!({ "limit": 50 })).await;
    assert_eq!((all.len(), &all[0]["project"]), (122, &json!("acme/api")));
    let one = woodpecker
        .pages("cicd.pipeline.list", json!({ "project": "acme/web" }))
        .await;
    assert_eq!(ids(&one), ["under-test~acme/web"]);
    // Who is no administrator sees their own.
    let own = woodpecker
        .by("sandbox-one-reader", "cicd.pipeline.list", json!({ "limit": 50 }))
        .await;
    assert_eq!(own.expect("the own ones")["items"].as_array().map(Vec::len), Some(50));
    let runs = woodpecker
        .pages("cicd.run.list", json!({ "project": "acme/web", "limit": 50 }))
        .await;
    assert_eq!(runs.len(), 120);
    let failed = json!({ "project": "acme/web", "status": "failure" });
    let failed = woodpecker.pages("cicd.run.list", failed).await;
    assert_eq!(failed.len(), 30);
    let words = woodpecker
        .pages("cicd.run.list", json!({ "project": "acme/api" }))
        .await;
    let words: Vec<String> = words
        .iter()
        .map(|run| format!("{} {}", run["status"], run["raw_status"]))
        .collect();
    let expected = [
        "\"blocked\" \"blocked\"",
        "\"skipped\" \"skipped\"",
        "\"cancelled\" \"declined\"",
        "\"cancelled\" \"canceled\"",
        "\"cancelled\" \"killed\"",
        "\"error\" \"error\"",
        "\"failure\" \"failure\"",
        "\"success\" \"success\"",
    ];
    assert_eq!(words, expected);
}

/// A run from its trigger on; answers it, at its end.
async fn runs(woodpecker: &Through) -> Value {
    let made = triggered(woodpecker, "failure").await;
    assert_eq!(
        (&made["status"], &made["branch"]),
        (&json!("queued"), &json!("develop"))
    );
    let queue = woodpecker.pages("cicd.queue.list", json!({})).await;
    assert_eq!(
        (queue.len(), &queue[0]["run"], &queue[0]["status"]),
        (2, &made["id"], &json!("queued"))
    );
    at_work(woodpecker, &made).await;
    let queue = woodpecker.pages("cicd.queue.list", json!({})).await;
    assert_eq!(queue[1]["status"], "running");
    let waited = woodpecker.ask("cicd.run.wait", run(&made)).await;
    assert_eq!((&waited["ended"], &waited["status"]), (&json!(true), &json!("failure")));
    let jobs = woodpecker.pages("cicd.run.jobs", run(&made)).await;
    let steps: Vec<(&Value, &Value)> = jobs
        .iter()
        .flat_map(|job| job["steps"].as_array().expect("steps"))
        .map(|step| (&step["name"], &step["raw_status"]))
        .collect();
    let named = |name: &str, status: &str| (json!(name), json!(status));
    let expected = [
        named("clone", "success"),
        named("lint", "success"),
        named("clone", "success"),
        named("test", "failure"),
    ];
    assert!(
        steps
            .into_iter()
            .eq(expected.iter().map(|(name, status)| (name, status))),
        "{jobs:?}"
    );
    waited["run"].clone()
}

async fn logs(woodpecker: &Through, over: &Value) {
    // Whoever names no step, or a job of several, is told which there are.
    let jobs = woodpecker.pages("cicd.run.jobs", run(over)).await;
    let job = jobs[0]["id"].as_str().expect("an id");
    for of in [run(over), step(over, job)] {
        let (kind, field) = woodpecker.fails("cicd.log.get", of).await;
        assert_eq!((kind, field.as_deref()), (Kind::InvalidInput, Some("step")));
    }
    let log = woodpecker.ask("cicd.log.get", step(over, "test")).await;
    let lines = ["+ make test", "Grüße from one", "make: test is done", "exit code 1"];
    assert_eq!(texts(&log["lines"])[..3], lines[..3]);
    // What has ended is read from what is stored; what is to begin is waited for and streamed.
    let stored = woodpecker.ask("cicd.log.follow", step(over, "test")).await;
    assert_eq!(texts(&stored), lines);
    assert_eq!(woodpecker.server().requests().served(&Method::GET, STREAM), 0);
    let next = triggered(woodpecker, "failure").await;
    let read = woodpecker.server().requests().served(&Method::GET, STORED);
    let streamed = woodpecker.ask("cicd.log.follow", step(&next, "test")).await;
    assert_eq!(streamed, {
        let mut expected = stored.clone();
        for (at, line) in streamed.as_array().expect("events").iter().enumerate() {
            // They began at another time.
            if let Some(time) = line.get("time") {
                expected[at]["time"] = time.clone();
            }
        }
        expected
    });
    assert_eq!(woodpecker.server().requests().served(&Method::GET, STREAM), 1);
    let read_again = woodpecker.server().requests().served(&Method::GET, STORED);
    assert_eq!(read_again, read, "the stream has told all of it");
    woodpecker.ask("cicd.log.delete", run(over)).await;
    let gone = woodpecker.ask("cicd.log.get", step(over, "test")).await;
    assert_eq!(gone["lines"], json!([]));
}

async fn orders(woodpecker: &Through) {
    let waits = json!({ "id": "acme/api#8" });
    assert_eq!(
        woodpecker.fails("cicd.run.rerun", run(&waits)).await.0,
        Kind::PreconditionFailed
    );
    let approved = woodpecker.ask("cicd.run.approve", run(&waits)).await;
    assert_eq!(
        (&approved["outcome"], &approved["run"]["status"]),
        (&json!("done"), &json!("queued"))
    );
    assert_eq!(
        woodpecker.fails("cicd.run.approve", run(&waits)).await.0,
        Kind::PreconditionFailed
    );
    let waited = woodpecker.ask("cicd.run.wait", run(&waits)).await;
    assert_eq!(waited["status"], "success");
    let again = woodpecker.ask("cicd.run.rerun", run(&waits)).await;
    assert_ne!(again["run"]["id"], approved["run"]["id"]);
    let held = triggered(woodpecker, "hold").await;
    at_work(woodpecker, &held).await;
    assert_eq!(
        woodpecker.fails("cicd.run.delete", run(&held)).await.0,
        Kind::PreconditionFailed
    );
    assert_eq!(
        woodpecker.fails("cicd.log.delete", run(&held)).await.0,
        Kind::PreconditionFailed
    );
    let cancelled = woodpecker.ask("cicd.run.cancel", run(&held)).await;
    assert_eq!(cancelled["run"]["raw_status"], "killed");
    let jobs = woodpecker.pages("cicd.run.jobs", run(&held)).await;
    assert_eq!(jobs[1]["raw_status"], "killed");
    assert_eq!(
        woodpecker.fails("cicd.run.cancel", run(&held)).await.0,
        Kind::PreconditionFailed
    );
    woodpecker.ask("cicd.run.delete", run(&held)).await;
    assert_eq!(woodpecker.fails("cicd.run.get", run(&held)).await.0, Kind::NotFound);
}

async fn secrets(woodpecker: &Through) {
    let put =
        |events: Value| json!({ "project": "acme/api", "name": "deploy_key", "value": "PLANTED", "events": events });
    for created in [true, false] {
        let written = woodpecker.ask("cicd.secret.put", put(json!(["push"]))).await;
        assert_eq!(written, json!({ "name": "deploy_key", "created": created }));
    }
    let refused = woodpecker.fails("cicd.secret.put", put(json!(["moon"]))).await;
    assert_eq!(refused, (Kind::InvalidInput, Some("events".to_owned())));
}

#[tokio::test]
async fn a_stream_that_is_cut_goes_on_behind_its_last_line() {
    let woodpecker = start().await;
    let held = triggered(&woodpecker, "hold").await;
    at_work(&woodpecker, &held).await;
    // The first line arrives, and then the connection breaks.
    let mut cut = Fault::new(Effect::CutStream {
        after_frames: 2,
        clean: false,
    });
    cut.times = Some(1);
    woodpecker.server().faults().add(cut).expect("a fault");
    let mut log = woodpecker.follow(step(&held, "test")).await;
    for (seq, text) in [(0, "+ make test"), (1, "Grüße from one")] {
        let line = event(&mut log).await;
        assert_eq!((&line["seq"], &line["text"]), (&json!(seq), &json!(text)));
    }
    let requests = woodpecker.server().requests();
    assert_eq!(
        (requests.served(&Method::GET, STREAM), requests.faults("cut_stream")),
        (2, 1)
    );
    // It runs until it is cancelled, and its log ends with it.
    woodpecker.ask("cicd.run.cancel", run(&held)).await;
    assert_eq!(
        event(&mut log).await,
        json!({ "type": "end", "status": "cancelled", "raw_status": "killed" })
    );
}

#[tokio::test]
async fn what_woodpecker_refuses_has_its_reason() {
    let woodpecker = start().await;
    let on = |branch: &str| json!({ "project": "acme/api", "branch": branch });
    for (operation, input, becomes) in [
        ("cicd.run.get", json!({ "run": "acme/api#999" }), Kind::NotFound),
        ("cicd.run.get", json!({ "run": "acme/none#1" }), Kind::NotFound),
        ("cicd.run.list", json!({ "project": "acme/none" }), Kind::NotFound),
        (
            "cicd.log.get",
            json!({ "run": "acme/api#1", "step": "clone" }),
            Kind::InvalidInput,
        ),
        (
            "cicd.log.get",
            json!({ "run": "acme/api#1", "step": "none" }),
            Kind::NotFound,
        ),
        (
            "cicd.run.cancel",
            json!({ "run": "acme/api#1" }),
            Kind::PreconditionFailed,
        ),
        (
            "cicd.run.approve",
            json!({ "run": "acme/api#1" }),
            Kind::PreconditionFailed,
        ),
        // It fails over a branch that is none, and does not say so: its list does.
        ("cicd.run.trigger", on("none"), Kind::NotFound),
    ] {
        assert_eq!(
            woodpecker.fails(operation, input.clone()).await.0,
            becomes,
            "{operation} {input}"
        );
    }
    let unknown = woodpecker.fails("cicd.run.trigger", on("none")).await;
    assert_eq!(unknown, (Kind::NotFound, Some("branch".to_owned())));
    let filtered = woodpecker.ask("cicd.run.trigger", on("release/1.4")).await;
    assert_eq!(filtered["outcome"], "filtered");
    let broken = triggered(&woodpecker, "error").await;
    assert_eq!(
        (&broken["status"], &broken["raw_status"]),
        (&json!("error"), &json!("error"))
    );
    let reader = |operation, input| woodpecker.by("sandbox-one-reader", operation, input);
    let hidden = reader("cicd.run.trigger", on("develop")).await;
    assert_eq!(hidden.expect_err("it may only read").kind, Kind::NotFound);
    let admins = reader("cicd.queue.list", json!({})).await;
    assert_eq!(admins.expect_err("for administrators").kind, Kind::Forbidden);
    let nobody = woodpecker
        .by("another", "cicd.run.get", json!({ "run": "acme/api#1" }))
        .await;
    assert_eq!(nobody.expect_err("nobody is known").kind, Kind::UpstreamAuth);
}
