//! OpenAI's JSON as it answers, as far as it is used (API description 2.3.0), and that of compatible servers.
//!
//! Invariant: nothing that an answer is useful without is required here, whatever the description says.

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::providers::http::Time;
use crate::providers::http::text::Text;

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
    /// The terms that it was served on, in a word.
    pub service_tier: Option<String>,
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
    pub tool_calls: Option<Vec<ToolCall>>,
    /// What a model thought, as most servers call it.
    pub reasoning_content: Option<Text>,
    /// As others do, some of which write both.
    pub reasoning: Option<Text>,
}

/// `ChatCompletionMessageToolCall`, or a piece of it.
#[derive(Debug, Deserialize)]
pub struct ToolCall {
    /// Which it is, of a chunk; some servers leave it out.
    pub index: Option<u32>,
    pub id: Option<String>,
    #[serde(default)]
    pub function: Function,
}

/// What is called, and with what.
#[derive(Debug, Default, Deserialize)]
pub struct Function {
    pub name: Option<String>,
    pub arguments: Option<Arguments>,
}

/// JSON in a text, or as it is.
#[derive(Debug, Deserialize)]
#[serde(untagged)]
pub enum Arguments {
    Text(String),
    Json(Value),
}

impl Arguments {
    /// The text.
    pub fn text(self) -> String {
        match self {
            Arguments::Text(text) => text,
            Arguments::Json(Value::Null) => String::new(),
            Arguments::Json(value) => value.to_string(),
        }
    }
}

/// `CompletionUsage`
#[derive(Clone, Copy, Debug, Deserialize)]
pub struct Usage {
    pub prompt_tokens: Option<u64>,
    pub completion_tokens: Option<u64>,
    #[serde(default)]
    pub prompt_tokens_details: Details,
    #[serde(default)]
    pub completion_tokens_details: Details,
    /// What others have among the details.
    pub prompt_cache_hit_tokens: Option<u64>,
    /// US dollars, where a server of others' models tells.
    pub cost: Option<f64>,
}

/// What some of the tokens are.
#[derive(Clone, Copy, Debug, Default, Deserialize)]
pub struct Details {
    pub cached_tokens: Option<u64>,
    pub cache_write_tokens: Option<u64>,
    pub reasoning_tokens: Option<u64>,
}

/// `TokenCountsResource`
#[derive(Debug, Deserialize)]
pub struct Counted {
    pub input_tokens: u64,
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
