//! Files and trees.
//!
//! Invariant: as in [`super`].

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// What the contents endpoint answers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Content {
    /// The list of a directory.
    Directory(Vec<IgnoredAny>),
    /// A file, symbolic link or submodule.
    Entry(PathContent),
}

impl Content {
    /// Where it leads, if it is a symbolic link.
    pub fn link(&self) -> Option<&str> {
        match self {
            Content::Entry(entry) if entry.kind == "symlink" => entry.target.as_deref(),
            _ => None,
        }
    }
}

/// `ContentsResponse`.
#[derive(Debug, Deserialize)]
pub struct PathContent {
    /// `file`, `dir`, `symlink` or `submodule`.
    #[serde(rename = "type")]
    pub kind: String,
    pub name: String,
    pub path: String,
    pub sha: String,
    /// Bytes.
    #[serde(default)]
    pub size: u64,
    /// Where a symbolic link leads.
    pub target: Option<String>,
    /// Base64. Null, in older releases empty, where the file is larger than the server puts into JSON.
    pub content: Option<String>,
    pub html_url: Option<String>,
}

/// `CreateFileOptions`.
#[derive(Debug, Serialize)]
pub struct NewFile<'a> {
    pub message: &'a str,
    /// Absent: the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<&'a str>,
    /// Of the file that is replaced: then these are `UpdateFileOptions`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<&'a str>,
}

/// `DeleteFileOptions`.
#[derive(Debug, Serialize)]
pub struct OldFile<'a> {
    pub sha: &'a str,
    pub message: &'a str,
    /// Absent: the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<&'a str>,
}

/// `FileResponse`.
#[derive(Debug, Deserialize)]
pub struct WrittenFile {
    pub content: Option<WrittenContent>,
    pub commit: Option<FileCommit>,
}

/// `ContentsResponse`, as far as it tells of what was written.
#[derive(Debug, Deserialize)]
pub struct WrittenContent {
    pub path: Option<String>,
    pub sha: Option<String>,
    pub html_url: Option<String>,
}

/// `FileDeleteResponse`.
#[derive(Debug, Deserialize)]
pub struct DeletedFile {
    pub commit: Option<FileCommit>,
}

/// `FileCommitResponse`.
#[derive(Debug, Deserialize)]
pub struct FileCommit {
    pub sha: Option<String>,
}

/// `GitTreeResponse`.
#[derive(Debug, Deserialize)]
pub struct GitTree {
    pub tree: Option<Vec<Box<RawValue>>>,
    /// There is a next page.
    #[serde(default)]
    pub truncated: bool,
    pub total_count: Option<u64>,
}

/// `GitEntry`.
#[derive(Debug, Deserialize)]
pub struct GitEntry {
    /// Within the tree.
    pub path: String,
    pub mode: Option<String>,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub size: Option<u64>,
    pub sha: String,
}
