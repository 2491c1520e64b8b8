//! The requests that read runs.
//!
//! Invariant: a page holds only rows that the filters let through, whatever GitHub's own words leave open.

use std::sync::Arc;

use mosaic_actors::error::Failure;

use super::{GitHub, convert, deployments, wire, workflows};
use crate::catalogue::Page;
use crate::catalogue::cicd::{Run, RunGet, RunList, RunStatus};
use crate::providers::ci::actions::{Numbered, pipeline};
use crate::providers::forge;
use crate::providers::http::{Received, Row};
use crate::providers::{Reply, Request};

/// So many runs GitHub gives at most where it is asked for some of them.
const MOST_FOUND: u64 = 1000;

pub async fn list(github: Arc<GitHub>, request: Request<RunList>) -> Result<Reply<Page<Run>>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let input = &request.input;
    let mut parts = vec!["repos", owner, name, "actions"];
    match &input.pipeline {
        Some(text) => parts.extend(["workflows", pipeline(&request.native, text)?, "runs"]),
        None => parts.push("runs"),
    }
    let word = input.status.and_then(word);
    let outgoing = github
        .endpoint
        .get(&parts)?
        .query_if("branch", input.branch.as_deref())
        .query_if("event", input.event.as_deref())
        .query_if("status", word);
    let run = |row: Row<wire::Run>| {
        let run = convert::run(&request.instance, &request.native, row);
        input.status.is_none_or(|wanted| run.status == wanted).then_some(run)
    };
    let mut reply = match (github.listed(outgoing, &request, run).await, &input.pipeline) {
        (Err(failure), Some(text)) => {
            let workflow = pipeline(&request.native, text)?;
            return Err(workflows::missing(&github, (owner, name), workflow, failure).await);
        }
        (listed, _) => listed?,
    };
    let page = &mut reply.value;
    let narrowed = input.branch.is_some() || input.event.is_some() || word.is_some();
    page.incomplete = narrowed && page.total.is_some_and(|total| total > MOST_FOUND);
    if input.status.is_some_and(|status| !is_exact(status)) {
        // It counts what was left out here, too.
        page.total = None;
    }
    Ok(reply)
}

/// GitHub's word that lets through all that stands so; it may let through more.
fn word(status: RunStatus) -> Option<&'static str> {
    match status {
        RunStatus::Running => Some("in_progress"),
        RunStatus::Cancelled => Some("cancelled"),
        RunStatus::Skipped => Some("skipped"),
        RunStatus::Success | RunStatus::Failure | RunStatus::Error => Some("completed"),
        RunStatus::Queued | RunStatus::Blocked => None,
    }
}

/// Whether its word lets through nothing else.
fn is_exact(status: RunStatus) -> bool {
    matches!(status, RunStatus::Running | RunStatus::Cancelled | RunStatus::Skipped)
}

pub async fn get(github: Arc<GitHub>, request: Request<RunGet>) -> Result<Reply<Run>, Failure> {
    let run = Numbered::read("run", &request.native)?;
    let received = read(&github, &run).await?;
    let row = received.row(request.include_raw)?;
    let mut run = convert::run(&request.instance, &run.project, row);
    deployments::tell(&github, &mut run).await;
    Ok(received.reply(run))
}

/// Asks for a run.
pub async fn read(github: &GitHub, run: &Numbered) -> Result<Received, Failure> {
    github.endpoint.send(github.below(run, &[])?).await
}
