//! The chapter of the change that travels: from a branch to a merged pull request to a finished run.
//!
//! Invariant: the same calls at every forge and at every CI system; only the names of places differ.

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::{Value, json};

use super::Stage;
use super::story::{Step, chapter, expect};

/// Answers until a run that was triggered is known.
const READS: usize = 10;

/// Where a change is made, and where it is tried.
struct Journey {
    repo: &'static str,
    /// What is run.
    project: &'static str,
}

const JOURNEYS: [Journey; 2] = [
    Journey {
        repo: "gitlab-a~acme/api",
        project: "jenkins-a~api",
    },
    Journey {
        repo: "gitea-a~acme/api",
        project: "woodpecker-a~acme/api",
    },
];

/// Tells it.
pub(super) async fn tell(stage: &Stage, number: u32) -> Step {
    let title =
        "One change travels from a branch to a finished run, at two forges and two CI systems, in the same words";
    chapter(stage, number, title);
    for journey in JOURNEYS {
        let pull = merged(stage, &journey).await?;
        let run = finished(stage, &journey).await?;
        stage.voice.line(&format!(
            "  a branch of {} -> {pull}, merged -> {run}, success",
            journey.repo
        ));
    }
    Ok(())
}

fn sent(id: &str) -> String {
    utf8_percent_encode(id, NON_ALPHANUMERIC).to_string()
}

fn id(value: &Value) -> String {
    value["id"].as_str().unwrap_or_default().to_owned()
}

/// From a branch to its pull request, merged.
async fn merged(stage: &Stage, journey: &Journey) -> Result<String, String> {
    let repo = format!("/v1/git/repos/{}", sent(journey.repo));
    let branch = json!({ "branch": "demo/greeting" });
    let reply = stage.client.post(&format!("{repo}/branches"), &branch).await?;
    expect(reply.status == 200, "the branch is made", &reply)?;
    let file = json!({ "branch": "demo/greeting", "content": "Hello.\n", "message": "Greet" });
    let reply = stage.client.put(&format!("{repo}/files/GREETING.md"), &file).await?;
    expect(reply.status == 200, "the file is written", &reply)?;
    let pull = json!({ "title": "Greet", "head": "demo/greeting", "base": "main" });
    let reply = stage.client.post(&format!("{repo}/prs"), &pull).await?;
    expect(reply.json()["state"] == "open", "the pull request is open", &reply)?;
    let pull = id(&reply.json());
    let reply = stage
        .client
        .post(&format!("/v1/git/prs/{}/merge", sent(&pull)), &json!({}))
        .await?;
    expect(reply.json()["outcome"] == "merged", "it is merged", &reply)?;
    let reply = stage.client.get(&format!("/v1/git/prs/{}", sent(&pull))).await?;
    expect(reply.json()["state"] == "merged", "it says so", &reply)?;
    Ok(pull)
}

/// From a trigger to the end of its run.
async fn finished(stage: &Stage, journey: &Journey) -> Result<String, String> {
    let mut reply = stage
        .client
        .post("/v1/cicd/runs", &json!({ "project": journey.project }))
        .await?;
    for _ in 0..READS {
        let triggered = reply.json();
        let Some(pending) = triggered["pending"].as_str() else {
            break;
        };
        reply = stage.client.get(&format!("/v1/cicd/pending/{}", sent(pending))).await?;
    }
    let triggered = reply.json();
    expect(triggered["outcome"] == "started", "a run is started", &reply)?;
    let run = id(&triggered["run"]);
    let reply = stage
        .client
        .get(&format!("/v1/cicd/runs/{}/wait?seconds=10", sent(&run)))
        .await?;
    expect(reply.json()["status"] == "success", "the run ends well", &reply)?;
    Ok(run)
}
