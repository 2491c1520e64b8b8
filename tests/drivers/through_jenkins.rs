//! The driver of Jenkins through its sandbox: two readings of the same facts.
//!
//! Invariant: every operation that the driver declares is called, and each of its failures tells what to do next.

use mosaic::providers::http::credential::Given;
use mosaic::sandbox::{Effect, Fault};
use mosaic_actors::error::Kind;
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::through::{Through, ids, run, texts};
use crate::upstream::ask;

const TOKEN: &str = "sandbox-one";

async fn start() -> Through {
    let mut through = Through::start("jenkins", TOKEN).await;
    through
        .connection
        .settings
        .insert("user".to_owned(), "sandbox-user".into());
    through
}

fn outcome(project: &str, outcome: &str) -> Value {
    json!({ "project": project, "variables": { "SANDBOX_OUTCOME": outcome } })
}

/// Triggers a build and answers its run, as it has begun.
async fn started(jenkins: &Through, input: Value) -> Value {
    let triggered = jenkins.ask("cicd.run.trigger", input).await;
    assert_eq!(triggered["outcome"], "pending");
    resolved(jenkins, &triggered["pending"]).await
}

async fn resolved(jenkins: &Through, pending: &Value) -> Value {
    for _ in 0..2 {
        let resolved = jenkins.ask("cicd.run.resolve", json!({ "pending": pending })).await;
        if resolved["outcome"] == "started" {
            return resolved["run"].clone();
        }
        assert_eq!(resolved["pending"], *pending);
    }
    panic!("{pending} does not start")
}

#[tokio::test]
async fn every_operation_is_done() {
    let jenkins = start().await;
    jobs(&jenkins).await;
    let run = builds(&jenkins).await;
    logs_and_files(&jenkins, &run).await;
    orders(&jenkins).await;
    inputs(&jenkins).await;
    jenkins.assert_all_asked();
}

/// Folders and branches are found, and each page by page.
async fn jobs(jenkins: &Through) {
    let top = jenkins.pages("cicd.pipeline.list", json!({ "limit": 3 })).await;
    let names: Vec<&Value> = top.iter().map(|item| &item["name"]).collect();
    assert_eq!(
        names,
        [
            "a job with spaces & ünïcödé",
            "api",
            "deploy",
            "disabled",
            "empty",
            "team",
            "web"
        ]
    );
    // The colour of a job that was never built is that of one whose last build was left out.
    assert_eq!(
        (&top[3]["enabled"], &top[1]["last_status"]),
        (&json!(false), &Value::Null)
    );
    let below = jenkins
        .pages("cicd.pipeline.list", json!({ "project": "team/backend" }))
        .await;
    assert_eq!(ids(&below), ["under-test~team/backend/nightly"]);
    assert_eq!(below[0]["last_status"], "failure");
    // What a job asks for is told with it.
    let deploy = jenkins
        .pages("cicd.pipeline.list", json!({ "project": "deploy" }))
        .await;
    let asked = deploy[0]["parameters"].as_array().expect("parameters");
    let environment = asked
        .iter()
        .find(|one| one["name"] == "ENVIRONMENT")
        .expect("asked for");
    assert_eq!(
        (&environment["kind"], &environment["choices"], &environment["default"]),
        (&json!("choice"), &json!(["staging", "production"]), &json!("staging"))
    );
    let secret = asked.iter().find(|one| one["kind"] == "secret");
    assert!(secret.is_none_or(|secret| secret["default"].is_null()), "{asked:?}");
    let branches = jenkins.pages("cicd.pipeline.list", json!({ "project": "web" })).await;
    assert_eq!(
        ids(&branches),
        ["under-test~web/feature%2Flogin", "under-test~web/main"]
    );
    assert_eq!(branches[0]["name"], "feature/login");
    let odd = json!({ "project": "a job with spaces & ünïcödé" });
    assert_eq!(jenkins.pages("cicd.run.list", odd).await.len(), 1);
}

