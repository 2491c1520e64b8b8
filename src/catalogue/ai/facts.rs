//! What is known of models beside what their providers tell.
//!
//! Invariant: whatever is said here names who says so.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::price::Prices;

/// What a model is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Work {
    /// Conversations.
    Chat,
    /// Texts that go on from another.
    Completion,
    /// Vectors of texts.
    Embedding,
    /// Verdicts on texts and pictures.
    Moderation,
}

/// What a model can beyond texts in and out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Ability {
    /// Call tools.
    Tools,
    /// Call several at once.
    ParallelTools,
    /// Answer by a schema.
    Schema,
    /// Think before it answers.
    Reasoning,
    /// Look at pictures.
    Images,
    /// Read PDF documents.
    Pdf,
    /// Hear.
    Audio,
    /// Read cheaper what it has read before.
    Caching,
    /// Search the web by itself.
    WebSearch,
    /// Use a computer's screen.
    ComputerUse,
}

/// What is known of a model.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Facts {
    /// What it is for.
    pub work: Work,
    /// The most tokens that it reads.
    pub max_input_tokens: Option<u64>,
    /// The most tokens that it writes.
    pub max_output_tokens: Option<u64>,
    /// What it costs.
    pub usd_per_million: Option<Prices>,
    /// What it can.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub abilities: Vec<Ability>,
    /// The day from which it may be gone, `YYYY-MM-DD`.
    pub deprecated_on: Option<String>,
    /// The model that its vendor names in its place.
    pub successor: Option<String>,
    /// Who says so: the table that it stands in, with its version and date, or the file.
    pub source: Option<String>,
}
