//! Branches.
//!
//! Invariant: a branch names the commit that it points at.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{BRANCHES, REF_MOVES, REPO};
use crate::catalogue::fields::{BranchName, CommitRef, Cursor, PageSize, RepoRef};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A branch.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// The commit that it points at.
    pub sha: String,
    /// Whether rules protect it, where the provider tells.
    pub protected: Option<bool>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Branch {}

/// Input of `git.branch.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchListInput {
    pub repo: RepoRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.branch.list`
pub struct BranchList;

impl Op for BranchList {
    type Input = BranchListInput;
    type Output = Page<Branch>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.branch.list",
        "/git/repos/{repo}/branches",
        "List a repository's branches",
    )
    .carries(&[BRANCHES, REPO])
    .cached(15, 600, 10);
    fn resource(input: &BranchListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(BranchListInput);

/// Input of `git.branch.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchCreateInput {
    pub repo: RepoRef,
    pub branch: BranchName,
    /// Where it begins: a commit, a branch or a tag; default: the default branch.
    pub from: Option<CommitRef>,
}

/// `git.branch.create`
pub struct BranchCreate;

impl Op for BranchCreate {
    type Input = BranchCreateInput;
    type Output = Branch;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.branch.create", "/git/repos/{repo}/branches", "Create a branch")
            .args(&["branch"])
            .invalidates(REF_MOVES)
            .common();
    fn resource(input: &BranchCreateInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.branch.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchDeleteInput {
    pub repo: RepoRef,
    pub branch: BranchName,
}

/// `git.branch.delete`
pub struct BranchDelete;

impl Op for BranchDelete {
    type Input = BranchDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration = &Declaration::delete::<Self>(
        "git.branch.delete",
        "/git/repos/{repo}/branches/{branch}",
        "Delete a branch",
    )
    .invalidates(REF_MOVES);
    fn resource(input: &BranchDeleteInput) -> Resource {
        input.repo.resource()
    }
}