/// A build from its trigger on; answers its run, at work.
async fn builds(jenkins: &Through) -> Value {
    let variables = json!({ "ENVIRONMENT": "production", "BRANCH": "a & b = ü", "SANDBOX_OUTCOME": "unstable" });
    let input = json!({ "project": "deploy", "variables": variables });
    let triggered = jenkins.ask("cicd.run.trigger", input.clone()).await;
    // The same that waits already is that one, and nobody is told that it were his own.
    let again = jenkins.ask("cicd.run.trigger", input).await;
    assert_eq!(
        (&again["outcome"], &again["pending"]),
        (&json!("joined"), &triggered["pending"])
    );
    let queue = jenkins.pages("cicd.queue.list", json!({})).await;
    assert_eq!((queue.len(), &queue[0]["pending"]), (1, &triggered["pending"]));
    assert_eq!(queue[0]["project"], "deploy");
    let run = resolved(jenkins, &triggered["pending"]).await;
    assert_eq!((&run["status"], &run["number"]), (&json!("running"), &json!(6)));
    assert_eq!(run["author"]["login"], "sandbox-user");
    let newest = jenkins
        .ask("cicd.run.list", json!({ "project": "deploy", "limit": 1 }))
        .await;
    assert_eq!(newest["items"][0]["id"], run["id"]);
    // A job shows its last hundred; the whole history is walked to its end all the same.
    let all = jenkins
        .pages("cicd.run.list", json!({ "project": "api", "limit": 50 }))
        .await;
    let numbers: Vec<u64> = all.iter().filter_map(|run| run["number"].as_u64()).collect();
    assert_eq!(numbers, (1..=120).rev().collect::<Vec<_>>());
    assert_eq!(
        jenkins.ask("cicd.run.get", crate::through::run(&run)).await["status"],
        "running"
    );
    run
}

async fn logs_and_files(jenkins: &Through, of: &Value) {
    let followed = jenkins.ask("cicd.log.follow", run(of)).await;
    let end = followed.as_array().and_then(|events| events.last()).expect("an end");
    assert_eq!(
        *end,
        json!({ "type": "end", "status": "failure", "raw_status": "UNSTABLE" })
    );
    let log = jenkins.ask("cicd.log.get", run(of)).await;
    assert_eq!(texts(&followed), texts(&log["lines"]));
    assert_eq!(texts(&followed)[0], "Started by user sandbox-user");
    assert_eq!(texts(&followed).last(), Some(&"Finished: UNSTABLE"));
    assert!(texts(&followed).contains(&"Grüße from one"), "{followed}");
    let files = jenkins.pages("cicd.artifact.list", run(of)).await;
    let names: Vec<&Value> = files.iter().map(|file| &file["name"]).collect();
    assert_eq!(
        names,
        [
            "report.txt",
            "target/app.jar",
            "target/docs/a page #1 100%+ü?.html",
            "results.json"
        ]
    );
    let page = jenkins
        .ask("cicd.artifact.get", json!({ "artifact": files[2]["id"] }))
        .await;
    assert_eq!(page["text"], "Build 6 on one: Grüße\n");
    let large = jenkins
        .ask("cicd.artifact.get", json!({ "artifact": files[1]["id"] }))
        .await;
    assert_eq!(large["length"], 1 << 20);
    let waited = jenkins.ask("cicd.run.wait", run(of)).await;
    assert_eq!((&waited["ended"], &waited["status"]), (&json!(true), &json!("failure")));
}

