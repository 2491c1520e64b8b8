//! Anthropic's JSON as it is asked (API version 2023-06-01).
//!
//! Invariant: what is not said is not written.

use std::borrow::Cow;

use serde::{Serialize, Serializer};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use crate::catalogue::ai::Cache;

/// The body of `POST /v1/messages`, and of the counting of its tokens.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct MessagesRequest<'a> {
    pub model: &'a str,
    /// Required where an answer is asked for.
    pub max_tokens: Option<u32>,
    pub system: Option<Content<'a>>,
    pub messages: Vec<Message<'a>>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stop_sequences: Vec<&'a str>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<OrOwn<Tool<'a>>>,
    pub tool_choice: Option<OrOwn<ToolChoice<'a>>>,
    pub thinking: Option<Thinking>,
    pub output_config: Option<OutputConfig<'a>>,
    pub metadata: Option<Metadata<'a>>,
    pub stream: Option<bool>,
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// The fields of a body that are written from what an input says; an extension has none of these.
pub const OWN: &[&str] = &[
    "model",
    "max_tokens",
    "system",
    "messages",
    "stop_sequences",
    "temperature",
    "top_p",
    "top_k",
    "thinking",
    "output_config",
    "metadata",
    "stream",
];

/// `InputMessage`
#[derive(Serialize)]
pub struct Message<'a> {
    pub role: &'static str,
    pub content: Content<'a>,
}

/// Blocks; one text alone is written as a text.
#[derive(Default)]
pub struct Content<'a>(pub Vec<Block<'a>>);

impl Serialize for Content<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.0.as_slice() {
            [
                Block {
                    kind: Kind::Text { text },
                    cache_control: None,
                },
            ] => serializer.serialize_str(text),
            blocks => blocks.serialize(serializer),
        }
    }
}

/// `InputContentBlock`
#[derive(Serialize)]
pub struct Block<'a> {
    #[serde(flatten)]
    pub kind: Kind<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub cache_control: Option<CacheControl>,
}

/// What a block is.
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind<'a> {
    Text {
        text: Cow<'a, str>,
    },
    Image {
        source: Source<'a>,
    },
    Document {
        source: Source<'a>,
        title: Option<&'a str>,
    },
    ToolUse {
        id: &'a str,
        name: &'a str,
        input: Value,
    },
    ToolResult {
        tool_use_id: &'a str,
        content: Content<'a>,
        #[serde(skip_serializing_if = "std::ops::Not::not")]
        is_error: bool,
    },
    Thinking {
        thinking: &'a str,
        signature: &'a str,
    },
    RedactedThinking {
        data: &'a str,
    },
    /// One of the provider's own, as it came.
    #[serde(untagged)]
    Other(Value),
}

/// Where a picture or a document is.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Source<'a> {
    Url { url: &'a str },
    Base64 { media_type: &'a str, data: &'a str },
    Text { media_type: &'static str, data: String },
    File { file_id: &'a str },
}

/// `CacheControlEphemeral`
#[derive(Clone, Copy, Serialize)]
pub struct CacheControl {
    r#type: &'static str,
    ttl: Cache,
}

impl From<Cache> for CacheControl {
    fn from(ttl: Cache) -> Self {
        CacheControl {
            r#type: "ephemeral",
            ttl,
        }
    }
}

/// What is written from the input, or the provider's own as it came.
#[derive(Serialize)]
#[serde(untagged)]
pub enum OrOwn<T> {
    Ours(T),
    Own(Value),
}

/// `Tool`
#[skip_serializing_none]
#[derive(Serialize)]
pub struct Tool<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub input_schema: Cow<'a, Map<String, Value>>,
    pub strict: Option<bool>,
    pub cache_control: Option<CacheControl>,
}

/// `ToolChoice`
#[skip_serializing_none]
#[derive(Serialize)]
pub struct ToolChoice<'a> {
    pub r#type: &'static str,
    pub name: Option<&'a str>,
    pub disable_parallel_tool_use: Option<bool>,
}

/// `ThinkingConfigParam`
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Thinking {
    Disabled,
    Adaptive,
    Enabled { budget_tokens: u32 },
}

/// `OutputConfig`
#[skip_serializing_none]
#[derive(Serialize)]
pub struct OutputConfig<'a> {
    pub effort: Option<&'static str>,
    pub format: Option<Format<'a>>,
}

/// `JsonOutputFormat`
#[derive(Serialize)]
pub struct Format<'a> {
    pub r#type: &'static str,
    pub schema: &'a Map<String, Value>,
}

/// `Metadata`
#[derive(Serialize)]
pub struct Metadata<'a> {
    pub user_id: Cow<'a, str>,
}
