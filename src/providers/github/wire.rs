//! GitHub's JSON, as far as it is used (REST, API version 2022-11-28).
//!
//! Invariant: only what names a thing is required here, whatever the published description says.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use crate::catalogue::fields::Name;
use crate::providers::http::Time;

/// `full-repository`, `repository` and `minimal-repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    /// `owner/name`, which tells the name and the owner where they are not told.
    pub full_name: String,
    pub name: Option<String>,
    pub owner: Option<User>,
    pub private: Option<bool>,
    #[serde(default)]
    pub fork: bool,
    pub description: Option<String>,
    /// `public`, `internal` or `private`.
    pub visibility: Option<String>,
    pub default_branch: Option<String>,
    #[serde(default)]
    pub archived: bool,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `simple-user`.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
}

/// `short-branch`.
#[derive(Debug, Deserialize)]
pub struct Branch {
    pub name: String,
    pub commit: Commit,
    pub protected: Option<bool>,
}

/// The commit of a `short-branch`.
#[derive(Debug, Deserialize)]
pub struct Commit {
    pub sha: String,
}

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
}

/// `issue`.
#[derive(Debug, Deserialize)]
pub struct Issue {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    pub state: State,
    pub body: Option<String>,
    #[serde(default)]
    pub labels: Vec<Label>,
    pub assignees: Option<Vec<User>>,
    /// Null where the account is gone.
    pub user: Option<User>,
    pub comments: Option<u64>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
    /// The API URL of the repository; after a transfer not the one that was asked.
    pub repository_url: Option<String>,
    /// Present where the issue is a pull request.
    pub pull_request: Option<IgnoredAny>,
}

/// The state of an `issue`.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    Open,
    Closed,
}

/// A label of an `issue`: its name, or an object.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Label {
    Name(String),
    Object { name: Option<String> },
}

/// The body of `POST /repos/{owner}/{repo}/issues`.
#[derive(Debug, Serialize)]
pub struct NewIssue<'a> {
    pub title: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    #[serde(skip_serializing_if = "<[Name]>::is_empty")]
    pub labels: &'a [Name],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub assignees: &'a [String],
}

/// `basic-error`, `validation-error` and `validation-error-simple`.
#[derive(Debug, Default, Deserialize)]
pub struct Error {
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub errors: Vec<Fault>,
}

impl Error {
    /// Whether one of its faults has this code.
    pub fn says(&self, word: &str) -> bool {
        let is = |fault: &Fault| matches!(fault, Fault::Object { code: Some(code), .. } if code == word);
        self.errors.iter().any(is)
    }
}

/// One entry of `errors`: an object, or a sentence.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Fault {
    Object {
        #[serde(default)]
        field: Option<String>,
        #[serde(default)]
        code: Option<String>,
    },
    Sentence(IgnoredAny),
}
