//! Pull requests.
//!
//! Invariant: as in [`super`].

use serde::{Deserialize, Serialize};

use super::User;
use super::issue::Label;
use super::repo::Repo;
use crate::providers::http::Time;

/// `PullRequest`.
#[derive(Debug, Deserialize)]
pub struct Pull {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    /// Empty where there is none.
    pub body: Option<String>,
    /// `open` or `closed`.
    pub state: Option<String>,
    #[serde(default)]
    pub merged: bool,
    /// Whether the title says so.
    pub draft: Option<bool>,
    pub user: Option<User>,
    pub head: Option<PullEnd>,
    pub base: Option<PullEnd>,
    /// False for a conflict, for a draft, and while it is not known yet.
    pub mergeable: Option<bool>,
    pub merge_commit_sha: Option<String>,
    pub merged_by: Option<User>,
    pub labels: Option<Vec<Label>>,
    pub assignees: Option<Vec<User>>,
    pub requested_reviewers: Option<Vec<User>>,
    pub changed_files: Option<u64>,
    pub additions: Option<u64>,
    pub deletions: Option<u64>,
    pub comments: Option<u64>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub merged_at: Time,
    pub closed_at: Time,
}

/// `PRBranchInfo`.
#[derive(Debug, Default, Deserialize)]
pub struct PullEnd {
    /// The branch; `refs/pull/N/head` where it is gone.
    #[serde(rename = "ref")]
    pub reference: Option<String>,
    /// The branch, also when it is gone.
    pub label: Option<String>,
    pub sha: Option<String>,
    /// Null where it is gone.
    pub repo: Option<Repo>,
}

/// `CreatePullRequestOption`.
#[derive(Debug, Serialize)]
pub struct NewPull<'a> {
    pub title: &'a str,
    pub head: &'a str,
    pub base: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
}

/// `EditPullRequestOption`.
#[derive(Debug, Serialize)]
pub struct PullChange<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub base: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state: Option<&'static str>,
}

/// `MergePullRequestOption`, by the names that releases before 1.26 know; later ones know them too.
#[derive(Debug, Serialize)]
pub struct Merge<'a> {
    #[serde(rename = "Do")]
    pub how: &'a str,
    #[serde(rename = "MergeTitleField", skip_serializing_if = "Option::is_none")]
    pub title: Option<&'a str>,
    #[serde(rename = "MergeMessageField", skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub head_commit_id: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delete_branch_after_merge: Option<bool>,
}
