//! From Anthropic's answers to the neutral types. Pure.
//!
//! Invariant: what the provider wants back is kept as it came, also where nobody knows what it is.

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::value::RawValue;

use super::options::DIALECT;
use super::wire;
use crate::catalogue::ai::{Chat, Content, Finish, Message, Model, Part, Role, Terms, Usage, Warning};
use crate::catalogue::raw::Raw;
use crate::providers::http::text::present;
use crate::providers::http::{Row, parse};

/// A whole answer of the `asked` model.
///
/// # Errors
/// `upstream_failed` where a block cannot be read.
pub fn chat(
    instance: &str,
    asked: &str,
    Row { wire, raw }: Row<wire::Message>,
    warnings: Vec<Warning>,
) -> Result<Chat, Failure> {
    let (mut parts, mut reasoning) = (vec![], String::new());
    for block in wire.content.into_iter().flatten() {
        match part(&block)? {
            Part::Thinking {
                text,
                signature: None,
                data: None,
                ..
            } => reasoning.push_str(&text),
            part => parts.push(part),
        }
    }
    let (finish, raw_finish) = finish(wire.stop_reason.as_deref());
    parts.extend(explained(wire.stop_details).map(|text| Part::Refusal { text }));
    Ok(Chat {
        id: present(wire.id).map(|id| Resource::neutral_id(instance, id)),
        model: present(wire.model).unwrap_or_else(|| asked.to_owned()),
        message: Message {
            role: Role::Assistant,
            content: Content::said(parts),
        },
        reasoning: present(Some(reasoning)),
        finish,
        raw_finish,
        stop_sequence: wire.stop_sequence,
        usage: usage(wire.usage),
        warnings,
        raw,
    })
}

/// Why it refuses, where it says so.
pub fn explained(details: Option<wire::StopDetails>) -> Option<String> {
    present(details?.explanation)
}

/// One block of an answer.
fn part(block: &RawValue) -> Result<Part, Failure> {
    let read: wire::Block = parse(block.get().as_bytes())?;
    Ok(match read.kind.as_str() {
        "text" => Part::text(read.text.unwrap_or_default()),
        "thinking" => Part::Thinking {
            text: read.thinking.unwrap_or_default(),
            signature: present(read.signature).map(Into::into),
            data: None,
            dialect: None,
        },
        "redacted_thinking" => Part::Thinking {
            text: String::new(),
            signature: None,
            data: Some(read.data.unwrap_or_default().into()),
            dialect: None,
        },
        "tool_use" => {
            let (id, name) = called(read.id, read.name)?;
            Part::ToolCall {
                id,
                name,
                arguments: arguments(read.input.as_deref()),
                cache: None,
            }
        }
        _ => Part::Other {
            dialect: DIALECT.to_owned(),
            block: Raw::from(block.to_owned()),
        },
    })
}

/// What is called, and by which id its result is to be told.
///
/// # Errors
/// `upstream_failed` where one is lacking.
pub fn called(id: Option<String>, name: Option<String>) -> Result<(String, String), Failure> {
    present(id).zip(present(name)).ok_or_else(|| {
        let sentence = "the answer calls a tool without an id or a name";
        Failure::new(Kind::UpstreamFailed, sentence).not_usable()
    })
}

/// The arguments of a call as text; null are none.
pub fn arguments(input: Option<&RawValue>) -> String {
    match input.map(RawValue::get) {
        None | Some("null") => "{}".to_owned(),
        Some(text) => text.to_owned(),
    }
}

/// The failure of a stream that is not as the dialect has it.
pub fn strange(what: &str) -> Failure {
    Failure::new(Kind::UpstreamFailed, format!("the stream is not as expected: {what}")).not_usable()
}

/// Why it stopped, and the provider's word where ours does not say it.
pub fn finish(word: Option<&str>) -> (Option<Finish>, Option<String>) {
    let Some(word) = word.filter(|word| !word.is_empty()) else {
        return (None, None);
    };
    let known = match word {
        "end_turn" | "stop_sequence" | "stop" => Finish::Stop,
        "max_tokens" | "model_context_window_exceeded" | "length" => Finish::Length,
        "tool_use" => Finish::Tool,
        "refusal" => Finish::Filter,
        "pause_turn" => Finish::Pause,
        _ => return (Some(Finish::Other), Some(word.to_owned())),
    };
    (Some(known), None)
}

/// What was counted later goes before what was counted first: the counts add up by themselves.
pub fn counted(first: wire::Usage, later: wire::Usage) -> wire::Usage {
    wire::Usage {
        input_tokens: later.input_tokens.or(first.input_tokens),
        output_tokens: later.output_tokens.or(first.output_tokens),
        cache_creation_input_tokens: later.cache_creation_input_tokens.or(first.cache_creation_input_tokens),
        cache_read_input_tokens: later.cache_read_input_tokens.or(first.cache_read_input_tokens),
        cache_creation: match later.cache_creation.ephemeral_1h_input_tokens {
            Some(_) => later.cache_creation,
            None => first.cache_creation,
        },
        service_tier: later.service_tier.or(first.service_tier),
        output_tokens_details: wire::Details {
            thinking_tokens: later
                .output_tokens_details
                .thinking_tokens
                .or(first.output_tokens_details.thinking_tokens),
        },
    }
}

/// None where the provider did not count. What has to do with its cache is counted apart there.
pub fn usage(usage: wire::Usage) -> Option<Usage> {
    let (read, written) = (usage.cache_read_input_tokens, usage.cache_creation_input_tokens);
    let counted = usage.input_tokens.is_some() || usage.output_tokens.is_some();
    let usage = counted.then(|| Usage {
        input_tokens: [usage.input_tokens, read, written]
            .into_iter()
            .flatten()
            .fold(0, u64::saturating_add),
        output_tokens: usage.output_tokens.unwrap_or_default(),
        cached_input_tokens: read,
        cache_write_tokens: written,
        cache_write_hour_tokens: usage.cache_creation.ephemeral_1h_input_tokens,
        reasoning_tokens: usage.output_tokens_details.thinking_tokens,
        terms: usage.service_tier.map(terms),
        cost_usd: None,
    });
    usage?.believed()
}

fn terms(tier: wire::Tier) -> Terms {
    match tier {
        wire::Tier::Standard => Terms::Standard,
        wire::Tier::Batch => Terms::Batch,
        // What was bought in advance has no price of its own.
        wire::Tier::Priority | wire::Tier::Other => Terms::Other,
    }
}

pub fn model(instance: &str, Row { wire, raw }: Row<wire::Model>) -> Model {
    Model {
        id: Resource::neutral_id(instance, &wire.id),
        name: wire.id,
        title: present(wire.display_name),
        owner: None,
        max_input_tokens: wire.max_input_tokens,
        max_output_tokens: wire.max_tokens,
        created_at: wire.created_at.in_utc(),
        known: None,
        raw,
    }
}

/// Anthropic's name of a parameter -> ours. Only names from this table are ever passed on.
pub const FIELDS: &[(&str, &str)] = &[
    ("messages", "messages"),
    ("system", "messages"),
    ("model", "model"),
    ("max_tokens", "max_tokens"),
    ("temperature", "temperature"),
    ("top_p", "top_p"),
    ("top_k", "top_k"),
    ("stop_sequences", "stop"),
    ("tools", "tools"),
    ("tool_choice", "tool_choice"),
    ("thinking", "reasoning"),
    ("metadata", "user"),
];
