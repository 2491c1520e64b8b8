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
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::Gitea;
use super::answer::Named;
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
    let repo = state.named(&owner, &name)?;
    let (revision, commit) = commit(repo, &uri)?;
    let path = path.trim_end_matches('/');
    let links = gitea.links();
    let show = |entry: &_| links.entry(&repo.full_name, &revision, &last_change(repo, commit, entry), entry);
    let (Some(file), Some(entry)) = (commit.tree.file(path), commit.tree.entry(path)) else {
        let missing = || {
            let message = format!("object does not exist [id: , rel_path: {path}]");
            Problem::new(StatusCode::NOT_FOUND, message)
        };
        let entries = commit.tree.entries(path).ok_or_else(missing)?;
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

/// The bytes alone. Who holds them already is told so.
pub(crate) async fn raw(
    State(gitea): State<Arc<Gitea>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = gitea.state();
    let repo = state.named(&owner, &name)?;
    let (_, commit) = commit(repo, &uri)?;
    let file = commit.tree.file(&path).ok_or_else(Problem::not_found)?;
    let tag = format!("\"{}\"", file.id);
    let held = headers.get(header::IF_NONE_MATCH).and_then(|held| held.to_str().ok());
    let held = held.is_some_and(|held| held.split(',').any(|held| held.trim() == tag));
    let mut response = match held {
        true => StatusCode::NOT_MODIFIED.into_response(),
        false => {
            let kind = match std::str::from_utf8(&file.content) {
                Ok(text) if !text.contains('\0') => "text/plain; charset=utf-8",
                _ => "application/octet-stream",
            };
            let kind = HeaderValue::from_static(kind);
            ([(header::CONTENT_TYPE, kind)], file.content.clone()).into_response()
        }
    };
    if let Ok(tag) = HeaderValue::from_str(&tag) {
        response.headers_mut().insert(header::ETAG, tag);
    }
    Ok(response)
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

/// The id and the time of the commit that changed an entry last.
pub(crate) fn last_change(repo: &Repo, from: &Commit, entry: &crate::sandbox::forge::Entry) -> (String, String) {
    let log = repo.log_of(from, &entry.path);
    let last = log.first().map_or(from, |last| &**last);
    (last.id.clone(), last.committer.at.clone())
}
