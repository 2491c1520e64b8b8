//! Runs at one CI system: one that succeeds and is followed, one that fails, one that is cancelled.
//!
//! Invariant: the same calls in the same order at every system; what its kind cannot do is refused as `unsupported`.

use mosaic::providers::KINDS;
use serde_json::{Value, json};

use crate::story::Story;

/// What a system calls the thing that is run.
pub struct Place {
    pub kind: &'static str,
    pub project: &'static str,
    /// What its pipelines are listed of.
    pub folder: &'static str,
    pub pipeline: Option<&'static str>,
    pub branch: Option<&'static str>,
    /// What a log is asked of; none where the whole run has one.
    pub step: Option<&'static str>,
}

/// Answers until a pending run is known, and until one has begun: each read moves a stand-in on.
const READS: usize = 6;

fn sent(id: &str) -> String {
    percent_encoding::utf8_percent_encode(id, percent_encoding::NON_ALPHANUMERIC).to_string()
}

/// Waits for a run, and tells how it ended.
async fn wait(story: &mut Story<'_>, step: &str, call: (&str, String)) -> Value {
    let waited = story.answer(call, Value::Null).await;
    story.tell(step, json!({ "ended": waited["ended"], "status": waited["status"] }));
    waited
}

fn id(value: &Value) -> String {
    let found = value["id"].as_str();
    found.unwrap_or_else(|| panic!("no id in {value}")).to_owned()
}

impl Place {
    fn can(&self, operation: &str) -> bool {
        let kind = KINDS.iter().find(|kind| kind.name == self.kind).expect("a kind");
        (kind.operations)().contains(&operation)
    }

    fn run(&self, run: &str, rest: &str) -> String {
        format!("/v1/cicd/runs/{}{rest}", sent(run))
    }

    fn step_query(&self) -> String {
        self.step.map(|step| format!("?step={step}")).unwrap_or_default()
    }
}

/// Tells it all.
pub async fn work(story: &mut Story<'_>, place: &Place) {
    let pipelines = format!("/v1/cicd/pipelines?project={}~{}", story.provider, sent(place.folder));
    let listed = story.answer(("GET", pipelines), Value::Null).await;
    assert!(
        listed["items"][0]["id"].is_string() && listed["items"][0]["enabled"].is_boolean(),
        "{listed}"
    );
    succeed(story, place).await;
    fail(story, place).await;
    cancel(story, place).await;
    keep_a_secret(story, place).await;
}

/// Starts a run that is to end like this; its id.
async fn start(story: &mut Story<'_>, place: &Place, outcome: &str) -> String {
    let mut body = json!({ "project": format!("{}~{}", story.provider, place.project),
        "variables": { "SANDBOX_OUTCOME": outcome } });
    for (name, value) in [("pipeline", place.pipeline), ("branch", place.branch)] {
        if let Some(value) = value {
            body[name] = value.into();
        }
    }
    let mut told = story.answer(("POST", "/v1/cicd/runs".to_owned()), body).await;
    for _ in 0..READS {
        match told["pending"].as_str() {
            Some(pending) => {
                let address = format!("/v1/cicd/pending/{}", sent(pending));
                told = story.answer(("GET", address), Value::Null).await;
            }
            None => break,
        }
    }
    assert_eq!(told["outcome"], "started", "{}: {told}", story.provider);
    id(&told["run"])
}

