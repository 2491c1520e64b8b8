//! What an answer that is kept is asked with: a conversation, and what becomes of its answer.
//!
//! Invariant: the fields of a conversation are the same here as everywhere, and stand beside the others.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::check::check;
use super::extensions::Extensions;
use super::input::ChatInput;
use super::message::Message;
use super::owned;
use super::tool::{Reasoning, ResponseFormat, Tool, ToolChoice};
use crate::catalogue::fields::{ModelRef, ResponseRef};

/// Input of `ai.response.create` and `ai.response.stream`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(from = "Fields", into = "Fields")]
pub struct ResponseInput {
    /// The conversation.
    pub chat: ChatInput,
    /// The answer that it goes on from.
    pub previous: Option<ResponseRef>,
    /// Instructions for this answer alone.
    pub instructions: Option<String>,
    /// Whether it is made in the background.
    pub background: Option<bool>,
    /// Whether it is kept.
    pub store: Option<bool>,
}

/// Input of `ai.response.create` and `ai.response.stream`.
#[skip_serializing_none]
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Fields {
    model: ModelRef,
    /// What is said: all of the conversation, or what is new since `previous`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    messages: Vec<Message>,
    /// A last message by the user, for short; with or instead of `messages`.
    prompt: Option<String>,
    /// The answer that this one goes on from, by its neutral id: its provider knows what was said until then.
    previous: Option<ResponseRef>,
    /// Instructions for this answer alone: one that goes on from it does not have them.
    instructions: Option<String>,
    /// Answers at once, and has it made in the background; see `ai.response.get`.
    background: Option<bool>,
    /// Whether the provider keeps the answer; absent: as it does by itself.
    store: Option<bool>,
    /// The most tokens that the answer may have.
    max_tokens: Option<u32>,
    /// 0 to 2; higher is more random.
    temperature: Option<f64>,
    /// Nucleus sampling, 0 to 1.
    top_p: Option<f64>,
    /// Only so many of the likeliest tokens are considered.
    top_k: Option<u32>,
    /// Texts at which the answer ends.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    stop: Vec<String>,
    /// The tools that the model may call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    tools: Vec<Tool>,
    /// Whether it calls one: `auto`, `none`, `required`, or `{"name": …}`.
    tool_choice: Option<ToolChoice>,
    /// Whether it may call several at once.
    parallel_tool_calls: Option<bool>,
    /// The form that the answer shall have; absent: text.
    response_format: Option<ResponseFormat>,
    /// How much it thinks before it answers.
    reasoning: Option<Reasoning>,
    /// Stands for the person who asks, where the provider wants to tell them apart.
    user: Option<String>,
    /// Fields of the provider's own, by its dialect, such as tools that it has itself; a provider of another one refuses
    /// them.
    #[serde(default, skip_serializing_if = "Extensions::is_empty")]
    extensions: Extensions,
}

impl From<Fields> for ResponseInput {
    fn from(fields: Fields) -> Self {
        let chat = ChatInput {
            model: fields.model,
            messages: fields.messages,
            prompt: fields.prompt,
            max_tokens: fields.max_tokens,
            temperature: fields.temperature,
            top_p: fields.top_p,
            top_k: fields.top_k,
            stop: fields.stop,
            tools: fields.tools,
            tool_choice: fields.tool_choice,
            parallel_tool_calls: fields.parallel_tool_calls,
            response_format: fields.response_format,
            reasoning: fields.reasoning,
            user: fields.user,
            extensions: fields.extensions,
        };
        ResponseInput {
            chat,
            previous: fields.previous,
            instructions: fields.instructions,
            background: fields.background,
            store: fields.store,
        }
    }
}

impl From<ResponseInput> for Fields {
    fn from(input: ResponseInput) -> Self {
        let ResponseInput {
            chat,
            previous,
            instructions,
            background,
            store,
        } = input;
        Fields {
            model: chat.model,
            messages: chat.messages,
            prompt: chat.prompt,
            previous,
            instructions,
            background,
            store,
            max_tokens: chat.max_tokens,
            temperature: chat.temperature,
            top_p: chat.top_p,
            top_k: chat.top_k,
            stop: chat.stop,
            tools: chat.tools,
            tool_choice: chat.tool_choice,
            parallel_tool_calls: chat.parallel_tool_calls,
            response_format: chat.response_format,
            reasoning: chat.reasoning,
            user: chat.user,
            extensions: chat.extensions,
        }
    }
}

