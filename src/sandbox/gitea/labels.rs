//! The routes to labels.
//!
//! Invariant: labels are listed without links, as Gitea's releases do.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use http::{Response, Uri};

use super::answer::Named;
use super::label::{of_org, of_repo};
use super::problem::Problem;
use super::{Gitea, page};

pub(crate) async fn list_of_repo(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let links = gitea.links();
    Ok(page::unlinked(&uri, &of_repo(repo), |label| links.label(repo, label)))
}

pub(crate) async fn list_of_org(
    State(gitea): State<Arc<Gitea>>,
    Path(org): Path<String>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repos = state.repos_of(&org).ok_or_else(Problem::not_found)?;
    let repo = repos.first().ok_or_else(Problem::not_found)?;
    let links = gitea.links();
    let labels = of_org(&repo.owner);
    Ok(page::unlinked(&uri, &labels, |label| links.label(repo, label)))
}
