//! Gitea's JSON, as far as it is used (REST, `/api/v1`, as of 1.26).
//!
//! Invariant: only what names a thing is required here. Gitea's description requires nothing, and Gitea writes an
//! absent object, time or list as null.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::providers::http::Time;

/// `Repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    /// `owner/name`, which tells the name and the owner where they are not told.
    pub full_name: String,
    pub name: Option<String>,
    pub owner: Option<User>,
    pub private: Option<bool>,
    /// Of an owner who is not shown to everybody.
    #[serde(default)]
    pub internal: bool,
    #[serde(default)]
    pub fork: bool,
    #[serde(default)]
    pub archived: bool,
    /// Empty where there is none.
    pub description: Option<String>,
    /// Empty where the repository is.
    pub default_branch: Option<String>,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `User`, also for organisations.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
}

/// `Branch`.
#[derive(Debug, Deserialize)]
pub struct Branch {
    pub name: String,
    pub commit: Commit,
    pub protected: Option<bool>,
}

/// `PayloadCommit`.
#[derive(Debug, Deserialize)]
pub struct Commit {
    pub id: String,
}

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

/// `Issue`.
#[derive(Debug, Deserialize)]
pub struct Issue {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    pub state: State,
    /// Empty where there is none.
    pub body: Option<String>,
    pub labels: Option<Vec<Label>>,
    pub assignees: Option<Vec<User>>,
    pub user: Option<User>,
    pub comments: Option<u64>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
    /// After a transfer not the one that was asked.
    pub repository: Option<RepoMeta>,
    /// Not null where the issue is a pull request.
    pub pull_request: Option<IgnoredAny>,
}

/// The state of an `Issue`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    Closed,
}

/// `RepositoryMeta`.
#[derive(Debug, Deserialize)]
pub struct RepoMeta {
    pub full_name: Option<String>,
}

/// `Label`.
#[derive(Debug, Deserialize)]
pub struct Label {
    pub id: i64,
    pub name: String,
}

/// `CreateIssueOption`.
#[derive(Debug, Serialize)]
pub struct NewIssue<'a> {
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    /// Ids: here, and only here, Gitea takes no names.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<i64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub assignees: &'a [String],
}
