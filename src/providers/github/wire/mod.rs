//! GitHub's JSON, as far as it is used (REST, API version 2022-11-28).
//!
//! Invariant: only what names a thing is required here, whatever the published description says.

mod board;
mod commit;
mod content;
mod error;
mod hook;
mod issue;
mod pull;
mod refs;
mod release;
mod repo;
mod review;
mod status;
mod tracker;

use serde::Deserialize;

pub use board::{
    Account, Board, BoardField, BoardItem, BoardOption, FieldChange, ItemPatch, NewDraft, NewItem, OnBoard,
};
pub use commit::{Commit, Comparison, Diff, GitPerson};
pub use content::{Content, DeleteContent, FileCommit, PathContent, PutContent, Tree, TreeEntry};
pub use error::{Error, Fault};
pub use hook::{Hook, LastResponse, NewHook, NewHookConfig};
pub use issue::{Assignees, Issue, IssuePatch, Label, NewIssue, State};
pub use pull::{End, Merge, MergeResult, NewPull, Pull, PullPatch};
pub use refs::{Branch, NewRef, NewTag, Object, Ref, Tag};
pub use release::{Asset, NewRelease, Release};
pub use repo::{NewFork, NewRepo, Repo, RepoName};
pub use review::{Comment, NewComment, NewReview, Review};
pub use status::{CombinedStatus, NewStatus, Status};
pub use tracker::{IssueComment, Labels, Milestone, NewLabel, NewMilestone, RepoLabel};

/// `simple-user`.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
    pub html_url: Option<String>,
}
