//! OpenAI's JSON as it is asked (API description 2.3.0).
//!
//! Invariant: what is not said is not written.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

/// The body of `POST /chat/completions`.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct ChatRequest<'a> {
    pub model: &'a str,
    pub messages: Vec<ChatMessage<'a>>,
    /// The older name, which most compatible servers know alone and OpenAI's newer models refuse.
    pub max_tokens: Option<u32>,
    /// The newer name.
    pub max_completion_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    pub top_k: Option<u32>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    pub stop: &'a [String],
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    pub parallel_tool_calls: Option<bool>,
    pub response_format: Option<ResponseFormat<'a>>,
    pub reasoning_effort: Option<&'static str>,
    pub reasoning: Option<Reasoning>,
    pub user: Option<&'a str>,
    pub safety_identifier: Option<&'a str>,
    pub stream: Option<bool>,
    pub stream_options: Option<StreamOptions>,
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// The fields of a body that are written from what an input says; an extension has none of these.
pub const OWN: &[&str] = &[
    "model",
    "messages",
    "max_tokens",
    "max_completion_tokens",
    "temperature",
    "top_p",
    "top_k",
    "stop",
    "tools",
    "tool_choice",
    "parallel_tool_calls",
    "response_format",
    "reasoning_effort",
    "reasoning",
    "user",
    "safety_identifier",
    "stream",
    "stream_options",
    // Older names for tools, and answers that nobody could tell apart.
    "functions",
    "function_call",
    "n",
];

/// One message.
#[derive(Serialize)]
pub struct ChatMessage<'a> {
    pub role: &'static str,
    /// Null where the model said nothing but called tools.
    pub content: Option<Spoken<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub refusal: Option<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tool_calls: Vec<ToolCall<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool_call_id: Option<&'a str>,
}

/// What a message says.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Spoken<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

/// One content part.
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Piece<'a> {
    Text { text: Cow<'a, str> },
    ImageUrl { image_url: ImageUrl<'a> },
    File { file: File<'a> },
}

/// Where a picture is, or the picture.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct ImageUrl<'a> {
    pub url: Cow<'a, str>,
    pub detail: Option<&'static str>,
}

/// A document, or its id.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct File<'a> {
    pub filename: Option<&'a str>,
    pub file_data: Option<String>,
    pub file_id: Option<&'a str>,
}

/// A call as the model made it.
#[derive(Serialize)]
pub struct ToolCall<'a> {
    pub id: &'a str,
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub function: Function<'a>,
}

/// What is called, and with what.
#[derive(Serialize)]
pub struct Function<'a> {
    pub name: &'a str,
    pub arguments: &'a str,
}

/// `ChatCompletionTool`
#[derive(Serialize)]
pub struct Tool<'a> {
    #[serde(rename = "type")]
    pub kind: &'static str,
    pub function: Declared<'a>,
}

/// `FunctionObject`
#[skip_serializing_none]
#[derive(Serialize)]
pub struct Declared<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub parameters: Option<&'a Map<String, Value>>,
    pub strict: Option<bool>,
}

/// `ChatCompletionToolChoiceOption`
#[derive(Serialize)]
#[serde(untagged)]
pub enum ToolChoice<'a> {
    Word(&'a str),
    Named { r#type: &'static str, function: Named<'a> },
}

/// A tool by its name.
#[derive(Serialize)]
pub struct Named<'a> {
    pub name: &'a str,
}

/// `ResponseFormatJsonObject`, `ResponseFormatJsonSchema`
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ResponseFormat<'a> {
    JsonObject,
    JsonSchema { json_schema: Schema<'a> },
}

/// The schema of an answer.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct Schema<'a> {
    pub name: &'a str,
    pub description: Option<&'a str>,
    pub schema: &'a Map<String, Value>,
    pub strict: Option<bool>,
}

/// As OpenRouter has it.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct Reasoning {
    pub effort: Option<&'static str>,
    pub max_tokens: Option<u32>,
}

/// `ChatCompletionStreamOptions`
#[derive(Serialize)]
pub struct StreamOptions {
    pub include_usage: bool,
}
