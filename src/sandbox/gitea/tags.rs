//! Tags.
//!
//! Invariant: a tag that a release stands on is not deleted.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::{Named, created};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Signature, is_ref_name, now};

/// By falling names, as versions mostly rise; counted, without links.
pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let tags: Vec<_> = repo.tags.values().rev().collect();
    let links = gitea.links();
    Ok(page::unlinked(&uri, &tags, |tag| links.tag(repo, tag)))
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, tag)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let missing = || Problem::new(StatusCode::NOT_FOUND, format!("tag doesn't exist: {tag}"));
    let found = repo.tags.get(&tag).ok_or_else(missing)?;
    Ok(Json(gitea.links().tag(repo, found)).into_response())
}

/// Annotated ones only.
pub(crate) async fn annotation(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let missing = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("object does not exist [id: {id}, rel_path: ]"),
        )
    };
    let found = repo.annotations.get(&id).ok_or_else(missing)?;
    Ok(Json(gitea.links().annotation(repo, found)).into_response())
}

/// With a message it is annotated.
pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    repo.writable()?;
    let form = Form::read(&body)?;
    let tag = form.required("tag_name", "TagName")?;
    let target = form.filled("target")?.unwrap_or(&repo.default_branch).to_owned();
    let missing = || {
        let message = format!("target not found: object does not exist [id: {target}, rel_path: ]");
        Problem::new(StatusCode::NOT_FOUND, message)
    };
    let mut object = repo.resolve(Some(&target)).ok_or_else(missing)?.id.clone();
    if repo.tags.contains_key(tag) {
        return Err(Problem::conflict(format!("tag already exists [name: {tag}]")));
    }
    if !is_ref_name(tag) {
        return Err(Problem::invalid("[TagName]: GitRefName"));
    }
    let (repo, user) = (repo.id, state.user);
    if let Some(message) = form.filled("message")? {
        let annotation = state.annotate(repo, tag, &object, message, Signature::of(user, &now()))?;
        object = annotation.id;
    }
    state.create_tag(repo, tag, &object)?;
    let repo = state.by_id(repo)?;
    let made = repo.tags.get(tag).ok_or_else(Problem::internal)?;
    // The description says 200.
    Ok(created(gitea.links().tag(repo, made)))
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, tag)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    repo.writable()?;
    if repo.releases.iter().any(|release| release.tag == tag) {
        let message = "a tag attached to a release cannot be deleted directly";
        return Err(Problem::conflict(message));
    }
    let repo = repo.id;
    state.delete_tag(repo, &tag)?;
    Ok(StatusCode::NO_CONTENT)
}
