//! OpenAI's JSON of batches and files, asked and answered (API description 2.3.0).
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says.

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::asked::ChatRequest;
use super::embed::EmbeddingRequest;
use super::wire::Details;
use crate::providers::http::Time;

/// `CreateBatchRequest`
#[derive(Serialize)]
pub struct BatchRequest<'a> {
    pub input_file_id: &'a str,
    pub endpoint: &'static str,
    pub completion_window: &'static str,
}

/// `BatchRequestInput`, a line of the file of requests.
#[derive(Serialize)]
pub struct RequestLine<'a> {
    pub custom_id: &'a str,
    pub method: &'static str,
    pub url: &'static str,
    pub body: RequestBody<'a>,
}

/// What is asked by a line.
#[derive(Serialize)]
#[serde(untagged)]
pub enum RequestBody<'a> {
    Chat(Box<ChatRequest<'a>>),
    Embeddings(EmbeddingRequest<'a>),
}

/// `BatchRequestOutput`, a line of a file of results.
#[derive(Deserialize)]
pub struct ResultLine {
    pub custom_id: Option<String>,
    pub response: Option<Response>,
    /// Where there is no response.
    pub error: Option<Box<RawValue>>,
}

/// How one request was answered.
#[derive(Deserialize)]
pub struct Response {
    pub status_code: Option<u16>,
    pub body: Option<Box<RawValue>>,
}

/// `Batch`
#[derive(Debug, Deserialize)]
pub struct Batch {
    pub id: String,
    pub endpoint: Option<String>,
    pub status: Option<String>,
    pub errors: Option<Errors>,
    pub input_file_id: Option<String>,
    pub output_file_id: Option<String>,
    pub error_file_id: Option<String>,
    pub request_counts: Option<Counts>,
    pub usage: Option<Usage>,
    #[serde(default)]
    pub created_at: Time,
    #[serde(default)]
    pub in_progress_at: Time,
    #[serde(default)]
    pub expires_at: Time,
    #[serde(default)]
    pub completed_at: Time,
    #[serde(default)]
    pub failed_at: Time,
    #[serde(default)]
    pub expired_at: Time,
    #[serde(default)]
    pub cancelling_at: Time,
    #[serde(default)]
    pub cancelled_at: Time,
}

/// What is wrong with a batch.
#[derive(Debug, Deserialize)]
pub struct Errors {
    pub data: Option<Vec<BatchError>>,
}

/// `BatchError`
#[derive(Debug, Deserialize)]
pub struct BatchError {
    pub code: Option<String>,
    pub message: Option<String>,
    pub line: Option<u64>,
}

/// `BatchRequestCounts`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Counts {
    #[serde(default)]
    pub total: u64,
    #[serde(default)]
    pub completed: u64,
    #[serde(default)]
    pub failed: u64,
}

/// The tokens of a whole batch.
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Usage {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    #[serde(default)]
    pub input_tokens_details: Details,
    #[serde(default)]
    pub output_tokens_details: Details,
}

/// `ListBatchesResponse`, `ListFilesResponse`; the rows are read one by one.
#[derive(Debug, Deserialize)]
pub struct Rows {
    pub data: Option<Vec<Box<RawValue>>>,
    pub has_more: Option<bool>,
}

/// `OpenAIFile`
#[derive(Debug, Deserialize)]
pub struct File {
    pub id: String,
    pub bytes: Option<u64>,
    pub filename: Option<String>,
    pub purpose: Option<String>,
    #[serde(default)]
    pub created_at: Time,
    #[serde(default)]
    pub expires_at: Time,
}

/// `DeleteFileResponse`
#[derive(Debug, Deserialize)]
pub struct Removed {
    pub deleted: Option<bool>,
}
