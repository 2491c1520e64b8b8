//! Two runs that are asked for at once of a forge that does not tell their ids.
//!
//! Invariant: a run is told as that of a trigger only where it cannot be another's; nothing here waits: each answer bears
//! its date.

use std::sync::Arc;

use mosaic_actors::driver::Driver;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};

use crate::upstream::{self, Canned, Upstream, connection, driver};

async fn at(driver: &Arc<dyn Driver>, operation: &str, input: Value) -> Result<Value, Failure> {
    let call = upstream::call(operation, input, false)?;
    let (value, failure) = upstream::whole(driver.clone().call(Arc::new(call)).await?).await;
    failure.map_or(Ok(value), Err)
}

/// An answer of this second.
fn dated(answer: Canned, second: u32) -> Canned {
    answer.header("date", &format!("Mon, 06 May 2024 07:08:{second:02} GMT"))
}

/// A list of the runs that were made in these seconds; each is numbered by its own.
fn listed(seconds: &[u32], second: u32) -> Canned {
    let run = |made: &u32| {
        let at = format!("2024-05-06T07:08:{made:02}Z");
        json!({"id": 40 + made, "path": "ci.yml@refs/heads/main", "event": "workflow_dispatch", "head_branch": "main",
            "status": "queued", "actor": {"login": "ada"}, "created_at": at, "started_at": at})
    };
    let runs: Vec<Value> = seconds.iter().map(run).collect();
    dated(
        Canned::json(200, json!({"total_count": runs.len(), "workflow_runs": runs})),
        second,
    )
}

fn user() -> Canned {
    Canned::json(200, json!({"login": "ada"}))
}

/// Each kind, and what it asks for once, before all: of a server that does not tell its release, nothing more.
fn kinds() -> [(&'static str, Vec<Canned>); 2] {
    let version = Canned::json(200, json!({"version": "one of our own"}));
    [("github", vec![]), ("gitea", vec![version])]
}

async fn trigger(driver: &Arc<dyn Driver>) -> Value {
    let input = json!({"project": "acme/api", "pipeline": "ci.yml", "branch": "main"});
    let triggered = at(driver, "cicd.run.trigger", input).await.expect("taken");
    assert_eq!(triggered["outcome"], "pending", "{triggered}");
    json!({"pending": triggered["pending"]})
}

#[tokio::test]
async fn ha1_of_two_that_were_asked_for_at_once_none_is_told_the_other_s_run() {
    for (kind, before) in kinds() {
        let dispatched = |second| [dated(Canned::text(204, ""), second), user()];
        let mut answers = before;
        answers.extend(dispatched(10));
        answers.extend(dispatched(12));
        // At first only the first one's run is listed, long enough behind them.
        answers.extend([listed(&[10], 30), listed(&[10], 30)]);
        answers.extend([listed(&[12, 10], 31), listed(&[12, 10], 31)]);
        let provider = Upstream::answering(answers).await;
        let driver = driver(kind, &connection(&provider.url)).expect("connected");
        let (first, second) = (trigger(&driver).await, trigger(&driver).await);
        assert_ne!(first, second);
        for pending in [&second, &first] {
            let resolved = at(&driver, "cicd.run.resolve", pending.clone()).await;
            assert_eq!(resolved.expect(kind)["outcome"], "pending", "{kind}");
        }
        for pending in [&second, &first] {
            let resolved = at(&driver, "cicd.run.resolve", pending.clone()).await;
            assert_eq!(resolved.expect_err(kind).kind, Kind::Conflict, "{kind}");
        }
    }
}

#[tokio::test]
async fn ha1_what_another_process_asked_for_has_a_moment_to_be_listed() {
    for (kind, _) in kinds() {
        let provider = Upstream::answering([listed(&[10], 12), listed(&[10], 13)]).await;
        let driver = driver(kind, &connection(&provider.url)).expect("connected");
        let pending = json!({"pending": "acme/api#pipeline=ci.yml&branch=main&since=1714979290&actor=ada"});
        let early = at(&driver, "cicd.run.resolve", pending.clone()).await.expect(kind);
        assert_eq!(early["outcome"], "pending", "{kind}");
        let settled = at(&driver, "cicd.run.resolve", pending).await.expect(kind);
        assert_eq!(settled["run"]["id"], "under-test~acme/api#50", "{kind}");
    }
}

#[tokio::test]
async fn ha1_one_that_was_refused_holds_up_no_other() {
    for (kind, before) in kinds() {
        let mut answers = before;
        answers.extend([dated(Canned::text(204, ""), 10), user()]);
        answers.extend([dated(Canned::text(422, ""), 11), listed(&[10], 30)]);
        let provider = Upstream::answering(answers).await;
        let driver = driver(kind, &connection(&provider.url)).expect("connected");
        let pending = trigger(&driver).await;
        let input = json!({"project": "acme/api", "pipeline": "ci.yml", "branch": "main"});
        at(&driver, "cicd.run.trigger", input).await.expect_err("refused");
        let resolved = at(&driver, "cicd.run.resolve", pending).await.expect(kind);
        assert_eq!(resolved["run"]["id"], "under-test~acme/api#50", "{kind}");
    }
}
