//! OpenAI's JSON, as far as it is used (API description 2.3.0), and that of compatible servers.
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::catalogue::ai::Role;
use crate::providers::http::Time;
use crate::providers::http::text::Text;

/// The body of `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub struct ChatRequest<'a> {
    pub model: &'a str,
    pub messages: Vec<ChatMessage>,
    /// The older name, which most compatible servers know alone and OpenAI's newer models refuse.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// The newer name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_completion_tokens: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub stop: &'a [String],
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub stream_options: Option<StreamOptions>,
}

/// One message of a request. The roles have the same names as ours.
#[derive(Debug, Serialize)]
pub struct ChatMessage {
    pub role: Role,
    pub content: String,
}

/// `ChatCompletionStreamOptions`
#[derive(Debug, Serialize)]
pub struct StreamOptions {
    pub include_usage: bool,
}

/// `CreateChatCompletionResponse`, `CreateChatCompletionStreamResponse`, or an error in place of either.
#[derive(Debug, Deserialize)]
pub struct Completion {
    pub id: Option<String>,
    pub model: Option<String>,
    /// `ping` of servers that have several dialects.
    #[serde(rename = "type")]
    pub kind: Option<String>,
    pub choices: Option<Vec<Choice>>,
    pub usage: Option<Usage>,
    /// Where Groq puts the usage of a stream.
    pub x_groq: Option<Groq>,
    /// Whether there is one; what it says is read apart.
    pub error: Option<IgnoredAny>,
}

/// `x_groq`
#[derive(Debug, Deserialize)]
pub struct Groq {
    pub usage: Option<Usage>,
}

/// One choice, or a piece of it; we never ask for more than one.
#[derive(Debug, Deserialize)]
pub struct Choice {
    #[serde(default)]
    pub index: u32,
    /// Of a whole answer.
    pub message: Option<Said>,
    /// Of a chunk.
    #[serde(default)]
    pub delta: Said,
    pub finish_reason: Option<String>,
    /// As servers between us and a model write it that failed.
    pub error: Option<IgnoredAny>,
}

/// `ChatCompletionResponseMessage`, and the delta of a chunk.
#[derive(Debug, Default, Deserialize)]
pub struct Said {
    pub content: Option<Text>,
    pub refusal: Option<Text>,
    /// What a model thought, as most servers call it.
    pub reasoning_content: Option<Text>,
    /// As others do, some of which write both.
    pub reasoning: Option<Text>,
}

/// `CompletionUsage`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Usage {
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
}

/// `ListModelsResponse`; the models are read one by one.
#[derive(Debug, Deserialize)]
pub struct Models {
    /// `list`, where there is neither of the others.
    pub object: Option<String>,
    pub data: Option<Vec<Box<RawValue>>>,
    /// As other dialects of the same servers call it.
    pub models: Option<Vec<Box<RawValue>>>,
}

/// `Model`
#[derive(Debug, Deserialize)]
pub struct Model {
    pub id: String,
    pub created: Time,
    pub owned_by: Option<String>,
}
