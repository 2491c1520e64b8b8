//! Gitea's JSON about Actions, as far as it is used (`/api/v1`, as of 1.26), and Forgejo's where it has other names.
//!
//! Invariant: only what names a thing is required here.

use std::collections::BTreeMap;

use mosaic_actors::error::Failure;
use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::providers::http::{Received, Time};

/// A page of a list, whatever it is a list of.
#[derive(Debug, Deserialize)]
pub struct Listed {
    pub total_count: Option<u64>,
    #[serde(alias = "artifacts", alias = "jobs", alias = "workflow_runs", alias = "workflows")]
    pub items: Option<Vec<Box<RawValue>>>,
}

impl Listed {
    /// What is listed. An object with neither rows nor their number is no list, whatever else it says.
    pub fn rows(&mut self, received: &Received) -> Result<Vec<Box<RawValue>>, Failure> {
        match (self.items.take(), self.total_count) {
            (None, None) => Err(received.unusable("the answer is no list")),
            (items, _) => Ok(items.unwrap_or_default()),
        }
    }
}

/// `ActionWorkflow`.
#[derive(Debug, Deserialize)]
pub struct Workflow {
    /// The file's name.
    pub id: String,
    pub name: Option<String>,
    pub path: Option<String>,
    /// `active`, or a reason to be disabled.
    pub state: Option<String>,
    pub html_url: Option<String>,
}

/// `ActionWorkflowRun`; `ActionRun` of Forgejo.
#[derive(Debug, Deserialize)]
pub struct Run {
    pub id: u64,
    /// Counted within the repository.
    #[serde(alias = "index_in_repo")]
    pub run_number: Option<u64>,
    /// The file's name, `@` and what it ran for.
    pub path: Option<String>,
    /// Forgejo: the file's name.
    pub workflow_id: Option<String>,
    pub run_attempt: Option<u64>,
    #[serde(alias = "title")]
    pub display_title: Option<String>,
    pub event: Option<String>,
    pub status: Option<String>,
    /// Absent or empty until it has ended; Forgejo has none.
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: Option<String>,
    /// Forgejo: the branch; of a pull request `#` and its number.
    pub prettyref: Option<String>,
    /// Forgejo.
    pub commit_sha: Option<String>,
    #[serde(alias = "trigger_user")]
    pub actor: Option<User>,
    pub html_url: Option<String>,
    /// Forgejo.
    pub created: Time,
    #[serde(alias = "started")]
    pub started_at: Time,
    #[serde(alias = "stopped")]
    pub completed_at: Time,
    /// After a transfer not the one that was asked.
    pub repository: Option<Repo>,
}

/// `User`.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
    pub full_name: Option<String>,
    pub html_url: Option<String>,
}

/// `Repository`.
#[derive(Debug, Deserialize)]
pub struct Repo {
    pub full_name: Option<String>,
    pub default_branch: Option<String>,
}

/// `ActionWorkflowJob`; `ActionRunJob` of Forgejo.
#[derive(Debug, Deserialize)]
pub struct Job {
    pub id: u64,
    pub run_id: Option<u64>,
    #[serde(alias = "attempt")]
    pub run_attempt: Option<u64>,
    pub name: Option<String>,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    pub steps: Option<Vec<Step>>,
    pub runner_name: Option<String>,
    pub html_url: Option<String>,
    pub started_at: Time,
    pub completed_at: Time,
    /// Forgejo alone tells it.
    pub task_id: Option<IgnoredAny>,
}

/// `ActionWorkflowStep`.
#[derive(Debug, Deserialize)]
pub struct Step {
    #[serde(default)]
    pub number: u64,
    pub name: Option<String>,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    #[serde(alias = "started")]
    pub started_at: Time,
    #[serde(alias = "stopped")]
    pub completed_at: Time,
}

/// `ActionArtifact`.
#[derive(Debug, Deserialize)]
pub struct Artifact {
    pub id: u64,
    pub name: Option<String>,
    pub size_in_bytes: Option<u64>,
    pub expired: Option<bool>,
    pub created_at: Time,
    pub expires_at: Time,
}

/// `CreateActionWorkflowDispatch`; `DispatchWorkflowOption` of Forgejo.
#[derive(Debug, Serialize)]
pub struct Dispatch<'a> {
    #[serde(rename = "ref")]
    pub reference: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: &'a BTreeMap<String, String>,
    /// Forgejo: tell of the run.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_run_info: Option<bool>,
}

/// `RunDetails`; `DispatchWorkflowRun` of Forgejo.
#[derive(Debug, Deserialize)]
pub struct Dispatched {
    #[serde(alias = "id")]
    pub workflow_run_id: u64,
    pub html_url: Option<String>,
}

/// `CreateOrUpdateSecretOption`.
#[derive(Serialize)]
pub struct Secret<'a> {
    pub data: &'a str,
}
