//! Repositories, and the names within one that stand for commits.
//!
//! Invariant: as in [`super`].

use serde::{Deserialize, Serialize};

use super::User;
use crate::providers::http::Time;

/// `Repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    /// `owner/name`, which tells the name and the owner where they are not told.
    pub full_name: String,
    pub name: Option<String>,
    pub owner: Option<User>,
    pub private: Option<bool>,
    /// Of an owner who is not shown to everybody.
    #[serde(default)]
    pub internal: bool,
    #[serde(default)]
    pub fork: bool,
    #[serde(default)]
    pub archived: bool,
    /// Whether it keeps issues.
    pub has_issues: Option<bool>,
    /// Empty where there is none.
    pub description: Option<String>,
    /// Empty where the repository is.
    pub default_branch: Option<String>,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub ssh_url: Option<String>,
    /// Nothing was ever committed to it.
    pub empty: Option<bool>,
    /// What it was forked from.
    pub parent: Option<Parent>,
    /// How pull requests are merged here where nothing is said.
    pub default_merge_style: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The `Repository` that another one was forked from.
#[derive(Debug, Deserialize)]
pub struct Parent {
    pub full_name: Option<String>,
}

/// `CreateRepoOption`.
#[derive(Debug, Serialize)]
pub struct NewRepo<'a> {
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub private: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<&'a str>,
    pub auto_init: bool,
}

/// `CreateForkOption`.
#[derive(Debug, Serialize)]
pub struct NewFork<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
}

/// `Branch`.
#[derive(Debug, Deserialize)]
pub struct Branch {
    pub name: String,
    pub commit: BranchCommit,
    pub protected: Option<bool>,
}

/// `PayloadCommit`.
#[derive(Debug, Deserialize)]
pub struct BranchCommit {
    pub id: String,
}

/// `CreateBranchRepoOption`.
#[derive(Debug, Serialize)]
pub struct NewBranch<'a> {
    pub new_branch_name: &'a str,
    /// Absent: the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub old_ref_name: Option<String>,
}

/// `Tag`.
#[derive(Debug, Deserialize)]
pub struct Tag {
    pub name: String,
    /// The tag's object; of a lightweight tag, the commit.
    pub id: Option<String>,
    /// Of a lightweight tag, the commit's.
    pub message: Option<String>,
    pub commit: TagCommit,
}

/// `CommitMeta`.
#[derive(Debug, Deserialize)]
pub struct TagCommit {
    pub sha: String,
}

/// `CreateTagOption`.
#[derive(Debug, Serialize)]
pub struct NewTag<'a> {
    pub tag_name: &'a str,
    /// Makes it an annotated one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<&'a str>,
    /// Absent: the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<&'a str>,
}
