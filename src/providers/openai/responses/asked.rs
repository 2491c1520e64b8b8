//! OpenAI's JSON as its Responses API is asked (API description 2.3.0).
//!
//! Invariant: what is not said is not written, but for what the description requires.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

/// The body of `POST /responses`; that of `POST /responses/input_tokens` is a part of it.
#[skip_serializing_none]
#[derive(Default, Serialize)]
pub struct ResponseRequest<'a> {
    pub model: &'a str,
    pub input: Vec<Item<'a>>,
    pub instructions: Option<Cow<'a, str>>,
    pub previous_response_id: Option<&'a str>,
    pub background: Option<bool>,
    pub store: Option<bool>,
    pub max_output_tokens: Option<u32>,
    pub temperature: Option<f64>,
    pub top_p: Option<f64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool<'a>>,
    pub tool_choice: Option<ToolChoice<'a>>,
    pub parallel_tool_calls: Option<bool>,
    /// The form of the answer's text.
    pub text: Option<Map<String, Value>>,
    pub reasoning: Option<Map<String, Value>>,
    pub include: Option<Value>,
    pub user: Option<&'a str>,
    pub safety_identifier: Option<&'a str>,
    pub stream: Option<bool>,
    #[serde(flatten)]
    pub extensions: Map<String, Value>,
}

/// `InputItem`
#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Item<'a> {
    Message {
        role: &'static str,
        content: Spoken<'a>,
    },
    FunctionCall {
        call_id: &'a str,
        name: &'a str,
        arguments: &'a str,
    },
    FunctionCallOutput {
        call_id: &'a str,
        output: Spoken<'a>,
    },
    /// As it came.
    #[serde(untagged)]
    Own(Value),
}

/// What is said.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Spoken<'a> {
    Text(Cow<'a, str>),
    Pieces(Vec<Piece<'a>>),
}

/// `InputContent`
#[skip_serializing_none]
#[derive(Serialize)]
#[serde(tag = "type")]
pub enum Piece<'a> {
    #[serde(rename = "input_text")]
    Text { text: Cow<'a, str> },
    #[serde(rename = "input_image")]
    Image {
        image_url: Option<Cow<'a, str>>,
        file_id: Option<&'a str>,
        detail: &'static str,
    },
    #[serde(rename = "input_file")]
    File {
        file_url: Option<&'a str>,
        file_data: Option<String>,
        file_id: Option<&'a str>,
        filename: Option<&'a str>,
    },
}

/// A tool: a function of the caller's, or one that the provider has itself.
#[derive(Serialize)]
#[serde(untagged)]
pub enum Tool<'a> {
    Function(Function<'a>),
    Own(Value),
}

/// `FunctionTool`, whose schema and strictness are required.
#[derive(Serialize)]
pub struct Function<'a> {
    pub r#type: &'static str,
    pub name: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub description: Option<&'a str>,
    pub parameters: Option<&'a Map<String, Value>>,
    pub strict: bool,
}

/// `ToolChoiceParam`
#[derive(Serialize)]
#[serde(untagged)]
pub enum ToolChoice<'a> {
    Word(&'a str),
    Named {
        r#type: &'static str,
        name: &'a str,
    },
    /// Of a tool that the provider has itself.
    Own(Value),
}
