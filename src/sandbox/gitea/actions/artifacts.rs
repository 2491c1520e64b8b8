//! What runs left behind.
//!
//! Invariant: an expired artifact is listed, and not found.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use serde_json::json;

use super::{Place, number};
use crate::sandbox::ci::{Artifact, Run};
use crate::sandbox::gitea::Gitea;
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let runs = place.project()?.runs.iter().rev();
    let all = runs.flat_map(|run| run.artifacts().map(move |artifact| (run, artifact)));
    answer(&place, &uri, all.collect())
}

pub(crate) async fn of_run(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named, uri: Uri) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let run = place.project()?.run(number(&id)?)?;
    let all = run.artifacts().map(|artifact| (run, artifact));
    answer(&place, &uri, all.collect())
}

fn answer(place: &Place<'_>, uri: &Uri, mut all: Vec<(&Run, &Artifact)>) -> Answer {
    let params = Params::of(uri);
    if let Some(name) = params.get("name").filter(|name| !name.is_empty()) {
        all.retain(|(_, artifact)| artifact.name == name);
    }
    let shown = crate::sandbox::gitea::page::PAGING.slice(uri, &all).iter();
    let shown: Vec<_> = shown
        .map(|(run, artifact)| place.artifact(run, artifact))
        .collect::<Result<_, _>>()?;
    let body = Json(json!({ "artifacts": shown, "total_count": all.len() })).into_response();
    Ok(crate::sandbox::gitea::page::wrapped(
        body,
        &place.gitea.instance.origin,
        uri,
        all.len(),
    ))
}

pub(crate) async fn get(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let (run, artifact) = place.project()?.artifact(number(&id)?)?;
    Ok(Json(place.artifact(run, artifact)?).into_response())
}

pub(crate) async fn download(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let (_, artifact) = place.project()?.artifact(number(&id)?)?;
    if artifact.expired {
        return Err(Problem::new(StatusCode::NOT_FOUND, "Artifact has expired"));
    }
    let part = format!("artifacts/{}/zip/raw?sig={}", artifact.id, signature(&gitea, artifact));
    let mut response = StatusCode::FOUND.into_response();
    if let Ok(place) = HeaderValue::from_str(&place.url(place.repo()?, &part)) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Ok(response)
}

/// Where the redirect leads: whoever has the signature needs no token.
pub(crate) async fn raw(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named, uri: Uri) -> Answer {
    let place = Place::of(&gitea, &owner, &name)?;
    let (_, artifact) = place.project()?.artifact(number(&id)?)?;
    if Params::of(&uri).get("sig") != Some(signature(&gitea, artifact).as_str()) {
        return Err(Problem::new(StatusCode::UNAUTHORIZED, "Error unauthorized"));
    }
    let name = format!("attachment; filename=\"{}.zip\"", artifact.name);
    let mut response = artifact.zipped().into_response();
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/zip"));
    if let Ok(name) = HeaderValue::from_str(&name) {
        headers.insert(header::CONTENT_DISPOSITION, name);
    }
    Ok(response)
}

fn signature(gitea: &Gitea, artifact: &Artifact) -> String {
    let text = format!("{} artifact {}", gitea.instance.name, artifact.id);
    blake3::hash(text.as_bytes()).to_hex()[..32].to_owned()
}
