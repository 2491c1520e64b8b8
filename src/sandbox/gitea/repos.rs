//! Repositories and branches.
//!
//! Invariant: a repository has the same id and path on every instance.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{Response, Uri};

use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::Repo;

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().repo(repo)).into_response())
}

pub(crate) async fn list_own(State(gitea): State<Arc<Gitea>>, uri: Uri) -> Response<Body> {
    let state = gitea.state();
    answer(&gitea, &uri, state.own_repos())
}

pub(crate) async fn list_of_org(
    State(gitea): State<Arc<Gitea>>,
    Path(org): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
    Ok(answer(&gitea, &uri, repos))
}

/// The sandbox's user owns nothing.
pub(crate) async fn list_of_user(
    State(gitea): State<Arc<Gitea>>,
    Path(login): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let known = gitea.state().user.eq_ignore_ascii_case(&login);
    known
        .then(|| answer(&gitea, &uri, Vec::new()))
        .ok_or_else(Problem::not_found)
}

/// By id, as Gitea lists them.
fn answer(gitea: &Gitea, uri: &Uri, mut repos: Vec<&Repo>) -> Response<Body> {
    repos.sort_by_key(|repo| repo.id);
    page::answer(&gitea.instance.origin, uri, &repos, |repo| gitea.links().repo(repo))
}

pub(crate) async fn branches(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let mut branches: Vec<_> = repo.branches.values().collect();
    branches.sort_by_key(|branch| &branch.name);
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &branches, |branch| {
        links.branch(repo, branch)
    }))
}
