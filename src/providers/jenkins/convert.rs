//! From Jenkins' JSON to the neutral types. Pure.
//!
//! Invariant: an id made here is accepted as an input of this driver.

use mosaic_actors::call::Resource;

use super::{names, wire};
use crate::catalogue::cicd::{
    Artifact, ArtifactFormat, Awaited, Parameter, ParameterKind, Pipeline, QueueItem, Run, RunStatus,
};
use crate::catalogue::link::Link;
use crate::catalogue::person::Person;
use crate::providers::http::Row;

/// A job, or what holds others; `within`: the path of what it is in, empty at the top.
pub fn pipeline(instance: &str, within: &str, Row { wire, raw }: Row<wire::Job>) -> Pipeline {
    let project = match within {
        "" => wire.name.clone(),
        within => format!("{within}/{}", wire.name),
    };
    job(instance, project, Row { wire, raw })
}

/// The job, or what holds others, at this path.
pub fn job(instance: &str, project: String, Row { wire, raw }: Row<wire::Job>) -> Pipeline {
    let colour = wire.color.as_deref();
    Pipeline {
        id: Resource::neutral_id(instance, &project),
        key: None,
        name: wire.display_name.unwrap_or(wire.name),
        path: None,
        enabled: !colour.is_some_and(|colour| colour.starts_with("disabled")) && wire.buildable != Some(false),
        last_status: colour.and_then(status_of_colour),
        folder: colour.is_none(),
        parameters: wire::parameters(wire.property).iter().map(parameter).collect(),
        // Which kinds of parameters are secrets only their plugins know.
        raw: raw.map(|raw| raw.without(&["defaultParameterValue"])),
        raw_state: wire.color,
        web_url: wire.url.map(Link::from),
        project,
    }
}

/// A value that a job asks for, or an input of a build.
pub fn parameter(wire: &wire::Parameter) -> Parameter {
    let choices = wire.choices().unwrap_or_default();
    Parameter {
        name: wire.name.clone(),
        kind: kind(&wire.kind, !choices.is_empty()),
        raw_kind: wire.kind.clone(),
        description: wire.description.clone().filter(|text| !text.trim().is_empty()),
        // Jenkins takes the first where nothing is said, and says so only of a job.
        default: wire.default(),
        choices,
    }
}

fn kind(word: &str, chooses: bool) -> ParameterKind {
    match word {
        "StringParameterDefinition" | "TextParameterDefinition" => ParameterKind::Text,
        "BooleanParameterDefinition" => ParameterKind::Flag,
        "FileParameterDefinition" => ParameterKind::File,
        word if word.contains("Password") => ParameterKind::Secret,
        _ if chooses => ParameterKind::Choice,
        _ => ParameterKind::Other,
    }
}

/// An input that a build waits for.
pub fn awaited(wire: wire::Input) -> Awaited {
    let fields = wire.inputs.iter().flatten();
    Awaited {
        parameters: fields.map(|field| parameter(&field.parameter())).collect(),
        name: wire.id,
        message: wire.message.filter(|text| !text.trim().is_empty()),
        ours: None,
    }
}

/// A job's last build as a ball of this colour shows it. What was never built, or is disabled, shows none.
fn status_of_colour(colour: &str) -> Option<RunStatus> {
    if colour.ends_with("_anime") {
        return Some(RunStatus::Running);
    }
    match colour {
        "blue" | "green" => Some(RunStatus::Success),
        // Unstable: as in a build's result.
        "red" | "yellow" => Some(RunStatus::Failure),
        "aborted" => Some(RunStatus::Cancelled),
        _ => None,
    }
}

