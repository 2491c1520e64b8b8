//! What is said of pull requests.
//!
//! Invariant: a comment's number is unique at its server, not in its pull request.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::providers::http::Time;

/// `pull-request-review`.
#[derive(Debug, Deserialize)]
pub struct Review {
    pub id: Option<u64>,
    /// `APPROVED`, `CHANGES_REQUESTED`, `COMMENTED`, `PENDING` or `DISMISSED`.
    #[serde(default)]
    pub state: String,
    pub user: Option<User>,
    pub body: Option<String>,
    pub commit_id: Option<String>,
    pub html_url: Option<String>,
    pub submitted_at: Time,
}

/// The body of `POST /repos/{owner}/{repo}/pulls/{pull_number}/reviews`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewReview<'a> {
    pub event: &'a str,
    pub body: Option<&'a str>,
    pub commit_id: Option<&'a str>,
}

/// `issue-comment`.
#[derive(Debug, Deserialize)]
pub struct Comment {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub user: Option<User>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The body of `POST /repos/{owner}/{repo}/issues/{issue_number}/comments`.
#[derive(Debug, Serialize)]
pub struct NewComment<'a> {
    pub body: &'a str,
}
