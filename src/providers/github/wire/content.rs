//! Files and trees.
//!
//! Invariant: what is no file is known by its `type`, or by where it leads.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_with::skip_serializing_none;

use super::refs::Sha;

/// What the contents endpoint answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// `content-directory`.
    Directory(Vec<IgnoredAny>),
    /// `content-file`, `content-symlink` or `content-submodule`.
    Entry(PathContent),
}

/// One entry of a tree.
#[derive(Debug, Deserialize)]
pub struct PathContent {
    /// `file`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub path: String,
    pub sha: String,
    #[serde(default)]
    pub size: u64,
    /// Files only: `base64`, or `none` where the file is too large for it.
    pub encoding: Option<String>,
    /// Files only.
    pub content: Option<String>,
    pub html_url: Option<String>,
    /// Submodules only, which some versions call files.
    pub submodule_git_url: Option<String>,
}

/// `file-commit`.
#[derive(Debug, Deserialize)]
pub struct FileCommit {
    /// Null where the file was deleted.
    pub content: Option<Written>,
    pub commit: Option<Sha>,
}

/// A file that was written.
#[derive(Debug, Deserialize)]
pub struct Written {
    pub path: Option<String>,
    pub sha: Option<String>,
    pub html_url: Option<String>,
}

/// The body of `PUT /repos/{owner}/{repo}/contents/{path}`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct PutContent<'a> {
    pub message: &'a str,
    /// The blob that is replaced.
    pub sha: Option<&'a str>,
    pub branch: Option<&'a str>,
}

/// The body of `DELETE /repos/{owner}/{repo}/contents/{path}`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct DeleteContent<'a> {
    pub message: &'a str,
    pub sha: &'a str,
    pub branch: Option<&'a str>,
}

/// `git-tree`.
#[derive(Debug, Deserialize)]
pub struct Tree {
    pub sha: String,
    pub tree: Vec<Box<RawValue>>,
    /// There is more, and no next page.
    #[serde(default)]
    pub truncated: bool,
}

/// One entry of a `git-tree`.
#[derive(Debug, Deserialize)]
pub struct TreeEntry {
    /// Within the tree.
    pub path: String,
    pub mode: Option<String>,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: String,
    pub sha: String,
    pub size: Option<u64>,
}