impl ResponseInput {
    /// What its provider keeps: the answer that it goes on from, and files.
    pub(super) fn owned(&self) -> Vec<Resource> {
        let previous = self.previous.as_ref().map(ResponseRef::resource);
        previous.into_iter().chain(owned::files(&self.chat)).collect()
    }

    /// What a call with it is about: its model, at the instance that has the answer it goes on from.
    pub(super) fn resource(&self) -> Resource {
        let model = self.chat.model.resource();
        match (model.instance(), self.home()) {
            (None, Some(home)) => Resource::parse(&Resource::neutral_id(&home, model.native())),
            _ => model,
        }
    }

    /// Checks across fields.
    pub(super) fn whole(&self) -> Result<(), Failure> {
        let model = self.chat.model.resource();
        if let (Some(asked), Some(home)) = (model.instance(), self.home())
            && **asked != *home
        {
            let sentence = format!("the answer is at {home}, and the model at {asked}");
            return Err(Failure::invalid("previous", sentence));
        }
        check(&self.chat)
    }

    /// The instance that has the answer it goes on from.
    fn home(&self) -> Option<String> {
        let previous = self.previous.as_ref()?.resource();
        previous.instance().map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(input: Value) -> ResponseInput {
        serde_json::from_value(input).expect("an input")
    }

    #[test]
    fn all_fields_stand_side_by_side() {
        let said = json!({"model": "m", "messages": [{"role": "user", "content": "a"}], "prompt": "p", "previous": "r",
            "instructions": "i", "background": true, "store": true, "max_tokens": 9, "temperature": 1.0, "top_p": 0.5,
            "top_k": 3, "stop": ["s"], "tools": [{"name": "t"}], "tool_choice": "auto", "parallel_tool_calls": false,
            "response_format": {"type": "json_object"}, "reasoning": {"effort": "low"}, "user": "u",
            "extensions": {"one": {"x": 1}}});
        let input = read(said.clone());
        assert_eq!(serde_json::to_value(&input).expect("JSON"), said);
        // What is said of a conversation anywhere can be said here.
        let chat = serde_json::to_value(&input.chat).expect("JSON");
        for (name, value) in chat.as_object().expect("an object") {
            assert_eq!(&said[name], value);
        }
    }

    #[test]
    fn a_fault_is_told_with_its_place() {
        for (more, place) in [
            (json!({"colour": 1}), "colour"),
            (
                json!({"messages": [{"role": "user", "content": [{"type": "video"}]}]}),
                "messages[0].content[0].type",
            ),
        ] {
            let mut input = json!({"model": "m"});
            input
                .as_object_mut()
                .expect("an object")
                .extend(more.as_object().expect("an object").clone());
            let error = serde_path_to_error::deserialize::<_, ResponseInput>(&input).expect_err("refused");
            assert_eq!(error.path().to_string(), place);
        }
    }

    #[test]
    fn a15_it_is_asked_where_the_answer_is_that_it_goes_on_from() {
        for (model, previous, asked) in [
            ("m", json!(null), Some("m")),
            ("m", json!("r"), Some("m")),
            ("m", json!("ai-a~r"), Some("ai-a~m")),
            ("ai-a~m", json!("ai-a~r"), Some("ai-a~m")),
            ("ai-b~m", json!("r"), Some("ai-b~m")),
            ("ai-b~m", json!("ai-a~r"), None),
        ] {
            let input = read(json!({"model": model, "prompt": "p", "previous": previous}));
            match (asked, input.whole()) {
                (Some(asked), Ok(())) => assert_eq!(input.resource().to_string(), asked),
                (None, Err(failure)) => assert_eq!(failure.field.as_deref(), Some("previous")),
                (_, outcome) => panic!("{model} {previous}: {outcome:?}"),
            }
        }
    }
}
