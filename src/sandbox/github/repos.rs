//! Repositories and branches.
//!
//! Invariant: a repository has the same id and path on every instance.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use http::{Response, Uri};
use serde_json::json;

use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::Repo;
use crate::sandbox::kit::query::Params;

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().full_repo(repo)).into_response())
}

pub(crate) async fn list_for_user(State(github): State<Arc<GitHub>>, uri: Uri) -> Response<Body> {
    let state = github.state();
    answer(&github, &uri, state.own_repos())
}

pub(crate) async fn list_for_org(
    State(github): State<Arc<GitHub>>,
    Path(org): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
    Ok(answer(&github, &uri, repos))
}

/// All seeds are public, no forks, and equally old: the filters and orders reduce to this.
fn answer(github: &GitHub, uri: &Uri, mut repos: Vec<&Repo>) -> Response<Body> {
    let params = Params::of(uri);
    let none = ["private", "forks", "internal"];
    if ["type", "visibility"]
        .iter()
        .any(|name| params.get(name).is_some_and(|kind| none.contains(&kind)))
    {
        repos.clear();
    }
    repos.sort_by(|a, b| a.full_name.cmp(&b.full_name));
    if params.get("direction") == Some("desc") {
        repos.reverse();
    }
    page::PAGING.answer(&github.instance.origin, uri, &repos, |repo| github.links().repo(repo))
}

pub(crate) async fn branches(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let protected = Params::of(&uri)
        .get("protected")
        .and_then(|flag| flag.parse::<bool>().ok());
    let mut branches: Vec<_> = repo.branches.values().collect();
    branches.retain(|branch| protected.is_none_or(|wanted| branch.protected == wanted));
    let api = github.links().api_repo(&repo.full_name);
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &branches, |branch| {
        json!({
            "name": branch.name,
            "commit": { "sha": branch.commit, "url": format!("{api}/commits/{}", branch.commit) },
            "protected": branch.protected,
        })
    }))
}
