//! Jenkins: what is refused unsent, where its files are fetched from, and how a build that is awaited is asked for.
//!
//! Invariant: an address that Jenkins writes is gone to only for a file, and then without our credential.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::Kind;
use serde_json::{Value, json};

use crate::upstream::{self, BESIDE, Canned, Upstream, ask, connection, driver, whole};

const ARTIFACT: &str = "A/api#7/out/a.txt";

#[tokio::test]
async fn j15_a_stage_view_that_is_not_there_is_not_asked_for_each_time() {
    let running = || {
        let build = json!({"_class": "org.jenkinsci.plugins.workflow.job.WorkflowRun", "number": 7, "building": true,
            "inProgress": true, "result": null, "timestamp": 1_767_603_600_123_u64});
        Canned::json(200, build)
    };
    let provider = Upstream::answering([running(), Canned::text(404, ""), running(), running()]).await;
    let driver = driver("jenkins", &connection(&provider.url)).expect("connected");
    for _ in 0..3 {
        let call = upstream::call("cicd.run.get", json!({"run": "A/api#7"}), false).expect("a call");
        let (run, failure) = whole(driver.clone().call(Arc::new(call)).await.expect("read")).await;
        assert!(failure.is_none());
        assert_eq!(run["status"], "running");
    }
    let views = provider.seen().into_iter().filter(|seen| seen.path.contains("wfapi"));
    assert_eq!(views.count(), 1);
}

#[tokio::test]
async fn what_cannot_be_asked_is_not_sent() {
    use Kind::{InvalidInput, Unsupported};
    for (operation, input, becomes, field) in [
        (
            "cicd.pipeline.list",
            json!({"project": "a//b"}),
            InvalidInput,
            "project",
        ),
        ("cicd.run.list", json!({"project": "../b"}), InvalidInput, "project"),
        (
            "cicd.run.list",
            json!({"project": "a", "branch": "b"}),
            Unsupported,
            "branch",
        ),
        (
            "cicd.run.list",
            json!({"project": "a", "event": "b"}),
            Unsupported,
            "event",
        ),
        ("cicd.run.get", json!({"run": "a/b"}), InvalidInput, "run"),
        ("cicd.run.wait", json!({"run": "a#0"}), InvalidInput, "run"),
        ("cicd.run.resolve", json!({"pending": "a#7"}), InvalidInput, "pending"),
        (
            "cicd.log.follow",
            json!({"run": "a#7", "step": "s"}),
            Unsupported,
            "step",
        ),
        (
            "cicd.artifact.get",
            json!({"artifact": "a#7/../x"}),
            InvalidInput,
            "artifact",
        ),
    ] {
        let provider = Upstream::answering([]).await;
        let failure = ask("jenkins", &connection(&provider.url), operation, input)
            .await
            .expect_err(operation);
        let what = (failure.kind, failure.field.as_deref(), failure.unsent);
        assert_eq!(what, (becomes, Some(field), true), "{operation}");
        assert!(provider.seen().is_empty(), "{operation}");
    }
}

#[tokio::test]
async fn j13_the_credential_does_not_go_to_where_artifacts_are_kept() {
    let there = format!("{BESIDE}/static-files/x/a.txt");
    let leads = Canned::text(302, "").header("location", &there);
    let provider = Upstream::answering([leads, Canned::text(200, "the file")]).await;
    let input = json!({"artifact": ARTIFACT});
    let file = ask("jenkins", &connection(&provider.url), "cicd.artifact.get", input).await;
    let file = file.expect("fetched");
    assert_eq!((&file["text"], &file["name"]), (&json!("the file"), &json!("a.txt")));
    assert!(provider.seen()[0].headers.contains_key("authorization"));
    assert!(!provider.seen()[1].headers.contains_key("authorization"));
}

#[tokio::test]
async fn j11_no_order_is_followed_to_where_a_browser_would_go() {
    let elsewhere = Upstream::answering([]).await;
    let build = |building: bool| Canned::json(200, json!({"number": 7, "building": building, "result": "ABORTED"}));
    let sent_away = Canned::text(302, "").header("location", &elsewhere.url);
    let provider = Upstream::answering([build(true), sent_away, build(false)]).await;
    let input = json!({"run": "A/api#7"});
    let ordered = ask("jenkins", &connection(&provider.url), "cicd.run.cancel", input).await;
    assert_eq!(ordered.expect("ordered")["outcome"], "done");
    assert!(elsewhere.seen().is_empty());
}

