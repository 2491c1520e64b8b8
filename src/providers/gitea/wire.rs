//! Gitea's JSON, as far as it is used (REST, `/api/v1`, as of 1.26).
//!
//! Invariant: only what names a thing is required here. Gitea's description requires nothing, and Gitea writes an
//! absent object, time or list as null.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

/// `Repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    pub name: String,
    pub full_name: String,
    pub owner: User,
    #[serde(default)]
    pub private: bool,
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
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
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
    Directory(#[expect(dead_code, reason = "its shape tells a list from an entry")] Vec<IgnoredAny>),
    /// A file, symbolic link or submodule.
    Entry(PathContent),
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
    pub size: u64,
    /// Base64. Null where the file is larger than the server puts into JSON.
    pub content: Option<String>,
    pub html_url: Option<String>,
}

/// `Issue`.
#[derive(Debug, Deserialize)]
pub struct Issue {
    pub number: u64,
    pub title: String,
    pub state: State,
    /// Empty where there is none.
    pub body: Option<String>,
    pub labels: Option<Vec<Label>>,
    pub assignees: Option<Vec<User>>,
    pub user: Option<User>,
    pub comments: Option<u64>,
    pub html_url: Option<String>,
    pub created_at: Option<String>,
    pub updated_at: Option<String>,
    pub closed_at: Option<String>,
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
