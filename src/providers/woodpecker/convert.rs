//! From Woodpecker's JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use mosaic_actors::call::Resource;

use super::names::Steps;
use super::wire;
use crate::catalogue::cicd::{Job, LogLine, LogStream, Pipeline, QueueItem, Run, RunStatus, Step};
use crate::catalogue::person::Person;
use crate::providers::http::Row;

pub fn run(instance: &str, project: &str, Row { wire, raw }: Row<wire::Pipeline>) -> Run {
    Run {
        id: Resource::neutral_id(instance, format!("{project}#{}", wire.number)),
        project: project.to_owned(),
        number: Some(wire.number),
        pipeline: None,
        attempt: None,
        status: status(&wire.status),
        raw_status: wire.status,
        title: wire.message.lines().next().and_then(present),
        event: present(&wire.event),
        branch: present(&wire.branch),
        commit: present(&wire.commit),
        author: Person::of_login(wire.author),
        steps: steps(wire.workflows.unwrap_or_default()),
        waits_for: vec![],
        web_url: None,
        created_at: wire.created.or(wire.created_at).in_utc(),
        started_at: wire.started.or(wire.started_at).in_utc(),
        finished_at: wire.finished.or(wire.finished_at).in_utc(),
        raw,
    }
}

/// Whether a run moves on no more. Its word is set as soon as somebody ends it, while its agents still stop what runs.
pub fn at_rest(run: &wire::Pipeline) -> bool {
    let running = |workflow: &wire::Workflow| {
        let children = workflow.children.as_deref().unwrap_or_default();
        let words = children.iter().map(|step| &step.state).chain([&workflow.state]);
        words.into_iter().any(|word| status(word) == RunStatus::Running)
    };
    status(&run.status).has_ended() && !run.workflows.as_deref().unwrap_or_default().iter().any(running)
}

/// The steps of all workflows, in order.
fn steps(workflows: Vec<wire::Workflow>) -> Vec<Step> {
    workflows.into_iter().flat_map(steps_of).collect()
}

/// The steps of each workflow, as those of a job.
pub fn jobs(workflows: Vec<wire::Workflow>) -> Vec<Steps> {
    let job = |workflow: wire::Workflow| (workflow.id.to_string(), steps_of(workflow).collect());
    workflows.into_iter().map(job).collect()
}

fn steps_of(workflow: wire::Workflow) -> impl Iterator<Item = Step> {
    let group = present(&workflow.name);
    let children = workflow.children.unwrap_or_default();
    children.into_iter().map(move |child| step(group.clone(), child))
}

pub fn job(Row { wire, raw }: Row<wire::Workflow>) -> Job {
    Job {
        id: wire.id.to_string(),
        name: wire.name.clone(),
        status: status(&wire.state),
        raw_status: wire.state.clone(),
        runner: (wire.agent_id > 0).then(|| wire.agent_id.to_string()),
        attempt: None,
        web_url: None,
        started_at: wire.started.clone().or(wire.start_time.clone()).in_utc(),
        finished_at: wire.finished.clone().or(wire.end_time.clone()).in_utc(),
        steps: steps_of(wire).collect(),
        raw,
    }
}

/// A repository as the one pipeline that it is; none where it has no name.
pub fn project(instance: &str, Row { wire, raw }: Row<wire::Repo>) -> Option<Pipeline> {
    let named = present(&wire.full_name);
    let project = named.or_else(|| Some(format!("{}/{}", present(&wire.owner)?, present(&wire.name)?)))?;
    let (_, last) = project.rsplit_once('/')?;
    Some(Pipeline {
        id: Resource::neutral_id(instance, &project),
        key: None,
        name: last.to_owned(),
        path: present(&wire.config_file),
        enabled: wire.active,
        last_status: wire.last_pipeline.as_ref().map(|run| status(&run.status)),
        raw_state: wire.last_pipeline.map(|run| run.status),
        folder: false,
        parameters: vec![],
        web_url: None,
        project,
        raw,
    })
}

/// A task of the queue. Its repository has a name only among its labels, and its run a number only in later versions.
pub fn queued(
    instance: &str,
    Row { wire, raw }: Row<wire::Task>,
    status: RunStatus,
    reason: Option<&str>,
) -> QueueItem {
    let project = wire.labels.get("repo").and_then(|name| present(name));
    let run = project
        .as_ref()
        .zip(Some(wire.pipeline_number).filter(|number| *number > 0));
    QueueItem {
        id: wire.id,
        run: run.map(|(project, number)| Resource::neutral_id(instance, format!("{project}#{number}"))),
        project,
        name: present(&wire.name),
        pending: None,
        status,
        reason: reason.map(str::to_owned),
        since: wire.created.in_utc(),
        raw,
    }
}

fn step(group: Option<String>, wire: wire::Step) -> Step {
    let finished_at = wire.finished.or(wire.end_time).in_utc();
    // The wire's exit code is 0 from the start: before the end it says nothing.
    let ended = finished_at.is_some();
    Step {
        id: wire.id.to_string(),
        name: wire.name,
        group,
        status: status(&wire.state),
        raw_status: wire.state,
        exit_code: ended.then_some(wire.exit_code),
        started_at: wire.started.or(wire.start_time).in_utc(),
        finished_at,
    }
}

