//! Repositories, the user, and the server's version.
//!
//! Invariant: a repository is read by its numeric id only; a look-up by name tells the id.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::Response;
use serde_json::{Value, json};

use super::problem::Problem;
use super::{Woodpecker, bad_request, objects};

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

pub(crate) async fn user(State(woodpecker): State<Arc<Woodpecker>>) -> Json<Value> {
    Json(objects::user(woodpecker.state().user))
}

pub(crate) async fn version() -> Json<Value> {
    Json(json!({ "source": "https://github.com/woodpecker-ci/woodpecker", "version": "3.17.0" }))
}
