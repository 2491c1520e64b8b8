//! The requests that start a workflow, and find the run that came of it.
//!
//! Invariant: what has started something never fails behind that, so that nobody starts it twice.

use std::sync::Arc;

use mosaic_actors::error::{Failure, Kind};
use tokio::time::Instant;

use super::super::Gitea;
use super::super::version::Server;
use super::{convert, pages, runs, wire, workflows};
use crate::catalogue::cicd::{Run, RunResolve, RunTrigger, Triggered};
use crate::catalogue::link::Link;
use crate::providers::ci::actions::{Numbered, Pending, clock, meant, read_or_begun, resolved, started, told, untold};
use crate::providers::forge;
use crate::providers::{Reply, Request};

/// What a run is told to have been started by.
const EVENT: &str = "workflow_dispatch";

pub async fn trigger(gitea: Arc<Gitea>, request: Request<RunTrigger>) -> Result<Reply<Triggered>, Failure> {
    let (owner, name) = forge::project("project", &request.native)?;
    let only = workflows::only(&gitea, owner, name);
    let (workflow, branch) = meant(&request, only, default_branch(&gitea, owner, name)).await?;
    let server = gitea.server().await;
    let latest = latest(&gitea, server, owner, name).await;
    let forgejo = matches!(server, Server::Forgejo(_));
    let body = wire::Dispatch {
        reference: &branch,
        inputs: &request.input.variables,
        return_run_info: forgejo.then_some(true),
    };
    let parts = ["repos", owner, name, "actions", "workflows", &workflow, "dispatches"];
    let outgoing = gitea.endpoint.post(&parts, &body)?;
    let outgoing = outgoing.query_if("return_run_details", (!forgejo).then_some(true));
    let dispatch = gitea.dispatches.begin(&request.native, &workflow, &branch);
    let asked = Instant::now();
    let received = match gitea.endpoint.send(outgoing).await {
        Ok(received) => received,
        Err(failure) => return Err(refused(&gitea, &parts[..6], failure).await),
    };
    let Some(told) = told::<wire::Dispatched>(&received) else {
        let pending = Pending {
            project: request.native.to_string(),
            pipeline: workflow,
            branch,
            since: Pending::since(received.header("date"), asked.elapsed()),
            latest,
            actor: None,
        };
        return Ok(untold(&received, &request.instance, (dispatch, pending), who(&gitea)).await);
    };
    let numbered = Numbered::of(&request.native, (owner, name), told.workflow_run_id);
    let mut run = begun(&gitea, &request.instance, &numbered, request.include_raw).await;
    run.web_url = run.web_url.or(told.html_url.map(Link::from));
    Ok(started(&received, run))
}

async fn default_branch(gitea: &Gitea, owner: &str, name: &str) -> Result<Option<String>, Failure> {
    let asked = gitea.endpoint.get(&["repos", owner, name])?;
    let repo: wire::Repo = gitea.endpoint.send(asked).await?.json()?;
    Ok(repo.default_branch)
}

/// The newest run before one is asked for of a release that will not tell of it: it tells no run's beginning, either.
async fn latest(gitea: &Gitea, server: Server, owner: &str, name: &str) -> Option<u64> {
    if !(server.is_gitea_since(1, 25) && server.is_gitea_before(1, 26)) {
        return None;
    }
    let outgoing = gitea.endpoint.get(&["repos", owner, name, "actions", "runs"]).ok()?;
    let received = gitea
        .endpoint
        .send(outgoing.query("page", "1").query("limit", "1"))
        .await
        .ok()?;
    let (rows, _) = pages::rows::<wire::Run>(&received, false).ok()?;
    rows.first().map(|row| row.wire.id)
}

/// Gitea says why in sentences only. Whether a workflow is disabled, it tells where it is asked for that; `workflow`: its path.
async fn refused(gitea: &Gitea, workflow: &[&str], failure: Failure) -> Failure {
    if (failure.kind, &failure.field) == (Kind::Forbidden, &None) && is_disabled(gitea, workflow).await {
        let mut disabled = Failure::new(Kind::Conflict, "pipeline is disabled").never_billed();
        disabled.field = Some(Arc::from("pipeline"));
        disabled.provider = failure.provider;
        return disabled;
    }
    match (failure.kind, &failure.field) {
        (Kind::InvalidInput, None) => failure.saying(
            "the pipeline cannot be started like this: its file on this branch lacks the trigger workflow_dispatch or \
             asks for other variables, or there is no such branch",
        ),
        (Kind::Forbidden, None) => failure.also("or the workflow is disabled"),
        _ => failure,
    }
}

/// What cannot be read is none that is known to be.
async fn is_disabled(gitea: &Gitea, workflow: &[&str]) -> bool {
    let read = async {
        let received = gitea.endpoint.send(gitea.endpoint.get(workflow)?).await?;
        received.json::<wire::Workflow>()
    };
    let state = gitea.endpoint.look(read).await.and_then(|workflow| workflow.state);
    state.is_some_and(|state| state.starts_with("disabled"))
}

/// Whose credential ours is.
async fn who(gitea: &Gitea) -> Result<String, Failure> {
    let received = gitea.endpoint.send(gitea.endpoint.get(&["user"])?).await?;
    Ok(received.json::<wire::User>()?.login)
}

/// A run that is there for sure, as far as it can be read.
pub async fn begun(gitea: &Gitea, instance: &Arc<str>, run: &Numbered, include_raw: bool) -> Run {
    let read = async {
        let received = runs::read(gitea, run).await?;
        let row = received.row(include_raw)?;
        Ok(convert::run(instance, &run.project, row))
    };
    read_or_begun(instance, run, read).await
}

pub async fn resolve(gitea: Arc<Gitea>, request: Request<RunResolve>) -> Result<Reply<Triggered>, Failure> {
    let pending = Pending::read(&request.native)?;
    let (owner, name) = pending.parts()?;
    let most = pages::ROWS.most.to_string();
    // One page, newest first: behind it is what was there before.
    let outgoing = gitea
        .endpoint
        .get(&["repos", owner, name, "actions", "runs"])?
        .query("event", EVENT)
        .query("branch", &pending.branch)
        .query("page", "1")
        .query("limit", most);
    let received = gitea.endpoint.send(outgoing).await?;
    let (rows, total) = pages::rows(&received, request.include_raw)?;
    let given = rows.len() as u64 + u64::from(received.skipped());
    let runs = rows
        .into_iter()
        .map(|row| convert::run(&request.instance, &pending.project, row));
    let runs = runs.collect::<Vec<_>>();
    let now = clock(received.header("date"));
    let beside = gitea.dispatches.beside(&pending);
    let is_all = total.map_or(given < u64::from(pages::ROWS.most), |total| given >= total);
    let whole = is_all || beside.reaches_behind(&pending, &runs);
    // Forgejo overlooks these filters.
    let ours = |run: &Run| {
        run.event.as_deref().is_none_or(|event| event == EVENT)
            && run.pipeline.as_deref().is_none_or(|key| key == pending.pipeline)
    };
    let runs = runs.into_iter().filter(ours).collect::<Vec<_>>();
    let found = beside.the_one(&pending, &runs, whole, now);
    resolved(&received, &request.instance, &pending, found)
}
