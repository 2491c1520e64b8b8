//! Runs.
//!
//! Invariant: a run that is read, alone or in a list, has moved on by that.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{Response, StatusCode, Uri};
use serde_json::json;

use super::super::answer::number;
use super::super::problem::Problem;
use super::super::{GitHub, page};
use super::Place;
use super::filter::Filter;
use crate::sandbox::ci::{Refused, Run};
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    answer(&mut github.place(&owner, &name)?, &uri, None)
}

pub(crate) async fn of_workflow(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    uri: Uri,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let workflow = place.workflow(&id)?.id;
    answer(&mut place, &uri, Some(workflow))
}

fn answer(place: &mut Place<'_>, uri: &Uri, workflow: Option<u64>) -> Answer {
    let params = Params::of(uri);
    let filter = Filter::of(&params)?;
    let (key, now) = (place.key.clone(), place.now);
    let listed = place.ci.read_all(&key, now);
    let asked = |run: &&&Run| workflow.is_none_or(|id| run.workflow == id) && filter.takes(run);
    let ids: Vec<_> = listed.iter().filter(asked).map(|run| run.id).collect();
    let (repo, project, links) = (place.repo()?, place.project()?, place.github.links());
    let shown = page::PAGING.slice(uri, &ids).iter();
    let shown = shown.map(|id| project.run(*id).map(|run| links.run(repo, project, run, run.latest())));
    let shown: Vec<_> = shown.collect::<Result<_, _>>()?;
    let body = Json(json!({ "total_count": ids.len(), "workflow_runs": shown })).into_response();
    Ok(page::PAGING.linked(body, &place.github.instance.origin, uri, ids.len()))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    let project = place.project()?;
    let run = project.run(id)?;
    Ok(Json(github.links().run(place.repo()?, project, run, run.latest())).into_response())
}

pub(crate) async fn attempt(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id, attempt)): Path<(String, String, String, String)>,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    let project = place.project()?;
    let run = project.run(id)?;
    let attempt = u32::try_from(number(&attempt)?)
        .ok()
        .and_then(|number| run.attempt(number));
    let attempt = attempt.ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().run(place.repo()?, project, run, attempt)).into_response())
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    place.writable()?;
    let key = place.key.clone();
    place.ci.delete(&key, number(&id)?).map_err(|refused| match refused {
        Refused::NotOver => Problem::new(StatusCode::FORBIDDEN, "Could not delete a run that is not completed."),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}
