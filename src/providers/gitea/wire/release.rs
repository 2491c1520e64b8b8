//! Releases.
//!
//! Invariant: as in [`super`].

use serde::{Deserialize, Serialize};

use super::User;
use crate::providers::http::Time;

/// `Release`.
#[derive(Debug, Deserialize)]
pub struct Release {
    pub tag_name: String,
    /// A branch, a tag or a commit, as whoever made it said.
    pub target_commitish: Option<String>,
    pub name: Option<String>,
    pub body: Option<String>,
    pub draft: Option<bool>,
    pub prerelease: Option<bool>,
    pub author: Option<User>,
    pub assets: Option<Vec<Asset>>,
    pub html_url: Option<String>,
    pub created_at: Time,
    /// Of a draft, when it was made.
    pub published_at: Time,
}

/// `Attachment`.
#[derive(Debug, Deserialize)]
pub struct Asset {
    pub name: String,
    pub size: Option<u64>,
    pub browser_download_url: Option<String>,
}

/// `CreateReleaseOption`.
#[derive(Debug, Serialize)]
pub struct NewRelease<'a> {
    pub tag_name: &'a str,
    /// Absent: the default branch.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_commitish: Option<&'a str>,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<&'a str>,
    pub draft: bool,
    pub prerelease: bool,
}