/// The words of Woodpecker that stand for a status: none where there are several.
pub fn only_word(status: RunStatus) -> Option<&'static str> {
    Some(match status {
        RunStatus::Running => "running",
        RunStatus::Blocked => "blocked",
        RunStatus::Success => "success",
        RunStatus::Failure => "failure",
        RunStatus::Skipped => "skipped",
        RunStatus::Error => "error",
        RunStatus::Queued | RunStatus::Cancelled => return None,
    })
}

/// A status in our own word, for a cursor.
pub fn status_name(status: RunStatus) -> &'static str {
    match status {
        RunStatus::Queued => "queued",
        RunStatus::Cancelled => "cancelled",
        other => only_word(other).unwrap_or_default(),
    }
}

/// What [`status_name`] gave.
pub fn status_named(name: &str) -> Option<RunStatus> {
    use RunStatus::{Blocked, Cancelled, Error, Failure, Queued, Running, Skipped, Success};
    let all = [Queued, Running, Blocked, Success, Failure, Cancelled, Skipped, Error];
    all.into_iter().find(|status| status_name(*status) == name)
}

pub fn status(word: &str) -> RunStatus {
    match word {
        "pending" | "created" => RunStatus::Queued,
        "running" => RunStatus::Running,
        "blocked" => RunStatus::Blocked,
        "success" => RunStatus::Success,
        "failure" => RunStatus::Failure,
        "killed" | "canceled" | "declined" => RunStatus::Cancelled,
        "skipped" => RunStatus::Skipped,
        // And what a later version may add: the raw word stands beside it, and one strange run spoils no list.
        _ => RunStatus::Error,
    }
}

/// `began` is when the step did, which its lines' times are counted from. `None`: the data is not base64.
pub fn line(began: Option<Timestamp>, wire: wire::LogEntry) -> Option<LogLine> {
    let data = match wire.data {
        Some(wire::Data::Base64(text)) => STANDARD.decode(text).ok()?,
        Some(wire::Data::Bytes(bytes)) => bytes,
        None => vec![],
    };
    // Steps write what they like; a log with a replaced byte is worth more than none.
    let text = String::from_utf8_lossy(&data);
    let text = text.trim_end_matches(['\r', '\n']);
    Some(LogLine {
        time: began.and_then(|began| {
            let seconds = began.as_second().checked_add(wire.time)?;
            Some(Timestamp::from_second(seconds).ok()?.to_string())
        }),
        stream: match wire.kind {
            0 => LogStream::Stdout,
            1 => LogStream::Stderr,
            _ => LogStream::System,
        },
        // A bare number at the end of a log looks like something that the step has written.
        text: match wire.kind {
            wire::EXIT_CODE => format!("exit code {text}"),
            _ => text.to_owned(),
        },
    })
}

fn present(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_of_the_published_description_has_a_status() {
        let words = [
            ("skipped", RunStatus::Skipped),
            ("pending", RunStatus::Queued),
            ("running", RunStatus::Running),
            ("success", RunStatus::Success),
            ("failure", RunStatus::Failure),
            ("killed", RunStatus::Cancelled),
            ("canceled", RunStatus::Cancelled),
            ("error", RunStatus::Error),
            ("blocked", RunStatus::Blocked),
            ("declined", RunStatus::Cancelled),
            ("created", RunStatus::Queued),
        ];
        for (word, expected) in words {
            assert_eq!(status(word), expected, "{word}");
        }
        assert_eq!(status("dreaming"), RunStatus::Error);
    }

    #[test]
    fn a_line_is_read_from_either_form_of_its_data() {
        let line = |json: &str| {
            line(
                Timestamp::from_second(1_000).ok(),
                serde_json::from_str(json).expect("JSON"),
            )
        };
        let base64 = line(r#"{"time": 5, "data": "aGVsbG8K", "type": 1}"#).expect("base64");
        assert_eq!((base64.text.as_str(), base64.stream), ("hello", LogStream::Stderr));
        assert_eq!(base64.time.as_deref(), Some("1970-01-01T00:16:45Z"));
        let numbers = line(r#"{"time": 5, "data": [104, 105, 255], "type": 4}"#).expect("numbers");
        assert_eq!(
            (numbers.text.as_str(), numbers.stream),
            ("hi\u{fffd}", LogStream::System)
        );
        let code = line(r#"{"data": "MQ==", "type": 2}"#).expect("a number");
        assert_eq!((code.text.as_str(), code.stream), ("exit code 1", LogStream::System));
        assert_eq!(line(r#"{"data": null}"#).expect("nothing").text, "");
        assert!(line(r#"{"data": "not base64"}"#).is_none());
        let late = line(&format!(r#"{{"time": {}, "data": ""}}"#, i64::MAX)).expect("a line");
        assert_eq!(late.time, None);
    }
}