pub fn run(instance: &str, project: &str, Row { wire, raw }: Row<wire::Build>) -> Run {
    let (status, raw_status) = status(&wire);
    let began = wire.timestamp.at();
    let finished = began.filter(|_| status.has_ended()).and_then(|began| {
        let took = wire.duration.filter(|duration| *duration > 0)?;
        began.checked_add(jiff::SignedDuration::from_millis(took)).ok()
    });
    let actions: Vec<wire::Action> = wire.actions.unwrap_or_default().into_iter().flatten().collect();
    let cause = actions
        .iter()
        .flat_map(|action| action.causes.iter().flatten())
        .next()
        .cloned();
    let built = built(&actions);
    Run {
        id: Resource::neutral_id(instance, format!("{project}#{}", wire.number)),
        project: project.to_owned(),
        number: Some(wire.number),
        pipeline: None,
        attempt: None,
        status,
        raw_status,
        // Unless somebody has named it, a build is called by its number.
        title: wire.display_name.filter(|name| *name != format!("#{}", wire.number)),
        event: cause.as_ref().and_then(|cause| last_word(&cause.class)),
        branch: built.as_ref().and_then(branch),
        commit: built.and_then(|revision| revision.sha),
        author: cause.and_then(person),
        steps: vec![],
        waits_for: vec![],
        web_url: wire.url.map(Link::from),
        created_at: None,
        started_at: wire.timestamp.in_utc(),
        finished_at: finished.map(|at| at.to_string()),
        raw,
    }
}

/// A result may be set while the build goes on, and a build that is built may be at work still.
fn status(build: &wire::Build) -> (RunStatus, String) {
    if build.building == Some(true) || build.in_progress == Some(true) {
        let word = build.result.clone().unwrap_or_else(|| "building".to_owned());
        return (RunStatus::Running, word);
    }
    let word = build.result.clone().unwrap_or_default();
    let status = match &*word {
        "SUCCESS" => RunStatus::Success,
        "FAILURE" | "UNSTABLE" => RunStatus::Failure,
        "ABORTED" => RunStatus::Cancelled,
        "NOT_BUILT" => RunStatus::Skipped,
        // And what a later version, or a plugin, may add.
        _ => RunStatus::Error,
    };
    (status, word)
}

/// What was built; none where several repositories were, since nothing tells which is meant.
fn built(actions: &[wire::Action]) -> Option<wire::Revision> {
    let mut all = actions.iter().filter_map(|action| action.revision.as_ref());
    let first = all.next()?;
    all.all(|other| other.sha == first.sha).then(|| first.clone())
}

fn branch(revision: &wire::Revision) -> Option<String> {
    let name = revision.branch.as_ref()?.first()?.name.as_deref()?;
    let name = name.strip_prefix("refs/remotes/").unwrap_or(name);
    Some(name.strip_prefix("origin/").unwrap_or(name).to_owned()).filter(|name| !name.is_empty() && name != "detached")
}

/// The last word of a class, such as `TimerTriggerCause` of `hudson.triggers.TimerTrigger$TimerTriggerCause`.
fn last_word(class: &str) -> Option<String> {
    let word = class.rsplit(['.', '$']).next().unwrap_or_default();
    (!word.is_empty()).then(|| word.to_owned())
}

fn person(cause: wire::Cause) -> Option<Person> {
    (cause.user_id.is_some() || cause.user_name.is_some()).then(|| Person {
        login: cause.user_id,
        name: cause.user_name,
        ..Person::default()
    })
}

pub fn artifact(instance: &str, build: &names::Build<'_>, Row { wire, raw }: Row<wire::Artifact>) -> Artifact {
    let names::Build { project, number, .. } = build;
    Artifact {
        id: Resource::neutral_id(instance, format!("{project}#{number}/{}", wire.path)),
        name: wire.path,
        size: None,
        format: ArtifactFormat::File,
        expired: None,
        created_at: None,
        expires_at: None,
        raw,
    }
}

