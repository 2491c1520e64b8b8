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

use super::{Place, number, words};
use crate::sandbox::ci::{Again, Refused, Run};
use crate::sandbox::gitea::problem::Problem;
use crate::sandbox::gitea::{Gitea, page};
use crate::sandbox::kit::query::Params;

type Answer = Result<Response<Body>, Problem>;
type Named = Path<(String, String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Answer {
    let mut place = Place::of(&gitea, &owner, &name)?;
    let params = Params::of(&uri);
    if let Some(word) = params.get("status").filter(|word| !word.is_empty())
        && words::asks_for(word, crate::sandbox::ci::Stage::Queued).is_none()
    {
        return Err(Problem::new(StatusCode::BAD_REQUEST, format!("Invalid status {word}")));
    }
    let (key, now) = (place.key.clone(), place.now);
    let listed = place.ci.read_all(&key, now);
    let ids: Vec<_> = listed
        .iter()
        .filter(|run| asked(&params, run))
        .map(|run| run.id)
        .collect();
    let project = place.project()?;
    let shown = page::PAGING.slice(&uri, &ids).iter();
    let shown: Vec<_> = shown.map(|id| place.run(project.run(*id)?)).collect::<Result<_, _>>()?;
    let body = Json(json!({ "workflow_runs": shown, "total_count": ids.len() })).into_response();
    Ok(page::wrapped(body, &gitea.instance.origin, &uri, ids.len()))
}

/// An empty filter is none.
fn asked(params: &Params, run: &Run) -> bool {
    let is = |name: &str, value: &str| {
        let asked = params.get(name).filter(|asked| !asked.is_empty());
        asked.is_none_or(|asked| asked == value)
    };
    let word = params.get("status").filter(|word| !word.is_empty());
    is("event", words::event(run.event))
        && is("branch", &run.branch)
        && is("actor", &run.actor)
        && is("head_sha", &run.commit)
        && word.is_none_or(|word| words::asks_for(word, run.stage()) == Some(true))
}

pub(crate) async fn get(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = Place::of(&gitea, &owner, &name)?;
    let (id, key, now) = (number(&id)?, place.key.clone(), place.now);
    place.ci.read(&key, id, now)?;
    Ok(Json(place.run(place.project()?.run(id)?)?).into_response())
}

pub(crate) async fn delete(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    let key = place.key.clone();
    place.ci.delete(&key, number(&id)?).map_err(|refused| match refused {
        Refused::NotOver => Problem::new(StatusCode::BAD_REQUEST, "this workflow run is not done"),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn rerun(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    let id = number(&id)?;
    again(&mut place, id, Again::All)?;
    let run = place.run(place.project()?.run(id)?)?;
    Ok((StatusCode::CREATED, Json(run)).into_response())
}

pub(crate) async fn rerun_failed(State(gitea): State<Arc<Gitea>>, Path((owner, name, id)): Named) -> Answer {
    let mut place = Place::writable(&gitea, &owner, &name)?;
    again(&mut place, number(&id)?, Again::Failed)?;
    Ok(StatusCode::CREATED.into_response())
}

/// Tries a run again, or refuses in Gitea's words.
pub(super) fn again(place: &mut Place<'_>, run: u64, again: Again) -> Result<(), Problem> {
    let (key, user, now) = (place.key.clone(), place.state.user, place.now);
    let begun = place.ci.rerun(&key, run, again, user, now);
    begun.map_err(|refused| match refused {
        Refused::NotOver => Problem::new(StatusCode::BAD_REQUEST, "this workflow run is not done"),
        Refused::NothingFailed => Problem::new(StatusCode::BAD_REQUEST, "no failed jobs to rerun"),
        other => other.into(),
    })
}
