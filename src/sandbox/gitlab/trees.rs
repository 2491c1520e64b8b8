//! Trees, files and blobs that are read.
//!
//! Invariant: a tree is paged by keyset alone; a page's number means nothing there.

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderName, HeaderValue, Response, header};
use serde_json::json;

use super::ask::{Answer, Ask, ok};
use super::objects::beside::{FileAt, entry};
use super::page;
use super::problem::Problem;
use crate::sandbox::forge::{Blob, Entry, Repo};

pub(crate) async fn list(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let revision = ask.input.filled("ref")?;
    if repo.is_empty() {
        return Err(Problem::missing("Tree"));
    }
    let unknown = || Problem::missing("invalid revision or path");
    let commit = repo.resolve(revision.as_deref()).ok_or_else(unknown)?;
    let path = ask.input.text("path")?.unwrap_or_default();
    let path = path.trim_matches('/');
    let entries = match ask.input.asks("recursive")? {
        true => commit.tree.directory(path).map(|_| commit.tree.walk(path)),
        false => commit.tree.entries(path),
    };
    let mut entries = entries.ok_or_else(unknown)?;
    if !ask.input.asks("recursive")? {
        // Directories first, as git's own order is not.
        entries.sort_by_key(|entry| entry.size.is_some());
    }
    let token = |entry: &Entry| blake3::hash(entry.path.as_bytes()).to_hex().to_string();
    let from = |told: &str| {
        let at = entries.iter().position(|entry| token(entry) == told);
        at.map_or(entries.len(), |at| at + 1)
    };
    page::keyset(&ask, &entries, "page_token", from, token, entry)
}

/// The file that the path names second, at a revision.
fn file_at<'a>(repo: &'a Repo, path: &'a str, revision: &'a str) -> Result<FileAt<'a>, Problem> {
    let commit = repo.resolve(Some(revision)).ok_or_else(|| Problem::missing("Commit"))?;
    let blob = commit.tree.file(path).ok_or_else(|| Problem::missing("File"))?;
    let last = repo.log_of(commit, path).first().map(|commit| commit.id.clone());
    Ok(FileAt {
        path,
        revision,
        blob,
        commit,
        last_commit: last.unwrap_or_default(),
    })
}

/// Adds what is told of a file in headers.
fn told(mut response: Response<Body>, file: &FileAt<'_>) -> Response<Body> {
    for (name, value) in file.facts() {
        let name = HeaderName::try_from(format!("x-gitlab-{name}"));
        if let (Ok(name), Ok(value)) = (name, HeaderValue::from_bytes(value.as_bytes())) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

pub(crate) async fn file(ask: Ask) -> Answer {
    let revision = ask.input.required("ref")?;
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let file = file_at(repo, ask.part(1)?, &revision)?;
    Ok(told(ok(file.shown())?, &file))
}

pub(crate) async fn raw_file(ask: Ask) -> Answer {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    let revision = ask.input.filled("ref")?.unwrap_or_else(|| "HEAD".to_owned());
    let file = file_at(repo, ask.part(1)?, &revision)?;
    Ok(told(bytes(&file.blob.content, file.name()), &file))
}

/// A file's bytes, which no browser takes for a page.
fn bytes(content: &Bytes, name: &str) -> Response<Body> {
    let mut response = content.clone().into_response();
    let text = std::str::from_utf8(content).is_ok_and(|text| !text.contains('\0'));
    let kind = if text { "text/plain" } else { "application/octet-stream" };
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let name = percent_encoding::utf8_percent_encode(name, percent_encoding::NON_ALPHANUMERIC);
    if let Ok(value) = HeaderValue::from_str(&format!("inline; filename*=UTF-8''{name}")) {
        headers.insert(header::CONTENT_DISPOSITION, value);
    }
    response
}

fn blob_at(ask: &Ask) -> Result<Blob, Problem> {
    let data = ask.gitlab.data();
    let repo = ask.project(&data)?;
    repo.blob(ask.part(1)?).ok_or_else(|| Problem::missing("Blob"))
}

pub(crate) async fn blob(ask: Ask) -> Answer {
    use base64::Engine;
    let blob = blob_at(&ask)?;
    ok(json!({
        "size": blob.content.len(),
        "encoding": "base64",
        "content": base64::engine::general_purpose::STANDARD.encode(&blob.content),
        "sha": *blob.id,
    }))
}

pub(crate) async fn raw_blob(ask: Ask) -> Answer {
    let blob = blob_at(&ask)?;
    Ok(bytes(&blob.content, &blob.id))
}
