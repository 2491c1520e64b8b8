//! What is in a repository: branches, tags, commits, trees, files.
//!
//! Invariant: a commit is known by its whole hash.

use serde::{Deserialize, Serialize};

use crate::providers::http::Time;

/// A branch.
#[derive(Debug, Deserialize)]
pub struct Branch {
    pub name: String,
    pub commit: CommitId,
    pub protected: Option<bool>,
}

/// A commit's hash.
#[derive(Debug, Deserialize)]
pub struct CommitId {
    pub id: String,
}

/// A branch to be made.
#[derive(Debug, Serialize)]
pub struct NewBranch<'a> {
    pub branch: &'a str,
    #[serde(rename = "ref")]
    pub from: &'a str,
}

/// A tag.
#[derive(Debug, Deserialize)]
pub struct Tag {
    pub name: String,
    /// Null or empty where it has none of its own.
    pub message: Option<String>,
    /// One that leads to no commit is none here.
    pub commit: CommitId,
}

/// A tag to be made.
#[derive(Debug, Serialize)]
pub struct NewTag<'a> {
    pub tag_name: &'a str,
    #[serde(rename = "ref")]
    pub target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
}

/// A commit.
#[derive(Debug, Deserialize)]
pub struct Commit {
    pub id: String,
    #[serde(default)]
    pub message: String,
    pub author_name: Option<String>,
    pub author_email: Option<String>,
    pub authored_date: Time,
    pub committer_name: Option<String>,
    pub committer_email: Option<String>,
    pub committed_date: Time,
    #[serde(default)]
    pub parent_ids: Vec<String>,
    /// One commit alone has them.
    pub stats: Option<Stats>,
    /// The newest run of its pipeline; one commit alone has it.
    pub last_pipeline: Option<Pipeline>,
    pub web_url: Option<String>,
}

/// Lines that a commit changes.
#[derive(Debug, Deserialize)]
pub struct Stats {
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
}

/// The run of a pipeline.
#[derive(Debug, Deserialize)]
pub struct Pipeline {
    #[serde(rename = "ref")]
    pub reference: Option<String>,
}

/// What happens to a file.
#[derive(Debug, Deserialize)]
pub struct Diff {
    pub new_path: String,
    pub old_path: Option<String>,
    #[serde(default)]
    pub new_file: bool,
    #[serde(default)]
    pub renamed_file: bool,
    #[serde(default)]
    pub deleted_file: bool,
    /// Empty where it is too large, and for what is no text.
    pub diff: Option<String>,
    #[serde(default)]
    pub collapsed: bool,
    #[serde(default)]
    pub too_large: bool,
}

/// A comparison. It has no paging: what is over its limits is left out.
#[derive(Debug, Deserialize)]
pub struct Compare {
    #[serde(default)]
    pub commits: Vec<Commit>,
    pub diffs: Option<Vec<Diff>>,
    /// Also where there are too many diffs.
    #[serde(default)]
    pub compare_timeout: bool,
    pub web_url: Option<String>,
}

/// An entry of a tree.
#[derive(Debug, Deserialize)]
pub struct TreeEntry {
    pub id: String,
    pub name: Option<String>,
    pub path: String,
    /// `blob`, `tree` or `commit`.
    #[serde(rename = "type", default)]
    pub kind: String,
    pub mode: Option<String>,
}

/// A file.
#[derive(Debug, Deserialize)]
pub struct File {
    pub file_path: String,
    pub file_name: Option<String>,
    /// `base64` in all known releases.
    pub encoding: Option<String>,
    pub content: Option<String>,
    pub blob_id: String,
}

/// A file to be written.
#[derive(Debug, Serialize)]
pub struct NewFile<'a> {
    pub branch: &'a str,
    pub commit_message: &'a str,
    /// Without it the content would be written as it is.
    pub encoding: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit_id: Option<&'a str>,
}

/// A file to be taken away.
#[derive(Debug, Serialize)]
pub struct NoFile<'a> {
    pub branch: &'a str,
    pub commit_message: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_commit_id: Option<&'a str>,
}

/// What became of a file that was written: nothing of what it is now.
#[derive(Debug, Deserialize)]
pub struct WrittenFile {
    pub file_path: Option<String>,
    pub branch: Option<String>,
}
