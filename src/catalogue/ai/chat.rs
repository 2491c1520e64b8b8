//! Conversations with models.
//!
//! Invariant: an answer changes nothing and is billed, so it is never asked for twice unless the first was refused.

use bytes::Bytes;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use crate::catalogue::fields::ModelRef;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

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
    /// For a reason of the provider's own; its word stands beside it.
    Other,
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
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Chat {
    /// The provider's id of the answer, as a neutral id; absent where it gave none.
    pub id: Option<String>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// What it said.
    pub message: Message,
    /// What it thought before, where the provider shows it.
    pub reasoning: Option<String>,
    /// Why it stopped; absent where the provider did not say.
    pub finish: Option<Finish>,
    /// The provider's word for it, where `finish` is `other`.
    pub raw_finish: Option<String>,
    /// Tokens; absent where the provider did not count.
    pub usage: Option<Usage>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Chat {
    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        self.usage.map(Into::into)
    }
}

/// One event of a streamed answer.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum ChatEvent {
    /// The first event.
    Start {
        /// The provider's id of the answer, as a neutral id; absent where it gives none.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        id: Option<String>,
        /// The model that answers.
        model: String,
    },
    /// A piece of what the model thinks before it answers, where the provider shows it.
    Reasoning {
        /// The piece.
        text: String,
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
        /// The provider's word for it, where `finish` is `other`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        raw_finish: Option<String>,
    },
}

impl<I> Output<I> for ChatEvent {}

impl Event for ChatEvent {
    fn to_json(&self) -> Result<Bytes, Failure> {
        let json = serde_json::to_vec(self).map(Bytes::from);
        json.map_err(|error| Failure::new(Kind::Internal, "an event could not be serialised").because(error))
    }

    fn usage(&self) -> Option<mosaic_actors::stream::Usage> {
        let ChatEvent::Usage { usage } = self else {
            return None;
        };
        Some((*usage).into())
    }
}

impl From<Usage> for mosaic_actors::stream::Usage {
    fn from(usage: Usage) -> Self {
        mosaic_actors::stream::Usage {
            input_tokens: usage.input_tokens,
            output_tokens: usage.output_tokens,
        }
    }
}

fn check_chat(input: &ChatInput) -> Result<(), Failure> {
    let wrong = |field: &str, sentence: &str| Err(Failure::invalid(field, sentence));
    if input.messages.is_empty() && input.prompt.is_none() {
        return wrong("messages", "give messages, a prompt, or both");
    }
    if input.messages.len() > 1000 {
        return wrong("messages", "at most 1000 messages");
    }
    if input.max_tokens == Some(0) {
        return wrong("max_tokens", "max_tokens must be at least 1");
    }
    if input.temperature.is_some_and(|t| !(0.0..=2.0).contains(&t)) {
        return wrong("temperature", "temperature must be between 0 and 2");
    }
    if input.top_p.is_some_and(|p| !(0.0..=1.0).contains(&p)) {
        return wrong("top_p", "top_p must be between 0 and 1");
    }
    if input.stop.len() > 4 {
        return wrong("stop", "at most four stop texts");
    }
    Ok(())
}

/// `ai.chat.complete`
pub struct ChatComplete;

impl Op for ChatComplete {
    type Input = ChatInput;
    type Output = Chat;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("ai.chat.complete", "/ai/chat/complete", "Have a model answer")
            .args(&["model", "prompt"])
            .generates();
    fn resource(input: &ChatInput) -> Resource {
        input.model.resource()
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
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "ai.chat.stream",
        "/ai/chat/stream",
        "Have a model answer, piece by piece",
    )
    .args(&["model", "prompt"])
    .generates()
    .streams();
    fn resource(input: &ChatInput) -> Resource {
        input.model.resource()
    }
    fn check(input: &ChatInput) -> Result<(), Failure> {
        check_chat(input)
    }
}
