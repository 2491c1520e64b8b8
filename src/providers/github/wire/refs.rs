//! Branches, tags, and the references behind both.
//!
//! Invariant: what a reference points at may be a tag object; only its `type` says so.

use serde::{Deserialize, Serialize};

/// `short-branch`.
#[derive(Debug, Deserialize)]
pub struct Branch {
    pub name: String,
    pub commit: Sha,
    pub protected: Option<bool>,
}

/// Something by its hash.
#[derive(Debug, Deserialize)]
pub struct Sha {
    pub sha: String,
}

/// `tag`, one of a list.
#[derive(Debug, Deserialize)]
pub struct Tag {
    pub name: String,
    /// Always a commit, also where an object with a message stands between.
    pub commit: Sha,
}

/// `git-ref`.
#[derive(Debug, Deserialize)]
pub struct Ref {
    pub object: Object,
}

/// What a reference or a tag object points at; also a tag object itself.
#[derive(Debug, Deserialize)]
pub struct Object {
    pub sha: String,
}

/// The body of `POST /repos/{owner}/{repo}/git/refs`.
#[derive(Debug, Serialize)]
pub struct NewRef<'a> {
    /// Whole, as `refs/heads/x`.
    #[serde(rename = "ref")]
    pub name: String,
    pub sha: &'a str,
}

/// The body of `POST /repos/{owner}/{repo}/git/tags`.
#[derive(Debug, Serialize)]
pub struct NewTag<'a> {
    pub tag: &'a str,
    pub message: &'a str,
    pub object: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
}
