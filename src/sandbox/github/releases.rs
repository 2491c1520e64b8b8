//! Releases.
//!
//! Invariant: drafts are shown to those who can write alone, and have no tag.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, Uri};

use super::answer::{Named, created};
use super::body::Input;
use super::problem::Problem;
use super::{Caller, GitHub, page};
use crate::sandbox::forge::{Refused, ReleaseDraft, What};

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    Extension(caller): Extension<Caller>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let writes = caller != Caller::Anonymous;
    let releases = repo.releases.iter().rev().filter(|release| writes || !release.draft);
    let releases: Vec<_> = releases.collect();
    let links = github.links();
    Ok(
        page::PAGING.answer(&github.instance.origin, &uri, &releases, |release| {
            links.release(repo, release)
        }),
    )
}

/// Finds published ones only.
pub(crate) async fn by_tag(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, tag)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let found = repo
        .releases
        .iter()
        .find(|release| release.tag == tag && !release.draft);
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(github.links().release(repo, found)).into_response())
}

pub(crate) async fn create(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response<Body>, Problem> {
    let input = Input::read(&body, "Release")?;
    // A text, although it reads like a flag.
    if !matches!(input.text("make_latest")?, None | Some("true" | "false" | "legacy")) {
        return Err(input.wrong("make_latest"));
    }
    let draft = ReleaseDraft {
        tag: input.required("tag_name")?,
        target: input.text("target_commitish")?.filter(|target| !target.is_empty()),
        name: input.text("name")?,
        body: input.text("body")?,
        draft: input.flag("draft")?.unwrap_or_default(),
        prerelease: input.flag("prerelease")?.unwrap_or_default(),
    };
    let mut state = github.state();
    let repo = state.named(&owner, &name)?.id;
    let release = state.create_release(repo, &draft).map_err(|reason| match reason {
        Refused::Exists(What::Release) => Problem::field("Release", "tag_name", "already_exists"),
        Refused::Missing(_) => input.wrong("target_commitish"),
        Refused::BadName => input.wrong("tag_name"),
        Refused::Empty => Problem::unprocessable("Repository is empty."),
        other => other.into(),
    })?;
    Ok(created(github.links().release(state.by_id(repo)?, &release)))
}
