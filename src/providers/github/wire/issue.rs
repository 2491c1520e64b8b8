//! Issues.
//!
//! Invariant: an issue without `pull_request` is no pull request.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::catalogue::fields::Name;
use crate::providers::http::Time;

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
    /// Why it was closed, or opened again.
    pub state_reason: Option<String>,
    pub milestone: Option<InMilestone>,
    pub locked: Option<bool>,
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

/// The milestone of an issue.
#[derive(Debug, Deserialize)]
pub struct InMilestone {
    pub number: i64,
    #[serde(default)]
    pub title: String,
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
    #[serde(skip_serializing_if = "<[&str]>::is_empty")]
    pub assignees: &'a [&'a str],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub milestone: Option<u64>,
}

/// The body of `PATCH /repos/{owner}/{repo}/issues/{issue_number}`.
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
pub struct IssuePatch<'a> {
    pub title: Option<&'a str>,
    pub body: Option<&'a str>,
    pub state: Option<&'a str>,
    pub state_reason: Option<&'a str>,
    /// Null takes it away.
    pub milestone: Option<Option<u64>>,
}

/// The body of what adds people to an issue, and of what takes them away.
#[derive(Debug, Serialize)]
pub struct Assignees<'a> {
    pub assignees: &'a [String],
}
