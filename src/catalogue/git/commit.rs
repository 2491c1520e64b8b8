//! Commits, and what they change.
//!
//! Invariant: a commit is named by its whole hash, and a list of changes that is not whole says so.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{COMMITS, REPO};
use crate::catalogue::fields::{CommitRef, Cursor, FilePath, GitRef, Moment, PageSize, RepoRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A commit.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Commit {
    /// Its whole hash.
    pub sha: String,
    /// The whole message, without the line break that Git ends it with.
    pub message: String,
    /// Who wrote the change.
    #[schemars(extend("x-column" = true))]
    pub author: Option<Person>,
    /// RFC 3339.
    #[schemars(extend("x-column" = true))]
    pub authored_at: Option<String>,
    /// Who made the commit.
    pub committer: Option<Person>,
    /// RFC 3339.
    pub committed_at: Option<String>,
    /// The hashes of the commits that it follows.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parents: Vec<String>,
    /// Lines added, where the answer tells.
    pub additions: Option<u64>,
    /// Lines removed, where the answer tells.
    pub deletions: Option<u64>,
    /// What it changes: `git.commit.get` tells, a list does not.
    pub files: Option<Vec<FileChange>>,
    /// `files` does not hold all of them.
    pub files_incomplete: Option<bool>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Commit {}

/// What happened to one file.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FileChange {
    /// The path after the change; of a removed file, the one that it had.
    pub path: String,
    /// The path before, where it is another.
    pub previous_path: Option<String>,
    /// What happened.
    pub change: Change,
    /// What happened, in the provider's own word, where it has one.
    pub raw_change: Option<String>,
    /// Lines added, where the provider tells.
    pub additions: Option<u64>,
    /// Lines removed, where the provider tells.
    pub deletions: Option<u64>,
    /// The unified diff; absent for what is no text, for what is too large, and where the provider gives none.
    pub patch: Option<String>,
}

/// What happened to a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// It came.
    Added,
    /// Its content or its mode is another; also where the provider's word is one that is not known here.
    Modified,
    /// It went.
    Removed,
    /// It has another path.
    Renamed,
    /// It came as a copy of another.
    Copied,
}

/// Input of `git.commit.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitListInput {
    pub repo: RepoRef,
    /// Where to begin: a branch, a tag or a commit; default: the default branch.
    #[serde(rename = "ref")]
    pub reference: Option<GitRef>,
    /// Only commits that change this file, or something in this directory.
    pub path: Option<FilePath>,
    /// Only commits from then on.
    pub since: Option<Moment>,
    /// Only commits until then.
    pub until: Option<Moment>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.commit.list`
pub struct CommitList;

impl Op for CommitList {
    type Input = CommitListInput;
    type Output = Page<Commit>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.commit.list",
        "/git/repos/{repo}/commits",
        "List commits, newest first",
    )
    .carries(&[COMMITS, REPO])
    .cached(15, 600, 10);
    fn resource(input: &CommitListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(CommitListInput);

/// Input of `git.commit.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CommitGetInput {
    pub repo: RepoRef,
    pub commit: CommitRef,
}

/// `git.commit.get`
pub struct CommitGet;

impl Op for CommitGet {
    type Input = CommitGetInput;
    type Output = Commit;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.commit.get",
        "/git/repos/{repo}/commits/{commit}",
        "Get a commit and what it changes",
    )
    .carries(&[COMMITS, REPO]);
    fn resource(input: &CommitGetInput) -> Resource {
        input.repo.resource()
    }
}

/// What lies between two commits.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Comparison {
    /// Where it begins, as asked.
    pub base: String,
    /// Where it ends, as asked.
    pub head: String,
    /// The newest commit that both follow, where the provider tells.
    pub merge_base: Option<String>,
    /// How many commits `head` has that `base` has not, where it is known.
    pub ahead_by: Option<u64>,
    /// How many commits `base` has that `head` has not, where the provider tells.
    pub behind_by: Option<u64>,
    /// The commits that `head` has and `base` has not, the oldest first.
    pub commits: Vec<Commit>,
    /// What changes from their merge base to `head`; absent where the provider does not tell.
    pub files: Option<Vec<FileChange>>,
    /// Commits or files are left out: there are more than the provider gives.
    pub incomplete: bool,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Comparison {}

/// Input of `git.compare`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CompareInput {
    pub repo: RepoRef,
    /// Where to begin.
    pub base: CommitRef,
    /// Where to end.
    pub head: CommitRef,
}

/// `git.compare`
pub struct Compare;

impl Op for Compare {
    type Input = CompareInput;
    type Output = Comparison;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.compare",
        "/git/repos/{repo}/compare",
        "Compare two commits, branches or tags",
    )
    .args(&["base", "head"])
    .carries(&[COMMITS, REPO]);
    fn resource(input: &CompareInput) -> Resource {
        input.repo.resource()
    }
}
