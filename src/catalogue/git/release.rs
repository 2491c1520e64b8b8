//! Releases.
//!
//! Invariant: a release is known by its tag; a draft's tag need not be there.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{COMMITS, FILES, RELEASES, REPO, STATUSES, TAGS, TREES};
use crate::catalogue::fields::{CommitRef, Cursor, Markdown, Name, PageSize, RepoRef, TagName};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A release.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Release {
    /// Its tag.
    pub tag: String,
    /// Its name for people.
    #[schemars(extend("x-column" = true))]
    pub name: Option<String>,
    /// What is in it, Markdown.
    pub body: Option<String>,
    /// Not published, where the provider knows drafts.
    pub draft: Option<bool>,
    /// Not for everybody, where the provider knows such.
    pub prerelease: Option<bool>,
    /// Who made it.
    pub author: Option<Person>,
    /// The commit that it is of, where the provider tells.
    pub sha: Option<String>,
    /// Files that were added to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assets: Vec<ReleaseAsset>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339; in the future where it is planned.
    #[schemars(extend("x-column" = true))]
    pub published_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Release {}

/// A file of a release.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReleaseAsset {
    /// Its name.
    pub name: String,
    /// Bytes, where the provider tells.
    pub size: Option<u64>,
    /// Where a browser gets it.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
}

/// Input of `git.release.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseListInput {
    pub repo: RepoRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.release.list`
pub struct ReleaseList;

impl Op for ReleaseList {
    type Input = ReleaseListInput;
    type Output = Page<Release>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.release.list",
        "/git/repos/{repo}/releases",
        "List releases, newest first",
    )
    .carries(&[RELEASES, REPO]);
    fn resource(input: &ReleaseListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(ReleaseListInput);

/// Input of `git.release.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReleaseCreateInput {
    pub repo: RepoRef,
    pub tag: TagName,
    /// What the tag shall point at where it is not there yet; default: the default branch.
    pub target: Option<CommitRef>,
    /// Its name for people; default: the tag.
    pub name: Option<Name>,
    /// What is in it.
    pub body: Option<Markdown>,
    /// Do not publish it yet; default: publish.
    pub draft: Option<bool>,
    /// Mark it as not for everybody; default: no.
    pub prerelease: Option<bool>,
}

/// `git.release.create`
pub struct ReleaseCreate;

impl Op for ReleaseCreate {
    type Input = ReleaseCreateInput;
    type Output = Release;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "git.release.create",
        "/git/repos/{repo}/releases",
        "Make a release of a tag",
    )
    .args(&["tag"])
    .invalidates(&[RELEASES, TAGS, COMMITS, FILES, TREES, STATUSES]);
    fn resource(input: &ReleaseCreateInput) -> Resource {
        input.repo.resource()
    }
}
