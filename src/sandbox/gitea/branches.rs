//! Branches.
//!
//! Invariant: an empty repository lists none as null, and makes none.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::answer::{Named, created};
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Refused, Repo};

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        let answer = Json(Value::Null).into_response();
        return Ok(page::wrapped(answer, &gitea.instance.origin, &uri, 0));
    }
    let branches: Vec<_> = repo.branches.values().collect();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &branches, |branch| {
        links.branch(repo, branch)
    }))
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let found = repo.branches.get(&branch).ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().branch(repo, found)).into_response())
}

/// Refuses where there is nothing to branch off.
fn begun(repo: &Repo) -> Result<&Repo, Problem> {
    repo.writable()?;
    match repo.is_empty() {
        true => Err(Problem::new(StatusCode::NOT_FOUND, "Git Repository is empty.")),
        false => Ok(repo),
    }
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = begun(state.written(&owner, &name)?)?;
    let form = Form::read(&body)?;
    let branch = form.required("new_branch_name", "BranchName")?;
    let from = match (form.filled("old_ref_name")?, form.filled("old_branch_name")?) {
        // A ref that there is not was not foreseen.
        (Some(revision), _) => repo.resolve(Some(revision)).ok_or_else(Problem::internal)?.id.clone(),
        (None, Some(old)) => {
            let missing = || Problem::new(StatusCode::NOT_FOUND, "The old branch does not exist");
            repo.branches.get(old).ok_or_else(missing)?.commit.clone()
        }
        (None, None) => repo.head().ok_or_else(Problem::internal)?.id.clone(),
    };
    if repo.tags.contains_key(branch) {
        return Err(Problem::conflict("The branch with the same tag already exists."));
    }
    let repo = repo.id;
    state
        .create_branch(repo, branch, &from)
        .map_err(|reason| match reason {
            Refused::Exists(_) => Problem::conflict("The branch already exists."),
            Refused::BadName => Problem::invalid("[BranchName]: GitRefName"),
            other => other.into(),
        })?;
    let repo = state.by_id(repo)?;
    let made = repo.branches.get(branch).ok_or_else(Problem::internal)?;
    Ok(created(gitea.links().branch(repo, made)))
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, branch)): Path<(String, String, String)>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = begun(state.written(&owner, &name)?)?;
    if repo.default_branch == branch {
        let message = "can not delete default or pull request target branch";
        return Err(Problem::new(StatusCode::FORBIDDEN, message));
    }
    let repo = repo.id;
    state.delete_branch(repo, &branch).map_err(|reason| match reason {
        Refused::Protected => Problem::new(StatusCode::FORBIDDEN, "branch protected"),
        other => other.into(),
    })?;
    Ok(StatusCode::NO_CONTENT)
}
