//! Branches, tags, and the refs below both.
//!
//! Invariant: what GitHub cannot do to a ref it answers with 422, also when there is no such ref.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created};
use super::body::Input;
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Refused, Signature, is_id, now};
use crate::sandbox::kit::query::Params;

pub(crate) async fn branches(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let protected = Params::of(&uri)
        .get("protected")
        .and_then(|flag| flag.parse::<bool>().ok());
    let mut branches: Vec<_> = repo.branches.values().collect();
    branches.retain(|branch| protected.is_none_or(|wanted| branch.protected == wanted));
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &branches, |branch| {
        links.short_branch(repo, branch)
    }))
}

pub(crate) async fn branch(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, "Branch not found");
    let found = repo.branches.get(&branch).ok_or_else(missing)?;
    let head = repo.branch_head(&branch).ok_or_else(missing)?;
    Ok(Json(github.links().branch(repo, found, head)).into_response())
}

/// By falling names, as versions mostly rise.
pub(crate) async fn tags(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let tags: Vec<_> = repo.tags.values().rev().collect();
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &tags, |tag| links.tag(repo, tag)))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, path)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let links = github.links();
    let found = match path.split_once('/') {
        Some(("heads", branch)) => repo.branches.get(branch).map(|branch| links.branch_ref(repo, branch)),
        Some(("tags", tag)) => repo.tags.get(tag).map(|tag| links.tag_ref(repo, tag)),
        _ => None,
    };
    found
        .map(|found| Json(found).into_response())
        .ok_or_else(Problem::not_found)
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Reference")?;
    let (full, id) = (input.required("ref")?, input.required("sha")?);
    let kind = full.strip_prefix("refs/").and_then(|short| short.split_once('/'));
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    if !is_id(id) {
        let message = "The sha parameter must be exactly 40 characters and contain only [0-9a-f].";
        return Err(Problem::unprocessable(message));
    }
    if !repo.is_empty() && repo.history.get(id).is_none() && !repo.annotations.contains_key(id) {
        return Err(Problem::unprocessable("Object does not exist"));
    }
    let repo = repo.id;
    let made = match kind {
        Some(("heads", branch)) => state.create_branch(repo, branch, id),
        Some(("tags", tag)) => state.create_tag(repo, tag, id),
        _ => Err(Refused::BadName),
    };
    made.map_err(refused)?;
    let (links, repo) = (github.links(), state.by_id(repo)?);
    let object = match kind {
        Some(("heads", branch)) => repo.branches.get(branch).map(|branch| links.branch_ref(repo, branch)),
        Some((_, tag)) => repo.tags.get(tag).map(|tag| links.tag_ref(repo, tag)),
        None => None,
    };
    Ok(created(object.unwrap_or(Value::Null)))
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, path)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let repo = repo.id;
    let removed = match path.split_once('/') {
        Some(("heads", branch)) => state.delete_branch(repo, branch),
        Some(("tags", tag)) => state.delete_tag(repo, tag),
        _ => Err(Refused::BadName),
    };
    removed.map_err(|reason| match reason {
        Refused::Missing(_) | Refused::BadName => Problem::unprocessable("Reference does not exist"),
        Refused::Protected => Problem::unprocessable("Cannot delete a protected branch, or the default one"),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}

/// The first of two steps to an annotated tag: its object.
pub(crate) async fn annotate(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Tag")?;
    let (tag, message) = (input.required("tag")?, input.required("message")?);
    let (target, kind) = (input.required("object")?, input.required("type")?);
    if kind != "commit" {
        return Err(Problem::unprocessable("This sandbox annotates commits only"));
    }
    let mut state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    if !is_id(target) || repo.history.get(target).is_none() {
        return Err(Problem::unprocessable("Object does not exist"));
    }
    let (repo, user) = (repo.id, state.user);
    let tagger = input
        .signature("tagger")?
        .unwrap_or_else(|| Signature::of(user, &now()));
    let annotation = state.annotate(repo, tag, target, message, tagger)?;
    Ok(created(github.links().annotation(state.by_id(repo)?, &annotation)))
}

pub(crate) async fn annotation(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let found = repo.annotations.get(&id).ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().annotation(repo, found)).into_response())
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Exists(_) => Problem::unprocessable("Reference already exists"),
        Refused::BadName => Problem::unprocessable("Reference name is not valid, and must begin with refs/"),
        Refused::Missing(_) => Problem::unprocessable("Object does not exist"),
        other => other.into(),
    }
}
