//! Repositories.
//!
//! Invariant: a repository's path is its name in inputs and in outputs alike.

use mosaic_actors::call::{Resource, Tag, Tags};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{
    BRANCHES, COMMITS, FILES, HOOKS, PULLS, RELEASES, REPO, REPOS, REPOS_OF_OWNER, STATUSES, TAGS, TREES,
};
use crate::catalogue::fields::{BranchName, Cursor, Name, OwnerRef, PageSize, RepoRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

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
    #[schemars(extend("x-column" = true))]
    pub default_branch: Option<String>,
    /// Read only.
    pub archived: bool,
    /// Made from another one.
    pub fork: bool,
    /// The path of the one that it was made from, where the provider tells.
    pub parent: Option<String>,
    /// Nothing was ever committed to it, where the provider tells.
    pub empty: Option<bool>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// Where `git clone` fetches it over HTTPS.
    pub clone_url: Option<Link>,
    /// Where `git clone` fetches it over SSH.
    pub ssh_url: Option<Link>,
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
        vec![REPO.tag(&self.path), REPOS_OF_OWNER.tag(&self.path)]
    }
}

/// A repository has come or gone: the lists of its owner and of the credential's user are no longer true.
fn comes_or_goes(declared: Tags, path: &str) -> Tags {
    let mut tags = declared;
    tags.invalidates.extend([REPOS_OF_OWNER.tag(path), REPOS.tag("")]);
    tags
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
        &Declaration::get::<Self>("git.repo.list", "/git/repos", "List repositories")
            .carries(&[REPOS])
            .common();
    fn resource(input: &RepoListInput) -> Resource {
        input.owner.as_ref().map_or_else(Resource::none, OwnerRef::resource)
    }
}

paged!(RepoListInput);

/// Input of `git.repo.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoCreateInput {
    /// The short name.
    pub name: Name,
    /// The organisation or group that shall own it; default: the credential's user.
    pub owner: Option<OwnerRef>,
    /// What it is.
    pub description: Option<String>,
    /// Default: private.
    pub visibility: Option<Visibility>,
    /// The branch that the first commit makes; default: the provider's.
    pub default_branch: Option<BranchName>,
    /// Begin with a commit that holds a README; default: empty.
    pub init: Option<bool>,
}

/// `git.repo.create`
pub struct RepoCreate;

impl Op for RepoCreate {
    type Input = RepoCreateInput;
    type Output = Repo;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.repo.create", "/git/repos", "Create a repository")
            .args(&["name"])
            .invalidates(&[REPOS]);
    fn resource(input: &RepoCreateInput) -> Resource {
        input.owner.as_ref().map_or_else(Resource::none, OwnerRef::resource)
    }
    fn tags(input: &RepoCreateInput, resource: &Resource) -> Tags {
        let path = format!("{}/{}", resource.native(), &*input.name);
        let mut tags = comes_or_goes(Self::DECLARATION.tags(resource), &path);
        tags.invalidates.push(REPO.tag(&path));
        tags
    }
}

/// Input of `git.repo.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoDeleteInput {
    pub repo: RepoRef,
}

/// `git.repo.delete`
pub struct RepoDelete;

impl Op for RepoDelete {
    type Input = RepoDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration = &Declaration::delete::<Self>(
        "git.repo.delete",
        "/git/repos/{repo}",
        "Delete a repository with all that is in it",
    )
    .invalidates(&[
        REPO, BRANCHES, COMMITS, FILES, TREES, TAGS, RELEASES, PULLS, STATUSES, HOOKS,
    ]);
    fn resource(input: &RepoDeleteInput) -> Resource {
        input.repo.resource()
    }
    fn tags(_input: &RepoDeleteInput, resource: &Resource) -> Tags {
        comes_or_goes(Self::DECLARATION.tags(resource), resource.native())
    }
}

/// Input of `git.repo.fork`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoForkInput {
    pub repo: RepoRef,
    /// The organisation or group that shall own the fork; default: the credential's user.
    pub owner: Option<Name>,
    /// The fork's short name; default: the same.
    pub name: Option<Name>,
}

/// What became of a fork that was asked for.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Forked {
    /// The fork. One that was there already is answered as well, where the provider does so.
    pub repo: Repo,
    /// Whether its content is there; a provider may copy it later. Absent where it does not tell.
    pub ready: Option<bool>,
}

impl<I> Output<I> for Forked {
    fn tags(&self) -> Vec<Tag> {
        Output::<I>::tags(&self.repo)
    }
}

/// `git.repo.fork`
pub struct RepoFork;

impl Op for RepoFork {
    type Input = RepoForkInput;
    type Output = Forked;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("git.repo.fork", "/git/repos/{repo}/forks", "Fork a repository")
            .invalidates(&[REPO]);
    fn resource(input: &RepoForkInput) -> Resource {
        input.repo.resource()
    }
    fn tags(input: &RepoForkInput, resource: &Resource) -> Tags {
        let mut tags = Self::DECLARATION.tags(resource);
        let owner = input.owner.as_deref().unwrap_or_default();
        tags.invalidates.extend([REPOS.tag(owner), REPOS.tag("")]);
        tags
    }
}
