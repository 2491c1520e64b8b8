//! Tags.
//!
//! Invariant: a tag names the commit that it leads to, also where an object with a message stands between.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{REPO, TAG_MOVES, TAGS};
use crate::catalogue::fields::{CommitRef, Cursor, Markdown, PageSize, RepoRef, TagName};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A tag.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Tag {
    /// Its name.
    pub name: String,
    /// The commit that it leads to.
    pub sha: String,
    /// Its message; absent where it has none, and where the provider does not tell.
    pub message: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Tag {}

/// Input of `git.tag.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagListInput {
    pub repo: RepoRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.tag.list`
pub struct TagList;

impl Op for TagList {
    type Input = TagListInput;
    type Output = Page<Tag>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.tag.list", "/git/repos/{repo}/tags", "List a repository's tags")
            .carries(&[TAGS, REPO]);
    fn resource(input: &TagListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(TagListInput);

/// Input of `git.tag.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TagCreateInput {
    pub repo: RepoRef,
    pub tag: TagName,
    /// What it points at: a commit, a branch or a tag; default: the default branch.
    pub target: Option<CommitRef>,
    /// Makes it an annotated tag with this message; default: a lightweight one.
    pub message: Option<Markdown>,
}

/// `git.tag.create`
pub struct TagCreate;

impl Op for TagCreate {
    type Input = TagCreateInput;
    type Output = Tag;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.tag.create", "/git/repos/{repo}/tags", "Create a tag")
            .args(&["tag"])
            .invalidates(TAG_MOVES);
    fn resource(input: &TagCreateInput) -> Resource {
        input.repo.resource()
    }
}
