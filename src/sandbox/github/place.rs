//! Where a repository is: by its name, by a former name, or by its number.
//!
//! Invariant: a former name leads to the number, which stays, and a private repository is hidden from strangers.

use axum::body::Body;
use axum::extract::Request;
use http::{Response, StatusCode, Uri};

use super::problem::Problem;
use super::{Caller, GitHub};
use crate::sandbox::forge::Repo;

/// The same request by the name that its repository has now, or the answer that leads elsewhere.
pub(crate) fn found(github: &GitHub, mut request: Request, caller: Caller) -> Result<Request, Box<Response<Body>>> {
    if let Some(uri) = now(github, &request, caller)? {
        *request.uri_mut() = uri;
    }
    Ok(request)
}

/// The address by the present name, where the one that was asked for is another.
fn now(github: &GitHub, request: &Request, caller: Caller) -> Result<Option<Uri>, Box<Response<Body>>> {
    let not_found = || Box::new(Problem::not_found().into_answer());
    let path = request.uri().path().trim_start_matches('/');
    let query = request
        .uri()
        .query()
        .map(|query| format!("?{query}"))
        .unwrap_or_default();
    let state = github.state();
    let seen = |repo: &Repo| !repo.private || caller != Caller::Anonymous;
    if let Some((number, rest)) = path.strip_prefix("repositories/").map(head) {
        let repo = number.parse().ok().and_then(|id| state.by_id(id).ok());
        let repo = repo.filter(|repo| seen(repo)).ok_or_else(not_found)?;
        let place = format!("/repos/{}{rest}{query}", repo.full_name);
        return place.parse().map(Some).map_err(|_| not_found());
    }
    let Some((owner, rest)) = path.strip_prefix("repos/").map(head) else {
        return Ok(None);
    };
    let (name, rest) = head(rest.trim_start_matches('/'));
    if let Some(moved) = state.moved(owner, name) {
        let place = format!("{}/repositories/{}{rest}{query}", github.instance.origin, moved.id);
        return Err(Box::new(Problem::moved(request.method(), &place)));
    }
    match state.repo(owner, name) {
        Some(repo) if !seen(repo) => Err(not_found()),
        Some(repo) => gone(github, repo, request, rest).map_or(Ok(None), |answer| Err(Box::new(answer))),
        None => Ok(None),
    }
}

/// The answer to who asks for an issue that was moved, or deleted.
fn gone(github: &GitHub, repo: &Repo, request: &Request, rest: &str) -> Option<Response<Body>> {
    let (number, behind) = head(rest.strip_prefix("/issues/")?);
    let number = number.parse().ok()?;
    if repo.deleted.contains(&number) {
        return Some(Problem::new(StatusCode::GONE, "This issue was deleted").into_answer());
    }
    let (path, number) = repo.issue(number)?.moved_to.as_ref()?;
    let place = format!("{}/repos/{path}/issues/{number}{behind}", github.instance.origin);
    Some(Problem::moved(request.method(), &place))
}

/// The first part of a path, and the rest with its slash.
fn head(path: &str) -> (&str, &str) {
    path.split_at(path.find('/').unwrap_or(path.len()))
}
