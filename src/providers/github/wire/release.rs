//! Releases.
//!
//! Invariant: `target_commitish` is no fact of a release: it is ignored where the tag is there already.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::providers::http::Time;

/// `release`.
#[derive(Debug, Deserialize)]
pub struct Release {
    pub tag_name: String,
    pub name: Option<String>,
    pub body: Option<String>,
    pub draft: Option<bool>,
    pub prerelease: Option<bool>,
    pub author: Option<User>,
    #[serde(default)]
    pub assets: Vec<Asset>,
    pub html_url: Option<String>,
    pub created_at: Time,
    /// Null for a draft.
    pub published_at: Time,
}

/// `release-asset`.
#[derive(Debug, Deserialize)]
pub struct Asset {
    pub name: String,
    pub size: Option<u64>,
    pub browser_download_url: Option<String>,
}

/// The body of `POST /repos/{owner}/{repo}/releases`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewRelease<'a> {
    pub tag_name: &'a str,
    pub target_commitish: Option<&'a str>,
    pub name: &'a str,
    pub body: Option<&'a str>,
    pub draft: Option<bool>,
    pub prerelease: Option<bool>,
}
