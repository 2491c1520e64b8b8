//! Repositories, the user, and the server's version.
//!
//! Invariant: a repository is read by its numeric id only; a look-up by name tells the id.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Extension, Path, State};
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::{Value, json};

use super::gate::Viewer;
use super::problem::Problem;
use super::{Woodpecker, bad_request, objects};
use crate::sandbox::kit::query::Params;
use crate::sandbox::seed::GUEST;

/// The size of a page; Woodpecker takes no larger one, and does not say so.
const PAGE_SIZE: usize = 50;

/// All repositories of the server, for an administrator.
pub(crate) async fn list(State(woodpecker): State<Arc<Woodpecker>>, uri: Uri) -> Json<Vec<Value>> {
    let (skipped, size) = part(&uri);
    let state = woodpecker.state();
    Json(state.repos.iter().skip(skipped).take(size).map(objects::repo).collect())
}

/// How many rows stand before the page that is asked for, and how many it holds.
fn part(uri: &Uri) -> (usize, usize) {
    let params = Params::of(uri);
    let size = params
        .number("perPage")
        .filter(|size| *size <= PAGE_SIZE)
        .unwrap_or(PAGE_SIZE);
    ((params.number("page").unwrap_or(1) - 1).saturating_mul(size), size)
}

/// The names of a repository's branches.
pub(crate) async fn branches(
    State(woodpecker): State<Arc<Woodpecker>>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let id = id.parse().map_err(bad_request)?;
    let (skipped, size) = part(&uri);
    let state = woodpecker.state();
    let repo = state.repo(id).ok_or_else(Problem::not_found)?;
    let branches = repo.seed.branches.iter().skip(skipped).take(size);
    let names: Vec<&str> = branches.map(|branch| branch.name).collect();
    Ok(Json(names).into_response())
}

/// The user's own repositories: all at once, whatever page is asked for.
pub(crate) async fn own(State(woodpecker): State<Arc<Woodpecker>>, uri: Uri) -> Json<Vec<Value>> {
    let params = Params::of(&uri);
    let state = woodpecker.state();
    let named = state
        .repos
        .iter()
        .filter(|repo| params.get("name").is_none_or(|name| repo.full_name.contains(name)));
    Json(named.map(|repo| objects::own_repo(state.user, repo)).collect())
}

pub(crate) async fn get(
    State(woodpecker): State<Arc<Woodpecker>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let id = id.parse().map_err(bad_request)?;
    let state = woodpecker.state();
    let repo = state.repo(id).ok_or_else(Problem::not_found)?;
    Ok(Json(objects::repo(repo)).into_response())
}

pub(crate) async fn look_up(
    State(woodpecker): State<Arc<Woodpecker>>,
    Path(full_name): Path<String>,
) -> Result<Response<Body>, Problem> {
    let state = woodpecker.state();
    let repo = state.repo_named(&full_name).ok_or_else(Problem::not_found)?;
    Ok(Json(objects::repo(repo)).into_response())
}

pub(crate) async fn user(
    State(woodpecker): State<Arc<Woodpecker>>,
    Extension(viewer): Extension<Viewer>,
) -> Json<Value> {
    match viewer {
        Viewer::Admin => Json(objects::user(woodpecker.state().user, true)),
        Viewer::Reader => Json(objects::user(GUEST, false)),
    }
}

pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "source": "https://github.com/woodpecker-ci/woodpecker", "version": "3.18.0" }))
}
