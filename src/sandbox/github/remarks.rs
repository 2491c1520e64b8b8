//! Comments by their own numbers.
//!
//! Invariant: a comment is found in its repository, whatever it is on.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode};

use super::GitHub;
use super::answer::{Named, number};
use super::body::Input;
use super::problem::Problem;
use super::reviews::MAX_BODY;
use crate::sandbox::forge::{Comment, Issue, Repo};

type At = Path<(String, String, String)>;

fn of(repo: &Repo, id: u64) -> Result<(&Issue, &Comment), Problem> {
    let all = repo.issues.iter().flat_map(|issue| {
        let comments = issue.comments.iter();
        comments.map(move |comment| (issue, comment))
    });
    let mut all = all;
    all.find(|(_, comment)| comment.id == id).ok_or_else(Problem::not_found)
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): At,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let (issue, comment) = of(repo, number(&id)?)?;
    Ok(Json(github.links().comment(repo, issue, comment)).into_response())
}

pub(crate) async fn edit(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "IssueComment")?;
    let text = input.required("body")?;
    if text.chars().count() > MAX_BODY {
        return Err(Problem::field("IssueComment", "body", "too_long"));
    }
    let mut state = github.state();
    let (repo, id) = (state.named(&owner, &name)?.id, number(&id)?);
    state.edit_comment(repo, id, text)?;
    let repo = state.by_id(repo)?;
    let (issue, comment) = of(repo, id)?;
    Ok(Json(github.links().comment(repo, issue, comment)).into_response())
}

pub(crate) async fn delete(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): At,
) -> Result<StatusCode, Problem> {
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    state.delete_comment(repo, number(&id)?)?;
    Ok(StatusCode::NO_CONTENT)
}