#[tokio::test]
async fn only_what_leads_to_the_next_page_says_that_an_order_is_taken() {
    let build = |building: bool| Canned::json(200, json!({"number": 7, "building": building, "result": "ABORTED"}));
    for (status, taken) in [
        (302, true),
        (303, true),
        (301, false),
        (304, false),
        (307, false),
        (308, false),
    ] {
        let away = Canned::text(status, "").header("location", "/job/A/job/api/7/");
        let provider = Upstream::answering([build(true), away, build(false)]).await;
        let input = json!({"run": "A/api#7"});
        let ordered = ask("jenkins", &connection(&provider.url), "cicd.run.cancel", input).await;
        match ordered {
            Ok(ordered) => assert!(taken && ordered["outcome"] == "done", "{status}: {ordered}"),
            Err(failure) => assert_eq!(
                (failure.kind, failure.retryable, taken),
                (Kind::UpstreamFailed, false, false),
                "{status}"
            ),
        }
        assert_eq!(provider.seen().len(), if taken { 3 } else { 2 }, "{status}");
    }
}

/// A build that waits for somebody's input is told so by whichever id it is asked for, and only a pipeline's is looked at.
#[tokio::test]
async fn what_was_triggered_and_waits_for_somebody_is_blocked() {
    let build = |class: &str| {
        let fields = json!({"_class": class, "number": 42, "queueId": 17, "building": true});
        Canned::json(200, fields)
    };
    let pipeline = || build("org.jenkinsci.plugins.workflow.job.WorkflowRun");
    let provider = Upstream::answering([
        Canned::json(200, json!({"id": 17, "executable": {"number": 42}})),
        pipeline(),
        pipeline(),
        Canned::json(200, json!({"status": "PAUSED_PENDING_INPUT"})),
        Canned::json(200, json!([{"id": "Deploy", "message": "Deploy it?"}])),
        build("hudson.matrix.MatrixBuild"),
        pipeline(),
        Canned::json(200, json!({"status": "PAUSED_PENDING_INPUT"})),
        // That it waits is told, though not for what.
        Canned::text(500, "oops"),
        Canned::json(200, json!({"id": 17, "executable": null})),
    ])
    .await;
    let connection = connection(&provider.url);
    let at = async |run: &str| {
        let run = ask("jenkins", &connection, "cicd.run.get", json!({"run": run}))
            .await
            .expect(run);
        (
            run["id"].clone(),
            run["status"].clone(),
            run["waits_for"][0]["name"].clone(),
        )
    };
    let blocked = |by: Value| (json!("under-test~A/api#42"), json!("blocked"), by);
    assert_eq!(at("under-test~A/api#q17").await, blocked(json!("Deploy")));
    // It has no stages, and says nothing of those that do.
    assert_eq!(at("under-test~A/api#42").await.1, "running");
    assert_eq!(at("under-test~A/api#42").await, blocked(Value::Null));
    let refused = ask(
        "jenkins",
        &connection,
        "cicd.log.get",
        json!({"run": "under-test~A/api#q17"}),
    )
    .await;
    let refused = refused.expect_err("it has no number");
    assert!(
        refused.kind == Kind::PreconditionFailed && refused.message().contains("cicd.run.wait"),
        "{refused}"
    );
}

