//! Projects, where they belong, and whom they tell of what happens.
//!
//! Invariant: a hook's token goes out and is never read.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::providers::http::Time;

/// A project, whole or in a list.
#[derive(Debug, Deserialize)]
pub struct Project {
    #[serde(default)]
    pub id: u64,
    /// The groups and the short name.
    pub path_with_namespace: String,
    /// The short name; `name` is the one for people.
    pub path: Option<String>,
    pub description: Option<String>,
    /// `public`, `internal` or `private`.
    pub visibility: Option<String>,
    /// Null in an empty one, in some releases.
    pub default_branch: Option<String>,
    #[serde(default)]
    pub archived: bool,
    pub forked_from_project: Option<Parent>,
    pub empty_repo: Option<bool>,
    /// Of a fork: `none`, `scheduled`, `started`, `finished` or `failed`.
    pub import_status: Option<String>,
    pub web_url: Option<String>,
    pub http_url_to_repo: Option<String>,
    pub ssh_url_to_repo: Option<String>,
    pub created_at: Time,
    /// Newer releases tell it.
    pub updated_at: Time,
    pub last_activity_at: Time,
}

/// The project that a fork was made from.
#[derive(Debug, Deserialize)]
pub struct Parent {
    pub path_with_namespace: Option<String>,
}

/// A user's or a group's place for projects.
#[derive(Debug, Deserialize)]
pub struct Namespace {
    pub id: u64,
}

/// Somebody with an account.
#[derive(Debug, Deserialize)]
pub struct User {
    pub username: String,
    pub name: Option<String>,
    pub email: Option<String>,
    pub web_url: Option<String>,
}

/// A project to be made.
#[derive(Debug, Serialize)]
pub struct NewProject<'a> {
    pub name: &'a str,
    pub path: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_id: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub visibility: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub default_branch: Option<&'a str>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub initialize_with_readme: bool,
}

/// A fork to be made.
#[derive(Debug, Serialize)]
pub struct NewFork<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace_path: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<&'a str>,
}

/// A hook.
#[derive(Debug, Deserialize)]
pub struct Hook {
    pub id: u64,
    #[serde(default)]
    pub url: String,
    /// `executable`, `disabled` or `temporarily_disabled`.
    pub alert_status: Option<String>,
    pub disabled_until: Time,
    pub created_at: Time,
    /// Among others a flag for each thing that it may tell of, such as `push_events`.
    #[serde(flatten)]
    pub rest: BTreeMap<String, Value>,
}

/// A hook to be made: whatever is not said of `push_events` is true, of the others false.
#[derive(Serialize)]
pub struct NewHook<'a> {
    pub url: &'a str,
    pub push_events: bool,
    pub tag_push_events: bool,
    pub merge_requests_events: bool,
    pub issues_events: bool,
    pub note_events: bool,
    pub releases_events: bool,
    pub pipeline_events: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub token: Option<&'a str>,
}
