//! The routes to labels.
//!
//! Invariant: labels are listed without links, as Gitea's releases do, and an id that there is not is passed over.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::{Named, created, number};
use super::form::Form;
use super::label::{Label, named, of_org, of_repo};
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Label as Own, Refused};

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

pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let form = Form::read(&body)?;
    let color = form.required("color", "Color")?.trim_start_matches('#');
    if color.len() != 6 || !color.bytes().all(|digit| digit.is_ascii_hexdigit()) {
        return Err(Problem::invalid("invalid color: expected 6 hex digits"));
    }
    let own = Own {
        id: 0,
        name: form.required("name", "Name")?.to_owned(),
        color: color.to_ascii_lowercase(),
        description: form.text("description")?.unwrap_or_default().to_owned(),
    };
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?.id;
    let own = state.create_label(repo, own).map_err(|reason| match reason {
        Refused::Exists(_) => Problem::invalid("this sandbox keeps no two labels of one name"),
        other => other.into(),
    })?;
    let label = Label { own, shared: false };
    Ok(created(gitea.links().label(state.by_id(repo)?, &label)))
}

type At = Path<(String, String, String)>;

/// Puts these in the place of those that an issue carries.
pub(crate) async fn replace(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index)): At,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let ids = Form::read(&body)?.numbers("labels")?.unwrap_or_default();
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    let index = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?.number;
    let (repo, labels) = (repo.id, named(repo, &ids));
    state.mark_issue(repo, index, Some(labels), None)?;
    let repo = state.by_id(repo)?;
    let issue = repo.issue(index).ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().labels_of(repo, issue)).into_response())
}

pub(crate) async fn clear(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, index)): At,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    let index = repo.issue(number(&index)?).ok_or_else(Problem::not_found)?.number;
    let repo = repo.id;
    state.mark_issue(repo, index, Some(Vec::new()), None)?;
    Ok(StatusCode::NO_CONTENT)
}
