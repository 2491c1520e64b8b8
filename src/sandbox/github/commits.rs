//! Commits, what lies between two of them, trees and blobs.
//!
//! Invariant: an empty repository answers 409 to everything that needs a commit.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::answer::Named;
use super::gate::asks;
use super::objects::commit::MAX_FILES;
use super::patch::{self, Form};
use super::problem::Problem;
use super::{GitHub, page};
use crate::sandbox::forge::{Commit, FileChange, Refused, Repo, Signature, seconds};
use crate::sandbox::kit::query::Params;

/// The most entries of a tree in one answer.
const MAX_TREE: usize = 100_000;

pub(crate) async fn list(
    State(github): State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let params = Params::of(&uri);
    let from = params.get("sha").filter(|sha| !sha.is_empty());
    let from = repo.resolve(from).ok_or_else(Problem::not_found)?;
    let mut commits = match params.get("path").map(|path| path.trim_matches('/')) {
        None | Some("") => repo.history.log(&from.id),
        Some(path) => repo.log_of(from, path),
    };
    let time = |name| params.get(name).and_then(seconds);
    let (since, until) = (time("since"), time("until"));
    commits.retain(|commit| since.as_ref().is_none_or(|since| commit.committer.at >= *since));
    commits.retain(|commit| until.as_ref().is_none_or(|until| commit.committer.at <= *until));
    let is = |who: &str, signature: &Signature| signature.email == who || signature.login() == Some(who);
    if let Some(who) = params.get("author") {
        commits.retain(|commit| is(who, &commit.author));
    }
    if let Some(who) = params.get("committer") {
        commits.retain(|commit| is(who, &commit.committer));
    }
    let links = github.links();
    Ok(page::PAGING.answer(&github.instance.origin, &uri, &commits, |commit| {
        links.commit(&repo.full_name, commit)
    }))
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, revision)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let commit = found(repo, &revision)?;
    let files = repo.changes_of(commit);
    match Form::asked(&headers) {
        Form::Json => {}
        Form::Id => return Ok(patch::text("sha", commit.id.clone())),
        Form::Diff => return Ok(patch::text("diff", patch::diff(&files))),
        Form::Patch => return Ok(patch::text("patch", patch::mail(&[(commit, &files)]))),
    }
    let links = github.links();
    let sum = |count: fn(&FileChange) -> usize| files.iter().map(count).sum::<usize>();
    let (added, removed) = (sum(|file| file.added), sum(|file| file.removed));
    let shown = page::FILES.slice(&uri, &files);
    let mut object = links.commit(&repo.full_name, commit);
    object["stats"] = json!({ "additions": added, "deletions": removed, "total": added + removed });
    object["files"] = shown
        .iter()
        .map(|file| links.change(&repo.full_name, &commit.id, file))
        .collect();
    let answer = Json(object).into_response();
    Ok(page::FILES.linked(answer, &github.instance.origin, &uri, files.len()))
}

