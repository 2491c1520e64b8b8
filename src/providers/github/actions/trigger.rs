//! The requests that start a workflow, and find the run that came of it.
//!
//! Invariant: what has started something never fails behind that, so that nobody starts it twice.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use tokio::time::Instant;

use super::{GitHub, MOST, SIZE, convert, runs, wire, workflows};
use crate::catalogue::cicd::{Run, RunResolve, RunTrigger, Triggered};
use crate::catalogue::link::Link;
use crate::providers::ci::actions::{Numbered, Pending, clock, meant, read_or_begun, resolved, started, told, untold};
use crate::providers::forge;
use crate::providers::{Reply, Request};

/// The most inputs that GitHub takes.
const MOST_INPUTS: usize = 25;
/// The rows of a page that may have another behind it.
const FULL: u64 = 100;
/// From this version of the API on a dispatch always tells of its run.
const ALWAYS_TOLD: jiff::civil::Date = jiff::civil::date(2026, 3, 10);

pub async fn trigger(github: Arc<GitHub>, request: Request<RunTrigger>) -> Result<Reply<Triggered>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let variables = &request.input.variables;
    if variables.len() > MOST_INPUTS {
        let sentence = format!("this provider takes at most {MOST_INPUTS} variables");
        return Err(Failure::invalid("variables", sentence).never_sent());
    }
    let only = workflows::only(&github, owner, name);
    let (workflow, branch) = meant(&request, only, default_branch(&github, owner, name)).await?;
    let body = wire::Dispatch {
        reference: &branch,
        inputs: variables,
        return_run_details: (github.api_version < ALWAYS_TOLD).then_some(true),
    };
    let parts = ["repos", owner, name, "actions", "workflows", &workflow, "dispatches"];
    let dispatch = github.dispatches.begin(&request.native, &workflow, &branch);
    let asked = Instant::now();
    let sent = github.endpoint.send(github.endpoint.post(&parts, &body)?).await;
    let received = match sent {
        Err(failure) => return Err(workflows::missing(&github, (owner, name), &workflow, refused(failure)).await),
        Ok(received) => received,
    };
    let Some(told) = told::<wire::Dispatched>(&received) else {
        let pending = Pending {
            project: request.native.to_string(),
            pipeline: workflow,
            branch,
            since: Pending::since(received.header("date"), asked.elapsed()),
            latest: None,
            actor: None,
        };
        return Ok(untold(&received, &request.instance, (dispatch, pending), who(&github)).await);
    };
    let numbered = Numbered::of(&request.native, (owner, name), told.workflow_run_id);
    let mut run = begun(&github, &request.instance, &numbered, request.include_raw).await;
    run.web_url = run.web_url.or(told.html_url.map(Link::from));
    Ok(started(&received, run))
}

async fn default_branch(github: &GitHub, owner: &str, name: &str) -> Result<Option<String>, Failure> {
    let asked = github.endpoint.get(&["repos", owner, name])?;
    let repo: wire::Repo = github.endpoint.send(asked).await?.json()?;
    Ok(repo.default_branch)
}

/// GitHub says why in sentences only.
fn refused(failure: Failure) -> Failure {
    match (failure.kind, &failure.field) {
        (Kind::InvalidInput, None) => failure.saying(
            "the pipeline cannot be started like this: it is disabled, or its file on this branch lacks the trigger \
             workflow_dispatch or asks for other variables, or there is no such branch (status 422)",
        ),
        _ => failure,
    }
}

/// Whose credential ours is. An app's is nobody's.
async fn who(github: &GitHub) -> Result<String, Failure> {
    let received = github.endpoint.send(github.endpoint.get(&["user"])?).await?;
    Ok(received.json::<wire::User>()?.login)
}

/// A run that is there for sure, as far as it can be read.
pub async fn begun(github: &GitHub, instance: &Arc<str>, run: &Numbered, include_raw: bool) -> Run {
    let read = async {
        let received = runs::read(github, run).await?;
        let row = received.row(include_raw)?;
        Ok(convert::run(instance, &run.project, row))
    };
    read_or_begun(instance, run, read).await
}

pub async fn resolve(github: Arc<GitHub>, request: Request<RunResolve>) -> Result<Reply<Triggered>, Failure> {
    let pending = Pending::read(&request.native)?;
    let (owner, name) = pending.parts()?;
    let parts = ["repos", owner, name, "actions", "workflows", &pending.pipeline, "runs"];
    let earliest = github.dispatches.beside(&pending).earliest(&pending);
    // One page: where it holds two that may be it there is no answer anyway.
    let outgoing = github
        .endpoint
        .get(&parts)?
        .query("event", "workflow_dispatch")
        .query("branch", &pending.branch)
        .query("created", format!(">={earliest}"))
        .query_if("actor", pending.actor.as_deref())
        .query(SIZE, MOST);
    let received = github.endpoint.send(outgoing).await?;
    let mut listed: wire::Listed = received.json()?;
    let rows = received.rows_of(&listed.rows(&received)?, request.include_raw)?;
    let runs = rows
        .into_iter()
        .map(|row| convert::run(&request.instance, &pending.project, row));
    let (runs, now) = (runs.collect::<Vec<_>>(), clock(received.header("date")));
    let given = runs.len() as u64 + u64::from(received.skipped());
    // Also of those that were asked for meanwhile.
    let beside = github.dispatches.beside(&pending);
    let whole =
        listed.total_count.map_or(given < FULL, |total| given >= total) || beside.reaches_behind(&pending, &runs);
    let found = beside.the_one(&pending, &runs, whole, now);
    resolved(&received, &request.instance, &pending, found)
}
