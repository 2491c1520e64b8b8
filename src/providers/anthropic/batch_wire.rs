//! Anthropic's JSON of batches and files, asked and answered (API version 2023-06-01).
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::asked::MessagesRequest;
use crate::providers::http::Time;

/// `CreateMessageBatchParams`
#[derive(Serialize)]
pub struct BatchRequest<'a> {
    pub requests: Vec<Individual<'a>>,
}

/// `MessageBatchIndividualRequestParams`
#[derive(Serialize)]
pub struct Individual<'a> {
    pub custom_id: &'a str,
    pub params: MessagesRequest<'a>,
}

/// `MessageBatch`
#[derive(Debug, Deserialize)]
pub struct Batch {
    pub id: String,
    pub processing_status: Option<String>,
    pub request_counts: Option<Counts>,
    /// Whether there is one: where it leads is not looked at.
    pub results_url: Option<String>,
    #[serde(default)]
    pub created_at: Time,
    #[serde(default)]
    pub cancel_initiated_at: Time,
    #[serde(default)]
    pub ended_at: Time,
    #[serde(default)]
    pub expires_at: Time,
    #[serde(default)]
    pub archived_at: Time,
}

/// `RequestCounts`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Counts {
    #[serde(default)]
    pub processing: u64,
    #[serde(default)]
    pub succeeded: u64,
    #[serde(default)]
    pub errored: u64,
    #[serde(default)]
    pub canceled: u64,
    #[serde(default)]
    pub expired: u64,
}

/// `MessageBatchIndividualResponse`, a line of the results.
#[derive(Deserialize)]
pub struct ResultLine {
    pub custom_id: Option<String>,
    pub result: Option<Outcome>,
}

/// What came of one request.
#[derive(Deserialize)]
pub struct Outcome {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub message: Option<Box<RawValue>>,
    pub error: Option<Box<RawValue>>,
}

/// `FileMetadataSchema`
#[derive(Debug, Deserialize)]
pub struct File {
    pub id: String,
    pub filename: Option<String>,
    pub mime_type: Option<String>,
    pub size_bytes: Option<u64>,
    pub downloadable: Option<bool>,
    #[serde(default)]
    pub created_at: Time,
}
