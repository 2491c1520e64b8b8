//! Trees and blobs.
//!
//! Invariant: what is not in one page is in the next, as long as it says that it is truncated.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::Gitea;
use super::answer::Named;
use super::problem::Problem;
use crate::sandbox::forge::Entry;
use crate::sandbox::kit::query::Params;

/// The most entries of a tree in one page.
pub(crate) const MAX_ENTRIES: usize = 1_000;

pub(crate) async fn tree(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let missing = || Problem::new(StatusCode::BAD_REQUEST, format!("sha not found [{id}]"));
    let (tree, directory) = repo.tree(&id).ok_or_else(missing)?;
    let params = Params::of(&uri);
    let entries = match matches!(params.get("recursive"), Some("true" | "1" | "on")) {
        true => tree.walk(&directory),
        false => tree.entries(&directory).unwrap_or_default(),
    };
    let page = params.number("page").unwrap_or(1);
    let size = params.number("per_page").unwrap_or(MAX_ENTRIES).min(MAX_ENTRIES);
    let start = (page - 1).saturating_mul(size).min(entries.len());
    let end = start.saturating_add(size).min(entries.len());
    let api = gitea.links().api_repo(&repo.full_name);
    let below = if directory.is_empty() { 0 } else { directory.len() + 1 };
    let shown = entries[start..end].iter().map(|entry| shown(&api, below, entry));
    let sha = tree
        .directory(&directory)
        .map(|directory| directory.id)
        .unwrap_or_default();
    Ok(Json(json!({
        "sha": sha,
        "url": format!("{api}/git/trees/{sha}"),
        "tree": shown.collect::<Vec<_>>(),
        "truncated": end < entries.len(),
        "page": page,
        "total_count": entries.len(),
    }))
    .into_response())
}

/// An entry, by its path from the tree on.
fn shown(api: &str, below: usize, entry: &Entry) -> Value {
    let (mode, kind) = match entry.size {
        Some(_) => ("100644", "blob"),
        None => ("040000", "tree"),
    };
    json!({
        "path": &entry.path[below..],
        "mode": mode,
        "type": kind,
        "size": entry.size.unwrap_or(0),
        "sha": entry.id,
        "url": format!("{api}/git/{kind}s/{}", entry.id),
    })
}

pub(crate) async fn blob(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, id)): Path<(String, String, String)>,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let missing = || {
        Problem::new(
            StatusCode::BAD_REQUEST,
            format!("object does not exist [id: {id}, rel_path: ]"),
        )
    };
    let blob = repo.blob(&id).ok_or_else(missing)?;
    Ok(Json(json!({
        "sha": id,
        "size": blob.content.len(),
        "url": format!("{}/git/blobs/{id}", gitea.links().api_repo(&repo.full_name)),
        "content": STANDARD.encode(&blob.content),
        "encoding": "base64",
    }))
    .into_response())
}
