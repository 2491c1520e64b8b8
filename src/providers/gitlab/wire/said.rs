//! What is said of commits and tags: statuses and releases.
//!
//! Invariant: a status is known by its name, a release by its tag.

use serde::{Deserialize, Serialize};

use super::{CommitId, User};
use crate::providers::http::Time;

/// A status of a commit.
#[derive(Debug, Deserialize)]
pub struct Status {
    pub name: String,
    #[serde(default)]
    pub status: String,
    #[serde(default)]
    pub allow_failure: bool,
    pub description: Option<String>,
    pub target_url: Option<String>,
    pub author: Option<User>,
    pub created_at: Time,
    pub started_at: Time,
    pub finished_at: Time,
}

/// A status to be set.
#[derive(Debug, Serialize)]
pub struct NewStatus<'a> {
    pub state: &'a str,
    pub name: &'a str,
    #[serde(rename = "ref", skip_serializing_if = "Option::is_none")]
    pub reference: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target_url: Option<&'a str>,
}

/// A release.
#[derive(Debug, Deserialize)]
pub struct Release {
    pub tag_name: String,
    pub name: Option<String>,
    pub description: Option<String>,
    pub author: Option<User>,
    pub commit: Option<CommitId>,
    pub assets: Option<Assets>,
    #[serde(rename = "_links")]
    pub links: Option<ReleaseLinks>,
    pub created_at: Time,
    /// In the future where it is planned.
    pub released_at: Time,
}

/// What belongs to a release; archives of its source are left out.
#[derive(Debug, Deserialize)]
pub struct Assets {
    #[serde(default)]
    pub links: Vec<AssetLink>,
}

/// A file of a release, wherever it is.
#[derive(Debug, Deserialize)]
pub struct AssetLink {
    pub name: String,
    pub url: Option<String>,
    pub direct_asset_url: Option<String>,
}

/// Pages of a release.
#[derive(Debug, Deserialize)]
pub struct ReleaseLinks {
    #[serde(rename = "self")]
    pub itself: Option<String>,
}

/// A release to be made.
#[derive(Debug, Serialize)]
pub struct NewRelease<'a> {
    pub tag_name: &'a str,
    #[serde(rename = "ref")]
    pub target: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
}
