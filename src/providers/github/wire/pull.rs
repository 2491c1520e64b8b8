//! Pull requests.
//!
//! Invariant: `merge_commit_sha` is a trial until `merged_at` says otherwise.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::issue::Label;
use super::{RepoName, User};
use crate::providers::http::Time;

/// `pull-request` and `pull-request-simple`.
#[derive(Debug, Deserialize)]
pub struct Pull {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    pub body: Option<String>,
    /// `open` or `closed`, also where it was merged.
    #[serde(default)]
    pub state: String,
    pub draft: Option<bool>,
    pub user: Option<User>,
    pub head: Option<End>,
    pub base: Option<End>,
    /// Null until a job has found out.
    pub mergeable: Option<bool>,
    /// One pull request only.
    pub mergeable_state: Option<String>,
    /// Gone in later versions.
    pub merge_commit_sha: Option<String>,
    pub merged: Option<bool>,
    pub merged_by: Option<User>,
    #[serde(default)]
    pub labels: Vec<Label>,
    #[serde(default)]
    pub assignees: Vec<User>,
    #[serde(default)]
    pub requested_reviewers: Vec<User>,
    pub commits: Option<u64>,
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

/// One end of a pull request.
#[derive(Debug, Default, Deserialize)]
pub struct End {
    #[serde(rename = "ref")]
    pub branch: Option<String>,
    pub sha: Option<String>,
    /// Null where the fork is gone.
    pub repo: Option<RepoName>,
}

/// The body of `POST /repos/{owner}/{repo}/pulls`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewPull<'a> {
    pub title: &'a str,
    /// `branch`, or `owner:branch` of a fork.
    pub head: &'a str,
    /// Where the fork has the same owner.
    pub head_repo: Option<&'a str>,
    pub base: &'a str,
    pub body: Option<&'a str>,
    pub draft: Option<bool>,
}

/// The body of `PATCH /repos/{owner}/{repo}/pulls/{pull_number}`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct PullPatch<'a> {
    pub title: Option<&'a str>,
    pub body: Option<&'a str>,
    pub state: Option<&'a str>,
    pub base: Option<&'a str>,
}

/// The body of `PUT /repos/{owner}/{repo}/pulls/{pull_number}/merge`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct Merge<'a> {
    pub commit_title: Option<&'a str>,
    pub commit_message: Option<&'a str>,
    /// What the head must still be at.
    pub sha: Option<&'a str>,
    pub merge_method: Option<&'a str>,
}

/// `pull-request-merge-result`.
#[derive(Debug, Deserialize)]
pub struct MergeResult {
    pub sha: Option<String>,
    pub merged: Option<bool>,
}
