//! Gitea's JSON, as far as it is used (REST, `/api/v1`, as of 1.26; Forgejo's is the same here).
//!
//! Invariant: only what names a thing is required here. Gitea's description requires nothing, and Gitea writes an
//! absent object, time or list as null.

mod commit;
mod file;
mod hook;
mod issue;
mod pull;
mod release;
mod repo;
mod review;
mod status;
mod tracker;

pub use commit::{ChangedFile, Commit, CommitUser, Comparison, GitUser};
pub use file::{Content, DeletedFile, GitEntry, GitTree, NewFile, OldFile, PathContent, WrittenFile};
pub use hook::{Hook, HookConfig, NewHook};
pub use issue::{Issue, Label, NewIssue, State};
pub use pull::{Merge, NewPull, Pull, PullChange, PullEnd};
pub use release::{NewRelease, Release};
pub use repo::{Branch, NewBranch, NewFork, NewRepo, NewTag, Repo, Tag};
pub use review::{Comment, NewComment, NewReview, Review};
pub use status::{Combined, NewStatus, Status};
pub use tracker::{IssueComment, IssuePatch, LabelIds, Milestone, NewLabel, NewMilestone};

use serde::Deserialize;

/// `User`, also for organisations.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
    /// Empty where there is none.
    pub full_name: Option<String>,
    /// Empty, or none of theirs, where they hide it.
    pub email: Option<String>,
    pub html_url: Option<String>,
}

/// `ServerVersion`.
#[derive(Debug, Deserialize)]
pub struct Version {
    pub version: String,
}

/// `APIError`.
#[derive(Debug, Deserialize)]
pub struct Error {
    #[serde(default)]
    pub message: String,
}
