//! From GitHub's JSON about Actions to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver, and a word of GitHub's that is not known here is an
//! error, never a success.

use super::wire;
use crate::catalogue::cicd::{Artifact, ArtifactFormat, Awaited, Job, Pipeline, Run, RunStatus, Step};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::ci::actions::{id, step_id};
use crate::providers::http::Row;

/// Where workflow files are.
const FOLDER: &str = ".github/workflows/";

pub fn pipeline(instance: &str, project: &str, Row { wire, raw }: Row<wire::Workflow>) -> Pipeline {
    let key = key(wire.path.as_deref(), wire.id);
    Pipeline {
        id: id(instance, project, &key),
        project: project.to_owned(),
        name: wire.name.filter(|name| !name.is_empty()).unwrap_or_else(|| key.clone()),
        key: Some(key),
        enabled: wire.state.as_deref() == Some("active"),
        path: wire.path,
        last_status: None,
        raw_state: wire.state,
        folder: false,
        parameters: vec![],
        web_url: wire.html_url.map(Link::from),
        raw,
    }
}

/// The name of a workflow's file; of one that has none, its number.
fn key(path: Option<&str>, id: u64) -> String {
    match path.and_then(file) {
        Some(file) => file.to_owned(),
        None => id.to_string(),
    }
}

/// The file's name, where GitHub takes it for the workflow.
pub fn file(path: &str) -> Option<&str> {
    let path = path.split('@').next()?;
    path.strip_prefix(FOLDER)
        .filter(|file| !file.is_empty() && !file.contains('/'))
}

/// `project` is the one that was asked; a run of one that has moved names its new one itself.
pub fn run(instance: &str, project: &str, Row { wire, raw }: Row<wire::Run>) -> Run {
    let (status, raw_status) = status(wire.status, wire.conclusion);
    let home = wire.repository.and_then(|repo| repo.full_name);
    let project = home.as_deref().unwrap_or(project);
    let numbered = wire.workflow_id.map(|id| id.to_string());
    let file = wire.path.as_deref().and_then(file).map(str::to_owned);
    Run {
        id: id(instance, project, wire.id),
        project: project.to_owned(),
        number: wire.run_number.filter(|number| *number > 0),
        pipeline: file.or(numbered),
        attempt: wire.run_attempt,
        status,
        raw_status,
        title: wire.display_title,
        event: wire.event,
        branch: wire.head_branch,
        commit: wire.head_sha,
        author: wire.actor.and_then(person),
        steps: vec![],
        waits_for: vec![],
        web_url: wire.html_url.map(Link::from),
        created_at: wire.created_at.text(),
        started_at: wire.run_started_at.text(),
        finished_at: None,
        raw,
    }
}

fn person(user: wire::User) -> Option<Person> {
    Some(Person {
        web_url: user.html_url.map(Link::from),
        ..Person::of_login(user.login)?
    })
}

/// A deployment that a run waits for.
pub fn awaited(wire: wire::PendingDeployment) -> Awaited {
    Awaited {
        name: wire.environment.name.unwrap_or_default(),
        message: None,
        ours: wire.current_user_can_approve,
        parameters: vec![],
    }
}

pub fn job(Row { wire, raw }: Row<wire::Job>) -> Job {
    let (status, raw_status) = status(wire.status, wire.conclusion);
    let steps = wire.steps.into_iter().flatten();
    Job {
        steps: steps.map(|one| step(wire.id, wire.name.as_deref(), one)).collect(),
        id: wire.id.to_string(),
        name: wire.name.unwrap_or_default(),
        status,
        raw_status,
        runner: wire.runner_name.filter(|name| !name.is_empty()),
        attempt: wire.run_attempt,
        web_url: wire.html_url.map(Link::from),
        started_at: wire.started_at.text(),
        finished_at: wire.completed_at.text(),
        raw,
    }
}

