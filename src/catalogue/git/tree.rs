//! Trees: what files there are.
//!
//! Invariant: a path is always that within the repository, never within the directory that was asked for.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{REPO, TREES};
use crate::catalogue::fields::{Cursor, FilePath, GitRef, PageSize, RepoRef};
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// One entry of a tree.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TreeEntry {
    /// The path within the repository.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// What it is.
    pub kind: EntryKind,
    /// Git's mode, such as `100644`, where the provider tells.
    pub mode: Option<String>,
    /// The hash of the blob, the tree, or the submodule's commit.
    pub sha: String,
    /// Bytes, of a file, where the provider tells.
    pub size: Option<u64>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// What an entry of a tree is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum EntryKind {
    /// A file.
    File,
    /// A directory.
    Directory,
    /// A symbolic link.
    Symlink,
    /// A commit of another repository.
    Submodule,
}

/// Input of `git.tree.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TreeListInput {
    pub repo: RepoRef,
    #[serde(rename = "ref")]
    pub reference: Option<GitRef>,
    /// The directory; default: the top.
    pub path: Option<FilePath>,
    /// With all that is in directories below; default: only the directory's own entries.
    #[serde(default)]
    pub recursive: bool,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.tree.list`
pub struct TreeList;

impl Op for TreeList {
    type Input = TreeListInput;
    type Output = Page<TreeEntry>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "git.tree.list",
        "/git/repos/{repo}/tree",
        "List the files and directories at a commit",
    )
    .carries(&[TREES, REPO])
    .cached(15, 600, 10)
    .common();
    fn resource(input: &TreeListInput) -> Resource {
        input.repo.resource()
    }
}

paged!(TreeListInput);
