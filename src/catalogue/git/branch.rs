//! Branches.
//!
//! Invariant: a branch names the commit that it points at.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::repo::REPO;
use crate::catalogue::fields::{Cursor, PageSize, RepoRef};
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;

/// The branches of a repository.
const BRANCHES: Topic = Topic::whole("branches");

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