/// An item of the queue. What waits may be a part of a build, which has no path.
pub fn queued(instance: &str, Row { wire, raw }: Row<wire::Item>) -> QueueItem {
    let task = wire.task.as_ref();
    let path = task.and_then(|task| task.full_name.clone());
    let project = path.or_else(|| names::project_at(task?.url.as_deref()?));
    QueueItem {
        id: wire.id.to_string(),
        pending: project
            .as_ref()
            .map(|project| Resource::neutral_id(instance, names::pending(project, wire.id))),
        name: wire.task.and_then(|task| task.name),
        project,
        run: None,
        status: RunStatus::Queued,
        reason: wire.why,
        since: wire.since.in_utc(),
        raw,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn build(json: &str) -> wire::Build {
        serde_json::from_str(json).expect("a build")
    }

    #[test]
    fn j7_a_build_has_ended_where_nothing_is_at_work_any_more() {
        for (json, expected, word) in [
            (r#"{"number": 1, "building": true}"#, RunStatus::Running, "building"),
            (
                r#"{"number": 1, "building": true, "result": "FAILURE"}"#,
                RunStatus::Running,
                "FAILURE",
            ),
            (
                r#"{"number": 1, "building": false, "inProgress": true, "result": "SUCCESS"}"#,
                RunStatus::Running,
                "SUCCESS",
            ),
            (
                r#"{"number": 1, "building": false, "result": "SUCCESS"}"#,
                RunStatus::Success,
                "SUCCESS",
            ),
            (r#"{"number": 1, "result": "UNSTABLE"}"#, RunStatus::Failure, "UNSTABLE"),
            (r#"{"number": 1, "result": "ABORTED"}"#, RunStatus::Cancelled, "ABORTED"),
            (
                r#"{"number": 1, "result": "NOT_BUILT"}"#,
                RunStatus::Skipped,
                "NOT_BUILT",
            ),
            (r#"{"number": 1, "result": "DREAMT"}"#, RunStatus::Error, "DREAMT"),
        ] {
            assert_eq!(status(&build(json)), (expected, word.to_owned()), "{json}");
        }
    }

    #[test]
    fn j20_a_colour_is_a_status_or_none() {
        for (colour, expected) in [
            ("blue", Some(RunStatus::Success)),
            ("yellow", Some(RunStatus::Failure)),
            ("red", Some(RunStatus::Failure)),
            ("red_anime", Some(RunStatus::Running)),
            ("aborted", Some(RunStatus::Cancelled)),
            ("notbuilt", None),
            ("disabled", None),
            ("grey", None),
        ] {
            assert_eq!(status_of_colour(colour), expected, "{colour}");
        }
    }

    #[test]
    fn what_was_built_is_told_where_it_is_one() {
        let revision = |sha: &str| {
            format!(
                r#"{{"lastBuiltRevision": {{"SHA1": "{sha}", "branch": [{{"name": "refs/remotes/origin/a/b"}}]}}}}"#
            )
        };
        let built = |revisions: &[&str]| {
            let actions: Vec<_> = revisions
                .iter()
                .map(|sha| serde_json::from_str(&revision(sha)).expect("JSON"))
                .collect();
            built(&actions).map(|revision| (revision.sha.clone(), branch(&revision)))
        };
        let one = Some((Some("1".to_owned()), Some("a/b".to_owned())));
        assert_eq!(built(&["1"]), one);
        assert_eq!(built(&["1", "1"]), one);
        assert_eq!(built(&["1", "2"]), None);
        assert_eq!(built(&[]), None);
    }

    /// A plugin's kind of parameter may be a secret, whatever it is called.
    #[test]
    fn what_came_of_a_job_tells_no_default_of_its_parameters() {
        let text = r#"{"name": "api", "property": [null, {"parameterDefinitions": [{"name": "KEY", "type": "VaultParameterDefinition",
            "defaultParameterValue": {"_class": "x", "value": "PLANTED"}}]}]}"#;
        let raw = serde_json::value::RawValue::from_string(text.to_owned()).expect("JSON");
        let row = Row {
            wire: serde_json::from_str(text).expect("JSON"),
            raw: Some(raw.into()),
        };
        let told = pipeline("ci-a", "", row).raw.expect("it was asked for");
        assert!(
            told.get().contains("VaultParameterDefinition") && !told.get().contains("PLANTED"),
            "{}",
            told.get()
        );
    }
}
