//! Tools that a model may call, and the form that its answer shall have.
//!
//! Invariant: a schema is the caller's, and nothing of it is rewritten.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use super::part::Cache;

/// A tool that a model may call.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Tool {
    /// Letters, digits, `_` and `-`.
    pub name: String,
    /// What it does, for the model.
    pub description: Option<String>,
    /// The JSON Schema of its arguments, an object.
    pub parameters: Option<Map<String, Value>>,
    /// The arguments must be as the schema says.
    pub strict: Option<bool>,
    /// As that of a text.
    pub cache: Option<Cache>,
}

/// Whether and which tool a model calls.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum ToolChoice {
    /// In general.
    Mode(ToolMode),
    /// This one.
    Tool(NamedTool),
}

/// Whether a model calls tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ToolMode {
    /// As the model sees fit.
    Auto,
    /// No.
    None,
    /// At least one.
    Required,
}

/// The tool that a model must call.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NamedTool {
    /// Its name.
    pub name: String,
}

/// The form that an answer shall have.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case", deny_unknown_fields)]
pub enum ResponseFormat {
    /// Any JSON object.
    JsonObject {},
    /// JSON of this schema.
    JsonSchema {
        /// A name for it: letters, digits, `_` and `-`.
        name: Option<String>,
        /// What it is for, for the model.
        description: Option<String>,
        /// The JSON Schema, an object.
        schema: Map<String, Value>,
        /// The answer must be as the schema says.
        strict: Option<bool>,
    },
}

/// How much a model thinks before it answers.
#[skip_serializing_none]
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Reasoning {
    /// In words.
    pub effort: Option<Effort>,
    /// At most so many tokens.
    pub budget_tokens: Option<u32>,
}

/// How much a model thinks, in words.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Effort {
    /// Not at all.
    None,
    /// As little as it can.
    Minimal,
    /// Little.
    Low,
    /// More.
    Medium,
    /// Much.
    High,
    /// More than much.
    Xhigh,
    /// As much as it can.
    Max,
}

impl Effort {
    /// Its word.
    pub const fn word(self) -> &'static str {
        match self {
            Effort::None => "none",
            Effort::Minimal => "minimal",
            Effort::Low => "low",
            Effort::Medium => "medium",
            Effort::High => "high",
            Effort::Xhigh => "xhigh",
            Effort::Max => "max",
        }
    }
}
