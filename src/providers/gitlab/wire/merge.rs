//! Merge requests, and what is said of them.
//!
//! Invariant: a merge request is known by its `iid`, its number within the project; its `id` is never used.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::User;
use crate::providers::http::Time;

/// A merge request, whole or in a list.
#[derive(Debug, Deserialize)]
pub struct MergeRequest {
    pub iid: u64,
    #[serde(default)]
    pub title: String,
    pub description: Option<String>,
    /// `opened`, `closed`, `merged`, or `locked` while it is being merged.
    #[serde(default)]
    pub state: String,
    pub draft: Option<bool>,
    /// As older releases call a draft.
    pub work_in_progress: Option<bool>,
    pub author: Option<User>,
    pub source_branch: Option<String>,
    pub target_branch: Option<String>,
    /// Null where the fork is gone.
    pub source_project_id: Option<u64>,
    pub target_project_id: Option<u64>,
    /// The source's newest commit.
    pub sha: Option<String>,
    /// Since 15.6.
    pub detailed_merge_status: Option<String>,
    pub merge_status: Option<String>,
    /// Why the last try to merge it failed.
    pub merge_error: Option<String>,
    /// Null before the merge, and after one that was a fast forward.
    pub merge_commit_sha: Option<String>,
    pub squash_commit_sha: Option<String>,
    pub merge_user: Option<User>,
    /// As older releases call it.
    pub merged_by: Option<User>,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub assignees: Vec<User>,
    #[serde(default)]
    pub reviewers: Vec<User>,
    pub user_notes_count: Option<u64>,
    /// A text: `1000+` where there are more than are counted.
    pub changes_count: Option<String>,
    pub references: Option<References>,
    pub web_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub merged_at: Time,
    pub closed_at: Time,
}

/// How a merge request is written elsewhere.
#[derive(Debug, Deserialize)]
pub struct References {
    /// `group/project!7`.
    pub full: Option<String>,
}

/// A merge request to be opened.
#[derive(Debug, Serialize)]
pub struct NewMergeRequest<'a> {
    pub title: &'a str,
    pub source_branch: &'a str,
    pub target_branch: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_project_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
}

/// What shall be another of a merge request.
#[derive(Debug, Serialize)]
pub struct Change<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub state_event: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_branch: Option<&'a str>,
}

/// How a merge request shall be merged.
#[derive(Debug, Serialize)]
pub struct Merge<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub squash: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub merge_commit_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub squash_commit_message: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub should_remove_source_branch: Option<bool>,
}

/// Who has approved.
#[derive(Debug, Deserialize)]
pub struct Approvals {
    #[serde(default)]
    pub approved_by: Vec<Box<RawValue>>,
    /// Whether our credential's user has.
    pub user_has_approved: Option<bool>,
    /// Whether our credential's user may.
    pub user_can_approve: Option<bool>,
}

/// That somebody has approved.
#[derive(Debug, Deserialize)]
pub struct Approval {
    pub user: User,
    /// Newer releases tell it.
    pub approved_at: Time,
}

/// An approval to be given.
#[derive(Debug, Serialize)]
pub struct Approve<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sha: Option<&'a str>,
}

/// Somebody who was asked for a review.
#[derive(Debug, Deserialize)]
pub struct Reviewer {
    pub user: User,
    /// `unreviewed`, `review_started`, `reviewed`, `requested_changes`, `approved` or `unapproved`.
    #[serde(default)]
    pub state: String,
}

/// A comment, or a line of the history.
#[derive(Debug, Deserialize)]
pub struct Note {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub author: Option<User>,
    /// A line of the history.
    #[serde(default)]
    pub system: bool,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A comment to be made.
#[derive(Debug, Serialize)]
pub struct NewNote {
    pub body: String,
}
