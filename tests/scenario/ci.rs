//! Runs at one CI system: one that succeeds and is followed, one that fails, one that is cancelled, one that waits.
//!
//! Invariant: the same calls in the same order at every system; what its kind cannot do is refused as `unsupported`.

use serde_json::{Value, json};

use crate::story::Story;

/// What a system calls the thing that is run.
pub struct Place {
    pub kind: &'static str,
    pub project: &'static str,
    /// That of it which can wait for somebody's word.
    pub waits: &'static str,
    /// What its pipelines are listed of.
    pub folder: &'static str,
    pub pipeline: Option<&'static str>,
    pub branch: Option<&'static str>,
    /// What a log is asked of; none where the whole run has one.
    pub step: Option<&'static str>,
}

/// Answers until a pending run is known: each read moves a stand-in on.
const READS: usize = 6;

/// Tells it all.
pub async fn work(story: &mut Story, place: &Place) {
    let of = json!({ "project": story.named(place.folder) });
    let listed = story.done("list pipelines", "cicd.pipeline.list", of).await;
    let first = &listed["items"][0];
    assert!(first["id"].is_string() && first["enabled"].is_boolean(), "{listed}");
    let run = succeed(story, place).await;
    logs(story, place, &run).await;
    artifacts(story, &run).await;
    fail(story, place).await;
    cancel(story, place).await;
    approve(story, place).await;
    keep_a_secret(story, place).await;
    forget(story, &run).await;
}

/// Starts a run that is to end like this; its id.
async fn start(story: &Story, place: &Place, outcome: &str) -> String {
    let project = if outcome == "approval" {
        place.waits
    } else {
        place.project
    };
    let mut input = json!({ "project": story.named(project), "variables": { "SANDBOX_OUTCOME": outcome } });
    for (name, value) in [("pipeline", place.pipeline), ("branch", place.branch)] {
        if let Some(value) = value {
            input[name] = value.into();
        }
    }
    let mut told = story.done("trigger", "cicd.run.trigger", input).await;
    for _ in 0..READS {
        let Some(pending) = told["pending"].as_str() else {
            break;
        };
        told = story
            .done("resolve", "cicd.run.resolve", json!({ "pending": pending }))
            .await;
    }
    assert_eq!(told["outcome"], "started", "{}: {told}", story.provider);
    told["run"]["id"].as_str().expect("an id").to_owned()
}

/// Waits for a run, and tells how it ended.
async fn wait(story: &mut Story, step: &str, run: &str, status: &str) -> Value {
    let waited = story
        .done(step, "cicd.run.wait", json!({ "run": run, "seconds": 20 }))
        .await;
    let told = json!({ "ended": waited["ended"], "status": waited["status"] });
    assert_eq!(
        told,
        json!({ "ended": true, "status": status }),
        "{}: {waited}",
        story.provider
    );
    story.tell(step, told);
    waited
}

fn log_of(place: &Place, run: &str) -> Value {
    match place.step {
        Some(step) => json!({ "run": run, "step": step }),
        None => json!({ "run": run }),
    }
}

async fn succeed(story: &mut Story, place: &Place) -> String {
    let run = start(story, place, "success").await;
    let followed = story.events("cicd.log.follow", log_of(place, &run)).await;
    let (end, lines) = followed.split_last().expect("events");
    assert_eq!(end["type"], "end", "{}: {followed:?}", story.provider);
    story.tell("the log's end", json!({ "status": end["status"] }));
    wait(story, "wait for it", &run, "success").await;
    let read = story.done("read it", "cicd.run.get", json!({ "run": run })).await;
    assert!(read["raw_status"].is_string() && read["project"].is_string(), "{read}");
    let log = story.done("read its log", "cicd.log.get", log_of(place, &run)).await;
    let texts = |events: &[Value]| events.iter().map(|line| line["text"].clone()).collect::<Vec<_>>();
    let whole = texts(log["lines"].as_array().expect("lines"));
    assert_eq!(
        whole,
        texts(lines),
        "{}: what was followed is what is kept",
        story.provider
    );
    let grüße = |line: &Value| line.as_str().is_some_and(|text| text.contains("Grüße"));
    assert!(whole.iter().any(grüße), "{}: {whole:?}", story.provider);
    run
}

async fn logs(story: &mut Story, place: &Place, run: &str) {
    let list = json!({ "project": story.named(place.project), "limit": 1 });
    let newest = story.done("list runs", "cicd.run.list", list).await;
    assert_eq!(
        newest["items"][0]["id"], *run,
        "{}: the newest comes first",
        story.provider
    );
    let jobs = story
        .does_if_it_can("list jobs", "cicd.run.jobs", json!({ "run": run }))
        .await;
    if let Some(jobs) = jobs {
        let job = &jobs["items"][0];
        story.tell("its first job", json!({ "status": job["status"] }));
        assert!(job["id"].is_string() && job["name"].is_string(), "{jobs}");
    }
    let queue = story
        .does_if_it_can("look at the queue", "cicd.queue.list", json!({}))
        .await;
    assert!(queue.is_none_or(|queue| queue["items"].is_array()));
}

