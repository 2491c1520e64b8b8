//! Statuses of commits.
//!
//! Invariant: the state of them all means nothing where there are none.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use serde_with::skip_serializing_none;

use super::User;
use crate::providers::http::Time;

/// `status` and `simple-commit-status`.
#[derive(Debug, Deserialize)]
pub struct Status {
    /// Absent is `default`, as at the setting of one.
    pub context: Option<String>,
    /// `error`, `failure`, `pending` or `success`.
    #[serde(default)]
    pub state: String,
    pub description: Option<String>,
    pub target_url: Option<String>,
    /// Not told of one among all of a commit.
    pub creator: Option<User>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `combined-commit-status`.
#[derive(Debug, Deserialize)]
pub struct CombinedStatus {
    pub sha: Option<String>,
    /// `failure`, `pending` or `success`.
    #[serde(default)]
    pub state: String,
    pub statuses: Vec<Box<RawValue>>,
    pub total_count: Option<u64>,
}

/// The body of `POST /repos/{owner}/{repo}/statuses/{sha}`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewStatus<'a> {
    pub state: &'a str,
    pub context: &'a str,
    pub description: Option<&'a str>,
    pub target_url: Option<&'a str>,
}