async fn orders(jenkins: &Through) {
    let held = started(jenkins, outcome("team/service", "hold")).await;
    for _ in 0..5 {
        assert_eq!(jenkins.ask("cicd.run.get", run(&held)).await["status"], "running");
    }
    assert_eq!(
        jenkins.fails("cicd.run.delete", run(&held)).await.0,
        Kind::PreconditionFailed
    );
    let stopped = jenkins.ask("cicd.run.cancel", run(&held)).await;
    assert_eq!(stopped["outcome"], "requested");
    let waited = jenkins.ask("cicd.run.wait", run(&held)).await;
    assert_eq!(
        (&waited["ended"], &waited["run"]["raw_status"]),
        (&json!(true), &json!("ABORTED"))
    );
    assert_eq!(
        jenkins.fails("cicd.run.cancel", run(&held)).await.0,
        Kind::PreconditionFailed
    );
    // The strongest way ends it at once, where its job knows it.
    let held = started(jenkins, outcome("team/service", "hold")).await;
    let forced = |of: &Value| json!({ "run": of["id"], "force": true });
    assert_eq!(jenkins.ask("cicd.run.cancel", forced(&held)).await["outcome"], "done");
    let plain = started(jenkins, outcome("deploy", "hold")).await;
    let refused = jenkins.fails("cicd.run.cancel", forced(&plain)).await;
    assert_eq!(refused, (Kind::Unsupported, Some("force".to_owned())));
    // What waits is taken out of the queue, and nothing else is done with it.
    let waits = jenkins.ask("cicd.run.trigger", json!({ "project": "empty" })).await;
    let pending = &waits["pending"];
    assert_eq!(
        jenkins.ask("cicd.run.cancel", json!({ "run": pending })).await["outcome"],
        "done"
    );
    assert_eq!(
        jenkins.fails("cicd.run.cancel", json!({ "run": pending })).await.0,
        Kind::PreconditionFailed
    );
    assert_eq!(
        jenkins.fails("cicd.run.resolve", json!({ "pending": pending })).await.0,
        Kind::NotFound
    );
    jenkins.ask("cicd.run.delete", run(&held)).await;
    assert_eq!(jenkins.fails("cicd.run.get", run(&held)).await.0, Kind::NotFound);
    // Of a job without parameters Jenkins does not say that the same waits already.
    let waits = jenkins.ask("cicd.run.trigger", json!({ "project": "empty" })).await;
    let again = jenkins.ask("cicd.run.trigger", json!({ "project": "empty" })).await;
    assert_eq!(
        (&waits["outcome"], &again["outcome"], &again["pending"]),
        (&json!("pending"), &json!("joined"), &waits["pending"])
    );
}

/// A build that has come to where it waits for somebody.
async fn waiting(jenkins: &Through, how: &str) -> Value {
    let begun = started(jenkins, outcome("team/service", how)).await;
    for _ in 0..5 {
        let read = jenkins.ask("cicd.run.get", run(&begun)).await;
        if read["status"] == "blocked" {
            return read;
        }
    }
    panic!("{begun} does not wait")
}

/// What a build waits for is told, in lists too, and answered.
async fn inputs(jenkins: &Through) {
    for (how, variables, says) in [
        ("approval", json!({}), None),
        (
            "input",
            json!({ "ENVIRONMENT": "production", "DRY_RUN": "false" }),
            Some(["ENVIRONMENT=production", "DRY_RUN=false", "REASON=none"]),
        ),
    ] {
        let waits = waiting(jenkins, how).await;
        assert_eq!(waits["raw_status"], "PAUSED_PENDING_INPUT");
        let asked = &waits["waits_for"][0];
        assert_eq!(
            (
                &asked["name"],
                &asked["message"],
                asked["parameters"].as_array().map(Vec::len)
            ),
            (&json!("Deploy"), &json!("Deploy it?"), says.map(|all| all.len()))
        );
        let looks = || {
            jenkins
                .server()
                .requests()
                .served(&http::Method::GET, "/job/{name}/wfapi/runs")
        };
        let before = looks();
        let listed = jenkins
            .pages("cicd.run.list", json!({ "project": "team/service" }))
            .await;
        let row = listed.iter().find(|row| row["id"] == waits["id"]).expect("listed");
        assert_eq!(
            (&row["status"], looks() - before),
            (&json!("blocked"), 1),
            "one question for all rows"
        );
        let refused = jenkins
            .fails(
                "cicd.run.approve",
                json!({ "run": waits["id"], "variables": { "OTHER": "x" } }),
            )
            .await;
        assert_eq!(refused, (Kind::InvalidInput, Some("variables".to_owned())));
        let approved = jenkins
            .ask(
                "cicd.run.approve",
                json!({ "run": waits["id"], "variables": variables }),
            )
            .await;
        assert_eq!(approved["outcome"], "done");
        assert_ne!(approved["run"]["status"], "blocked");
        let waited = jenkins.ask("cicd.run.wait", run(&waits)).await;
        assert_eq!(waited["status"], "success");
        let log = jenkins.ask("cicd.log.get", run(&waits)).await;
        assert!(
            says.into_iter()
                .flatten()
                .all(|line| texts(&log["lines"]).contains(&line)),
            "{log}"
        );
        assert_eq!(
            jenkins.fails("cicd.run.approve", run(&waits)).await.0,
            Kind::PreconditionFailed
        );
    }
    by_what_the_trigger_answered(jenkins).await;
    let plain = started(jenkins, outcome("deploy", "hold")).await;
    assert_eq!(
        jenkins.fails("cicd.run.approve", run(&plain)).await.0,
        Kind::PreconditionFailed
    );
    // Who waits may be ended, too.
    let waits = waiting(jenkins, "approval").await;
    jenkins.ask("cicd.run.cancel", run(&waits)).await;
    assert_eq!(jenkins.ask("cicd.run.wait", run(&waits)).await["status"], "cancelled");
}

