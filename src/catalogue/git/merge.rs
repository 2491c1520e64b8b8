//! Merging a pull request.
//!
//! Invariant: what is only scheduled is told as that.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{BRANCHES, COMMITS, FILES, PULL, PULLS, STATUSES, TREES};
use crate::catalogue::fields::{Markdown, Name, PullRef, Version};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// Input of `git.pr.merge`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullMergeInput {
    pub pr: PullRef,
    /// Default: the provider's, mostly `merge`. Not every provider lets the caller choose each.
    pub method: Option<MergeMethod>,
    /// The headline of the commit that it makes; default: the provider's.
    pub title: Option<Name>,
    /// The text below it; default: the provider's.
    pub message: Option<Markdown>,
    /// The commit that the head shall still be at; with another one, `precondition_failed`.
    pub if_match: Option<Version>,
    /// Takes the head's branch away afterwards; default: as the repository is set up.
    pub delete_branch: Option<bool>,
}

/// How a pull request is merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeMethod {
    /// By a commit with two parents.
    Merge,
    /// By one commit that holds all changes.
    Squash,
    /// By its commits anew, on top of the base.
    Rebase,
}

/// What became of a merge.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Merged {
    /// Whether it is done.
    pub outcome: MergeOutcome,
    /// The commit that the base is at by it, once it is done and where the provider tells.
    pub sha: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Whether a merge is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MergeOutcome {
    /// It is merged.
    Merged,
    /// The provider merges it once its rules are met.
    Scheduled,
}

impl<I> Output<I> for Merged {}

/// `git.pr.merge`
pub struct PullMerge;

impl Op for PullMerge {
    type Input = PullMergeInput;
    type Output = Merged;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.pr.merge", "/git/prs/{pr}/merge", "Merge a pull request")
            .invalidates(&[PULL, PULLS, BRANCHES, COMMITS, FILES, TREES, STATUSES]);
    fn resource(input: &PullMergeInput) -> Resource {
        input.pr.resource()
    }
}
