//! Commits, and what they change.
//!
//! Invariant: who git says and whose account it is are two people until they are converted.

use serde::Deserialize;
use serde_json::value::RawValue;

use super::User;
use super::refs::Sha;
use crate::providers::http::Time;

/// `commit`, and the one within a `git-commit`.
#[derive(Debug, Deserialize)]
pub struct Commit {
    pub sha: String,
    pub commit: Option<GitCommit>,
    /// The account; null, or an empty object, where there is none.
    pub author: Option<User>,
    pub committer: Option<User>,
    #[serde(default)]
    pub parents: Vec<Sha>,
    /// One commit only.
    pub stats: Option<Stats>,
    /// One commit only, 300 a page.
    pub files: Option<Vec<Diff>>,
    pub html_url: Option<String>,
}

/// What git knows of a commit.
#[derive(Debug, Deserialize)]
pub struct GitCommit {
    #[serde(default)]
    pub message: String,
    pub author: Option<GitPerson>,
    pub committer: Option<GitPerson>,
}

/// Who did it, as git says.
#[derive(Debug, Default, Deserialize)]
pub struct GitPerson {
    pub name: Option<String>,
    pub email: Option<String>,
    pub date: Time,
}

/// How many lines a commit changes.
#[derive(Debug, Deserialize)]
pub struct Stats {
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
}

/// `diff-entry`.
#[derive(Debug, Deserialize)]
pub struct Diff {
    pub filename: String,
    pub previous_filename: Option<String>,
    /// `added`, `removed`, `modified`, `renamed`, `copied`, `changed` or `unchanged`.
    pub status: Option<String>,
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
    /// Absent for what is no text, and for what is too large.
    pub patch: Option<String>,
}

/// `commit-comparison`.
#[derive(Debug, Deserialize)]
pub struct Comparison {
    pub merge_base_commit: Option<Sha>,
    pub ahead_by: Option<u64>,
    pub behind_by: Option<u64>,
    pub total_commits: Option<u64>,
    /// 250 at most.
    pub commits: Vec<Box<RawValue>>,
    /// 300 at most.
    pub files: Option<Vec<Diff>>,
    pub html_url: Option<String>,
}
