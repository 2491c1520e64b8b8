//! Where a repository is, and who is shown it.
//!
//! Invariant: a private repository is hidden from strangers, and a former name leads to the present one.

use axum::body::Body;
use axum::extract::Request;
use axum::response::IntoResponse;
use http::{HeaderValue, Response, StatusCode, header};

use super::Gitea;
use super::caller::Caller;
use super::objects::BASE;
use super::problem::Problem;
use crate::sandbox::forge::Repo;

/// Whether a caller is shown a repository.
pub(crate) fn seen(repo: &Repo, caller: &Caller) -> bool {
    !repo.private || caller.sees_private()
}

/// The answer that leads away from a request, where the repository is not to be seen here.
pub(crate) fn elsewhere(gitea: &Gitea, request: &Request, caller: &Caller) -> Option<Response<Body>> {
    let path = request.uri().path().strip_prefix(BASE)?.strip_prefix("/repos/")?;
    let (owner, rest) = path.split_once('/')?;
    let (name, rest) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
    let state = gitea.state();
    if let Some(repo) = state.repo(owner, name) {
        return (!seen(repo, caller)).then(|| Problem::not_found().into_response());
    }
    let moved = state.moved(owner, name).filter(|repo| seen(repo, caller))?;
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let place = format!("{BASE}/repos/{}{rest}{query}", moved.full_name);
    // Writes, too.
    let mut response = StatusCode::MOVED_PERMANENTLY.into_response();
    if let Ok(place) = HeaderValue::from_str(&place) {
        response.headers_mut().insert(header::LOCATION, place);
    }
    Some(response)
}
