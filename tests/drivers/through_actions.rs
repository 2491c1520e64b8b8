//! The drivers of GitHub's and Gitea's Actions against their sandboxes: every operation that each has.
//!
//! Invariant: no operation of CI that a driver declares is left out.

use std::cell::RefCell;
use std::collections::BTreeSet;

use mosaic::providers::http::http_client;
use mosaic::providers::{Connection, KINDS};
use mosaic::sandbox::{Sandbox, SandboxConfig, ServerConfig};
use mosaic_actors::error::{Failure, Kind};
use secrecy::SecretString;
use serde_json::{Value, json};

use crate::upstream::{ask, connection};

/// A forge, and what was asked of it.
struct Forge {
    kind: &'static str,
    sandbox: Sandbox,
    connection: Connection,
    asked: RefCell<BTreeSet<String>>,
}

impl Forge {
    async fn start(kind: &'static str) -> Self {
        let server = ServerConfig::new("one", kind, "sandbox-one");
        let config = SandboxConfig { servers: vec![server] };
        let sandbox = Sandbox::start(config).await.expect("a free port");
        let mut connection = connection(sandbox.servers()[0].base_url());
        connection.credential = Some(SecretString::from("sandbox-one").into());
        Self {
            kind,
            sandbox,
            connection,
            asked: RefCell::default(),
        }
    }

    async fn tried(&self, operation: &str, input: Value) -> Result<Value, Failure> {
        self.asked.borrow_mut().insert(operation.to_owned());
        ask(self.kind, &self.connection, operation, input).await
    }

    async fn ask(&self, operation: &str, input: Value) -> Value {
        let outcome = self.tried(operation, input.clone()).await;
        outcome.unwrap_or_else(|failure| panic!("{} {operation} {input}: {failure:?}", self.kind))
    }

    async fn refused(&self, operation: &str, input: Value) -> Kind {
        self.blamed(operation, input).await.0
    }

    /// What it is refused with, and the field that is to blame.
    async fn blamed(&self, operation: &str, input: Value) -> (Kind, Option<String>) {
        let outcome = self.tried(operation, input.clone()).await;
        let failure = outcome.expect_err(&format!("{} {operation} {input}", self.kind));
        (failure.kind, failure.field.as_deref().map(str::to_owned))
    }

    /// Starts a run that is to end like this, and tells its id.
    async fn started(&self, outcome: &str) -> String {
        let triggered = self.ask("cicd.run.trigger", start("ci.yml", outcome)).await;
        assert_eq!(triggered["outcome"], "started", "{triggered}");
        assert_eq!(triggered["run"]["status"], "queued", "{triggered}");
        triggered["run"]["id"].as_str().expect("an id").to_owned()
    }

    /// Reads a run until it stands so.
    async fn until(&self, run: &str, status: &str) -> Value {
        for _ in 0..5 {
            let now = self.ask("cicd.run.get", json!({ "run": run })).await;
            if now["status"] == status {
                return now;
            }
        }
        panic!("{}: {run} is never {status}", self.kind)
    }

    /// Starts a run past the driver, so that nobody is told its id.
    async fn start_untold(&self, branch: &str) {
        let base = self.sandbox.servers()[0].base_url();
        let url = format!("{base}/repos/acme/api/actions/workflows/ci.yml/dispatches");
        let request = http_client().expect("a client").post(url).bearer_auth("sandbox-one");
        let request = request.header("user-agent", "drivers");
        let answer = request.json(&json!({ "ref": branch })).send().await.expect("an answer");
        assert_eq!(answer.status(), 204);
    }

    /// Every operation of CI that the driver has was asked for.
    fn assert_whole(&self) {
        let kind = KINDS.iter().find(|kind| kind.name == self.kind).expect("a kind");
        let operations = (kind.operations)();
        let declared = operations.iter().filter(|name| name.starts_with("cicd."));
        let asked = self.asked.borrow();
        let left: Vec<_> = declared.filter(|name| !asked.contains(**name)).collect();
        assert!(left.is_empty(), "{}: {left:?}", self.kind);
    }
}

