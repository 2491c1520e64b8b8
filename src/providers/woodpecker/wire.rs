//! Woodpecker's JSON, as far as it is used (the API of versions 3 and 2).
//!
//! Invariant: the published description requires no field, so only what an answer is useless without is required here.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::providers::http::Time;

/// `Repo`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    pub id: u64,
    #[serde(default)]
    pub owner: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub full_name: String,
    #[serde(default)]
    pub default_branch: String,
    #[serde(default)]
    pub active: bool,
    /// Empty where it is one of the usual ones.
    #[serde(default)]
    pub config_file: String,
    /// Only in a user's own list.
    pub last_pipeline: Option<LastPipeline>,
}

/// `User`.
#[derive(Debug, Deserialize)]
pub struct User {
    #[serde(default)]
    pub login: String,
}

/// The part of a `Pipeline` that a `RepoLastPipeline` is read for.
#[derive(Debug, Deserialize)]
pub struct LastPipeline {
    pub status: String,
}

/// A `Pipeline` of which only the workflows are read.
#[derive(Debug, Deserialize)]
pub struct Workflows {
    pub workflows: Option<Vec<Box<RawValue>>>,
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
    pub id: u64,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub state: String,
    /// 0 before an agent has taken it.
    #[serde(default)]
    pub agent_id: i64,
    pub started: Time,
    pub finished: Time,
    /// As version 2 calls them.
    pub start_time: Time,
    pub end_time: Time,
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

/// What a line with a step's exit code is: nothing comes behind it.
pub const EXIT_CODE: u8 = 2;

/// `LogEntry`.
#[derive(Debug, Deserialize)]
pub struct LogEntry {
    /// Seconds since the step began.
    #[serde(default)]
    pub time: i64,
    pub data: Option<Data>,
    /// Its number in the log, from 0.
    pub line: Option<u64>,
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

/// `Secret`, and `SecretPatch` without a name.
#[derive(Serialize)]
pub struct Secret<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'a str>,
    pub value: &'a str,
    /// Empty in a patch: they stay as they are.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub events: &'a [&'a str],
}

/// What a written `Secret` is read for; its value is never in it.
#[derive(Debug, Deserialize)]
pub struct Named {
    pub name: String,
}

/// `QueueInfo`.
#[derive(Debug, Deserialize)]
pub struct QueueInfo {
    #[serde(default)]
    pub paused: bool,
    pub running: Option<Vec<Box<RawValue>>>,
    pub pending: Option<Vec<Box<RawValue>>>,
    pub waiting_on_deps: Option<Vec<Box<RawValue>>>,
}

/// `model.QueueTask`, `Task` in earlier versions.
#[derive(Debug, Deserialize)]
pub struct Task {
    pub id: String,
    #[serde(default)]
    pub name: String,
    #[serde(default)]
    pub labels: BTreeMap<String, String>,
    #[serde(default)]
    pub pipeline_number: u64,
    pub created: Time,
}
