//! Pull requests, which some call merge requests.
//!
//! Invariant: one that is merged is `merged` and never only `closed`, and a merge that is only planned never says that it
//! is done.

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::commit::FileChange;
use super::topics::{PULL, PULLS, REPO};
use crate::catalogue::fields::{BranchName, Cursor, Markdown, Name, PageSize, PullRef, RepoRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A pull request.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Pull {
    /// The neutral id, e.g. `forge-a~acme/api#7`.
    pub id: String,
    /// The number within the repository.
    pub number: u64,
    /// The headline, without a mark of drafts.
    pub title: String,
    /// The text, Markdown.
    pub body: Option<String>,
    /// Where it stands.
    pub state: PullState,
    /// Where it stands, in the provider's own word.
    pub raw_state: String,
    /// Not yet meant to be merged, where the provider knows drafts.
    pub draft: Option<bool>,
    /// Who opened it.
    #[schemars(extend("x-column" = true))]
    pub author: Option<Person>,
    /// What shall be merged.
    #[schemars(extend("x-column" = {"head": "/branch"}))]
    pub head: PullEnd,
    /// What it shall be merged into.
    #[schemars(extend("x-column" = {"base": "/branch"}))]
    pub base: PullEnd,
    /// Whether it can be merged; absent once it is closed, and where a list does not tell.
    pub mergeable: Option<Mergeable>,
    /// The same in the provider's own word, where it has one.
    pub raw_mergeable: Option<String>,
    /// The commit that the merge made, once it is merged.
    pub merge_sha: Option<String>,
    /// Who merged it.
    pub merged_by: Option<Person>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Who shall see to it.
    pub assignees: Vec<Person>,
    /// Who is asked to review it.
    pub reviewers: Vec<Person>,
    /// How many commits it has, where the answer tells.
    pub commits: Option<u64>,
    /// How many files it changes, where the answer tells.
    pub changed_files: Option<u64>,
    /// Lines added, where the answer tells.
    pub additions: Option<u64>,
    /// Lines removed, where the answer tells.
    pub deletions: Option<u64>,
    /// How many comments it has, where the answer tells.
    pub comments: Option<u64>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// RFC 3339.
    pub merged_at: Option<String>,
    /// RFC 3339.
    pub closed_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// One end of a pull request.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PullEnd {
    /// The repository's path; absent where it is gone, or the provider does not tell.
    pub repo: Option<String>,
    /// The branch; absent where it is gone.
    pub branch: Option<String>,
    /// The commit that the branch points at, where the provider tells.
    pub sha: Option<String>,
}

/// Where a pull request stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullState {
    /// It waits to be merged or closed.
    Open,
    /// It was closed and not merged.
    Closed,
    /// It was merged.
    Merged,
}

/// Whether a pull request can be merged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Mergeable {
    /// It can.
    Yes,
    /// Its changes and its base's contradict each other.
    Conflict,
    /// Rules are not met: a review, a run, a discussion; or it is a draft.
    Blocked,
    /// The provider has not found out yet, or does not tell why it cannot.
    Unknown,
}

impl<I> Output<I> for Pull {
    fn tags(&self) -> Vec<Tag> {
        vec![PULL.tag_of_id(&self.id)]
    }
}

/// Which pull requests a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullFilter {
    /// Open ones.
    #[default]
    Open,
    /// Those that were closed and not merged.
    Closed,
    /// Merged ones.
    Merged,
    /// All of them.
    All,
}

impl PullFilter {
    /// Whether one in this state is asked for.
    pub fn admits(self, state: PullState) -> bool {
        match self {
            PullFilter::Open => state == PullState::Open,
            PullFilter::Closed => state == PullState::Closed,
            PullFilter::Merged => state == PullState::Merged,
            PullFilter::All => true,
        }
    }
}