fn start(pipeline: &str, outcome: &str) -> Value {
    let variables = json!({ "SANDBOX_OUTCOME": outcome });
    json!({ "project": "acme/api", "pipeline": pipeline, "branch": "main", "variables": variables })
}

#[tokio::test]
async fn github_s_actions_do_all_that_the_driver_asks() {
    let forge = Forge::start("github").await;
    lists(&forge).await;
    a_failure(&forge).await;
    a_log_that_grows(&forge).await;
    unknown(&forge).await;
    which_run(&forge).await;
    github_alone(&forge).await;
    forge.assert_whole();
}

#[tokio::test]
async fn gitea_s_actions_do_all_that_the_driver_asks() {
    let forge = Forge::start("gitea").await;
    lists(&forge).await;
    a_failure(&forge).await;
    a_log_that_grows(&forge).await;
    unknown(&forge).await;
    which_run(&forge).await;
    forge.assert_whole();
}

async fn lists(forge: &Forge) {
    let pipelines = forge.ask("cicd.pipeline.list", json!({ "project": "acme/api" })).await;
    let names = pipelines["items"].as_array().expect("a list");
    let enabled: Vec<_> = names
        .iter()
        .map(|one| (one["name"].as_str().unwrap_or(""), &one["enabled"]))
        .collect();
    let (yes, no) = (&json!(true), &json!(false));
    assert_eq!(
        enabled,
        [("CI", yes), ("Deploy", yes), ("Nightly", yes), ("Retired", no)]
    );
    let mut input = json!({ "project": "acme/web", "limit": 50 });
    let mut seen = BTreeSet::new();
    loop {
        let page = forge.ask("cicd.run.list", input.clone()).await;
        let rows = page["items"].as_array().expect("a list");
        assert!(
            rows.iter().all(|run| seen.insert(run["id"].to_string())),
            "{}: twice",
            forge.kind
        );
        match &page["next_cursor"] {
            Value::Null => break,
            cursor => input["cursor"] = cursor.clone(),
        }
    }
    // 120 pushes, one by the clock, and one that waits.
    assert_eq!(seen.len(), 122, "{}", forge.kind);
    for (filter, many) in [
        (
            json!({ "status": "failure" }),
            if forge.kind == "github" { 2 } else { 3 },
        ),
        (json!({ "status": "blocked" }), 1),
        (json!({ "event": "push", "branch": "develop" }), 3),
    ] {
        let mut input = json!({ "project": "acme/api" });
        input
            .as_object_mut()
            .expect("an object")
            .extend(filter.as_object().expect("an object").clone());
        let found = forge.ask("cicd.run.list", input.clone()).await;
        assert_eq!(
            found["items"].as_array().map(Vec::len),
            Some(many),
            "{} {input}: {found}",
            forge.kind
        );
    }
}

