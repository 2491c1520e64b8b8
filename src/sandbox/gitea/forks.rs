//! Forks, which are made at once.
//!
//! Invariant: nobody has two forks of one repository, and a name that is taken is a conflict.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::Named;
use super::caller::Caller;
use super::form::Form;
use super::place::seen;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Refused, What};

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let id = state.named(&owner, &name)?.id;
    let forks = state.repos.iter().filter(|fork| fork.parent == Some(id));
    let forks: Vec<_> = forks.filter(|fork| seen(fork, &caller)).collect();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &forks, |fork| {
        links.repo(&state, fork)
    }))
}

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let form = Form::read(&body)?;
    let mut state = gitea.state();
    let (repo, origin) = {
        let repo = state.named(&owner, &name)?;
        (repo.id, repo.full_name.clone())
    };
    let owner = match form.filled("organization")? {
        Some(org) => {
            let repos = state.repos_of(org);
            let missing = || Problem::invalid(format!("org does not exist [id: 0, name: {org}]"));
            let first = repos.ok_or_else(missing)?.first().map(|repo| repo.owner.clone());
            first.unwrap_or_else(|| org.to_owned())
        }
        None => state.user.to_owned(),
    };
    let wanted = form.filled("name")?;
    let (fork, new) = state.fork(repo, &owner, wanted).map_err(|reason| match reason {
        Refused::Exists(What::Repo) => {
            let wanted = wanted.unwrap_or(&name);
            Problem::conflict(format!("repository already exists [uname: {owner}, name: {wanted}]"))
        }
        Refused::BadName => Problem::invalid("[Name]: AlphaDashDot"),
        other => other.into(),
    })?;
    let fork = state.by_id(fork)?;
    if !new {
        let there = &fork.full_name;
        let message =
            format!("repository is already forked by user [uname: {owner}, repo path: {origin}, fork path: {there}]");
        return Err(Problem::conflict(message));
    }
    Ok((StatusCode::ACCEPTED, Json(gitea.links().repo(&state, fork))).into_response())
}
