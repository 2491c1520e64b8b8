//! Repositories.
//!
//! Invariant: `full_name` alone names a repository.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::providers::http::Time;

/// `full-repository`, `repository` and `minimal-repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    /// `owner/name`, which tells the name and the owner where they are not told.
    pub full_name: String,
    pub name: Option<String>,
    pub owner: Option<User>,
    pub private: Option<bool>,
    #[serde(default)]
    pub fork: bool,
    /// What a fork was made from; lists do not tell.
    pub parent: Option<RepoName>,
    pub description: Option<String>,
    /// `public`, `internal` or `private`.
    pub visibility: Option<String>,
    pub default_branch: Option<String>,
    #[serde(default)]
    pub archived: bool,
    /// Kilobytes, counted now and then: 0 means little.
    #[serde(default)]
    pub size: u64,
    pub html_url: Option<String>,
    pub clone_url: Option<String>,
    pub ssh_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A repository within another object.
#[derive(Debug, Deserialize)]
pub struct RepoName {
    /// `owner/name`.
    pub full_name: String,
    /// Whether a merge takes the head's branch away; told to who may write.
    pub delete_branch_on_merge: Option<bool>,
}

/// The body of `POST /user/repos` and `POST /orgs/{org}/repos`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewRepo<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub private: bool,
    /// Organisations only.
    pub visibility: Option<&'a str>,
    pub auto_init: Option<bool>,
}

/// The body of `POST /repos/{owner}/{repo}/forks`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewFork<'a> {
    pub organization: Option<&'a str>,
    pub name: Option<&'a str>,
}
