//! Statuses of commits.
//!
//! Invariant: as in [`super`]. What a row calls `status`, a new one and the combined one call `state`.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::User;
use crate::providers::http::Time;

/// `CombinedStatus`. Its `state` is left alone: it is that of one page.
#[derive(Debug, Deserialize)]
pub struct Combined {
    /// Empty where nothing is said.
    pub sha: Option<String>,
    pub statuses: Option<Vec<Box<RawValue>>>,
}

/// `CommitStatus`.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub context: Option<String>,
    pub status: Option<String>,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub creator: Option<User>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `CreateStatusOption`.
#[derive(Debug, Serialize)]
pub struct NewStatus<'a> {
    pub state: &'static str,
    pub context: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_url: Option<&'a str>,
}