pub(crate) async fn compare(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, pair)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    let (base, head) = pair.split_once("...").ok_or_else(Problem::not_found)?;
    // `owner:branch` is a branch of a relative; this repository's own may be written so, too.
    let own = |end: &str| match end.split_once(':') {
        Some((of, branch)) if of.eq_ignore_ascii_case(&repo.owner) => branch.to_owned(),
        _ => end.to_owned(),
    };
    let found = repo.compare(&own(base), &own(head)).map_err(|reason| match reason {
        Refused::Unrelated => {
            let message = format!("No common ancestor between {base} and {head}.");
            Problem::new(StatusCode::NOT_FOUND, message)
        }
        _ => Problem::not_found(),
    })?;
    match Form::asked(&headers) {
        Form::Json | Form::Id => {}
        Form::Diff => return Ok(patch::text("diff", patch::diff(&found.files))),
        Form::Patch => {
            let files: Vec<_> = found.ahead.iter().map(|commit| repo.changes_of(commit)).collect();
            let commits: Vec<_> = found.ahead.iter().map(|commit| &**commit).zip(&files).collect();
            return Ok(patch::text("patch", patch::mail(&commits)));
        }
    }
    let links = github.links();
    let (api, web) = (
        format!("{}/compare/{pair}", links.api_repo(&repo.full_name)),
        links.web(&format!("{}/compare/{pair}", repo.full_name)),
    );
    let commit = |commit: &Commit| links.commit(&repo.full_name, commit);
    let status = match (found.ahead.len(), found.behind) {
        (0, 0) => "identical",
        (_, 0) => "ahead",
        (0, _) => "behind",
        _ => "diverged",
    };
    let commits: Vec<Value> = page::COMPARED
        .slice(&uri, &found.ahead)
        .iter()
        .map(|ahead| commit(ahead))
        .collect();
    let first = page::COMPARED.page(&Params::of(&uri)).number == 1;
    let files = found.files.iter().take(if first { MAX_FILES } else { 0 });
    let files: Vec<Value> = files
        .map(|file| links.change(&repo.full_name, &found.head.id, file))
        .collect();
    let answer = Json(json!({
        "url": api,
        "html_url": web,
        "permalink_url": web,
        "diff_url": format!("{web}.diff"),
        "patch_url": format!("{web}.patch"),
        "base_commit": commit(&found.base),
        "merge_base_commit": commit(&found.merge_base),
        "status": status,
        "ahead_by": found.ahead.len(),
        "behind_by": found.behind,
        "total_commits": found.ahead.len(),
        "commits": commits,
        "files": files,
    }))
    .into_response();
    Ok(page::COMPARED.linked(answer, &github.instance.origin, &uri, found.ahead.len()))
}

pub(crate) async fn tree(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let (tree, directory) = repo.tree(&id).ok_or_else(Problem::not_found)?;
    // Any value means yes, also `0` and `false`.
    let recursive = Params::of(&uri).get("recursive").is_some();
    let entries = match recursive {
        true => tree.walk(&directory),
        false => tree.entries(&directory).unwrap_or_default(),
    };
    let api = github.links().api_repo(&repo.full_name);
    let start = if directory.is_empty() { 0 } else { directory.len() + 1 };
    let shown = entries.iter().take(MAX_TREE).map(|entry| {
        let (mode, kind) = match entry.size {
            Some(_) => ("100644", "blob"),
            None => ("040000", "tree"),
        };
        let mut object = json!({
            "path": &entry.path[start..],
            "mode": mode,
            "type": kind,
            "sha": entry.id,
            "url": format!("{api}/git/{kind}s/{}", entry.id),
        });
        if let Some(size) = entry.size {
            object["size"] = json!(size);
        }
        object
    });
    let sha = tree
        .directory(&directory)
        .map(|directory| directory.id)
        .unwrap_or_default();
    Ok(Json(json!({
        "url": format!("{api}/git/trees/{sha}"),
        "sha": sha,
        "tree": shown.collect::<Vec<_>>(),
        "truncated": entries.len() > MAX_TREE,
    }))
    .into_response())
}

pub(crate) async fn blob(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.named(&owner, &name)?;
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let blob = repo.blob(&id).ok_or_else(Problem::not_found)?;
    if asks(&headers, "raw") {
        return Ok(patch::raw(blob.content.clone()));
    }
    Ok(Json(json!({
        "sha": id,
        "node_id": format!("B_{id}"),
        "size": blob.content.len(),
        "url": format!("{}/git/blobs/{id}", github.links().api_repo(&repo.full_name)),
        "content": STANDARD.encode(&blob.content),
        "encoding": "base64",
    }))
    .into_response())
}

/// The commit that a revision means.
pub(crate) fn found<'a>(repo: &'a Repo, revision: &str) -> Result<&'a Commit, Problem> {
    if repo.is_empty() {
        return Err(Refused::Empty.into());
    }
    let missing = || Problem::unprocessable(format!("No commit found for SHA: {revision}"));
    Ok(repo.resolve(Some(revision)).ok_or_else(missing)?)
}
