//! Commits and what they change.
//!
//! Invariant: as in [`super`].

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::providers::http::Time;

/// `Commit`.
#[derive(Debug, Deserialize)]
pub struct Commit {
    pub sha: String,
    /// What git knows.
    pub commit: Option<GitCommit>,
    /// The account, where the address is one's.
    pub author: Option<GitUser>,
    pub committer: Option<GitUser>,
    pub parents: Option<Vec<Parent>>,
    pub stats: Option<Stats>,
    pub files: Option<Vec<AffectedFile>>,
    pub html_url: Option<String>,
}

/// `User`, where nobody may be meant.
#[derive(Debug, Deserialize)]
pub struct GitUser {
    pub login: Option<String>,
    pub html_url: Option<String>,
}

/// `RepoCommit`.
#[derive(Debug, Deserialize)]
pub struct GitCommit {
    #[serde(default)]
    pub message: String,
    pub author: Option<CommitUser>,
    pub committer: Option<CommitUser>,
}

/// `CommitUser`.
#[derive(Debug, Deserialize)]
pub struct CommitUser {
    pub name: Option<String>,
    pub email: Option<String>,
    pub date: Time,
}

/// `CommitMeta`.
#[derive(Debug, Deserialize)]
pub struct Parent {
    pub sha: String,
}

/// `CommitStats`.
#[derive(Debug, Deserialize)]
pub struct Stats {
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
}

/// `CommitAffectedFiles`.
#[derive(Debug, Deserialize)]
pub struct AffectedFile {
    pub filename: String,
    pub status: Option<String>,
}

/// `Compare`.
#[derive(Debug, Deserialize)]
pub struct Comparison {
    pub commits: Option<Vec<Box<RawValue>>>,
    pub total_commits: Option<u64>,
}

/// `ChangedFile`.
#[derive(Debug, Deserialize)]
pub struct ChangedFile {
    pub filename: String,
    pub previous_filename: Option<String>,
    /// `added`, `changed`, `deleted`, `renamed`, `copied` and others.
    pub status: Option<String>,
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
}
