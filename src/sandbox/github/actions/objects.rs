//! GitHub's JSON objects of Actions.
//!
//! Invariant: an object has every field that GitHub's description requires of it.

use serde_json::{Value, json};

use super::words::{self, time};
use crate::sandbox::ci::{Artifact, Attempt, Event, JobView, Project, Run, Secret, Step, Workflow};
use crate::sandbox::forge::{Commit, Repo, seconds, stable_id};
use crate::sandbox::github::objects::Links;
use crate::sandbox::seed::SEEDED_AT;

/// How long artifacts are kept, in seconds: ninety days.
const KEPT_S: i64 = 90 * 86_400;

impl Links<'_> {
    fn actions(&self, repo: &Repo) -> String {
        format!("{}/actions", self.api_repo(&repo.full_name))
    }

    pub fn workflow(&self, repo: &Repo, workflow: &Workflow) -> Value {
        let file = workflow.file;
        let web = self.web(&repo.full_name);
        json!({
            "id": workflow.id,
            "node_id": format!("W_{}", workflow.id),
            "name": workflow.name,
            "path": path(workflow),
            "state": if workflow.enabled { "active" } else { "disabled_manually" },
            "created_at": SEEDED_AT, "updated_at": SEEDED_AT,
            "url": format!("{}/workflows/{}", self.actions(repo), workflow.id),
            "html_url": format!("{web}/blob/{}/{}", repo.default_branch, path(workflow)),
            "badge_url": format!("{web}/workflows/{file}/badge.svg"),
        })
    }

    /// Where a run is.
    pub fn run_url(&self, repo: &Repo, run: &Run) -> String {
        format!("{}/runs/{}", self.actions(repo), run.id)
    }

    pub fn run_page(&self, repo: &Repo, run: &Run) -> String {
        self.web(&format!("{}/actions/runs/{}", repo.full_name, run.id))
    }

    /// A run, as it is in one of its attempts.
    pub fn run(&self, repo: &Repo, project: &Project, run: &Run, attempt: &Attempt) -> Value {
        let url = self.run_url(repo, run);
        let workflow = project.workflows.iter().find(|workflow| workflow.id == run.workflow);
        let (status, conclusion) = words::of_run(run, attempt.stage());
        let suite = stable_id(&format!("suite {}", run.id));
        let shown = self.repo(repo);
        let commit = repo.history.get(&run.commit);
        let before = (attempt.number > 1).then(|| format!("{url}/attempts/{}", attempt.number - 1));
        json!({
            "id": run.id,
            "name": workflow.map(|workflow| workflow.name),
            "node_id": format!("WFR_{}", run.id),
            "check_suite_id": suite,
            "check_suite_node_id": format!("CS_{suite}"),
            "head_branch": run.branch,
            "head_sha": run.commit,
            "path": workflow.map(path),
            "run_number": run.number_in_workflow,
            "run_attempt": attempt.number,
            "referenced_workflows": [],
            "event": words::event(run.event),
            "display_title": run.title.lines().next(),
            "status": status,
            "conclusion": conclusion,
            "workflow_id": run.workflow,
            "url": url,
            "html_url": self.run_page(repo, run),
            "pull_requests": self.pulls_of(repo, run),
            "created_at": time(run.created_at),
            "updated_at": time(attempt.updated_at()),
            "actor": self.user(&run.actor, "User"),
            "triggering_actor": self.user(&attempt.actor, "User"),
            "run_started_at": time(attempt.progress.queued_at),
            "jobs_url": format!("{url}/jobs"),
            "logs_url": format!("{url}/logs"),
            "check_suite_url": format!("{}/check-suites/{suite}", self.api_repo(&repo.full_name)),
            "artifacts_url": format!("{url}/artifacts"),
            "cancel_url": format!("{url}/cancel"),
            "rerun_url": format!("{url}/rerun"),
            "previous_attempt_url": before,
            "workflow_url": format!("{}/workflows/{}", self.actions(repo), run.workflow),
            "head_commit": commit.map(|commit| simple_commit(commit)),
            "repository": shown,
            "head_repository": shown,
        })
    }

    /// The pull request that started a run, unless it comes from elsewhere.
    fn pulls_of(&self, repo: &Repo, run: &Run) -> Vec<Value> {
        let Event::Pull(number) = run.event else {
            return Vec::new();
        };
        let pull = repo.issue(number).and_then(|issue| issue.pull.as_ref());
        let Some(pull) = pull.filter(|pull| pull.head_repo == repo.id) else {
            return Vec::new();
        };
        let api = self.api_repo(&repo.full_name);
        let side = |name: &str, commit: &str| json!({ "ref": name, "sha": commit, "repo": { "id": repo.id, "url": api, "name": repo.name } });
        vec![json!({
            "id": stable_id(&format!("{}#{number}", repo.full_name)),
            "number": number,
            "url": format!("{api}/pulls/{number}"),
            "head": side(&pull.head, &pull.head_id),
            "base": side(&pull.base, &pull.base_id),
        })]
    }

    pub fn job(&self, repo: &Repo, project: &Project, run: &Run, view: JobView<'_>) -> Value {
        let id = view.job.id;
        let workflow = project.workflows.iter().find(|workflow| workflow.id == run.workflow);
        let (status, conclusion) = words::of_job(view.stage());
        let queued = time(view.attempt.progress.queued_at);
        let started = view.started_at();
        let page = self.run_page(repo, run);
        json!({
            "id": id,
            "run_id": run.id,
            "run_url": self.run_url(repo, run),
            "run_attempt": view.attempt.number,
            "node_id": format!("CR_{id}"),
            "head_sha": run.commit,
            "head_branch": run.branch,
            "url": format!("{}/jobs/{id}", self.actions(repo)),
            "html_url": format!("{page}/job/{id}"),
            "status": status,
            "conclusion": conclusion,
            "created_at": queued,
            // A job that has not begun has a beginning all the same.
            "started_at": started.map_or(queued, time),
            "completed_at": view.finished_at().map(time),
            "name": view.job.plan.name,
            "steps": view.steps().iter().map(step).collect::<Vec<_>>(),
            "check_run_url": format!("{}/check-runs/{id}", self.api_repo(&repo.full_name)),
            "labels": ["ubuntu-latest"],
            "runner_id": started.map(|_| 1),
            "runner_name": started.map(|_| "sandbox-runner"),
            "runner_group_id": started.map(|_| 1),
            "runner_group_name": started.map(|_| "GitHub Actions"),
            "workflow_name": workflow.map(|workflow| workflow.name),
        })
    }

    pub fn artifact(&self, repo: &Repo, run: &Run, artifact: &Artifact) -> Value {
        let id = artifact.id;
        let url = format!("{}/artifacts/{id}", self.actions(repo));
        let made = run.latest().updated_at();
        let expires = jiff::Timestamp::from_second(made.as_second() + KEPT_S).unwrap_or(made);
        let zip = artifact.zipped();
        json!({
            "id": id,
            "node_id": format!("A_{id}"),
            "name": artifact.name,
            "size_in_bytes": zip.len(),
            "url": url,
            "archive_download_url": format!("{url}/zip"),
            "expired": artifact.expired,
            "created_at": time(made),
            "expires_at": time(if artifact.expired { made } else { expires }),
            "updated_at": time(made),
            "digest": null,
            "workflow_run": {
                "id": run.id, "repository_id": repo.id, "head_repository_id": repo.id,
                "head_branch": run.branch, "head_sha": run.commit,
            },
        })
    }

    pub fn environment(&self, repo: &Repo, name: &str) -> Value {
        let id = environment_id(repo, name);
        json!({
            "id": id,
            "node_id": format!("EN_{id}"),
            "name": name,
            "url": format!("{}/environments/{name}", self.api_repo(&repo.full_name)),
            "html_url": self.web(&format!("{}/deployments/{name}", repo.full_name)),
        })
    }

    pub fn deployment(&self, repo: &Repo, run: &Run, environment: &str, creator: &str) -> Value {
        let id = stable_id(&format!("deployment {}", run.id));
        let api = self.api_repo(&repo.full_name);
        let url = format!("{api}/deployments/{id}");
        let at = time(run.latest().updated_at());
        json!({
            "url": url, "id": id, "node_id": format!("DE_{id}"),
            "task": "deploy", "original_environment": environment, "environment": environment,
            "description": null, "created_at": at, "updated_at": at,
            "statuses_url": format!("{url}/statuses"), "repository_url": api,
            "creator": self.user(creator, "User"),
            "sha": run.commit, "ref": run.branch, "payload": {},
            "transient_environment": false, "production_environment": true,
        })
    }
}

/// The number of a repository's environment.
pub(crate) fn environment_id(repo: &Repo, name: &str) -> u64 {
    stable_id(&format!("environment {} {name}", repo.id))
}

pub(crate) fn secret(secret: &Secret) -> Value {
    json!({
        "name": secret.name, "created_at": time(secret.created_at), "updated_at": time(secret.updated_at),
    })
}

fn path(workflow: &Workflow) -> String {
    format!(".github/workflows/{}", workflow.file)
}

fn step(step: &Step) -> Value {
    let (status, conclusion) = words::of_step(step.stage);
    json!({
        "name": step.name, "number": step.number, "status": status, "conclusion": conclusion,
        "started_at": step.started_at.map(time), "completed_at": step.finished_at.map(time),
    })
}

fn simple_commit(commit: &Commit) -> Value {
    let who = |person: &crate::sandbox::forge::Signature| json!({ "name": person.name, "email": person.email });
    json!({
        "id": commit.id, "tree_id": commit.tree_id, "message": commit.message,
        "timestamp": seconds(&commit.committer.at),
        "author": who(&commit.author), "committer": who(&commit.committer),
    })
}
