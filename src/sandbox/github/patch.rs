//! Changes in the forms of git itself, for those who ask for them instead of JSON.
//!
//! Invariant: what is no text is named, never shown.

use std::fmt::Write;

use axum::body::Body;
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, header};

use super::gate::asks;
use crate::sandbox::forge::{ChangeKind, Commit, FileChange};

/// How a client wants to see a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    Json,
    Diff,
    Patch,
    Id,
}

impl Form {
    pub fn asked(headers: &HeaderMap) -> Self {
        let forms = [("diff", Self::Diff), ("patch", Self::Patch), ("sha", Self::Id)];
        let asked = forms.into_iter().find(|(name, _)| asks(headers, name));
        asked.map_or(Self::Json, |(_, form)| form)
    }
}

/// An answer in one of GitHub's own forms of text.
pub(crate) fn text(form: &str, text: String) -> Response<Body> {
    answer(&format!("application/vnd.github.{form}; charset=utf-8"), text)
}

/// A file's bytes as they are.
pub(crate) fn raw(content: Bytes) -> Response<Body> {
    answer("application/vnd.github.raw+json; charset=utf-8", content)
}

fn answer(kind: &str, body: impl Into<Body>) -> Response<Body> {
    let mut response = body.into().into_response();
    if let Ok(kind) = HeaderValue::from_str(kind) {
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
    }
    response
}

/// All changes as one unified diff.
pub(crate) fn diff(files: &[FileChange]) -> String {
    let mut text = String::new();
    for file in files {
        let before = file.previous.as_deref().unwrap_or(&file.path);
        // Writing to a String does not fail.
        let _ = writeln!(text, "diff --git a/{before} b/{}", file.path);
        match file.kind {
            ChangeKind::Added => text += "new file mode 100644\n",
            ChangeKind::Removed => text += "deleted file mode 100644\n",
            ChangeKind::Renamed => {
                let _ = writeln!(
                    text,
                    "similarity index 100%\nrename from {before}\nrename to {}",
                    file.path
                );
            }
            ChangeKind::Modified => {}
        }
        let (from, to) = match file.kind {
            ChangeKind::Added => ("/dev/null".to_owned(), format!("b/{}", file.path)),
            ChangeKind::Removed => (format!("a/{before}"), "/dev/null".to_owned()),
            _ => (format!("a/{before}"), format!("b/{}", file.path)),
        };
        match &file.patch {
            Some(patch) if !patch.is_empty() => {
                let _ = writeln!(text, "--- {from}\n+++ {to}\n{patch}");
            }
            Some(_) => {}
            None if file.kind == ChangeKind::Renamed => {}
            None => {
                let _ = writeln!(text, "Binary files {from} and {to} differ");
            }
        }
    }
    text
}

/// Each commit as a letter, as `git format-patch` writes it.
pub(crate) fn mail(commits: &[(&Commit, &Vec<FileChange>)]) -> String {
    let mut text = String::new();
    for (commit, files) in commits {
        let (author, title) = (&commit.author, commit.title());
        let rest = commit.message.trim_end().strip_prefix(title).unwrap_or_default().trim();
        let _ = writeln!(
            text,
            "From {} Mon Sep 17 00:00:00 2001\nFrom: {} <{}>\nDate: {}\nSubject: [PATCH] {title}\n\n{rest}\n---\n\n{}-- \nsandbox\n",
            commit.id,
            author.name,
            author.email,
            author.at,
            diff(files)
        );
    }
    text
}