/// Every order takes what a trigger has answered as pending, once there is a build; until then it says to wait.
async fn by_what_the_trigger_answered(jenkins: &Through) {
    let triggered = jenkins
        .ask("cicd.run.trigger", outcome("team/service", "approval"))
        .await;
    let by = json!({ "run": triggered["pending"] });
    assert_eq!(
        jenkins.fails("cicd.run.approve", by.clone()).await.0,
        Kind::PreconditionFailed
    );
    let build = resolved(jenkins, &triggered["pending"]).await;
    for _ in 0..5 {
        jenkins.ask("cicd.run.get", run(&build)).await;
    }
    assert_eq!(jenkins.ask("cicd.run.approve", by.clone()).await["outcome"], "done");
    assert_eq!(jenkins.ask("cicd.run.wait", by.clone()).await["status"], "success");
    let log = jenkins.ask("cicd.log.get", by.clone()).await;
    assert_eq!(log["run"], build["id"]);
    assert!(!texts(&jenkins.ask("cicd.log.follow", by.clone()).await).is_empty());
    jenkins.pages("cicd.artifact.list", by.clone()).await;
    assert_eq!(
        jenkins.fails("cicd.run.cancel", by.clone()).await.0,
        Kind::PreconditionFailed,
        "it has ended"
    );
    jenkins.ask("cicd.run.delete", by).await;
}

#[tokio::test]
async fn two_triggers_at_once_are_told_apart_and_a_forgotten_one_is_found() {
    let jenkins = start().await;
    let first = jenkins
        .ask("cicd.run.trigger", outcome("team/service", "success"))
        .await;
    let second = jenkins
        .ask("cicd.run.trigger", outcome("team/service", "failure"))
        .await;
    assert_ne!(first["pending"], second["pending"]);
    let (b, a) = (
        resolved(&jenkins, &second["pending"]).await,
        resolved(&jenkins, &first["pending"]).await,
    );
    for (run, raw) in [(&a, "SUCCESS"), (&b, "FAILURE")] {
        let mut read = Value::Null;
        for _ in 0..4 {
            read = jenkins.ask("cicd.run.get", crate::through::run(run)).await;
        }
        assert_eq!(read["raw_status"], raw);
    }
    // The queue forgets it in the end, and the job's builds tell.
    for _ in 0..20 {
        assert_eq!(resolved(&jenkins, &first["pending"]).await["id"], a["id"]);
    }
    let items = |requests: mosaic::sandbox::Requests| requests.served(&http::Method::GET, "/job/{name}/api/json");
    assert!(
        items(jenkins.server().requests()) > 4,
        "it was looked for among the builds"
    );
}

#[tokio::test]
async fn a_branch_has_a_job_of_its_own() {
    let jenkins = start().await;
    let on = |branch: &str| json!({ "project": "web", "branch": branch });
    let run = started(&jenkins, on("feature/login")).await;
    assert_eq!(
        (&run["project"], &run["number"]),
        (&json!("web/feature%2Flogin"), &json!(2))
    );
    let refused = jenkins.fails("cicd.run.trigger", on("none")).await;
    assert_eq!(refused, (Kind::NotFound, Some("branch".to_owned())));
    assert_eq!(
        jenkins.fails("cicd.run.trigger", json!({ "project": "web" })).await.0,
        Kind::InvalidInput
    );
}

