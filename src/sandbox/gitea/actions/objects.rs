//! Gitea's JSON objects of Actions.
//!
//! Invariant: an object has only fields that Gitea's description knows.

use serde_json::{Value, json};

use super::Place;
use super::words::{self, time, time_or_never};
use crate::sandbox::ci::{Artifact, JobView, Run, Secret, Step, Workflow};
use crate::sandbox::forge::Repo;
use crate::sandbox::gitea::objects::BASE;
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::seed::SEEDED_AT;

impl Place<'_> {
    /// Where a part of the repository's Actions is.
    pub fn url(&self, repo: &Repo, part: &str) -> String {
        format!(
            "{}{BASE}/repos/{}/actions/{part}",
            self.gitea.instance.origin, repo.full_name
        )
    }

    /// Its page for people.
    pub fn page(&self, repo: &Repo, part: &str) -> String {
        format!(
            "https://{}.sandbox.invalid/{}/actions/{part}",
            self.gitea.instance.name, repo.full_name
        )
    }

    pub fn workflow_object(&self, workflow: &Workflow) -> Result<Value, Problem> {
        let (repo, file) = (self.repo()?, workflow.file);
        Ok(json!({
            "id": file,
            "name": workflow.name,
            "path": format!(".gitea/workflows/{file}"),
            "state": if workflow.enabled { "active" } else { "disabled_manually" },
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "url": self.url(repo, &format!("workflows/{file}")),
            "html_url": self.page(repo, &format!("?workflow={file}")),
            "badge_url": self.page(repo, &format!("workflows/{file}/badge.svg")),
        }))
    }

    pub fn run(&self, run: &Run) -> Result<Value, Problem> {
        let (repo, links, latest) = (self.repo()?, self.gitea.links(), run.latest());
        let workflow = self
            .project()?
            .workflows
            .iter()
            .find(|workflow| workflow.id == run.workflow);
        let file = workflow.map_or("", |workflow| workflow.file);
        let (status, conclusion) = words::of(run.stage());
        let shown = links.repo(&self.state, repo);
        let mut object = json!({
            "id": run.id,
            "url": self.url(repo, &format!("runs/{}", run.id)),
            "html_url": self.page(repo, &format!("runs/{}", run.id)),
            "display_title": run.title.lines().next(),
            "path": format!("{file}@refs/heads/{}", run.branch),
            "event": words::event(run.event),
            "run_attempt": latest.number,
            "run_number": run.number,
            "head_sha": run.commit,
            "head_branch": run.branch,
            "status": status,
            "actor": links.user(&run.actor),
            "trigger_actor": links.user(&latest.actor),
            "repository": shown,
            "head_repository": null,
            "started_at": time_or_never(latest.progress.started_at),
            "completed_at": time_or_never(latest.progress.finished_at),
        });
        set_conclusion(&mut object, conclusion);
        Ok(object)
    }

    pub fn job(&self, run: &Run, view: JobView<'_>) -> Result<Value, Problem> {
        let (repo, id) = (self.repo()?, view.job.id);
        let (status, conclusion) = words::of(view.stage());
        // Before a runner takes it, nobody knows of its steps.
        let steps = view.started_at().map_or(Vec::new(), |_| view.steps());
        let mut object = json!({
            "id": id,
            "url": self.url(repo, &format!("jobs/{id}")),
            "html_url": self.page(repo, &format!("runs/{}/jobs/{id}", run.id)),
            "run_id": run.id,
            "run_url": self.url(repo, &format!("runs/{}", run.id)),
            "name": view.job.plan.name,
            "labels": ["ubuntu-latest"],
            "run_attempt": view.attempt.number,
            "head_sha": run.commit,
            "head_branch": run.branch,
            "status": status,
            "steps": steps.iter().map(step).collect::<Vec<_>>(),
            "created_at": time(view.attempt.progress.queued_at),
            "started_at": time_or_never(view.started_at()),
            "completed_at": time_or_never(view.finished_at()),
        });
        if view.started_at().is_some() {
            object["runner_id"] = json!(1);
            object["runner_name"] = json!("sandbox-runner");
        }
        set_conclusion(&mut object, conclusion);
        Ok(object)
    }

    pub fn artifact(&self, run: &Run, artifact: &Artifact) -> Result<Value, Problem> {
        let (repo, id) = (self.repo()?, artifact.id);
        let made = time(run.latest().updated_at());
        Ok(json!({
            "id": id,
            "name": artifact.name,
            "size_in_bytes": artifact.zipped().len(),
            "url": self.url(repo, &format!("artifacts/{id}")),
            "archive_download_url": self.url(repo, &format!("artifacts/{id}/zip")),
            "expired": artifact.expired,
            "workflow_run": { "id": run.id, "repository_id": repo.id, "head_sha": run.commit },
            "created_at": made, "updated_at": made, "expires_at": made,
        }))
    }
}

/// While it is not there, it is left out.
fn set_conclusion(object: &mut Value, conclusion: Option<&str>) {
    if let Some(conclusion) = conclusion {
        object["conclusion"] = json!(conclusion);
    }
}

fn step(step: &Step) -> Value {
    let (status, conclusion) = words::of(step.stage);
    let mut object = json!({
        "name": step.name,
        // From 0.
        "number": step.number - 1,
        "status": status,
        "started_at": time_or_never(step.started_at),
        "completed_at": time_or_never(step.finished_at),
    });
    set_conclusion(&mut object, conclusion);
    object
}

pub(crate) fn secret(secret: &Secret) -> Value {
    json!({ "name": secret.name, "description": "", "created_at": time(secret.created_at) })
}