/// Input of `git.pr.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullListInput {
    pub repo: RepoRef,
    /// Default: open. A page may hold fewer rows where the provider cannot tell merged from closed.
    #[serde(default)]
    pub state: PullFilter,
    /// Only those of this branch of the repository; `owner:branch` for one of a fork.
    pub head: Option<BranchName>,
    /// Only those into this branch.
    pub base: Option<BranchName>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.pr.list`
pub struct PullList;

impl Op for PullList {
    type Input = PullListInput;
    type Output = Page<Pull>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.pr.list",
        "/git/repos/{repo}/prs",
        "List pull requests, newest first",
    )
    .carries(&[PULLS, REPO])
    .cached(10, 300, 5)
    .common();
    fn resource(input: &PullListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(PullListInput);

/// Input of `git.pr.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullGetInput {
    pub pr: PullRef,
}

/// `git.pr.get`
pub struct PullGet;

impl Op for PullGet {
    type Input = PullGetInput;
    type Output = Pull;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.pr.get", "/git/prs/{pr}", "Get a pull request")
            .carries(&[PULL, PULLS])
            .cached(5, 300, 5)
            .common();
    fn resource(input: &PullGetInput) -> Resource {
        input.pr.resource()
    }
}

/// Input of `git.pr.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullCreateInput {
    pub repo: RepoRef,
    /// The headline.
    pub title: Name,
    /// The branch that shall be merged.
    pub head: BranchName,
    /// The path of the fork that `head` is in; default: the repository itself.
    pub head_repo: Option<Name>,
    /// The branch that it shall be merged into; default: the default branch.
    pub base: Option<BranchName>,
    /// The text.
    pub body: Option<Markdown>,
    /// Not yet meant to be merged; default: it is.
    pub draft: Option<bool>,
}

/// `git.pr.create`
pub struct PullCreate;

impl Op for PullCreate {
    type Input = PullCreateInput;
    type Output = Pull;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.pr.create", "/git/repos/{repo}/prs", "Open a pull request")
            .args(&["title", "head"])
            .invalidates(&[PULLS])
            .common();
    fn resource(input: &PullCreateInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.pr.update`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullUpdateInput {
    pub pr: PullRef,
    /// A new headline.
    pub title: Option<Name>,
    /// A new text.
    pub body: Option<Markdown>,
    /// Closes it, or opens it again.
    pub state: Option<PullChange>,
    /// Another branch that it shall be merged into.
    pub base: Option<BranchName>,
    /// Makes it a draft, or ready.
    pub draft: Option<bool>,
}

/// What a pull request's state can be changed to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PullChange {
    /// It is opened again.
    Open,
    /// It is closed and not merged.
    Closed,
}

/// `git.pr.update`
pub struct PullUpdate;

impl Op for PullUpdate {
    type Input = PullUpdateInput;
    type Output = Pull;
    const DECLARATION: &'static Declaration =
        &Declaration::patch::<Self>("git.pr.update", "/git/prs/{pr}", "Change a pull request")
            .invalidates(&[PULL, PULLS]);
    fn resource(input: &PullUpdateInput) -> Resource {
        input.pr.resource()
    }
    fn check(input: &PullUpdateInput) -> Result<(), Failure> {
        let PullUpdateInput {
            pr: _,
            title,
            body,
            state,
            base,
            draft,
        } = input;
        let given = [
            title.is_some(),
            body.is_some(),
            state.is_some(),
            base.is_some(),
            draft.is_some(),
        ];
        match given.contains(&true) {
            true => Ok(()),
            false => Err(Failure::invalid(
                "title",
                "give at least one of title, body, state, base, draft",
            )),
        }
    }
}

/// Input of `git.pr.files`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PullFilesInput {
    pub pr: PullRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.pr.files`
pub struct PullFiles;

impl Op for PullFiles {
    type Input = PullFilesInput;
    type Output = Page<FileChange>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.pr.files",
        "/git/prs/{pr}/files",
        "List what a pull request changes",
    )
    .carries(&[PULL, PULLS])
    .cached(10, 300, 5)
    .common();
    fn resource(input: &PullFilesInput) -> Resource {
        input.pr.resource()
    }
}

paged!(PullFilesInput);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_update_changes_something() {
        let nothing = PullUpdateInput {
            pr: "acme/api#7".into(),
            ..PullUpdateInput::default()
        };
        assert_eq!(PullUpdate::check(&nothing).unwrap_err().field.as_deref(), Some("title"));
        let draft = PullUpdateInput {
            draft: Some(false),
            ..nothing
        };
        assert!(PullUpdate::check(&draft).is_ok());
    }
}
