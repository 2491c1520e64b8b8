//! The Model Context Protocol's section: what agents are offered.
//!
//! Invariant: by default nothing that removes something, and nothing of the administration, is among an agent's tools.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::errors::Report;
use super::known::Known;
use super::units;
use crate::wording::nearest;

const SECOND: u64 = 1_000;
const HOUR: u64 = 3_600 * SECOND;
const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// The most of the administration that is among the tools; whoever comes by a key has of it what that was granted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum McpAdmin {
    /// Nothing.
    #[default]
    Off,
    /// Views: the supervision tree, breakers, quotas and the like, of all tenants; and what an order would touch.
    Read,
    /// Orders as well.
    Write,
}

/// `[mcp]`: what agents are offered at `/mcp`, and by `mosaic mcp`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct McpConfig {
    /// Whether the public listener answers at `/mcp`.
    pub enabled: bool,
    /// The toolsets of clients that ask for none.
    #[schemars(length(max = 32), inner(length(max = 64)))]
    pub toolsets: Vec<String>,
    /// Whether tools that remove something are offered.
    pub destructive: bool,
    /// The most of the administration that is.
    pub admin: McpAdmin,
    /// Origins of web pages that may ask, beside the listener's own.
    #[schemars(length(max = 64), inner(length(max = 300)))]
    pub origins: Vec<String>,
    /// The most bytes of an answer that a model is shown at once.
    #[serde(with = "units::size")]
    #[schemars(schema_with = "units::bytes::<{ 4 * KIB }, { 16 * MIB }>")]
    pub max_answer: usize,
    /// The most sessions at one time, of the protocol's revisions that have some.
    #[schemars(range(min = 1, max = 100_000))]
    pub max_sessions: usize,
    /// How long a session may be silent; in any case as long as a call may take.
    #[serde(with = "units::duration")]
    #[schemars(schema_with = "units::time::<SECOND, { 24 * HOUR }>")]
    pub session_idle: Duration,
}

impl Default for McpConfig {
    fn default() -> Self {
        McpConfig {
            enabled: true,
            toolsets: vec!["core".to_owned()],
            destructive: false,
            admin: McpAdmin::Off,
            origins: Vec::new(),
            max_answer: 64 << 10,
            max_sessions: 1_000,
            session_idle: Duration::from_secs(300),
        }
    }
}

/// The toolsets that are not a service's: what most need, what the administration has, and all.
pub const TOOLSETS: [&str; 3] = ["core", "admin", "all"];

/// Reports names of toolsets that there are not, and origins that are none.
pub(super) fn check(config: &McpConfig, known: &Known, report: &mut Report) {
    let names = || known.services().chain(TOOLSETS);
    for (at, name) in config.toolsets.iter().enumerate() {
        if !names().any(|known| known == name) {
            let path = format!("mcp.toolsets[{at}]");
            report.add_with(&path, "no toolset of this name", nearest(name, names()));
        }
    }
    for (at, origin) in config.origins.iter().enumerate() {
        let sound = url::Url::parse(origin).is_ok_and(|url| url.origin().ascii_serialization() == *origin);
        if !sound {
            let path = format!("mcp.origins[{at}]");
            report.add(
                &path,
                "expected an origin such as \"https://agents.example\", without a path",
            );
        }
    }
}