async fn succeed(story: &mut Story<'_>, place: &Place) {
    let run = start(story, place, "success").await;
    let followed = story
        .events(&place.run(&run, &format!("/log/follow{}", place.step_query())))
        .await;
    let (end, lines) = followed.split_last().expect("events");
    assert_eq!(end["type"], "end", "{}: {followed:?}", story.provider);
    assert!(
        lines
            .iter()
            .any(|line| line["text"].as_str().is_some_and(|text| text.contains("Grüße"))),
        "{lines:?}"
    );
    story.tell("the log's end", json!({ "status": end["status"] }));

    let waited = ("GET", place.run(&run, "/wait?seconds=20"));
    let waited = wait(story, "wait for it", waited).await;
    assert_eq!(
        (&waited["ended"], &waited["status"]),
        (&json!(true), &json!("success")),
        "{waited}"
    );
    let read = story.answer(("GET", place.run(&run, "")), Value::Null).await;
    assert!(read["raw_status"].is_string() && read["project"].is_string(), "{read}");
    story.tell("its status", json!({ "status": read["status"] }));

    let log = ("GET", place.run(&run, &format!("/log{}", place.step_query())));
    let log = story.answer(log, Value::Null).await;
    let texts = |events: &[Value]| events.iter().map(|line| line["text"].clone()).collect::<Vec<_>>();
    let whole = log["lines"].as_array().expect("lines");
    assert_eq!(
        texts(whole),
        texts(lines),
        "{}: what was followed is what is kept",
        story.provider
    );
    artifacts(story, place, &run).await;
}

async fn artifacts(story: &mut Story<'_>, place: &Place, run: &str) {
    let list = ("GET", place.run(run, "/artifacts"));
    if !place.can("cicd.artifact.list") {
        assert_eq!(story.answer(list, Value::Null).await["refused"], "unsupported");
        return;
    }
    let listed = story.answer(list, Value::Null).await;
    let first = &listed["items"][0];
    assert!(
        first["name"].is_string() && first["format"].is_string(),
        "{}: {listed}",
        story.provider
    );
    let bytes = story.bytes(&format!("/v1/cicd/artifacts/{}", sent(&id(first)))).await;
    if let Some(size) = first["size"].as_u64().filter(|_| first["format"] == "file") {
        assert_eq!(bytes as u64, size, "{}", story.provider);
    }
    assert!(bytes > 0);
}

async fn fail(story: &mut Story<'_>, place: &Place) {
    let run = start(story, place, "failure").await;
    let waited = ("GET", place.run(&run, "/wait?seconds=20"));
    let waited = wait(story, "wait for a failure", waited).await;
    assert_eq!(waited["status"], "failure", "{}: {waited}", story.provider);
    let rerun = ("POST", place.run(&run, "/rerun"));
    let answer = story.answer(rerun, Value::Null).await;
    match place.can("cicd.run.rerun") {
        true => assert!(answer.get("refused").is_none(), "{}: {answer}", story.provider),
        false => assert_eq!(answer["refused"], "unsupported", "{}", story.provider),
    }
}

async fn cancel(story: &mut Story<'_>, place: &Place) {
    let run = start(story, place, "hold").await;
    let cancel = ("POST", place.run(&run, "/cancel"));
    if !place.can("cicd.run.cancel") {
        assert_eq!(story.answer(cancel, Value::Null).await["refused"], "unsupported");
        return;
    }
    let waits = ("GET", place.run(&run, "/wait?seconds=1"));
    let waits = story.answer(waits, Value::Null).await;
    let goes_on = waits["ended"] == false && (waits["status"] == "running" || waits["status"] == "queued");
    assert!(goes_on, "{}: {waits}", story.provider);
    let answer = story.answer(cancel, Value::Null).await;
    assert!(answer.get("refused").is_none(), "{}: {answer}", story.provider);
    let waited = ("GET", place.run(&run, "/wait?seconds=20"));
    let waited = wait(story, "wait for its end", waited).await;
    assert_eq!(waited["status"], "cancelled", "{}: {waited}", story.provider);
    let again = ("POST", place.run(&run, "/cancel"));
    let again = story.answer(again, Value::Null).await;
    story.tell("too late", json!({ "refused": again.get("refused").is_some() }));
}

async fn keep_a_secret(story: &mut Story<'_>, place: &Place) {
    let body = json!({ "project": format!("{}~{}", story.provider, place.project), "value": "hunter2-hunter2" });
    let put = ("PUT", "/v1/cicd/secrets/DEPLOY_KEY".to_owned());
    let answer = story.answer(put, body).await;
    assert!(!answer.to_string().contains("hunter2"), "{answer}");
    match place.can("cicd.secret.put") {
        true => assert!(answer.get("refused").is_none(), "{}: {answer}", story.provider),
        false => assert_eq!(answer["refused"], "unsupported", "{}: {answer}", story.provider),
    }
}
