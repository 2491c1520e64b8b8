//! The routes around the data: who am I, how much is left, which versions.
//!
//! Invariant: none of these changes anything.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::Response;
use serde_json::json;

use super::version::VERSIONS;
use super::{Caller, GitHub};

pub(crate) async fn zen() -> &'static str {
    "Approachable is better than simple."
}

pub(crate) async fn meta(State(github): State<Arc<GitHub>>) -> Response<Body> {
    let website = format!("{}.sandbox.invalid", github.instance.name);
    Json(json!({
        "verifiable_password_authentication": false,
        "api": ["127.0.0.0/8"],
        "domains": { "website": [website] },
    }))
    .into_response()
}

pub(crate) async fn versions() -> Response<Body> {
    Json(VERSIONS).into_response()
}

pub(crate) async fn rate_limit(
    State(github): State<Arc<GitHub>>,
    Extension(caller): Extension<Caller>,
) -> Response<Body> {
    let core = github.standing(caller);
    let untouched =
        |limit: u64| json!({ "limit": limit, "used": 0, "remaining": limit, "reset": core.reset_epoch_s() });
    let rate = json!({
        "limit": core.limit,
        "used": core.used,
        "remaining": core.remaining(),
        "reset": core.reset_epoch_s(),
    });
    let search = github.search_quota.standing(std::time::SystemTime::now());
    let searches = json!({
        "limit": search.limit,
        "used": search.used,
        "remaining": search.remaining(),
        "reset": search.reset_epoch_s(),
    });
    Json(json!({
        "resources": { "core": rate, "search": searches, "graphql": untouched(5_000) },
        "rate": rate,
    }))
    .into_response()
}

pub(crate) async fn user(State(github): State<Arc<GitHub>>) -> Response<Body> {
    let login = github.state().user;
    Json(github.links().private_user(login)).into_response()
}
