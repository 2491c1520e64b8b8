//! The routes around the data: which version, which settings, who am I.
//!
//! Invariant: none of these changes anything.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::Response;
use serde_json::json;

use super::Gitea;
use super::contents::MAX_JSON_FILE;
use super::page::PAGING;
use super::problem::Problem;
use super::trees::MAX_ENTRIES;
use crate::sandbox::seed::GUEST;

pub(crate) async fn version() -> Response<Body> {
    Json(json!({ "version": "1.26.1" })).into_response()
}

pub(crate) async fn settings() -> Response<Body> {
    Json(json!({
        "max_response_items": PAGING.max,
        "default_paging_num": PAGING.default,
        "default_git_trees_per_page": MAX_ENTRIES,
        "default_max_blob_size": MAX_JSON_FILE,
        "default_max_response_size": 104_857_600,
    }))
    .into_response()
}

pub(crate) async fn user(State(gitea): State<Arc<Gitea>>) -> Response<Body> {
    let login = gitea.state().user;
    Json(gitea.links().user(login)).into_response()
}

pub(crate) async fn other_user(
    State(gitea): State<Arc<Gitea>>,
    Path(login): Path<String>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let people = [state.user, GUEST];
    let known = people.into_iter().find(|known| known.eq_ignore_ascii_case(&login));
    // An organisation is a user, too.
    let org = || state.repos_of(&login)?.first().map(|repo| repo.owner.as_str());
    let name = known.or_else(org).ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().user(name)).into_response())
}
