//! Issues and their labels.
//!
//! Invariant: as in [`super`].

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};

use super::User;
use crate::providers::http::Time;

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
    pub milestone: Option<InMilestone>,
    pub due_date: Time,
    pub is_locked: Option<bool>,
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

/// The milestone of an issue.
#[derive(Debug, Deserialize)]
pub struct InMilestone {
    pub id: i64,
    #[serde(default)]
    pub title: String,
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
    pub color: Option<String>,
    pub description: Option<String>,
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
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub assignees: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestone: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub due_date: Option<String>,
}
