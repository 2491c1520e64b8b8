//! AI: chat and models.
//!
//! Invariant: the neutral finish reasons and usage counts mean the same at every provider.

use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declaration, Method, Op, Output, Page, check_name};

/// Who says a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Instructions that hold for the whole conversation.
    System,
    /// The person or program that asks.
    User,
    /// The model.
    Assistant,
}

/// One message of a conversation.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Message {
    /// Who says it.
    pub role: Role,
    /// What is said.
    pub content: String,
}

/// Input of `ai.chat.complete` and `ai.chat.stream`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ChatInput {
    /// The model's id; `instance~model` pins a provider.
    pub model: String,
    /// The conversation so far, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub messages: Vec<Message>,
    /// A last message by the user, for short; with or instead of `messages`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<String>,
    /// The most tokens that the answer may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// 0 to 2; higher is more random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub top_p: Option<f64>,
    /// Texts at which the answer ends; at most four.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stop: Vec<String>,
}

impl ChatInput {
    /// The whole conversation, `prompt` included.
    pub fn conversation(&self) -> impl Iterator<Item = Message> + '_ {
        let last = self.prompt.iter().map(|text| Message {
            role: Role::User,
            content: text.clone(),
        });
        self.messages.iter().cloned().chain(last)
    }
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Finish {
    /// It had said all, or met a stop text.
    Stop,
    /// It ran out of tokens.
    Length,
    /// It wants a tool called.
    Tool,
    /// A filter or a refusal ended it.
    Filter,
    /// It paused and can be continued.
    Pause,
}

/// Tokens, as the provider counted them.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Read.
    pub input_tokens: u64,
    /// Written.
    pub output_tokens: u64,
}

/// A whole answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chat {
    /// The provider's id of the answer, as a neutral id.
    pub id: String,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What it said.
    pub message: Message,
    /// Why it stopped; absent where the provider did not say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finish: Option<Finish>,
    /// Tokens; absent where the provider did not count.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Output for Chat {}

/// One event of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// The first event.
    Start {
        /// The provider's id of the answer, as a neutral id.
        id: String,
        /// The model that answers.
        model: String,
    },
    /// A piece of the text.
    Delta {
        /// The piece.
        text: String,
    },
    /// Tokens.
    Usage {
        /// As counted by the provider.
        usage: Usage,
    },
    /// The last event of a whole answer.
    End {
        /// Why it stopped.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        finish: Option<Finish>,
    },
}

impl Output for ChatEvent {}

const fn chat(name: &'static str, streaming: bool) -> Operation {
    Operation {
        name,
        service: "ai",
        // An answer changes nothing, but it is billed: a repeat after it was sent is the error flow's last choice,
        // not a harmless one. Hence safe, yet of the tokens' cost class.
        safe: true,
        idempotent: true,
        streaming,
        cache: None,
        carries: &[],
        invalidates: &[],
        cost: CostClass::Tokens,
    }
}

fn check_chat(input: &ChatInput) -> Result<(), Failure> {
    check_name("model", &input.model)?;
    if input.messages.is_empty() && input.prompt.is_none() {
        return Err(Failure::invalid("messages", "give messages, a prompt, or both"));
    }
    if input.messages.len() > 1000 {
        return Err(Failure::invalid("messages", "at most 1000 messages"));
    }
    if input.max_tokens == Some(0) {
        return Err(Failure::invalid("max_tokens", "max_tokens must be at least 1"));
    }
    if input.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return Err(Failure::invalid("temperature", "temperature must be between 0 and 2"));
    }
    if input.top_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return Err(Failure::invalid("top_p", "top_p must be between 0 and 1"));
    }
    if input.stop.len() > 4 {
        return Err(Failure::invalid("stop", "at most four stop texts"));
    }
    Ok(())
}

/// `ai.chat.complete`
pub struct ChatComplete;

impl Op for ChatComplete {
    type Input = ChatInput;
    type Output = Chat;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: chat("ai.chat.complete", false),
        method: Method::Post,
        path: "/ai/chat/complete",
        positional: &["model", "prompt"],
        summary: "Have a model answer",
    };
    fn resource(input: &ChatInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.model))
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check_chat(input)
    }
}

/// `ai.chat.stream`
pub struct ChatStream;

impl Op for ChatStream {
    type Input = ChatInput;
    type Output = ChatEvent;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: chat("ai.chat.stream", true),
        method: Method::Post,
        path: "/ai/chat/stream",
        positional: &["model", "prompt"],
        summary: "Have a model answer, piece by piece",
    };
    fn resource(input: &ChatInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.model))
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check_chat(input)
    }
}

/// A model.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Model {
    /// The neutral id, `instance~model`.
    pub id: String,
    /// The model's own id.
    pub name: String,
    /// Who offers it, where the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// Input of `ai.models.list`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ModelsListInput {
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100, where the provider pages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `ai.models.list`
pub struct ModelsList;

impl Op for ModelsList {
    type Input = ModelsListInput;
    type Output = Page<Model>;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "ai.models.list",
            service: "ai",
            safe: true,
            idempotent: true,
            streaming: false,
            cache: Some(CacheTimes {
                fresh: Duration::from_secs(300),
                stale: Duration::from_secs(3600),
                negative: Duration::from_secs(10),
            }),
            carries: &["models"],
            invalidates: &[],
            cost: CostClass::Read,
        },
        method: Method::Get,
        path: "/ai/models",
        positional: &[],
        summary: "List models",
    };
    fn resource(_input: &ModelsListInput) -> Result<Resource, Failure> {
        Ok(Resource::none())
    }
    fn check(input: &ModelsListInput) -> Result<(), Failure> {
        super::check_limit(input.limit)
    }
    fn cursor(input: &mut ModelsListInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}
