//! Releases.
//!
//! Invariant: drafts are shown to those who can write alone; no two releases stand on one tag.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};

use super::answer::{Named, created, number};
use super::caller::Caller;
use super::form::Form;
use super::problem::Problem;
use super::{Gitea, page};
use crate::sandbox::forge::{Refused, Release, ReleaseDraft, Repo};
use crate::sandbox::kit::query::Params;

type At = Path<(String, String, String)>;

pub(crate) async fn list(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let flag = |name| params.get(name).and_then(|flag| flag.parse::<bool>().ok());
    let (draft, prerelease) = (flag("draft"), flag("pre-release"));
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let writes = caller != Caller::Anonymous;
    let wanted = |release: &&Release| {
        (writes || !release.draft)
            && draft.is_none_or(|draft| release.draft == draft)
            && prerelease.is_none_or(|prerelease| release.prerelease == prerelease)
    };
    let releases: Vec<_> = repo.releases.iter().rev().filter(wanted).collect();
    let links = gitea.links();
    Ok(page::answer(&gitea.instance.origin, &uri, &releases, |release| {
        links.release(repo, release)
    }))
}

/// The newest that was published, and is not one of those before a release.
pub(crate) async fn latest(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let mut releases = repo.releases.iter().rev();
    let found = releases.find(|release| !release.draft && !release.prerelease);
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(gitea.links().release(repo, found)).into_response())
}

/// A release that the caller is shown.
fn found<'a>(repo: &'a Repo, id: &str, caller: &Caller) -> Result<&'a Release, Problem> {
    let id = number(id)?;
    let shown = |release: &&Release| release.id == id && (!release.draft || *caller != Caller::Anonymous);
    repo.releases.iter().find(shown).ok_or_else(Problem::not_found)
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): At,
    Extension(caller): Extension<Caller>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    Ok(Json(gitea.links().release(repo, found(repo, &id, &caller)?)).into_response())
}

/// Finds no tag that has no release, and no draft.
fn on_tag<'a>(repo: &'a Repo, tag: &str) -> Result<&'a Release, Problem> {
    let found = repo
        .releases
        .iter()
        .find(|release| release.tag == tag && !release.draft);
    found.ok_or_else(Problem::not_found)
}

pub(crate) async fn by_tag(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, tag)): At,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    Ok(Json(gitea.links().release(repo, on_tag(repo, &tag)?)).into_response())
}

/// Makes a tag, or makes a release of one that there is.
pub(crate) async fn create(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    let form = Form::read(&body)?;
    let draft = ReleaseDraft {
        tag: form.required("tag_name", "TagName")?,
        target: form.filled("target_commitish")?,
        name: form.text("name")?,
        body: form.text("body")?,
        draft: form.flag("draft")?.unwrap_or_default(),
        prerelease: form.flag("prerelease")?.unwrap_or_default(),
    };
    if repo.releases.iter().any(|release| release.tag == draft.tag) {
        return Err(Problem::conflict("Release is has no Tag"));
    }
    let repo = repo.id;
    let release = state.create_release(repo, &draft).map_err(|reason| match reason {
        Refused::Empty => Problem::invalid("repo is empty"),
        Refused::Missing(_) => Problem::new(StatusCode::NOT_FOUND, "target not found"),
        other => other.into(),
    })?;
    Ok(created(gitea.links().release(state.by_id(repo)?, &release)))
}

pub(crate) async fn delete(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): At,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    let (repo, tag) = (repo.id, found(repo, &id, &caller)?.tag.clone());
    state.delete_release(repo, &tag)?;
    Ok(StatusCode::NO_CONTENT)
}

pub(crate) async fn delete_by_tag(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, tag)): At,
) -> Result<StatusCode, Problem> {
    let mut state = gitea.state();
    let repo = state.written(&owner, &name)?;
    on_tag(repo, &tag)?;
    let repo = repo.id;
    state.delete_release(repo, &tag)?;
    Ok(StatusCode::NO_CONTENT)
}
