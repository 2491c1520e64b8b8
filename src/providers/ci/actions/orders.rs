//! What is asked before a run is started, and what is answered to an order.
//!
//! Invariant: an order that was carried out is told as that, however little is known of its run.

use std::future::Future;
use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use serde::de::DeserializeOwned;

use super::dispatches::Dispatch;
use super::names::{Numbered, id, pipeline};
use super::pending::Pending;
use crate::catalogue::cicd::{Run, RunStatus, RunTrigger, TriggerOutcome, Triggered};
use crate::catalogue::fields::Name;
use crate::providers::http::{Received, behind};
use crate::providers::{Reply, Request};

/// The only one of the pipelines that can be started.
///
/// # Errors
/// `invalid_input` on `pipeline` where there are several; `not_found` where there is none.
pub fn only(mut keys: impl Iterator<Item = String>) -> Result<String, Failure> {
    match (keys.next(), keys.next()) {
        (Some(key), None) => Ok(key),
        (Some(_), Some(_)) => {
            let sentence = "pipeline is required: the project has several; the list of pipelines tells their keys";
            Err(Failure::invalid("pipeline", sentence))
        }
        (None, _) => Err(Failure::new(
            Kind::NotFound,
            "the project has no pipeline that can be started",
        )),
    }
}

/// The branch that is run for where nobody says.
///
/// # Errors
/// `invalid_input` on `branch` where the project has none.
fn default_branch(told: Option<String>) -> Result<String, Failure> {
    let missing = || Failure::invalid("branch", "branch is required: the project names no default branch");
    told.filter(|branch| !branch.is_empty()).ok_or_else(missing)
}

/// The workflow and the branch that are meant: those that are named, else the `only` one and the `default` branch, which
/// are asked for where they are needed.
///
/// # Errors
/// What `only` and `default` fail with, and as [`default_branch`]. Nothing was started, and the whole may be repeated.
pub async fn meant(
    request: &Request<RunTrigger>,
    only: impl Future<Output = Result<String, Failure>>,
    default: impl Future<Output = Result<Option<String>, Failure>>,
) -> Result<(String, String), Failure> {
    let found = async {
        let workflow = match &request.input.pipeline {
            Some(text) => pipeline(&request.native, text)?.to_owned(),
            None => only.await?,
        };
        let branch = match &request.input.branch {
            Some(branch) => branch.to_string(),
            None => default_branch(default.await?)?,
        };
        Ok((workflow, branch))
    };
    found
        .await
        .map_err(|failure: Failure| failure.by(&request.instance).never_sent())
}

/// A run that is there for sure, as far as it can be `read`.
pub async fn read_or_begun(
    instance: &Arc<str>,
    run: &Numbered,
    read: impl Future<Output = Result<Run, Failure>>,
) -> Run {
    let read = behind(instance, read).await;
    read.unwrap_or_else(|| begun(instance, &run.project, run.id))
}

/// Pipelines are listed by project alone.
///
/// # Errors
/// `invalid_input` on `project` where none is given.
pub fn of_a_project<T>(project: Option<&T>) -> Result<(), Failure> {
    let sentence = "project is required: at this provider each repository has pipelines of its own";
    let missing = || Failure::invalid("project", sentence).never_sent();
    project.map(drop).ok_or_else(missing)
}

/// Secrets are given to all runs alike.
///
/// # Errors
/// `unsupported` on `events` where they are given.
pub fn for_all_events(events: &[Name]) -> Result<(), Failure> {
    let sentence = "this provider gives secrets to all runs of a project, whatever started them";
    match events.is_empty() {
        true => Ok(()),
        false => Err(Failure::unsupported_field("events", sentence).never_sent()),
    }
}

/// A run of which nothing more is told than that it was begun.
fn begun(instance: &str, project: &str, run: u64) -> Run {
    Run {
        id: id(instance, project, run),
        project: project.to_owned(),
        number: None,
        pipeline: None,
        attempt: None,
        status: RunStatus::Queued,
        raw_status: String::new(),
        title: None,
        event: None,
        branch: None,
        commit: None,
        author: None,
        steps: vec![],
        waits_for: vec![],
        web_url: None,
        created_at: None,
        started_at: None,
        finished_at: None,
        raw: None,
    }
}

/// The reply to an order that has made a run go.
pub fn started(received: &Received, run: Run) -> Reply<Triggered> {
    received.reply(Triggered {
        outcome: TriggerOutcome::Started,
        run: Some(run),
        pending: None,
    })
}

/// The reply to an order whose run has no id yet.
fn waiting(received: &Received, pending: String) -> Reply<Triggered> {
    received.reply(Triggered {
        outcome: TriggerOutcome::Pending,
        run: None,
        pending: Some(pending),
    })
}

/// What the answer to a dispatch tells of its run. One that cannot be read tells as little as none.
pub fn told<T: DeserializeOwned>(received: &Received) -> Option<T> {
    match received.bytes().is_empty() {
        true => None,
        false => received.json().ok(),
    }
}

/// The reply to a dispatch whose run was not told; `who`: whose credential ours is, which tells it from others'.
pub async fn untold(
    received: &Received,
    instance: &Arc<str>,
    (dispatch, mut pending): (Dispatch<'_>, Pending),
    who: impl Future<Output = Result<String, Failure>>,
) -> Reply<Triggered> {
    dispatch.untold(&pending);
    pending.actor = behind(instance, who).await;
    // As its id tells it.
    dispatch.untold(&pending);
    waiting(received, pending.id(instance))
}

/// The reply to who asks which run came of a dispatch.
///
/// # Errors
/// What it was not `found` for.
pub fn resolved(
    received: &Received,
    instance: &str,
    pending: &Pending,
    found: Result<Option<Run>, Failure>,
) -> Result<Reply<Triggered>, Failure> {
    Ok(match found.map_err(|failure| received.blame(failure))? {
        Some(run) => started(received, run),
        None => waiting(received, pending.id(instance)),
    })
}

/// A refusal, as what the run's state means.
pub fn state(sentence: &str, refusal: &Failure) -> Failure {
    let mut failure = Failure::new(Kind::PreconditionFailed, sentence).never_billed();
    failure.provider.clone_from(&refusal.provider);
    failure
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_run_that_was_begun_is_told_though_nothing_more_is_heard_of_it() {
        let run = Numbered::read("run", "acme/api#41").expect("a run");
        let told = read_or_begun(&Arc::from("ci"), &run, pending()).await;
        assert_eq!((&*told.id, told.status), ("ci~acme/api#41", RunStatus::Queued));
    }
}
