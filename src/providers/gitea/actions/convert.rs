//! From Gitea's JSON about Actions to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver, and a word of a server's that is not known here is
//! an error, never a success.

use super::wire;
use crate::catalogue::cicd::{Artifact, ArtifactFormat, Job, Pipeline, Run, RunStatus, Step};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::ci::actions::{id, step_id};
use crate::providers::http::text::present;
use crate::providers::http::{Row, Time};

pub fn pipeline(instance: &str, project: &str, Row { wire, raw }: Row<wire::Workflow>) -> Pipeline {
    Pipeline {
        id: id(instance, project, &wire.id),
        project: project.to_owned(),
        name: present(wire.name).unwrap_or_else(|| wire.id.clone()),
        key: Some(wire.id),
        path: present(wire.path),
        enabled: wire.state.as_deref() == Some("active"),
        last_status: None,
        raw_state: present(wire.state),
        folder: false,
        parameters: vec![],
        web_url: present(wire.html_url).map(Link::from),
        raw,
    }
}

/// `project` is the one that was asked; a run of one that has moved names its new one itself.
pub fn run(instance: &str, project: &str, Row { wire, raw }: Row<wire::Run>) -> Run {
    let forgejo = wire.prettyref.is_some() || wire.commit_sha.is_some();
    let (status, raw_status) = status(forgejo, wire.status, wire.conclusion);
    let home = wire.repository.and_then(|repo| present(repo.full_name));
    let project = home.as_deref().unwrap_or(project);
    let file = wire.path.as_deref().and_then(|path| path.split('@').next());
    let file = file.and_then(|path| path.rsplit('/').next()).map(str::to_owned);
    Run {
        id: id(instance, project, wire.id),
        project: project.to_owned(),
        number: wire.run_number.filter(|number| *number > 0),
        pipeline: present(wire.workflow_id).or(present(file)),
        attempt: wire.run_attempt.filter(|attempt| *attempt > 0),
        status,
        raw_status,
        title: present(wire.display_title),
        event: present(wire.event),
        branch: present(wire.head_branch).or(present(wire.prettyref)),
        commit: present(wire.head_sha).or(present(wire.commit_sha)),
        author: wire.actor.and_then(person),
        steps: vec![],
        waits_for: vec![],
        web_url: present(wire.html_url).map(Link::from),
        created_at: wire.created.text(),
        started_at: wire.started_at.text(),
        finished_at: ended(status, wire.completed_at),
        raw,
    }
}

/// Of what goes on a server tells when it last changed in its place.
fn ended(status: RunStatus, at: Time) -> Option<String> {
    at.text().filter(|_| status.has_ended())
}

fn person(user: wire::User) -> Option<Person> {
    Some(Person {
        name: present(user.full_name),
        web_url: present(user.html_url).map(Link::from),
        ..Person::of_login(user.login)?
    })
}

pub fn job(Row { wire, raw }: Row<wire::Job>) -> Job {
    let forgejo = wire.task_id.is_some();
    let (status, raw_status) = status(forgejo, wire.status, wire.conclusion);
    let steps = wire.steps.into_iter().flatten();
    Job {
        steps: steps
            .map(|one| step(forgejo, wire.id, wire.name.as_deref(), one))
            .collect(),
        id: wire.id.to_string(),
        name: wire.name.unwrap_or_default(),
        status,
        raw_status,
        runner: present(wire.runner_name),
        attempt: wire.run_attempt.filter(|attempt| *attempt > 0),
        web_url: present(wire.html_url).map(Link::from),
        started_at: wire.started_at.text(),
        finished_at: ended(status, wire.completed_at),
        raw,
    }
}

fn step(forgejo: bool, job: u64, group: Option<&str>, wire: wire::Step) -> Step {
    let (status, raw_status) = status(forgejo, wire.status, wire.conclusion);
    Step {
        id: step_id(job, wire.number),
        name: wire.name.unwrap_or_default(),
        group: group.map(str::to_owned),
        status,
        raw_status,
        exit_code: None,
        started_at: wire.started_at.text(),
        finished_at: ended(status, wire.completed_at),
    }
}