async fn a_failure(forge: &Forge) {
    let held = json!({ "run": forge.started("hold").await });
    assert_eq!(
        forge.refused("cicd.run.rerun", held.clone()).await,
        Kind::PreconditionFailed
    );
    assert_eq!(forge.refused("cicd.run.delete", held).await, Kind::PreconditionFailed);
    let id = forge.started("flaky").await;
    let run = json!({ "run": id });
    assert_eq!(forge.until(&id, "running").await["branch"], "main");
    let waited = forge.ask("cicd.run.wait", json!({ "run": id, "seconds": 20 })).await;
    assert_eq!((&waited["ended"], &waited["status"]), (&json!(true), &json!("failure")));
    let jobs = forge.ask("cicd.run.jobs", run.clone()).await;
    let told = |job: &Value| {
        (
            job["name"].clone(),
            job["status"].clone(),
            job["steps"].as_array().map(Vec::len),
        )
    };
    let jobs = jobs["items"].as_array().expect("a list");
    let lint = (json!("lint"), json!("success"), Some(2));
    assert_eq!(
        jobs.iter().map(told).collect::<Vec<_>>(),
        [lint, (json!("test"), json!("failure"), Some(2))]
    );
    assert_eq!(forge.refused("cicd.log.get", run.clone()).await, Kind::InvalidInput);
    for step in [&json!("test"), &jobs[1]["id"], &jobs[1]["steps"][1]["id"]] {
        let log = forge.ask("cicd.log.get", json!({ "run": id, "step": step })).await;
        let lines = log["lines"].as_array().expect("lines");
        let texts: Vec<_> = lines
            .iter()
            .map(|line| line["text"].as_str().unwrap_or_default())
            .collect();
        assert!(
            texts.iter().any(|text| text.contains("make: *** [test] Error 1")),
            "{texts:?}"
        );
        assert!(texts.iter().all(|text| !text.contains('\u{1b}')) && lines[0]["time"].is_string());
    }
    let left = forge.ask("cicd.artifact.list", run.clone()).await;
    assert_eq!(
        (&left["items"][0]["name"], left["items"].as_array().map(Vec::len)),
        (&json!("report"), Some(1))
    );
    let file = forge
        .ask("cicd.artifact.get", json!({ "artifact": left["items"][0]["id"] }))
        .await;
    assert_eq!(file["media_type"], "application/zip");
    assert!(
        file["text"]
            .as_str()
            .is_some_and(|text| text.starts_with("PK") && text.contains("html/index.html"))
    );
    let again = forge.ask("cicd.run.rerun_failed", run.clone()).await;
    assert_eq!(
        (&again["outcome"], &again["run"]["id"]),
        (&json!("started"), &json!(id))
    );
    assert_eq!(forge.until(&id, "success").await["attempt"], 2);
    let nothing_failed = forge.refused("cicd.run.rerun_failed", run.clone()).await;
    assert_eq!(nothing_failed, Kind::PreconditionFailed);
    forge.ask("cicd.run.rerun", run.clone()).await;
    assert_eq!(forge.until(&id, "success").await["attempt"], 3);
    forge.ask("cicd.run.delete", run.clone()).await;
    assert_eq!(forge.refused("cicd.run.get", run).await, Kind::NotFound);
}

async fn a_log_that_grows(forge: &Forge) {
    let secret = |value: &str| json!({ "project": "acme/api", "name": "TOKEN", "value": value });
    let written = forge.ask("cicd.secret.put", secret("first")).await;
    assert_eq!(written["created"], true);
    let written = forge.ask("cicd.secret.put", secret("twelve bytes")).await;
    assert_eq!(written["created"], false);
    let id = forge.started("success").await;
    forge.until(&id, "running").await;
    let events = forge.ask("cicd.log.follow", json!({ "run": id, "step": "test" })).await;
    let events = events.as_array().expect("events");
    let (end, lines) = events.split_last().expect("an end");
    assert_eq!(
        (&end["type"], &end["status"]),
        (&json!("end"), &json!("success")),
        "{end}"
    );
    let texts: Vec<_> = lines
        .iter()
        .map(|line| line["text"].as_str().unwrap_or_default())
        .collect();
    assert!(
        texts.contains(&"make: test is done") && texts.contains(&"Grüße from one"),
        "{texts:?}"
    );
    // What was sealed is opened there: a run tells how long it is.
    assert!(texts.contains(&"secret TOKEN: 12 bytes"), "{texts:?}");
    let whole = forge.ask("cicd.log.get", json!({ "run": id, "step": "test" })).await;
    assert_eq!(whole["lines"].as_array().map(Vec::len), Some(lines.len()));
}