/// What a trigger answers as pending is an input of the resolution, and what that gives is one of all others.
#[tokio::test]
async fn a_trigger_leads_to_its_run() {
    let item = |executable: Value| Canned::json(200, json!({"id": 17, "executable": executable}));
    let build = |building: bool| {
        Canned::json(
            200,
            json!({"number": 42, "queueId": 17, "building": building, "result": "SUCCESS"}),
        )
    };
    let provider = Upstream::answering([
        Canned::json(200, json!({"color": "blue", "property": []})),
        Canned::text(201, "").header("location", "http://wrong/queue/item/17/"),
        item(Value::Null),
        item(json!({"number": 42})),
        build(true),
        build(false),
        // The same by what the trigger answered.
        item(Value::Null),
        item(Value::Null),
        item(json!({"number": 42})),
        build(true),
        build(true),
        build(false),
    ])
    .await;
    let connection = connection(&provider.url);
    let at =
        async |operation: &str, input: Value| ask("jenkins", &connection, operation, input).await.expect(operation);
    let triggered = at("cicd.run.trigger", json!({"project": "under-test~A/api"})).await;
    assert_eq!(triggered["outcome"], "pending");
    let waits = at("cicd.run.resolve", json!({"pending": triggered["pending"]})).await;
    assert_eq!(waits, triggered, "it is still to come");
    let begun = at("cicd.run.resolve", json!({"pending": waits["pending"]})).await;
    assert_eq!(
        (&begun["outcome"], &begun["run"]["id"]),
        (&json!("started"), &json!("under-test~A/api#42"))
    );
    let ended = at("cicd.run.wait", json!({"run": begun["run"]["id"]})).await;
    assert_eq!((&ended["ended"], &ended["status"]), (&json!(true), &json!("success")));
    let pending = json!({"run": triggered["pending"]});
    let waits = at("cicd.run.get", pending.clone()).await;
    assert_eq!(
        (&waits["id"], &waits["status"], &waits["raw_status"]),
        (&triggered["pending"], &json!("queued"), &json!("pending"))
    );
    let ended = at("cicd.run.wait", pending).await;
    assert_eq!(
        (&ended["ended"], &ended["run"]["id"]),
        (&json!(true), &json!("under-test~A/api#42"))
    );
}

/// What has left the queue and names no build begins at this moment, or its build was deleted: it is sought, and not for ever.
#[tokio::test]
async fn what_has_left_the_queue_without_a_build_is_not_waited_for_for_ever() {
    let left = || {
        let class = "hudson.model.Queue$LeftItem";
        Canned::json(
            200,
            json!({"_class": class, "id": 17, "cancelled": false, "executable": null}),
        )
    };
    let builds = |builds: Value| Canned::json(200, json!({"allBuilds": builds}));
    let provider = Upstream::answering([
        left(),
        builds(json!([{"number": 41, "queueId": 16}])),
        left(),
        builds(json!([])),
        left(),
        builds(json!([{"number": 42, "queueId": 17}])),
        Canned::json(200, json!({"number": 42, "queueId": 17, "building": true})),
    ])
    .await;
    let driver = driver("jenkins", &connection(&provider.url)).expect("connected");
    let resolve = async || {
        let input = json!({"pending": "under-test~A/api#q17"});
        let call = upstream::call("cicd.run.resolve", input, false).expect("a call");
        driver.clone().call(Arc::new(call)).await
    };
    resolve().await.expect("it may begin at this moment");
    assert_eq!(provider.seen().len(), 2);
    tokio::time::pause();
    tokio::time::advance(Duration::from_secs(10)).await;
    tokio::time::resume();
    let failure = resolve().await.expect_err("its build was deleted");
    assert_eq!(failure.kind, Kind::NotFound, "{failure}");
    resolve().await.expect("a build that is there is found");
    assert_eq!(provider.seen().len(), 7);
}

/// Whoever asks by what a trigger has answered changes the run that came of it, whose own id others asked by.
#[tokio::test]
async fn an_order_by_what_a_trigger_answered_tells_its_run_to_have_changed() {
    let build = || {
        Canned::json(
            200,
            json!({"number": 42, "queueId": 17, "building": false, "result": "SUCCESS"}),
        )
    };
    let provider = Upstream::answering([
        Canned::json(200, json!({"id": 17, "executable": {"number": 42}})),
        build(),
        build(),
        Canned::text(302, "").header("location", "http://wrong/job/A/job/api/"),
    ])
    .await;
    let driver = driver("jenkins", &connection(&provider.url)).expect("connected");
    let input = json!({"run": "under-test~A/api#q17"});
    let call = upstream::call("cicd.run.delete", input, false).expect("a call");
    let answer = driver.call(Arc::new(call)).await.expect("it is deleted");
    let tags: Vec<&str> = answer.head.tags.iter().map(|tag| &**tag).collect();
    assert_eq!(tags, ["run:a/api#42"]);
}
