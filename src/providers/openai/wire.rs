//! OpenAI's JSON, as far as it is used (API description 2.3.0), and that of compatible servers.
//!
//! Invariant: what compatible servers are known to leave out is optional here, whatever the description requires.

use serde::de::IgnoredAny;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use crate::catalogue::ai::Role;

/// The body of `POST /chat/completions`.
#[derive(Debug, Serialize)]
pub struct ChatRequest<'a> {
    pub model: &'a str,
    pub messages: Vec<ChatMessage>,
    /// `max_tokens` is the deprecated name, which newer models refuse.
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

/// `CreateChatCompletionResponse`
#[derive(Debug, Deserialize)]
pub struct Completion {
    pub id: String,
    pub model: String,
    pub choices: Vec<Choice>,
    pub usage: Option<Usage>,
}

/// One choice; we never ask for more than one.
#[derive(Debug, Deserialize)]
pub struct Choice {
    pub message: Said,
    pub finish_reason: Option<String>,
}

/// `ChatCompletionResponseMessage`, and the delta of a chunk.
#[derive(Debug, Default, Deserialize)]
pub struct Said {
    pub content: Option<String>,
    pub refusal: Option<String>,
}

/// `CreateChatCompletionStreamResponse`, or an error in the middle of a stream.
#[derive(Debug, Deserialize)]
pub struct Chunk {
    #[serde(default)]
    pub id: String,
    #[serde(default)]
    pub model: String,
    #[serde(default)]
    pub choices: Vec<ChunkChoice>,
    pub usage: Option<Usage>,
    pub error: Option<Fault>,
}

/// One choice of a chunk.
#[derive(Debug, Deserialize)]
pub struct ChunkChoice {
    #[serde(default)]
    pub index: u32,
    #[serde(default)]
    pub delta: Said,
    pub finish_reason: Option<String>,
}

/// `CompletionUsage`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Usage {
    #[serde(default)]
    pub prompt_tokens: u64,
    #[serde(default)]
    pub completion_tokens: u64,
}

/// `ListModelsResponse`; the models are read one by one.
#[derive(Debug, Deserialize)]
pub struct Models {
    pub data: Vec<Box<RawValue>>,
}

/// `Model`
#[derive(Debug, Deserialize)]
pub struct Model {
    pub id: String,
    /// Seconds since the Unix epoch.
    pub created: Option<i64>,
    pub owned_by: Option<String>,
}

/// `ErrorResponse`
#[derive(Debug, Default, Deserialize)]
pub struct Error {
    #[serde(default)]
    pub error: Fault,
}

/// `Error`. Its message is not read: it quotes keys and inputs.
#[derive(Debug, Default, Deserialize)]
pub struct Fault {
    pub code: Option<Code>,
    pub param: Option<String>,
    #[serde(rename = "type")]
    pub kind: Option<String>,
}

/// A code; compatible servers also send numbers, which say no more than the status.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Code {
    Word(String),
    Other(IgnoredAny),
}

impl Fault {
    /// Whether its code or its type is `word`.
    pub fn says(&self, word: &str) -> bool {
        matches!(&self.code, Some(Code::Word(code)) if code == word) || self.kind.as_deref() == Some(word)
    }
}
