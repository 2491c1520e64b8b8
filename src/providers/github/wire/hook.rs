//! Hooks.
//!
//! Invariant: a hook's secret is written and never read, and no Debug print shows it.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::providers::http::Time;

/// `hook`.
#[derive(Debug, Deserialize)]
pub struct Hook {
    pub id: u64,
    #[serde(default)]
    pub active: bool,
    #[serde(default)]
    pub events: Vec<String>,
    pub config: Option<HookConfig>,
    pub last_response: Option<LastResponse>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// `webhook-config`, without its secret.
#[derive(Debug, Default, Deserialize)]
pub struct HookConfig {
    pub url: Option<String>,
}

/// `hook-response`.
#[derive(Debug, Deserialize)]
pub struct LastResponse {
    /// The status that the receiver answered with; null where none came.
    pub code: Option<u16>,
    /// `unused` until something was told.
    pub status: Option<String>,
}

/// The body of `POST /repos/{owner}/{repo}/hooks`.
#[derive(Serialize)]
pub struct NewHook<'a> {
    pub name: &'static str,
    pub active: bool,
    pub events: Vec<&'static str>,
    pub config: NewHookConfig<'a>,
}

/// Where it tells, and how.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct NewHookConfig<'a> {
    pub url: &'a str,
    pub content_type: &'static str,
    pub secret: Option<&'a str>,
}
