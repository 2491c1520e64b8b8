//! Reviews and comments.
//!
//! Invariant: as in [`super`].

use serde::{Deserialize, Serialize};

use super::User;
use crate::providers::http::Time;

/// `PullReview`.
#[derive(Debug, Deserialize)]
pub struct Review {
    pub id: Option<u64>,
    /// `APPROVED`, `REQUEST_CHANGES`, `COMMENT`, `PENDING`, or `REQUEST_REVIEW`, which is no review.
    pub state: Option<String>,
    /// Somebody has taken it back.
    #[serde(default)]
    pub dismissed: bool,
    pub user: Option<User>,
    pub body: Option<String>,
    pub commit_id: Option<String>,
    pub html_url: Option<String>,
    pub submitted_at: Time,
}

/// `CreatePullReviewOptions`.
#[derive(Debug, Serialize)]
pub struct NewReview<'a> {
    pub event: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub commit_id: Option<&'a str>,
}

/// `Comment`.
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

/// `CreateIssueCommentOption`.
#[derive(Debug, Serialize)]
pub struct NewComment<'a> {
    pub body: &'a str,
}
