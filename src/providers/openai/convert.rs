//! Between the neutral types and OpenAI's JSON. Pure.
//!
//! Invariant: a refusal is text that the caller sees, and finishes as a filter's.

use jiff::Timestamp;
use mosaic_actors::call::Resource;

use super::wire;
use crate::catalogue::ai::{Chat, ChatInput, Finish, Message, Model, Role, Usage};
use crate::providers::http::Row;

/// The request for one answer, whole or streamed.
pub fn request<'a>(model: &'a str, input: &'a ChatInput, streamed: bool) -> wire::ChatRequest<'a> {
    let message = |Message { role, content }| wire::ChatMessage { role, content };
    wire::ChatRequest {
        model,
        messages: input.conversation().map(message).collect(),
        max_completion_tokens: input.max_tokens,
        temperature: input.temperature,
        top_p: input.top_p,
        stop: &input.stop,
        stream: streamed.then_some(true),
        stream_options: streamed.then_some(wire::StreamOptions { include_usage: true }),
    }
}

/// A whole answer; none where the provider sent no choice.
pub fn chat(instance: &str, Row { wire, raw }: Row<wire::Completion>) -> Option<Chat> {
    let choice = wire.choices.into_iter().next()?;
    let finish = match choice.message.refusal {
        Some(_) => Some(Finish::Filter),
        None => choice.finish_reason.as_deref().and_then(finish),
    };
    // No content at all where the model only wants a tool called.
    let content = choice.message.content.or(choice.message.refusal).unwrap_or_default();
    Some(Chat {
        id: Resource::neutral_id(instance, wire.id),
        model: wire.model,
        message: Message {
            role: Role::Assistant,
            content,
        },
        finish,
        usage: wire.usage.map(usage),
        raw,
    })
}

/// Why it stopped; none for a word that is not known.
pub fn finish(word: &str) -> Option<Finish> {
    Some(match word {
        "stop" => Finish::Stop,
        "length" => Finish::Length,
        "tool_calls" | "function_call" => Finish::Tool,
        "content_filter" => Finish::Filter,
        _ => return None,
    })
}

pub fn usage(usage: wire::Usage) -> Usage {
    Usage {
        input_tokens: usage.prompt_tokens,
        output_tokens: usage.completion_tokens,
    }
}

pub fn model(instance: &str, Row { wire, raw }: Row<wire::Model>) -> Model {
    let created = wire.created.and_then(|second| Timestamp::from_second(second).ok());
    Model {
        id: Resource::neutral_id(instance, &wire.id),
        name: wire.id,
        owner: wire.owned_by,
        created_at: created.map(|at| at.to_string()),
        raw,
    }
}

/// OpenAI's name of a parameter -> ours. Only names from this table are ever passed on.
pub fn neutral_field(param: &str) -> Option<&'static str> {
    // `messages[0].content`, `stop[1]`
    match param.split(['[', '.']).next().unwrap_or_default() {
        "messages" => Some("messages"),
        "model" => Some("model"),
        "max_completion_tokens" | "max_tokens" => Some("max_tokens"),
        "temperature" => Some("temperature"),
        "top_p" => Some("top_p"),
        "stop" => Some("stop"),
        _ => None,
    }
}
