//! OpenAI's JSON as its Responses API answers, as far as it is used (API description 2.3.0).
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::providers::http::Time;
use crate::providers::http::text::Text;
use crate::providers::openai::wire::{Arguments, Details};

/// `Response`, or an error in its place.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Response {
    pub id: Option<String>,
    /// `response`
    pub object: Option<String>,
    pub status: Option<String>,
    pub model: Option<String>,
    pub created_at: Time,
    pub completed_at: Time,
    pub background: Option<bool>,
    pub previous_response_id: Option<String>,
    pub incomplete_details: Option<Incomplete>,
    /// Its items are read one by one.
    pub output: Option<Vec<Box<RawValue>>>,
    pub usage: Option<Usage>,
    /// The terms that it was served on, in a word.
    pub service_tier: Option<String>,
    pub error: Option<Value>,
}

/// Why it is not whole.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Incomplete {
    pub reason: Option<String>,
}

/// `ResponseUsage`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
#[serde(default)]
pub struct Usage {
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub input_tokens_details: Details,
    pub output_tokens_details: Details,
}

/// `OutputItem`: a message, a call, a thought, or what is passed on unread.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Item {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Of a message, or of a thought.
    pub content: Option<Vec<Piece>>,
    /// Of a thought.
    pub summary: Option<Vec<Piece>>,
    pub encrypted_content: Option<String>,
    /// Of a call.
    pub call_id: Option<String>,
    pub name: Option<String>,
    pub arguments: Option<Arguments>,
}

/// `OutputContent`, `SummaryTextContent`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Piece {
    pub text: Option<Text>,
    pub refusal: Option<Text>,
}

/// `ResponseStreamEvent`
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub response: Option<Response>,
    pub item: Option<Box<RawValue>>,
    /// Which item it is of.
    pub output_index: Option<u32>,
    pub content_index: Option<u32>,
    pub summary_index: Option<u32>,
    pub delta: Option<Text>,
    /// Whether there is one; what it says is read apart.
    pub error: Option<IgnoredAny>,
}