#[tokio::test]
async fn what_jenkins_refuses_has_its_reason() {
    let jenkins = start().await;
    let given = |name: &str, value: &str| json!({ "project": "deploy", "variables": { name: value } });
    for (operation, input, becomes) in [
        ("cicd.run.trigger", json!({ "project": "disabled" }), Kind::Conflict),
        ("cicd.run.trigger", json!({ "project": "none" }), Kind::NotFound),
        ("cicd.run.trigger", json!({ "project": "team" }), Kind::InvalidInput),
        ("cicd.run.trigger", given("UNKNOWN", "x"), Kind::InvalidInput),
        ("cicd.run.trigger", given("ENVIRONMENT", "moon"), Kind::InvalidInput),
        ("cicd.run.get", json!({ "run": "api#999" }), Kind::NotFound),
        ("cicd.run.list", json!({ "project": "team" }), Kind::InvalidInput),
        ("cicd.run.list", json!({ "project": "none" }), Kind::NotFound),
        ("cicd.run.resolve", json!({ "pending": "api#q999" }), Kind::NotFound),
        ("cicd.run.cancel", json!({ "run": "api#q999" }), Kind::NotFound),
        ("cicd.log.get", json!({ "run": "empty#1" }), Kind::NotFound),
        ("cicd.artifact.get", json!({ "artifact": "api#1/none" }), Kind::NotFound),
        ("cicd.pipeline.list", json!({ "project": "team/none" }), Kind::NotFound),
    ] {
        assert_eq!(
            jenkins.fails(operation, input.clone()).await.0,
            becomes,
            "{operation} {input}"
        );
    }
    let disabled = jenkins
        .fails("cicd.run.trigger", json!({ "project": "disabled" }))
        .await;
    assert_eq!(disabled, (Kind::Conflict, Some("project".to_owned())));
    assert_eq!(jenkins.server().created(), 0, "nothing was started");
}

#[tokio::test]
async fn a_credential_is_refused_for_what_it_lacks() {
    let jenkins = start().await;
    let build = || json!({ "project": "api" });
    let by = |user: Option<&str>, token: &str| {
        let mut connection = jenkins.connection.clone();
        connection.settings.insert("user".to_owned(), user.into());
        connection.credential = Some(SecretString::from(token.to_owned()).into());
        async move { ask("jenkins", &connection, "cicd.run.trigger", build()).await }
    };
    let reader = by(Some("sandbox-guest"), "sandbox-one-reader").await;
    assert_eq!(reader.expect_err("it may only read").kind, Kind::Forbidden);
    let wrong = by(Some("sandbox-user"), "another").await;
    assert_eq!(wrong.expect_err("it is none").kind, Kind::UpstreamAuth);
    let mut connection = jenkins.connection.clone();
    connection.credential = None;
    let nobody = ask("jenkins", &connection, "cicd.run.trigger", build()).await;
    assert_eq!(nobody.expect_err("nobody is known").kind, Kind::UpstreamAuth);
    // The user may stand before the token.
    assert_eq!(
        by(None, "sandbox-user:sandbox-one").await.expect("taken")["outcome"],
        "pending"
    );
}

#[tokio::test]
async fn by_a_password_a_crumb_and_its_cookie_go_with_each_write() {
    let mut jenkins = start().await;
    jenkins.connection.credential = Some(Given::Password {
        user: "sandbox-user".to_owned(),
        password: "sandbox-one-password".to_owned().into(),
    });
    let run = started(&jenkins, outcome("deploy", "hold")).await;
    jenkins.ask("cicd.run.cancel", crate::through::run(&run)).await;
    assert!(
        jenkins
            .server()
            .requests()
            .served(&http::Method::GET, "/crumbIssuer/api/json")
            > 0
    );
    assert_eq!(jenkins.server().created(), 1);
}

#[tokio::test]
async fn at_the_root_it_is_the_same_jenkins_and_one_that_starts_is_asked_again() {
    let mut jenkins = start().await;
    let origin = jenkins.server().origin().to_owned();
    jenkins.connection.base_url = Some(origin.parse().expect("a URL"));
    let run = started(&jenkins, json!({ "project": "team/backend/nightly" })).await;
    assert_eq!(run["web_url"], format!("{origin}/job/team/job/backend/job/nightly/3/"));
    jenkins
        .server()
        .faults()
        .add(Fault::new(Effect::Error { status: 503 }))
        .expect("a fault");
    let failure = jenkins.try_ask("cicd.run.get", json!({ "run": run["id"] })).await;
    let failure = failure.expect_err("it starts");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, true));
}