async fn unknown(forge: &Forge) {
    let refused = |pipeline: &'static str| forge.refused("cicd.run.trigger", start(pipeline, ""));
    assert_eq!(refused("none.yml").await, Kind::NotFound);
    assert_eq!(refused("nightly.yml").await, Kind::InvalidInput);
    let disabled = forge.blamed("cicd.run.trigger", start("retired.yml", "")).await;
    assert_eq!(disabled, (Kind::Conflict, Some("pipeline".to_owned())));
    let mut elsewhere = start("ci.yml", "");
    elsewhere["branch"] = json!("none");
    let missing = forge.blamed("cicd.run.trigger", elsewhere).await;
    assert_eq!(missing, (Kind::NotFound, Some("branch".to_owned())));
    for operation in [
        "cicd.run.get",
        "cicd.run.jobs",
        "cicd.run.rerun",
        "cicd.run.delete",
        "cicd.artifact.list",
    ] {
        let kind = forge.refused(operation, json!({ "run": "acme/api#999999" })).await;
        assert_eq!(kind, Kind::NotFound, "{} {operation}", forge.kind);
    }
    assert_eq!(
        forge
            .refused("cicd.artifact.get", json!({ "artifact": "acme/api#999999" }))
            .await,
        Kind::NotFound
    );
}

/// Of runs whose ids were not told, one is found and of two none is guessed.
async fn which_run(forge: &Forge) {
    let pending = |branch: &str| {
        // Others than the driver may have asked for it too, a moment ago: by now their runs are listed.
        let since = jiff::Timestamp::now().as_second() - 4;
        json!({ "pending": format!("acme/api#pipeline=ci.yml&branch={branch}&since={since}&actor=sandbox-user") })
    };
    let one = pending("develop");
    forge.start_untold("develop").await;
    let mut found = forge.ask("cicd.run.resolve", one.clone()).await;
    if forge.kind == "github" {
        // There it takes a moment to appear.
        assert_eq!(found["outcome"], "pending", "{found}");
        found = forge.ask("cicd.run.resolve", one).await;
    }
    assert_eq!(
        (&found["outcome"], &found["run"]["branch"]),
        (&json!("started"), &json!("develop")),
        "{found}"
    );
    // What was triggered is read and waited for by the same id.
    let run = json!({ "run": pending("develop")["pending"] });
    let read = forge.ask("cicd.run.get", run.clone()).await;
    assert_eq!(read["branch"], "develop", "{read}");
    let mut within = run.clone();
    within["seconds"] = 20.into();
    let waited = forge.ask("cicd.run.wait", within).await;
    assert_eq!(
        (&waited["ended"], &waited["run"]["id"]),
        (&json!(true), &read["id"]),
        "{waited}"
    );
    // And so is all else that is asked of it.
    let own = json!({ "run": read["id"] });
    let jobs = |of: &Value| forge.ask("cicd.run.jobs", of.clone());
    assert_eq!(jobs(&run).await, jobs(&own).await);
    let mut log = run.clone();
    log["step"] = json!("test");
    assert_eq!(forge.ask("cicd.log.get", log).await["run"], read["id"]);
    let several = forge.blamed("cicd.log.get", run.clone()).await;
    assert_eq!(several, (Kind::InvalidInput, Some("step".to_owned())));
    forge.ask("cicd.artifact.list", run.clone()).await;
    if forge.kind == "github" {
        assert_eq!(
            forge.refused("cicd.run.cancel", run.clone()).await,
            Kind::PreconditionFailed,
            "it has ended"
        );
    }
    assert_eq!(forge.ask("cicd.run.rerun", run.clone()).await["run"]["id"], read["id"]);
    let none = json!({ "run": pending("none")["pending"] });
    for operation in [
        "cicd.run.jobs",
        "cicd.run.rerun",
        "cicd.run.delete",
        "cicd.artifact.list",
    ] {
        assert_eq!(
            forge.refused(operation, none.clone()).await,
            Kind::PreconditionFailed,
            "{operation}"
        );
    }
    let two = pending("release%2F1.4");
    forge.start_untold("release/1.4").await;
    forge.start_untold("release/1.4").await;
    if forge.kind == "github" {
        assert_eq!(forge.ask("cicd.run.resolve", two.clone()).await["outcome"], "pending");
    }
    assert_eq!(forge.refused("cicd.run.resolve", two).await, Kind::Conflict);
}

