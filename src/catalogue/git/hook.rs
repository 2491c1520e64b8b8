//! Hooks: whom a repository tells of what happens in it.
//!
//! Invariant: a hook's secret goes in and never comes out.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{HOOKS, REPO};
use crate::catalogue::confidential::Confidential;
use crate::catalogue::fields::{Cursor, HookRef, PageSize, RepoRef, WebUrl};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A hook.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Hook {
    /// The neutral id, e.g. `forge-a~acme/api#12`.
    pub id: String,
    /// Whom it tells.
    pub url: Link,
    /// Of what it tells, as far as there is a common word.
    pub events: Vec<HookEvent>,
    /// Of what it tells, in the provider's own words.
    pub raw_events: Vec<String>,
    /// Whether it tells at all.
    pub active: bool,
    /// What is wrong with it, where the provider tells: it has failed lately, or was switched off for that.
    pub alert: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Hook {}

/// What a hook can tell of.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum HookEvent {
    /// Commits have come to a branch.
    Push,
    /// A tag has come or gone.
    Tag,
    /// A pull request has come or changed.
    Pull,
    /// A pull request was reviewed.
    Review,
    /// An issue has come or changed.
    Issue,
    /// Somebody has commented.
    Comment,
    /// A release has come or changed.
    Release,
    /// A run of a pipeline has moved on.
    Run,
}

/// Input of `git.hook.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookListInput {
    pub repo: RepoRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.hook.list`
pub struct HookList;

impl Op for HookList {
    type Input = HookListInput;
    type Output = Page<Hook>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.hook.list", "/git/repos/{repo}/hooks", "List a repository's hooks")
            .carries(&[HOOKS, REPO]);
    fn resource(input: &HookListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(HookListInput);

/// Input of `git.hook.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookCreateInput {
    pub repo: RepoRef,
    /// Whom it shall tell.
    pub url: WebUrl,
    /// Of what it shall tell. Not every provider can tell of each.
    pub events: Vec<HookEvent>,
    /// What its deliveries are signed with, or bring along.
    pub secret: Option<Confidential>,
}

/// `git.hook.create`
pub struct HookCreate;

impl Op for HookCreate {
    type Input = HookCreateInput;
    type Output = Hook;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.hook.create", "/git/repos/{repo}/hooks", "Create a hook")
            .args(&["url"])
            .invalidates(&[HOOKS]);
    fn resource(input: &HookCreateInput) -> Resource {
        input.repo.resource()
    }
    fn check(input: &HookCreateInput) -> Result<(), Failure> {
        /// As many as there are, twice.
        const MOST: usize = 16;
        match input.events.len() {
            0 => Err(Failure::invalid("events", "events must name at least one event")),
            1..=MOST => Ok(()),
            _ => Err(Failure::invalid("events", format!("at most {MOST} events"))),
        }
    }
}

/// Input of `git.hook.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct HookDeleteInput {
    pub hook: HookRef,
}

/// `git.hook.delete`
pub struct HookDelete;

impl Op for HookDelete {
    type Input = HookDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration =
        &Declaration::delete::<Self>("git.hook.delete", "/git/hooks/{hook}", "Delete a hook").invalidates(&[HOOKS]);
    fn resource(input: &HookDeleteInput) -> Resource {
        input.hook.resource()
    }
}
