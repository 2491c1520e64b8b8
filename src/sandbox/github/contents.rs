//! Files and directories of a branch.
//!
//! Invariant: a file's bytes are the same in every form; the JSON form leaves out those of a file above 1 MB.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, Response, StatusCode, Uri};
use serde_json::{Value, json};

use super::GitHub;
use super::gate::asks;
use super::objects::Links;
use super::patch::raw;
use super::problem::Problem;
use crate::sandbox::forge::{Blob, Entry, Repo};
use crate::sandbox::kit::query::Params;

/// Above this a file comes only raw.
const MAX_JSON_FILE: usize = 1 << 20;
/// The most entries of a directory.
const MAX_ENTRIES: usize = 1_000;
/// The length of GitHub's base64 lines.
const BASE64_LINE: usize = 60;

pub(crate) async fn root(
    github: State<Arc<GitHub>>,
    Path((owner, name)): Path<(String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    get(github, Path((owner, name, String::new())), headers, uri).await
}

pub(crate) async fn get(
    State(github): State<Arc<GitHub>>,
    Path((owner, name, path)): Path<(String, String, String)>,
    headers: HeaderMap,
    uri: Uri,
) -> Result<Response<Body>, Problem> {
    let state = github.state();
    let repo = state.repo(&owner, &name).ok_or_else(Problem::not_found)?;
    let params = Params::of(&uri);
    let asked = params.get("ref").filter(|name| !name.is_empty());
    if repo.is_empty() {
        return Err(Problem::new(StatusCode::NOT_FOUND, "This repository is empty."));
    }
    let commit = repo.resolve(asked).ok_or_else(|| {
        let message = format!("No commit found for the ref {}", asked.unwrap_or_default());
        Problem::new(StatusCode::NOT_FOUND, message)
    })?;
    let tree = Tree {
        links: github.links(),
        repo,
        revision: asked.unwrap_or(&repo.default_branch),
    };
    let path = path.trim_end_matches('/');
    if let (Some(blob), Some(entry)) = (commit.tree.file(path), commit.tree.entry(path)) {
        return Ok(if asks(&headers, "raw") {
            raw(blob.content.clone())
        } else {
            Json(tree.file(&entry, blob)).into_response()
        });
    }
    let mut entries = commit.tree.entries(path).ok_or_else(Problem::not_found)?;
    entries.truncate(MAX_ENTRIES);
    let entries = entries.iter().map(|entry| tree.entry(entry)).collect();
    if asks(&headers, "object") {
        let directory = commit.tree.directory(path).ok_or_else(Problem::not_found)?;
        let mut object = tree.entry(&directory);
        object["entries"] = Value::Array(entries);
        return Ok(Json(object).into_response());
    }
    Ok(Json(Value::Array(entries)).into_response())
}

/// Base64 in lines, each ended by a line feed.
fn base64_lines(content: &[u8]) -> String {
    let encoded = STANDARD.encode(content);
    let mut lines = String::with_capacity(encoded.len() + encoded.len() / BASE64_LINE + 1);
    for (at, character) in encoded.char_indices() {
        lines.push(character);
        if (at + 1) % BASE64_LINE == 0 || at + 1 == encoded.len() {
            lines.push('\n');
        }
    }
    lines
}

/// The files of one revision, as GitHub shows them.
struct Tree<'a> {
    links: Links<'a>,
    repo: &'a Repo,
    revision: &'a str,
}

impl Tree<'_> {
    fn file(&self, entry: &Entry, blob: &Blob) -> Value {
        let mut object = self.entry(entry);
        let (content, encoding) = match blob.content.len() > MAX_JSON_FILE {
            true => (String::new(), "none"),
            false => (base64_lines(&blob.content), "base64"),
        };
        object["content"] = json!(content);
        object["encoding"] = json!(encoding);
        object
    }

    fn entry(&self, entry: &Entry) -> Value {
        self.links.entry(&self.repo.full_name, self.revision, entry)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base64_breaks_after_sixty_characters_and_ends_with_a_line_feed() {
        let lines = base64_lines(&[7; 100]);
        assert!(lines.ends_with('\n'));
        assert!(lines.lines().all(|line| line.len() <= 60));
        assert_eq!(lines.lines().next().map(str::len), Some(60));
        assert_eq!(STANDARD.decode(lines.replace('\n', "")).unwrap(), [7; 100]);
        assert_eq!(base64_lines(b""), "");
        assert_eq!(base64_lines(&[0; 45]).matches('\n').count(), 1, "exactly one full line");
    }
}
