//! Files and directories of a branch.
//!
//! Invariant: a file's bytes are the same in every form; the JSON form leaves out those of a file above the bound.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::Gitea;
use super::problem::Problem;
use crate::sandbox::forge::{Commit, Repo};
use crate::sandbox::kit::query::Params;

/// Above this a file comes only raw. Gitea's default is 10 MiB; this server is configured tighter, so that clients
/// meet the bound.
pub(crate) const MAX_JSON_FILE: usize = 1 << 20;

pub(crate) async fn root(
    gitea: State<Arc<Gitea>>,
    Path((owner, name)): Path<(String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    get(gitea, Path((owner, name, String::new())), uri).await
}

pub(crate) async fn get(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let (revision, commit) = commit(repo, &uri)?;
    let path = path.trim_end_matches('/');
    let links = gitea.links();
    let show = |entry| links.entry(&repo.full_name, &revision, &commit.id, entry);
    let (Some(file), Some(entry)) = (commit.tree.file(path), commit.tree.entry(path)) else {
        let entries = commit.tree.entries(path).ok_or_else(Problem::not_found)?;
        let list = entries.iter().map(show);
        return Ok(Json(list.collect::<Vec<Value>>()).into_response());
    };
    let mut object = show(&entry);
    if file.content.len() <= MAX_JSON_FILE {
        object["encoding"] = json!("base64");
        object["content"] = json!(STANDARD.encode(&file.content));
    }
    Ok(Json(object).into_response())
}

pub(crate) async fn raw(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let (_, commit) = commit(repo, &uri)?;
    let file = commit.tree.file(&path).ok_or_else(Problem::not_found)?;
    let kind = HeaderValue::from_static("application/octet-stream");
    Ok(([(header::CONTENT_TYPE, kind)], file.content.clone()).into_response())
}

/// The revision that is asked for, and its commit.
fn commit<'a>(repo: &'a Repo, uri: &Uri) -> Result<(String, &'a Commit), Problem> {
    let params = Params::of(uri);
    let asked = params.get("ref").filter(|name| !name.is_empty());
    let commit = repo
        .resolve(asked)
        .ok_or_else(|| Problem::new(StatusCode::NOT_FOUND, "unable to find a git ref"))?;
    Ok((asked.unwrap_or(&repo.default_branch).to_owned(), commit))
}
