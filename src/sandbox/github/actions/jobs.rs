//! The jobs of runs.
//!
//! Invariant: a run that could not begin has no jobs.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::json;

use super::super::answer::number;
use super::super::problem::Problem;
use super::super::{GitHub, page};
use super::Place;
use crate::sandbox::ci::{Attempt, Ending, Gate, JobView, Run, Stage};
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn of_run(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    uri: Uri,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    let all = Params::of(&uri).get("filter") == Some("all");
    let run = place.project()?.run(id)?;
    let attempts = run
        .attempts
        .iter()
        .filter(|attempt| all || attempt.number == run.latest().number);
    let views: Vec<_> = attempts.flat_map(|attempt| begun(run, attempt)).collect();
    answer(&place, &uri, run, &views)
}

pub(crate) async fn of_attempt(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id, attempt)): Path<(String, String, String, String)>,
    uri: Uri,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    let run = place.project()?.run(id)?;
    let attempt = u32::try_from(number(&attempt)?)
        .ok()
        .and_then(|number| run.attempt(number));
    let views: Vec<_> = begun(run, attempt.ok_or_else(Problem::not_found)?);
    answer(&place, &uri, run, &views)
}

/// The jobs of an attempt, which has none before it could begin.
fn begun<'a>(run: &Run, attempt: &'a Attempt) -> Vec<JobView<'a>> {
    match attempt.stage() {
        Stage::Over(Ending::Error) => Vec::new(),
        Stage::Blocked if run.gate == Some(Gate::Stranger) => Vec::new(),
        _ => attempt.views().collect(),
    }
}

fn answer(place: &Place<'_>, uri: &Uri, run: &Run, views: &[JobView<'_>]) -> Answer {
    let (repo, project, links) = (place.repo()?, place.project()?, place.github.links());
    let shown = page::PAGING.slice(uri, views).iter();
    let shown: Vec<_> = shown.map(|view| links.job(repo, project, run, *view)).collect();
    let body = Json(json!({ "total_count": views.len(), "jobs": shown })).into_response();
    Ok(page::PAGING.linked(body, &place.github.instance.origin, uri, views.len()))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let mut place = github.place(&owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    let run = place.project()?.job(id)?.0.id;
    place.ci.read(&key, run, now)?;
    let project = place.project()?;
    let (run, view) = project.job(id)?;
    Ok(Json(github.links().job(place.repo()?, project, run, view)).into_response())
}
