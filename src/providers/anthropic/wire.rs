//! Anthropic's JSON as it answers, as far as it is used (API version 2023-06-01), and that of servers that speak its API.
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says; and what holds a
//! thought has no print.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::value::RawValue;

use crate::providers::http::Time;

/// `Message`, or an error in place of it.
#[derive(Deserialize)]
pub struct Message {
    pub id: Option<String>,
    pub model: Option<String>,
    /// Blocks are read one by one: some are kept as they came.
    pub content: Option<Vec<Box<RawValue>>>,
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
    pub stop_details: Option<StopDetails>,
    #[serde(default)]
    pub usage: Usage,
    /// Whether there is one; what it says is read apart.
    pub error: Option<IgnoredAny>,
}

/// `RefusalStopDetails`
#[derive(Debug, Deserialize)]
pub struct StopDetails {
    pub explanation: Option<String>,
}

/// `ContentBlock`
#[derive(Deserialize)]
pub struct Block {
    #[serde(rename = "type")]
    pub kind: String,
    pub text: Option<String>,
    pub thinking: Option<String>,
    pub signature: Option<String>,
    /// A thought that is hidden.
    pub data: Option<String>,
    pub id: Option<String>,
    pub name: Option<String>,
    pub input: Option<Box<RawValue>>,
}

/// `Usage`, `MessageDeltaUsage`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Usage {
    /// Those that have nothing to do with the cache.
    pub input_tokens: Option<u64>,
    pub output_tokens: Option<u64>,
    pub cache_creation_input_tokens: Option<u64>,
    pub cache_read_input_tokens: Option<u64>,
    #[serde(default)]
    pub cache_creation: Written,
    pub service_tier: Option<Tier>,
    #[serde(default)]
    pub output_tokens_details: Details,
}

/// `CacheCreation`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Written {
    pub ephemeral_1h_input_tokens: Option<u64>,
}

/// The terms of a request.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Tier {
    Standard,
    Priority,
    Batch,
    #[serde(other)]
    Other,
}

/// What some of the tokens are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Details {
    pub thinking_tokens: Option<u64>,
}

/// `MessageStreamEvent`
#[derive(Deserialize)]
pub struct Event {
    #[serde(rename = "type")]
    pub kind: Option<String>,
    /// Of the first event.
    pub message: Option<Message>,
    /// Which of the blocks it is about.
    pub index: Option<u32>,
    pub content_block: Option<Box<RawValue>>,
    #[serde(default)]
    pub delta: Delta,
    #[serde(default)]
    pub usage: Usage,
    /// Whether there is one; what it says is read apart.
    pub error: Option<IgnoredAny>,
}

/// `ContentBlockDelta`, `MessageDelta`
#[derive(Default, Deserialize)]
pub struct Delta {
    pub text: Option<String>,
    pub partial_json: Option<String>,
    pub thinking: Option<String>,
    pub signature: Option<String>,
    pub stop_reason: Option<String>,
    pub stop_sequence: Option<String>,
    pub stop_details: Option<StopDetails>,
}

/// `CountMessageTokensResponse`
#[derive(Debug, Deserialize)]
pub struct Counted {
    pub input_tokens: u64,
}

/// `ListResponse`; the rows are read one by one.
#[derive(Debug, Deserialize)]
pub struct Rows {
    pub data: Option<Vec<Box<RawValue>>>,
    pub has_more: Option<bool>,
    pub last_id: Option<String>,
}

/// `ModelInfo`
#[derive(Debug, Deserialize)]
pub struct Model {
    pub id: String,
    pub display_name: Option<String>,
    #[serde(default)]
    pub created_at: Time,
    pub max_input_tokens: Option<u64>,
    pub max_tokens: Option<u64>,
    #[serde(default)]
    pub capabilities: Capabilities,
}

/// `ModelCapabilities`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Capabilities {
    #[serde(default)]
    pub thinking: ThinkingCapability,
}

/// `ThinkingCapability`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct ThinkingCapability {
    pub supported: Option<bool>,
    #[serde(default)]
    pub types: ThinkingTypes,
}

/// `ThinkingTypes`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct ThinkingTypes {
    #[serde(default)]
    pub adaptive: Support,
    #[serde(default)]
    pub enabled: Support,
}

/// `CapabilitySupport`
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Support {
    pub supported: Option<bool>,
}