async fn artifacts(story: &mut Story, run: &str) {
    let of = json!({ "run": run });
    let Some(listed) = story.does_if_it_can("list artifacts", "cicd.artifact.list", of).await else {
        let none = json!({ "artifact": format!("{run}/x") });
        assert!(
            story
                .does_if_it_can("fetch one", "cicd.artifact.get", none)
                .await
                .is_none()
        );
        return;
    };
    let first = &listed["items"][0];
    assert!(
        first["name"].is_string() && first["format"].is_string(),
        "{}: {listed}",
        story.provider
    );
    let bytes = story
        .bytes("cicd.artifact.get", json!({ "artifact": first["id"] }))
        .await;
    match first["format"].as_str() {
        Some("zip") => assert!(bytes.starts_with(b"PK"), "{}", story.provider),
        // Not every system says how long a file is before it is fetched.
        _ => assert_eq!(
            first["size"].as_u64().unwrap_or(bytes.len() as u64),
            bytes.len() as u64,
            "{}: {first}",
            story.provider
        ),
    }
}

async fn fail(story: &mut Story, place: &Place) {
    let run = start(story, place, "failure").await;
    wait(story, "wait for a failure", &run, "failure").await;
    let of = json!({ "run": run });
    story
        .does_if_it_can("run what failed again", "cicd.run.rerun_failed", of.clone())
        .await;
    let other = start(story, place, "failure").await;
    wait(story, "wait for another failure", &other, "failure").await;
    story
        .does_if_it_can("run it again", "cicd.run.rerun", json!({ "run": other }))
        .await;
}

async fn cancel(story: &mut Story, place: &Place) {
    let run = start(story, place, "hold").await;
    let of = json!({ "run": run });
    let waits = story.answer("cicd.run.wait", json!({ "run": run, "seconds": 1 })).await;
    // The command line fails where its time is over first.
    let goes_on = waits["refused"] == "timeout"
        || (waits["ended"] == false && (waits["status"] == "running" || waits["status"] == "queued"));
    assert!(goes_on, "{}: {waits}", story.provider);
    if story
        .does_if_it_can("cancel", "cicd.run.cancel", of.clone())
        .await
        .is_none()
    {
        return;
    }
    wait(story, "wait for its end", &run, "cancelled").await;
    let again = story.answer("cicd.run.cancel", of).await;
    let refused = again["refused"].as_str();
    assert!(
        refused.is_none_or(|code| code == "precondition_failed"),
        "{}: {again}",
        story.provider
    );
}

async fn approve(story: &mut Story, place: &Place) {
    if !story.can("cicd.run.approve") {
        let any = json!({ "run": story.named(&format!("{}#1", place.project)) });
        story.does_if_it_can("approve", "cicd.run.approve", any).await;
        return;
    }
    let run = start(story, place, "approval").await;
    let of = json!({ "run": run });
    for _ in 0..READS {
        if story.done("read what waits", "cicd.run.get", of.clone()).await["status"] == "blocked" {
            break;
        }
    }
    // A list tells the same as what is read alone.
    let listed = json!({ "project": story.named(place.waits), "limit": 5 });
    let listed = story.done("list what waits", "cicd.run.list", listed).await;
    let rows = listed["items"].as_array().expect("items");
    let waits = rows.iter().find(|row| row["id"] == *run).expect("it is the newest");
    assert_eq!(waits["status"], "blocked", "{}: {waits}", story.provider);
    story.done("approve", "cicd.run.approve", of).await;
    wait(story, "wait for what was approved", &run, "success").await;
}

async fn keep_a_secret(story: &mut Story, place: &Place) {
    let put = json!({ "project": story.named(place.project), "name": "DEPLOY_KEY", "value": "hunter2-hunter2" });
    let kept = story.does_if_it_can("keep a secret", "cicd.secret.put", put).await;
    assert!(!kept.unwrap_or_default().to_string().contains("hunter2"));
}

async fn forget(story: &mut Story, run: &str) {
    let of = json!({ "run": run });
    story
        .does_if_it_can("delete its log", "cicd.log.delete", of.clone())
        .await;
    if let Some(deleted) = story
        .does_if_it_can("delete the run", "cicd.run.delete", of.clone())
        .await
    {
        assert_eq!(deleted["outcome"], "deleted", "{}: {deleted}", story.provider);
        story.refuses("read it no more", "cicd.run.get", of, "not_found").await;
    }
}
