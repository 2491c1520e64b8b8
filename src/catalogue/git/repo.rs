//! Repositories.
//!
//! Invariant: a repository's path is its name in inputs and in outputs alike.

use mosaic_actors::call::{Resource, Tag};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::catalogue::fields::{Cursor, OwnerRef, PageSize, RepoRef};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::tags::Topic;

/// One repository.
pub(super) const REPO: Topic = Topic::whole("repo");
/// The repositories of an owner.
const REPOS: Topic = Topic::whole("repos");
const REPOS_OF_OWNER: Topic = Topic::owner("repos");

/// A repository.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Repo {
    /// The neutral id, `instance~owner/name`.
    pub id: String,
    /// The short name.
    pub name: String,
    /// The full path, `owner/name`.
    pub path: String,
    /// The owner: a user, an organisation or a group.
    pub owner: String,
    /// What it is.
    pub description: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The branch that a clone checks out.
    pub default_branch: Option<String>,
    /// Read only.
    pub archived: bool,
    /// Made from another one.
    pub fork: bool,
    /// Its page for people.
    pub web_url: Option<String>,
    /// Where `git clone` fetches it over HTTPS.
    pub clone_url: Option<String>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Who may see a repository.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Visibility {
    /// Everybody.
    Public,
    /// Everybody with an account at the provider.
    Internal,
    /// Members.
    Private,
}

impl<I> Output<I> for Repo {
    fn tags(&self) -> Vec<Tag> {
        vec![REPO.tag(&self.path)]
    }
}

/// Input of `git.repo.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoGetInput {
    pub repo: RepoRef,
}

/// `git.repo.get`
pub struct RepoGet;

impl Op for RepoGet {
    type Input = RepoGetInput;
    type Output = Repo;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.repo.get", "/git/repos/{repo}", "Get a repository")
            .carries(&[REPO])
            .absent(&[REPOS_OF_OWNER]);
    fn resource(input: &RepoGetInput) -> Resource {
        input.repo.resource()
    }
}

/// Input of `git.repo.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoListInput {
    pub owner: Option<OwnerRef>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `git.repo.list`
pub struct RepoList;

impl Op for RepoList {
    type Input = RepoListInput;
    type Output = Page<Repo>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("git.repo.list", "/git/repos", "List repositories").carries(&[REPOS]);
    fn resource(input: &RepoListInput) -> Resource {
        input.owner.as_ref().map_or_else(Resource::none, OwnerRef::resource)
    }
}

paged!(RepoListInput);
