//! The routes around the data: which version, which settings, who am I.
//!
//! Invariant: none of these changes anything.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use http::Response;
use serde_json::json;

use super::Gitea;
use super::contents::MAX_JSON_FILE;
use super::page::PAGING;

pub(crate) async fn version() -> Response<Body> {
    Json(json!({ "version": "1.26.1" })).into_response()
}

pub(crate) async fn settings() -> Response<Body> {
    Json(json!({
        "max_response_items": PAGING.max,
        "default_paging_num": PAGING.default,
        "default_git_trees_per_page": 1000,
        "default_max_blob_size": MAX_JSON_FILE,
        "default_max_response_size": 104_857_600,
    }))
    .into_response()
}

pub(crate) async fn user(State(gitea): State<Arc<Gitea>>) -> Response<Body> {
    let login = gitea.state().user;
    Json(gitea.links().user(login)).into_response()
}
