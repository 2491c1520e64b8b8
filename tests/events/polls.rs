//! Providers that send nothing are looked at.
//!
//! Invariant: as in the crate; what was there before is not told.

use serde_json::json;

use crate::Listener;
use crate::harness::{Setup, Stage};

#[tokio::test(flavor = "multi_thread")]
async fn a_run_that_is_started_is_told_and_those_from_before_are_not() {
    let setup = Setup {
        tables: "[providers.woodpecker-a.webhook]\npoll = [\"acme/api\"]\npoll_every = \"1s\"\n".to_owned(),
        ..Setup::default()
    };
    let stage = Stage::open(setup).await;
    let gateway = &stage.gateway;
    // It has looked once when it knows of the project.
    let asked = || stage.asked("woodpecker");
    crate::harness::soon("a first look", async || (asked() > 0).then_some(())).await;
    let mut listener = Listener::open(gateway, "after=0&type=cicd.run", &[]).await;
    let run = json!({"project": "woodpecker-a~acme/api", "branch": "main"});
    let started = gateway.post("/v1/cicd/runs", &run).await.ok();
    let id = started["run"]["id"].as_str().expect("an id").to_owned();
    // Each time that it has moved on it is told once.
    let first = listener.next().await.expect("an event");
    assert_eq!(
        (first.data["resource"].as_str(), &first.data["type"]),
        (Some(&*id), &json!("cicd.run.changed"))
    );
    stage.close().await;
}
