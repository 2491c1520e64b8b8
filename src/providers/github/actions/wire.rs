//! GitHub's JSON about Actions, as far as it is used (REST, API version 2022-11-28).
//!
//! Invariant: only what names a thing is required here, whatever the published description says.

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

/// `workflow`.
#[derive(Debug, Deserialize)]
pub struct Workflow {
    pub id: u64,
    pub name: Option<String>,
    pub path: Option<String>,
    /// `active`, `deleted` or one of several reasons to be disabled.
    pub state: Option<String>,
    pub html_url: Option<String>,
}

/// `workflow-run`. Its `name` is its workflow's.
#[derive(Debug, Deserialize)]
pub struct Run {
    pub id: u64,
    /// With `@` and a reference behind it, where the file is another repository's.
    pub path: Option<String>,
    pub workflow_id: Option<u64>,
    /// Counted within the workflow.
    pub run_number: Option<u64>,
    pub run_attempt: Option<u64>,
    pub event: Option<String>,
    pub display_title: Option<String>,
    pub status: Option<String>,
    /// Null until it has ended.
    pub conclusion: Option<String>,
    pub head_branch: Option<String>,
    pub head_sha: Option<String>,
    pub actor: Option<User>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub run_started_at: Time,
    /// After a transfer not the one that was asked.
    pub repository: Option<Repo>,
}

/// `simple-user`.
#[derive(Debug, Deserialize)]
pub struct User {
    pub login: String,
    pub html_url: Option<String>,
}

/// `minimal-repository`, or the whole of one.
#[derive(Debug, Deserialize)]
pub struct Repo {
    pub full_name: Option<String>,
    pub default_branch: Option<String>,
}

/// `job`.
#[derive(Debug, Deserialize)]
pub struct Job {
    pub id: u64,
    pub run_id: Option<u64>,
    pub run_attempt: Option<u64>,
    pub name: Option<String>,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    pub steps: Option<Vec<Step>>,
    /// Empty until one works on it.
    pub runner_name: Option<String>,
    pub html_url: Option<String>,
    pub started_at: Time,
    pub completed_at: Time,
}

/// A step of a `job`.
#[derive(Debug, Deserialize)]
pub struct Step {
    /// Counted from 1.
    #[serde(default)]
    pub number: u64,
    pub name: Option<String>,
    pub status: Option<String>,
    pub conclusion: Option<String>,
    pub started_at: Time,
    pub completed_at: Time,
}

/// `pending-deployment`.
#[derive(Debug, Deserialize)]
pub struct PendingDeployment {
    pub environment: Environment,
    pub current_user_can_approve: Option<bool>,
    /// None where only a timer is waited for.
    pub reviewers: Option<Vec<IgnoredAny>>,
}

/// Its environment.
#[derive(Debug, Deserialize)]
pub struct Environment {
    pub id: Option<u64>,
    pub name: Option<String>,
}

/// The body of `POST …/pending_deployments`, which needs all of it.
#[derive(Debug, Serialize)]
pub struct DeploymentReview<'a> {
    pub environment_ids: &'a [u64],
    pub state: &'a str,
    pub comment: &'a str,
}

/// `artifact`.
#[derive(Debug, Deserialize)]
pub struct Artifact {
    pub id: u64,
    pub name: Option<String>,
    pub size_in_bytes: Option<u64>,
    pub expired: Option<bool>,
    pub created_at: Time,
    pub expires_at: Time,
}

/// The body of `POST …/dispatches`.
#[derive(Debug, Serialize)]
pub struct Dispatch<'a> {
    #[serde(rename = "ref")]
    pub reference: &'a str,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub inputs: &'a BTreeMap<String, String>,
    /// Unknown to the API from 2026-03-10, which always tells.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub return_run_details: Option<bool>,
}

/// `workflow-dispatch-response`.
#[derive(Debug, Deserialize)]
pub struct Dispatched {
    pub workflow_run_id: u64,
    pub html_url: Option<String>,
}

/// `actions-public-key`.
#[derive(Debug, Deserialize)]
pub struct PublicKey {
    pub key_id: String,
    /// Base64.
    pub key: String,
}

/// The body of `PUT …/secrets/{secret_name}`.
#[derive(Debug, Serialize)]
pub struct Secret<'a> {
    pub encrypted_value: &'a str,
    pub key_id: &'a str,
}