/// Where a run, a job or a step stands, in our word and in the server's own. Forgejo has one word for both of Gitea's, and
/// by `waiting` it means that a runner is waited for, where Gitea means that it is held up.
fn status(forgejo: bool, status: Option<String>, conclusion: Option<String>) -> (RunStatus, String) {
    let word = match status.as_deref() {
        Some("completed" | "") | None => present(conclusion).or(status),
        Some(_) => status,
    };
    let word = word.unwrap_or_default();
    let neutral = match &*word {
        "queued" => RunStatus::Queued,
        "waiting" if forgejo => RunStatus::Queued,
        "in_progress" | "running" => RunStatus::Running,
        "waiting" | "blocked" | "pending" | "requested" | "action_required" => RunStatus::Blocked,
        "success" | "neutral" => RunStatus::Success,
        "failure" => RunStatus::Failure,
        "cancelled" | "timed_out" => RunStatus::Cancelled,
        "skipped" => RunStatus::Skipped,
        _ => RunStatus::Error,
    };
    (neutral, word)
}

/// The server's word for what stands so, in a filter. None stands as an error.
pub fn status_word(forgejo: bool, status: RunStatus) -> Option<&'static str> {
    Some(match (status, forgejo) {
        (RunStatus::Queued, true) => "waiting",
        (RunStatus::Queued, false) => "queued",
        (RunStatus::Running, true) => "running",
        (RunStatus::Running, false) => "in_progress",
        (RunStatus::Blocked, true) => "blocked",
        (RunStatus::Blocked, false) => "pending",
        (RunStatus::Success, _) => "success",
        (RunStatus::Failure, _) => "failure",
        (RunStatus::Cancelled, _) => "cancelled",
        (RunStatus::Skipped, _) => "skipped",
        (RunStatus::Error, _) => return None,
    })
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
    fn ga4_f3_one_word_means_two_things() {
        let seen = |forgejo, word: &str, ended: &str| status(forgejo, Some(word.to_owned()), Some(ended.to_owned())).0;
        for (word, ended, gitea, forgejo) in [
            ("queued", "", RunStatus::Queued, RunStatus::Queued),
            ("waiting", "", RunStatus::Blocked, RunStatus::Queued),
            ("blocked", "", RunStatus::Blocked, RunStatus::Blocked),
            ("in_progress", "", RunStatus::Running, RunStatus::Running),
            ("running", "", RunStatus::Running, RunStatus::Running),
            ("completed", "success", RunStatus::Success, RunStatus::Success),
            ("completed", "failure", RunStatus::Failure, RunStatus::Failure),
            ("completed", "cancelled", RunStatus::Cancelled, RunStatus::Cancelled),
            ("completed", "skipped", RunStatus::Skipped, RunStatus::Skipped),
            ("success", "", RunStatus::Success, RunStatus::Success),
            ("unknown", "", RunStatus::Error, RunStatus::Error),
            ("completed", "", RunStatus::Error, RunStatus::Error),
        ] {
            assert_eq!(
                (seen(false, word, ended), seen(true, word, ended)),
                (gitea, forgejo),
                "{word} {ended}"
            );
        }
    }

    #[test]
    fn a_filters_word_is_read_back() {
        use RunStatus::{Blocked, Cancelled, Error, Failure, Queued, Running, Skipped, Success};
        for forgejo in [false, true] {
            for wanted in [Queued, Running, Blocked, Success, Failure, Cancelled, Skipped] {
                let word = status_word(forgejo, wanted).map(str::to_owned);
                assert_eq!(status(forgejo, word, None).0, wanted);
            }
            assert_eq!(status_word(forgejo, Error), None);
        }
    }

    #[test]
    fn ga3_a_workflow_is_its_file() {
        let named = |json: &str| {
            let wire = serde_json::from_str(json).expect("a run");
            run("ci", "acme/api", Row { wire, raw: None }).pipeline
        };
        for json in [
            r#"{"id": 1, "path": "ci.yml@refs/heads/x"}"#,
            r#"{"id": 1, "path": ".gitea/workflows/ci.yml@refs/heads/x"}"#,
            r#"{"id": 1, "workflow_id": "ci.yml"}"#,
        ] {
            assert_eq!(named(json).as_deref(), Some("ci.yml"), "{json}");
        }
        assert_eq!(named(r#"{"id": 1, "path": ""}"#), None);
    }
}
