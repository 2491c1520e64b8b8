//! Workflows, and what starts them.
//!
//! Invariant: a dispatch that is refused starts nothing.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde::Deserialize;
use serde_json::json;

use super::Place;
use crate::sandbox::ci::{Event, Refused, Trigger};
use crate::sandbox::gitea::Gitea;
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::kit::query::Params;

/// The most inputs of one dispatch; the sandbox's own bound, as is the next.
const MAX_INPUTS: usize = 100;
const MAX_INPUT_SIZE: usize = 65_536;

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn list(State(gitea): State<Arc<Gitea>>, Path((owner, name)): Path<(String, String)>) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let all = place.project()?.workflows.iter();
    let all: Vec<_> = all
        .map(|workflow| place.workflow_object(workflow))
        .collect::<Result<_, _>>()?;
    Ok(Json(json!({ "workflows": all, "total_count": all.len() })).into_response())
}

pub(crate) async fn get(State(gitea): State<Arc<Gitea>>, Path((owner, name, file)): Named) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    Ok(Json(place.workflow_object(place.workflow(&file)?)?).into_response())
}

pub(crate) async fn enable(State(gitea): State<Arc<Gitea>>, path: Named) -> Answer {
    switch(&gitea, &path, true)
}

pub(crate) async fn disable(State(gitea): State<Arc<Gitea>>, path: Named) -> Answer {
    switch(&gitea, &path, false)
}

fn switch(gitea: &Gitea, Path((owner, name, file)): &Named, enabled: bool) -> Answer {
    let mut place = Place::writable(gitea, owner, name)?;
    let id = place.workflow(file)?.id;
    let key = place.key.clone();
    let workflows = &mut place.ci.project_mut(&key)?.workflows;
    if let Some(workflow) = workflows.iter_mut().find(|workflow| workflow.id == id) {
        workflow.enabled = enabled;
    }
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// What a dispatch says.
#[derive(Debug, Deserialize)]
struct Dispatch {
    #[serde(default)]
    r#ref: String,
    #[serde(default)]
    inputs: Option<BTreeMap<String, String>>,
}

pub(crate) async fn dispatch(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, file)): Named,
    uri: Uri,
    body: Bytes,
) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    let said: Dispatch = serde_json::from_slice(&body).map_err(|error| Problem::invalid(format!("json: {error}")))?;
    if said.r#ref.is_empty() {
        return Err(Problem::invalid("[Ref]: Required"));
    }
    // Inputs that the workflow does not know are passed over, as Gitea does.
    let inputs = said.inputs.unwrap_or_default();
    if inputs.len() > MAX_INPUTS || inputs.values().map(String::len).sum::<usize>() > MAX_INPUT_SIZE {
        return Err(Problem::invalid("this sandbox takes no inputs as large as these"));
    }
    let workflow = place.workflow(&file)?;
    let repo = place.repo()?;
    let short = said
        .r#ref
        .strip_prefix("refs/heads/")
        .or(said.r#ref.strip_prefix("refs/tags/"));
    let short = short.unwrap_or(&said.r#ref).to_owned();
    let known = repo.branches.contains_key(&short) || repo.tags.contains_key(&short);
    let commit = repo.resolve(Some(&said.r#ref)).filter(|_| known);
    let commit =
        commit.ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, format!("ref {:?} doesn't exist", said.r#ref)))?;
    let title = inputs.get("note").map_or(workflow.name, String::as_str);
    let trigger = Trigger {
        inputs: inputs.clone(),
        ..Trigger::of(workflow, Event::Manual, &short, &commit.id, title, place.state.user)
    };
    let (key, now) = (place.key.clone(), place.now);
    let run = place.ci.trigger(&key, trigger, now).map_err(|refused| match refused {
        Refused::Disabled => Problem::new(StatusCode::FORBIDDEN, format!("workflow {file:?} is disabled")),
        Refused::NoTrigger => Problem::invalid(format!("workflow {file:?} has no workflow_dispatch event trigger")),
        other => other.into(),
    })?;
    // Here the wish to know the run stands in the query.
    if !matches!(Params::of(&uri).get("return_run_details"), Some("true" | "1")) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let (repo, part) = (place.repo()?, format!("runs/{run}"));
    let details = json!({
        "workflow_run_id": run, "run_url": place.url(repo, &part), "html_url": place.page(repo, &part),
    });
    Ok(Json(details).into_response())
}
