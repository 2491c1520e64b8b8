//! What a model is asked.
//!
//! Invariant: all that is said before an answer is in one conversation, whichever way it is given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::content::Content;
use super::extensions::Extensions;
use super::message::{Message, Role};
use super::part::Part;
use super::tool::{Reasoning, ResponseFormat, Tool, ToolChoice};
use crate::catalogue::fields::ModelRef;

/// Input of `ai.chat.complete`, `ai.chat.stream` and `ai.tokens.count`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatInput {
    pub model: ModelRef,
    /// The conversation so far, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// A last message by the user, for short; with or instead of `messages`.
    pub prompt: Option<String>,
    /// The most tokens that the answer may have.
    pub max_tokens: Option<u32>,
    /// 0 to 2; higher is more random.
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    pub top_p: Option<f64>,
    /// Only so many of the likeliest tokens are considered.
    pub top_k: Option<u32>,
    /// Texts at which the answer ends; not every provider takes more than four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
    /// The tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<Tool>,
    /// Whether it calls one: `auto`, `none`, `required`, or `{"name": …}`.
    pub tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    pub parallel_tool_calls: Option<bool>,
    /// The form that the answer shall have; absent: text.
    pub response_format: Option<ResponseFormat>,
    /// How much it thinks before it answers.
    pub reasoning: Option<Reasoning>,
    /// Stands for the person who asks, where the provider wants to tell them apart.
    pub user: Option<String>,
    /// Fields of the provider's own, by its dialect; a provider of another one refuses them.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    pub extensions: Extensions,
}

/// A message as it stands in a conversation.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: Said<'a>,
    /// Which of the messages it is, the prompt behind them.
    pub at: usize,
}

/// What a message says.
#[derive(Clone, Copy, Debug)]
pub enum Said<'a> {
    /// A text.
    Text(&'a str),
    /// Parts.
    Parts(&'a [Part]),
}

impl Turn<'_> {
    /// The name of one of its parts.
    pub fn part(&self, at: usize) -> String {
        format!("messages[{}].content[{at}]", self.at)
    }
}

impl ChatInput {
    /// The whole conversation, `prompt` included.
    pub fn conversation(&self) -> impl Iterator<Item = Turn<'_>> {
        let messages = self.messages.iter().enumerate().map(|(at, message)| Turn {
            role: message.role,
            content: match &message.content {
                Content::Text(text) => Said::Text(text),
                Content::Parts(parts) => Said::Parts(parts),
            },
            at,
        });
        let last = self.prompt.iter().map(|prompt| Turn {
            role: Role::User,
            content: Said::Text(prompt),
            at: self.messages.len(),
        });
        messages.chain(last)
    }
}
