//! From OpenAI's answers to the neutral types. Pure.
//!
//! Invariant: a refusal is one that the caller sees, and finishes as a filter's.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;

use super::{calls, wire};
use crate::catalogue::ai::{Chat, Content, Finish, Message, Model, Part, Role, Terms, Usage, Usd, Warning};
use crate::providers::http::Row;
use crate::providers::http::text::{Text, present};

/// A whole answer of the `asked` model; none where the provider sent no choice.
///
/// # Errors
/// `upstream_failed` where it calls a tool without saying which.
pub fn chat(
    instance: &str,
    asked: &str,
    Row { wire, raw }: Row<wire::Completion>,
    warnings: Vec<Warning>,
) -> Result<Option<Chat>, Failure> {
    let choice = wire.choices.and_then(|choices| choices.into_iter().next());
    let Some((said, word)) = choice.and_then(|choice| Some((choice.message?, choice.finish_reason))) else {
        return Ok(None);
    };
    let refusal = written(said.refusal);
    let (finish, raw_finish) = finish(word.as_deref(), refusal.is_some());
    let among = said.content.as_ref().map(|content| Text {
        said: content.thought.clone(),
        ..Text::default()
    });
    let calls = said.tool_calls.into_iter().flatten().enumerate();
    let calls = calls
        .map(|(at, call)| tool_call(at, call))
        .collect::<Result<Vec<_>, _>>()?;
    // No content at all where the model only wants a tool called.
    let texts = [
        written(said.content).map(Part::text),
        refusal.map(|text| Part::Refusal { text }),
    ];
    Ok(Some(Chat {
        id: present(wire.id).map(|id| Resource::neutral_id(instance, id)),
        model: present(wire.model).unwrap_or_else(|| asked.to_owned()),
        reasoning: written(said.reasoning_content)
            .or_else(|| written(said.reasoning))
            .or_else(|| written(among)),
        message: Message {
            role: Role::Assistant,
            content: Content::said(texts.into_iter().flatten().chain(calls)),
        },
        finish,
        raw_finish,
        // It is never told which was met.
        stop_sequence: None,
        usage: wire
            .usage
            .and_then(|counted| usage(counted, wire.service_tier.as_deref())),
        warnings,
        raw,
    }))
}

fn tool_call(at: usize, call: wire::ToolCall) -> Result<Part, Failure> {
    let name = call.function.name.unwrap_or_default();
    calls::sound(&name)?;
    let arguments = present(call.function.arguments.map(wire::Arguments::text));
    Ok(Part::ToolCall {
        id: calls::id(&call.id.unwrap_or_default(), at),
        name,
        arguments: arguments.unwrap_or_else(|| calls::NOTHING.to_owned()),
        cache: None,
    })
}

/// A text that says something.
fn written(text: Option<Text>) -> Option<String> {
    present(text.map(|text| text.said()))
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
pub fn usage(usage: wire::Usage, tier: Option<&str>) -> Option<Usage> {
    let counted = usage.prompt_tokens.is_some() || usage.completion_tokens.is_some();
    let (read, written) = (usage.prompt_tokens_details, usage.completion_tokens_details);
    let usage = counted.then(|| Usage {
        input_tokens: usage.prompt_tokens.unwrap_or_default(),
        output_tokens: usage.completion_tokens.unwrap_or_default(),
        cached_input_tokens: read.cached_tokens.or(usage.prompt_cache_hit_tokens),
        cache_write_tokens: read.cache_write_tokens,
        reasoning_tokens: written.reasoning_tokens,
        cache_write_hour_tokens: None,
        terms: tier.and_then(terms),
        cost_usd: usage.cost.and_then(Usd::new),
    });
    usage?.believed()
}

/// The terms by the server's word for them; a word of its own says nothing of its prices.
pub fn terms(word: &str) -> Option<Terms> {
    Some(match word {
        "default" | "standard" => Terms::Standard,
        "batch" => Terms::Batch,
        "flex" => Terms::Flex,
        "priority" => Terms::Priority,
        "scale" => Terms::Other,
        _ => return None,
    })
}

pub fn model(instance: &str, Row { wire, raw }: Row<wire::Model>) -> Model {
    Model {
        id: Resource::neutral_id(instance, &wire.id),
        name: wire.id,
        title: None,
        owner: present(wire.owned_by),
        max_input_tokens: None,
        max_output_tokens: None,
        created_at: wire.created.in_utc(),
        known: None,
        raw,
    }
}

/// OpenAI's name of a parameter -> ours. Only names from this table are ever passed on.
pub fn neutral_field(param: &str) -> Option<&'static str> {
    // `messages[0].content`, `stop[1]`
    match param.split(['[', '.']).next().unwrap_or_default() {
        "messages" => Some("messages"),
        "previous_response_id" => Some("previous"),
        "instructions" => Some("instructions"),
        "background" => Some("background"),
        "store" => Some("store"),
        "model" => Some("model"),
        "max_completion_tokens" | "max_tokens" | "max_output_tokens" => Some("max_tokens"),
        "temperature" => Some("temperature"),
        "top_p" => Some("top_p"),
        "top_k" => Some("top_k"),
        "stop" => Some("stop"),
        "tools" => Some("tools"),
        "tool_choice" => Some("tool_choice"),
        "parallel_tool_calls" => Some("parallel_tool_calls"),
        "response_format" | "text" => Some("response_format"),
        "reasoning_effort" | "reasoning" => Some("reasoning"),
        "user" | "safety_identifier" => Some("user"),
        _ => None,
    }
}