/// What Gitea's release does not have.
async fn github_alone(forge: &Forge) {
    let id = forge.started("hold").await;
    let run = json!({ "run": id });
    forge.until(&id, "running").await;
    let log = json!({ "run": id, "step": "test" });
    assert_eq!(forge.refused("cicd.log.get", log.clone()).await, Kind::Conflict);
    let waited = forge.ask("cicd.run.wait", json!({ "run": id, "seconds": 1 })).await;
    assert_eq!(
        (&waited["ended"], &waited["status"]),
        (&json!(false), &json!("running"))
    );
    let ordered = forge.ask("cicd.run.cancel", run.clone()).await;
    assert_eq!(ordered["outcome"], "requested");
    forge.until(&id, "cancelled").await;
    assert_eq!(
        forge.refused("cicd.run.cancel", run.clone()).await,
        Kind::PreconditionFailed
    );
    let second = forge.started("hold").await;
    forge
        .ask("cicd.run.cancel", json!({ "run": second, "force": true }))
        .await;
    assert_eq!(
        forge.ask("cicd.run.get", json!({ "run": second })).await["status"],
        "cancelled"
    );
    forge.ask("cicd.log.delete", run.clone()).await;
    let blocked = forge
        .ask("cicd.run.list", json!({ "project": "acme/api", "status": "blocked" }))
        .await;
    let blocked = json!({ "run": blocked["items"][0]["id"] });
    assert_eq!(forge.ask("cicd.run.approve", blocked.clone()).await["outcome"], "done");
    assert_eq!(
        forge.refused("cicd.run.approve", blocked).await,
        Kind::PreconditionFailed
    );
    let deploy = json!({ "project": "acme/api", "pipeline": "deploy.yml", "branch": "main" });
    let deploy = forge.ask("cicd.run.trigger", deploy).await;
    assert_eq!(deploy["run"]["status"], "blocked", "{deploy}");
    let deploy = json!({ "run": deploy["run"]["id"] });
    let waits = forge.ask("cicd.run.get", deploy.clone()).await;
    assert_eq!(
        (&waits["waits_for"][0]["name"], &waits["waits_for"][0]["ours"]),
        (&json!("production"), &json!(true)),
        "{waits}"
    );
    let words = json!({ "run": deploy["run"], "variables": { "A": "b" } });
    assert_eq!(forge.refused("cicd.run.approve", words).await, Kind::Unsupported);
    let approved = forge.ask("cicd.run.approve", deploy.clone()).await;
    assert_eq!(
        (&approved["outcome"], &approved["run"]["waits_for"]),
        (&json!("done"), &Value::Null),
        "{approved}"
    );
    assert_ne!(approved["run"]["status"], "blocked", "{approved}");
    assert_eq!(
        forge.refused("cicd.run.approve", deploy).await,
        Kind::PreconditionFailed
    );
    let ended = forge.started("success").await;
    forge.until(&ended, "success").await;
    forge.ask("cicd.log.delete", json!({ "run": ended })).await;
    assert_eq!(
        forge
            .refused("cicd.log.get", json!({ "run": ended, "step": "test" }))
            .await,
        Kind::NotFound
    );
    let broken = forge.started("error").await;
    forge.until(&broken, "error").await;
    assert_eq!(
        forge.refused("cicd.run.rerun", json!({ "run": broken })).await,
        Kind::PreconditionFailed
    );
    let archived = json!({ "project": "quirks/archived", "pipeline": "ci.yml", "branch": "main" });
    assert_eq!(forge.refused("cicd.run.trigger", archived).await, Kind::Forbidden);
}
