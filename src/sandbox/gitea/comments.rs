//! What people say to issues and pull requests.
//!
//! Invariant: all comments of an issue come at once; one is found by its number, whatever it is on.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created, number};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Comment, Issue, Repo, seconds};
use crate::sandbox::kit::query::Params;

type At = Path<(String, String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index)): At,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let time = |name| params.get(name).and_then(seconds);
    let (since, before) = (time("since"), time("before"));
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let issue = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?;
    let mut comments: Vec<_> = issue.comments.iter().collect();
    comments.retain(|comment| since.as_ref().is_none_or(|since| comment.created_at >= *since));
    comments.retain(|comment| before.as_ref().is_none_or(|before| comment.created_at <= *before));
    let links = gitea.links();
    let shown: Vec<Value> = comments
        .iter()
        .map(|comment| links.comment(repo, issue, comment))
        .collect();
    let total = shown.len();
    Ok(page::counted(Json(shown).into_response(), total))
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.named(&owner, &name)?;
    repo.writable()?;
    let (repo, index) = (repo.id, number(&index)?);
    let form = Form::read(&body)?;
    let comment = state.create_comment(repo, index, form.required("body", "Body")?)?;
    let repo = state.by_id(repo)?;
    let issue = repo.issue(index).ok_or_else(Problem::not_found)?;
    Ok(created(gitea.links().comment(repo, issue, &comment)))
}

/// What a comment is on, and itself.
fn of(repo: &Repo, id: u64) -> Result<(&Issue, &Comment), Problem> {
    let mut all = repo.issues.iter().flat_map(|issue| {
        let comments = issue.comments.iter();
        comments.map(move |comment| (issue, comment))
    });
    all.find(|(_, comment)| comment.id == id).ok_or_else(Problem::not_found)
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): At,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let (issue, comment) = of(repo, number(&id)?)?;
    Ok(Json(gitea.links().comment(repo, issue, comment)).into_response())
}

pub(crate) async fn edit(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let form = Form::read(&body)?;
    let text = form.required("body", "Body")?;
    let mut state = gitea.state();
    let (repo, id) = (state.named(&owner, &name)?.id, number(&id)?);
    state.edit_comment(repo, id, text)?;
    let repo = state.by_id(repo)?;
    let (issue, comment) = of(repo, id)?;
    Ok(Json(gitea.links().comment(repo, issue, comment)).into_response())
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): At,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.named(&owner, &name)?.id;
    state.delete_comment(repo, number(&id)?)?;
    Ok(StatusCode::NO_CONTENT)
}
