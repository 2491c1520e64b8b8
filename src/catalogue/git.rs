//! Git: repositories, branches, files.
//!
//! Invariant: every `id` in an output is accepted as the resource of an input.

use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declaration, Method, Op, Output, Page, check_limit, check_name};

const fn read(name: &'static str, carries: &'static [&'static str], fresh_secs: u64) -> Operation {
    Operation {
        name,
        service: "git",
        safe: true,
        idempotent: true,
        streaming: false,
        cache: Some(CacheTimes {
            fresh: Duration::from_secs(fresh_secs),
            stale: Duration::from_secs(600),
            negative: Duration::from_secs(10),
        }),
        carries,
        invalidates: &[],
        cost: CostClass::Read,
    }
}

/// A repository.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Who may see it.
    pub visibility: Visibility,
    /// The branch that a clone checks out.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<String>,
    /// Read only.
    pub archived: bool,
    /// Made from another one.
    pub fork: bool,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// Where `git clone` fetches it over HTTPS.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub clone_url: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
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

impl Output for Repo {}

/// Input of `git.repo.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoGetInput {
    /// `owner/name`, or `instance~owner/name` to pin a provider.
    pub repo: String,
}

/// `git.repo.get`
pub struct RepoGet;

impl Op for RepoGet {
    type Input = RepoGetInput;
    type Output = Repo;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("git.repo.get", &["repo"], 30),
        method: Method::Get,
        path: "/git/repos/{repo}",
        positional: &["repo"],
        summary: "Get a repository",
    };
    fn resource(input: &RepoGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.repo))
    }
    fn check(input: &RepoGetInput) -> Result<(), Failure> {
        check_name("repo", &input.repo)
    }
}

/// Input of `git.repo.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RepoListInput {
    /// Lists this organisation's repositories; absent: those of the credential's user.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `git.repo.list`
pub struct RepoList;

impl Op for RepoList {
    type Input = RepoListInput;
    type Output = Page<Repo>;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("git.repo.list", &["repos"], 30),
        method: Method::Get,
        path: "/git/repos",
        positional: &[],
        summary: "List repositories",
    };
    fn resource(input: &RepoListInput) -> Result<Resource, Failure> {
        Ok(input.owner.as_deref().map_or_else(Resource::none, Resource::parse))
    }
    fn check(input: &RepoListInput) -> Result<(), Failure> {
        if let Some(owner) = &input.owner {
            check_name("owner", owner)?;
        }
        check_limit(input.limit)
    }
    fn cursor(input: &mut RepoListInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}

/// A branch.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Branch {
    /// Its name.
    pub name: String,
    /// The commit that it points at.
    pub sha: String,
    /// Whether rules protect it, where the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected: Option<bool>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// Input of `git.branch.list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BranchListInput {
    /// `owner/name`, or `instance~owner/name` to pin a provider.
    pub repo: String,
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `git.branch.list`
pub struct BranchList;

impl Op for BranchList {
    type Input = BranchListInput;
    type Output = Page<Branch>;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("git.branch.list", &["branches"], 15),
        method: Method::Get,
        path: "/git/repos/{repo}/branches",
        positional: &["repo"],
        summary: "List a repository's branches",
    };
    fn resource(input: &BranchListInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.repo))
    }
    fn check(input: &BranchListInput) -> Result<(), Failure> {
        check_name("repo", &input.repo)?;
        check_limit(input.limit)
    }
    fn cursor(input: &mut BranchListInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}

/// A file at a commit.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct File {
    /// The path within the repository.
    pub path: String,
    /// The last part of the path.
    pub name: String,
    /// Bytes.
    pub size: u64,
    /// The blob's hash.
    pub sha: String,
    /// How `content` is written.
    pub encoding: Encoding,
    /// The content: text where the bytes are UTF-8, else base64.
    pub content: String,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// How a file's content is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Encoding {
    /// As it is.
    #[serde(rename = "utf-8")]
    Utf8,
    /// RFC 4648, standard alphabet, padded.
    Base64,
}

impl Output for File {}

/// Input of `git.file.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FileGetInput {
    /// `owner/name`, or `instance~owner/name` to pin a provider.
    pub repo: String,
    /// The path within the repository.
    pub path: String,
    /// A branch, tag or commit; default: the default branch.
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
}

/// `git.file.get`
pub struct FileGet;

impl Op for FileGet {
    type Input = FileGetInput;
    type Output = File;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("git.file.get", &["files"], 30),
        method: Method::Get,
        path: "/git/repos/{repo}/files/{path}",
        positional: &["repo", "path"],
        summary: "Get a file's content",
    };
    fn resource(input: &FileGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.repo))
    }
    fn check(input: &FileGetInput) -> Result<(), Failure> {
        check_name("repo", &input.repo)?;
        check_name("path", &input.path)?;
        if input
            .path
            .split('/')
            .any(|part| part.is_empty() || part == "." || part == "..")
        {
            return Err(Failure::invalid(
                "path",
                "path must be relative and free of '.', '..' and empty parts",
            ));
        }
        input
            .reference
            .as_deref()
            .map_or(Ok(()), |reference| check_name("ref", reference))
    }
}
