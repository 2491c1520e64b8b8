//! A Git forge in memory, in no vendor's words: repositories with their history, pull requests and what surrounds them.
//!
//! The vendors' folders put their wire formats over it. What they see of it is named here; below, from the ground up:
//! object ids, trees, commits, the history of a repository, then what people do on it, and the whole forge.
//!
//! Invariant: no vendor is named here, and nothing here knows of HTTP.

mod acts;
mod commit;
mod created;
mod data;
mod diff;
mod history;
mod lines;
mod merge;
mod oid;
mod refused;
mod repo;
mod state;
mod tree;

pub(crate) use acts::commit::{CommitDraft, FileAction};
pub(crate) use acts::compare::Comparison;
pub(crate) use acts::file::FileWrite;
pub(crate) use acts::hook::HookDraft;
pub(crate) use acts::pull::{Mergeable, Merging, PullAt, PullDraft, PullEdit};
pub(crate) use acts::release::ReleaseDraft;
pub(crate) use acts::repos::{RepoDraft, RepoEdit};
pub(crate) use acts::tracker::IssueEdit;
pub(crate) use commit::{Commit, Signature};
pub(crate) use created::MAX_CREATED;
pub(crate) use data::branch::{Branch, is_name as is_ref_name};
pub(crate) use data::hook::Hook;
pub(crate) use data::issue::{Comment, Issue};
pub(crate) use data::label::{Label, Milestone, PLAIN};
pub(crate) use data::pull::Pull;
pub(crate) use data::release::Release;
pub(crate) use data::review::{LineComment, Review, ReviewState};
pub(crate) use data::status::Status;
pub(crate) use data::tag::{Annotation, Tag};
pub(crate) use diff::{ChangeKind, FileChange, changes};
pub(crate) use merge::MergeStyle;
pub(crate) use oid::{PATH, is_id, now, seconds, stable_id};
pub(crate) use refused::{Refused, What};
pub(crate) use repo::Repo;
pub(crate) use state::State;
pub(crate) use tree::{Blob, Entry, Snapshot};
