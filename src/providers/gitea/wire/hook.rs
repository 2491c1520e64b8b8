//! Hooks.
//!
//! Invariant: as in [`super`]; the secret is written and never read.

use serde::{Deserialize, Serialize};

use crate::providers::http::Time;

/// `Hook`.
#[derive(Debug, Deserialize)]
pub struct Hook {
    pub id: u64,
    pub config: Option<Config>,
    pub events: Option<Vec<String>>,
    #[serde(default)]
    pub active: bool,
    pub created_at: Time,
    pub updated_at: Time,
}

/// The `config` of a `Hook`.
#[derive(Debug, Deserialize)]
pub struct Config {
    pub url: Option<String>,
}

/// `CreateHookOption`.
#[derive(Serialize)]
pub struct NewHook<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub config: HookConfig<'a>,
    pub events: Vec<&'static str>,
    /// Gitea's default is false.
    pub active: bool,
}

/// `CreateHookOptionConfig`.
#[derive(Serialize)]
pub struct HookConfig<'a> {
    pub url: &'a str,
    pub content_type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub secret: Option<&'a str>,
}