fn step(job: u64, group: Option<&str>, wire: wire::Step) -> Step {
    let (status, raw_status) = status(wire.status, wire.conclusion);
    Step {
        id: step_id(job, wire.number),
        name: wire.name.unwrap_or_default(),
        group: group.map(str::to_owned),
        status,
        raw_status,
        exit_code: None,
        started_at: wire.started_at.text(),
        finished_at: wire.completed_at.text(),
    }
}

/// Where a run, a job or a step stands, in our word and in GitHub's own.
fn status(status: Option<String>, conclusion: Option<String>) -> (RunStatus, String) {
    let ended = status.as_deref() == Some("completed") || conclusion.as_deref().is_some_and(|word| !word.is_empty());
    let word = match status.as_deref() {
        Some("completed") | None => conclusion.or(status),
        Some(_) => status,
    };
    let word = word.unwrap_or_default();
    let neutral = match &*word.to_ascii_lowercase() {
        "queued" | "requested" | "pending" => RunStatus::Queued,
        "in_progress" => RunStatus::Running,
        // For reviewers of a deployment, or for somebody to let a stranger's change be run.
        "waiting" | "action_required" => RunStatus::Blocked,
        "success" | "neutral" => RunStatus::Success,
        "failure" | "timed_out" | "stale" => RunStatus::Failure,
        "cancelled" => RunStatus::Cancelled,
        "skipped" => RunStatus::Skipped,
        // Also `startup_failure`: the workflow file could not be run.
        _ if ended => RunStatus::Error,
        // Whatever has no conclusion has not ended.
        _ => RunStatus::Running,
    };
    (neutral, word)
}

pub fn artifact(instance: &str, project: &str, Row { wire, raw }: Row<wire::Artifact>) -> Artifact {
    Artifact {
        id: id(instance, project, wire.id),
        name: wire.name.unwrap_or_default(),
        size: wire.size_in_bytes,
        format: ArtifactFormat::Zip,
        expired: wire.expired,
        created_at: wire.created_at.text(),
        expires_at: wire.expires_at.text(),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ha9_one_list_of_words_serves_runs_jobs_and_steps() {
        let seen = |word: &str, ended: Option<&str>| {
            let (neutral, raw) = status(Some(word.to_owned()), ended.map(str::to_owned));
            assert_eq!(raw, ended.filter(|_| word == "completed").unwrap_or(word));
            neutral
        };
        for (word, expected) in [
            ("queued", RunStatus::Queued),
            ("requested", RunStatus::Queued),
            ("pending", RunStatus::Queued),
            ("waiting", RunStatus::Blocked),
            ("in_progress", RunStatus::Running),
            ("completed", RunStatus::Error),
        ] {
            assert_eq!(seen(word, None), expected, "{word}");
        }
        for (word, expected) in [
            ("action_required", RunStatus::Blocked),
            ("success", RunStatus::Success),
            ("neutral", RunStatus::Success),
            ("failure", RunStatus::Failure),
            ("timed_out", RunStatus::Failure),
            ("stale", RunStatus::Failure),
            ("cancelled", RunStatus::Cancelled),
            ("skipped", RunStatus::Skipped),
            ("startup_failure", RunStatus::Error),
            ("a new one", RunStatus::Error),
        ] {
            assert_eq!(seen("completed", Some(word)), expected, "{word}");
        }
        assert_eq!(status(None, None), (RunStatus::Running, String::new()));
        assert_eq!(seen("preparing", None), RunStatus::Running);
        assert_eq!(seen("IN_PROGRESS", None), RunStatus::Running);
    }

    #[test]
    fn ha2_a_workflow_is_named_by_its_file_or_its_number() {
        assert_eq!(key(Some(".github/workflows/build.yml@main"), 7), "build.yml");
        assert_eq!(key(Some(".github/workflows/build.yml"), 7), "build.yml");
        assert_eq!(key(Some("dynamic/github-code-scanning/codeql"), 7), "7");
        assert_eq!(key(None, 7), "7");
    }
}
