//! What runs left behind.
//!
//! Invariant: an expired artifact is listed, and gone.

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
use super::store::Stored;
use crate::sandbox::ci::{Artifact, Run};
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let runs = place.project()?.runs.iter().rev();
    let all: Vec<_> = runs
        .flat_map(|run| run.artifacts().map(move |artifact| (run, artifact)))
        .collect();
    answer(&place, &uri, all)
}

pub(crate) async fn of_run(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    uri: Uri,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let run = place.project()?.run(number(&id)?)?;
    let all = run.artifacts().map(|artifact| (run, artifact)).collect();
    answer(&place, &uri, all)
}

fn answer(place: &Place<'_>, uri: &Uri, mut all: Vec<(&Run, &Artifact)>) -> Answer {
    if let Some(name) = Params::of(uri).get("name") {
        all.retain(|(_, artifact)| artifact.name == name);
    }
    let (repo, links) = (place.repo()?, place.github.links());
    let shown = page::PAGING.slice(uri, &all).iter();
    let shown: Vec<_> = shown
        .map(|(run, artifact)| links.artifact(repo, run, artifact))
        .collect();
    let body = Json(json!({ "total_count": all.len(), "artifacts": shown })).into_response();
    Ok(page::PAGING.linked(body, &place.github.instance.origin, uri, all.len()))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let (run, artifact) = place.project()?.artifact(number(&id)?)?;
    Ok(Json(github.links().artifact(place.repo()?, run, artifact)).into_response())
}

pub(crate) async fn download(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id, format)): Path<(String, String, String, String)>,
) -> Answer {
    let place = github.place(&owner, &name)?;
    let (_, artifact) = place.project()?.artifact(number(&id)?)?;
    if format != "zip" {
        return Err(Problem::not_found());
    }
    if artifact.expired {
        return Err(Problem::new(StatusCode::GONE, "Artifact has expired"));
    }
    let stored = Stored::zip(format!("{}.zip", artifact.name), artifact.zipped());
    Ok(github.store().redirect(&github.instance.origin, Some(stored)))
}
