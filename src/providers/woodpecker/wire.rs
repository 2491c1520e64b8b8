//! Woodpecker's JSON, as far as it is used (the API of versions 3 and 2).
//!
//! Invariant: the published description requires no field, so only what an answer is useless without is required here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::providers::http::Time;

/// `Repo`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    pub id: u64,
    #[serde(default)]
    pub default_branch: String,
}

/// `Pipeline`: what others call a run.
#[derive(Debug, Deserialize)]
pub struct Pipeline {
    pub number: u64,
    pub status: String,
    #[serde(default)]
    pub event: String,
    #[serde(default)]
    pub branch: String,
    #[serde(default)]
    pub commit: String,
    #[serde(default)]
    pub message: String,
    #[serde(default)]
    pub author: String,
    /// Times are seconds since the epoch, and 0 where it has not happened.
    pub created: Time,
    pub started: Time,
    pub finished: Time,
    /// As version 2 calls them.
    pub created_at: Time,
    pub started_at: Time,
    pub finished_at: Time,
    /// Absent or null in lists.
    pub workflows: Option<Vec<Workflow>>,
}

/// `model.Workflow`.
#[derive(Debug, Deserialize)]
pub struct Workflow {
    #[serde(default)]
    pub name: String,
    /// Its steps.
    pub children: Option<Vec<Step>>,
}

/// `Step`.
#[derive(Debug, Deserialize)]
pub struct Step {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    pub state: String,
    #[serde(default)]
    pub exit_code: i64,
    pub started: Time,
    pub finished: Time,
    /// As version 2 calls them.
    pub start_time: Time,
    pub end_time: Time,
}

/// `LogEntry`.
#[derive(Debug, Deserialize)]
pub struct LogEntry {
    /// Seconds since the step began.
    #[serde(default)]
    pub time: i64,
    pub data: Option<Data>,
    /// 0 standard output, 1 standard error, 2 exit code, 3 metadata, 4 progress.
    #[serde(rename = "type", default)]
    pub kind: u8,
}

/// The bytes of a `LogEntry`. Servers send base64; the published description, and mock servers made of it, say numbers.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Data {
    Base64(String),
    Bytes(Vec<u8>),
}

/// `PipelineOptions`, the body of `POST /repos/{repo_id}/pipelines`.
#[derive(Debug, Serialize)]
pub struct PipelineOptions<'a> {
    pub branch: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: &'a BTreeMap<String, String>,
}
