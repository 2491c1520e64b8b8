//! Workflows, and what starts them.
//!
//! Invariant: a dispatch that is refused starts nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::super::body::Input;
use super::super::problem::Problem;
use super::super::version::Version;
use super::super::{GitHub, page};
use super::Place;
use crate::sandbox::ci::{Event, Refused, Trigger, Workflow};
use crate::sandbox::forge::Repo;

/// The most inputs of one dispatch.
const MAX_INPUTS: usize = 25;
/// The most characters of all of them.
const MAX_INPUT_SIZE: usize = 65_535;
/// How many lists leave out a run whose id was not told: it takes a moment to appear.
const UNLISTED: u8 = 1;

type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let (repo, project, links) = (place.repo()?, place.project()?, github.links());
    let all = &project.workflows;
    let shown = page::PAGING.slice(&uri, all).iter();
    let shown: Vec<_> = shown.map(|workflow| links.workflow(repo, workflow)).collect();
    let body = Json(json!({ "total_count": all.len(), "workflows": shown })).into_response();
    Ok(page::PAGING.linked(body, &github.instance.origin, &uri, all.len()))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let workflow = place.workflow(&id)?;
    Ok(Json(github.links().workflow(place.repo()?, workflow)).into_response())
}

pub(crate) async fn enable(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    switch(&mut github.place(&owner, &name)?, &id, true)
}

pub(crate) async fn disable(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    switch(&mut github.place(&owner, &name)?, &id, false)
}

fn switch(place: &mut Place<'_>, id: &str, enabled: bool) -> Answer {
    let id = place.workflow(id)?.id;
    let key = place.key.clone();
    let project = place.ci.project_mut(&key)?;
    if let Some(workflow) = project.workflows.iter_mut().find(|workflow| workflow.id == id) {
        workflow.enabled = enabled;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn dispatch(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    Extension(version): Extension<Version>,
    body: Bytes,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let input = Input::read(&body, "WorkflowDispatch")?;
    let workflow = place.workflow(&id)?;
    let revision = input.required("ref")?;
    let (branch, commit) = head(place.repo()?, revision)?;
    let inputs = inputs(workflow, input.value("inputs"))?;
    // Later versions always tell the run, and know no word for it.
    let told = version.is_later() || input.flag("return_run_details")? == Some(true);
    // The run's name shows the note that came with it.
    let title = inputs.get("note").map_or(workflow.name, String::as_str);
    let trigger = Trigger {
        inputs: inputs.clone(),
        unlisted: if told { 0 } else { UNLISTED },
        ..Trigger::of(workflow, Event::Manual, &branch, &commit, title, place.user())
    };
    let (key, now) = (place.key.clone(), place.now);
    let run = place.ci.trigger(&key, trigger, now).map_err(refused)?;
    if !told {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (repo, run, links) = (place.repo()?, place.project()?.run(run)?, github.links());
    let details = json!({
        "workflow_run_id": run.id, "run_url": links.run_url(repo, run), "html_url": links.run_page(repo, run),
    });
    Ok(Json(details).into_response())
}

/// The branch or tag that a dispatch names, without what stands before it, and its commit.
fn head(repo: &Repo, revision: &str) -> Result<(String, String), Problem> {
    let short = revision
        .strip_prefix("refs/heads/")
        .or(revision.strip_prefix("refs/tags/"));
    let short = short.unwrap_or(revision);
    let known = repo.branches.contains_key(short) || repo.tags.contains_key(short);
    let commit = repo.resolve(Some(revision)).filter(|_| known);
    let commit = commit.ok_or_else(|| Problem::unprocessable(format!("No ref found for: {revision}")))?;
    Ok((short.to_owned(), commit.id.clone()))
}

/// The inputs of a dispatch, as texts.
fn inputs(workflow: &Workflow, given: &Value) -> Result<BTreeMap<String, String>, Problem> {
    let given = match given {
        Value::Null => return Ok(BTreeMap::new()),
        Value::Object(given) => given,
        _ => {
            return Err(Problem::unprocessable(
                "Invalid request.\n\nFor 'properties/inputs', it is not an object.",
            ));
        }
    };
    if given.len() > MAX_INPUTS {
        let message = format!("you may only define up to {MAX_INPUTS} `inputs` for a `workflow_dispatch` event");
        return Err(Problem::unprocessable(message));
    }
    let strangers: Vec<_> = given
        .keys()
        .filter(|name| !workflow.inputs.contains(&name.as_str()))
        .collect();
    if !strangers.is_empty() {
        return Err(Problem::unprocessable(format!(
            "Unexpected inputs provided: {strangers:?}"
        )));
    }
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let inputs: BTreeMap<_, _> = given.iter().map(|(name, value)| (name.clone(), text(value))).collect();
    match inputs.values().map(String::len).sum::<usize>() > MAX_INPUT_SIZE {
        true => Err(Problem::unprocessable("inputs are too large.")),
        false => Ok(inputs),
    }
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Disabled => Problem::unprocessable("Cannot trigger a 'workflow_dispatch' on a disabled workflow"),
        Refused::NoTrigger => Problem::unprocessable("Workflow does not have 'workflow_dispatch' trigger"),
        other => other.into(),
    }
}
