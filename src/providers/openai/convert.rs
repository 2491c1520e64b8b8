//! Between the neutral types and OpenAI's JSON. Pure.
//!
//! Invariant: a refusal is text that the caller sees, and finishes as a filter's.

use mosaic_actors::call::Resource;

use super::profile::{Profile, TokenLimit};
use super::wire;
use crate::catalogue::ai::{Chat, ChatInput, Finish, Message, Model, Role, Usage};
use crate::providers::http::Row;
use crate::providers::http::text::Text;

/// The request for one answer, whole or streamed.
pub fn request<'a>(profile: &Profile, model: &'a str, input: &'a ChatInput, streamed: bool) -> wire::ChatRequest<'a> {
    let message = |Message { role, content }| wire::ChatMessage { role, content };
    let limit = |name| input.max_tokens.filter(|_| profile.token_limit == name);
    let options = streamed && profile.stream_options;
    wire::ChatRequest {
        model,
        messages: input.conversation().map(message).collect(),
        max_tokens: limit(TokenLimit::MaxTokens),
        max_completion_tokens: limit(TokenLimit::MaxCompletionTokens),
        temperature: input.temperature,
        top_p: input.top_p,
        stop: &input.stop,
        stream: streamed.then_some(true),
        stream_options: options.then_some(wire::StreamOptions { include_usage: true }),
    }
}

/// A whole answer of the `asked` model; none where the provider sent no choice.
pub fn chat(instance: &str, asked: &str, Row { wire, raw }: Row<wire::Completion>) -> Option<Chat> {
    let choice = wire.choices?.into_iter().next()?;
    let said = choice.message?;
    let refusal = written(said.refusal);
    let (finish, raw_finish) = finish(choice.finish_reason.as_deref(), refusal.is_some());
    let among = said.content.as_ref().map(|content| Text {
        said: content.thought.clone(),
        ..Text::default()
    });
    Some(Chat {
        id: present(wire.id).map(|id| Resource::neutral_id(instance, id)),
        model: present(wire.model).unwrap_or_else(|| asked.to_owned()),
        reasoning: written(said.reasoning_content)
            .or_else(|| written(said.reasoning))
            .or_else(|| written(among)),
        message: Message {
            role: Role::Assistant,
            // No content at all where the model only wants a tool called.
            content: written(said.content).or(refusal).unwrap_or_default(),
        },
        finish,
        raw_finish,
        usage: wire.usage.and_then(usage),
        raw,
    })
}

/// A text that says something.
fn written(text: Option<Text>) -> Option<String> {
    present(text.map(|text| text.said()))
}

/// Many servers write an absent text as an empty one.
pub fn present(text: Option<String>) -> Option<String> {
    text.filter(|text| !text.is_empty())
}

/// Why it stopped, and the provider's word where ours does not say it.
pub fn finish(word: Option<&str>, refused: bool) -> (Option<Finish>, Option<String>) {
    let Some(word) = word.filter(|word| !word.is_empty()) else {
        return (None, None);
    };
    if refused {
        return (Some(Finish::Filter), None);
    }
    let known = match &*word.to_ascii_lowercase() {
        "stop" | "eos" | "eos_token" | "end_turn" | "stop_sequence" => Finish::Stop,
        "length" | "max_tokens" | "model_length" | "max_output_tokens" | "model_context_window_exceeded" => {
            Finish::Length
        }
        "tool_calls" | "function_call" | "tool_use" => Finish::Tool,
        "content_filter"
        | "safety"
        | "recitation"
        | "blocklist"
        | "prohibited_content"
        | "spii"
        | "refusal"
        | "guardrail_intervened" => Finish::Filter,
        "pause_turn" => Finish::Pause,
        _ => return (Some(Finish::Other), Some(word.to_owned())),
    };
    (Some(known), None)
}

/// Whether a finish word says that the model failed.
pub fn failed(word: Option<&str>) -> bool {
    matches!(word, Some("error" | "insufficient_system_resource"))
}

/// None where the provider did not count.
pub fn usage(usage: wire::Usage) -> Option<Usage> {
    let counted = usage.prompt_tokens.is_some() || usage.completion_tokens.is_some();
    counted.then(|| Usage {
        input_tokens: usage.prompt_tokens.unwrap_or_default(),
        output_tokens: usage.completion_tokens.unwrap_or_default(),
    })
}

pub fn model(instance: &str, Row { wire, raw }: Row<wire::Model>) -> Model {
    Model {
        id: Resource::neutral_id(instance, &wire.id),
        name: wire.id,
        owner: present(wire.owned_by),
        created_at: wire.created.in_utc(),
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
