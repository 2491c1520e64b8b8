//! From the answers of the Responses API to the neutral types. Pure.
//!
//! Invariant: an answer says the same as a chat's would; a thought that is sealed is kept with all that it came with.

use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use serde_json::value::RawValue;

use super::wire::{self, Item, Piece};
use crate::catalogue::ai::{self, Content, Finish, Message, Opaque, Part, ResponseState, Role, Usage, Warning};
use crate::catalogue::raw::Raw;
use crate::providers::http::text::{Text, present};
use crate::providers::http::{Fault, Row, parse};
use crate::providers::openai::refuse::{self, Sent};
use crate::providers::openai::request::DIALECT;
use crate::providers::openai::wire::Arguments;
use crate::providers::openai::{calls, convert};

/// What stands between the parts of a thought.
pub const BETWEEN: &str = "\n\n";

/// Where in an item a text stands, by the number of its part; none where an event does not say which.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spot {
    Text(Option<u32>),
    Refusal(Option<u32>),
    Summary(Option<u32>),
    Thought(Option<u32>),
}

impl Spot {
    /// Whether what stands at both is told in the same way.
    pub fn is_like(self, other: Self) -> bool {
        match self {
            Spot::Text(_) => matches!(other, Spot::Text(_)),
            Spot::Refusal(_) => matches!(other, Spot::Refusal(_)),
            Spot::Summary(_) | Spot::Thought(_) => matches!(other, Spot::Summary(_) | Spot::Thought(_)),
        }
    }
}

/// An item of an answer.
pub enum Heard {
    /// Texts and refusals.
    Message(Vec<(Spot, Part)>),
    Call {
        id: String,
        name: String,
        arguments: String,
    },
    /// What is shown of a thought, part by part, and the whole of it where it can be given back.
    Thought {
        parts: Vec<(Spot, String)>,
        sealed: Option<Opaque>,
    },
    /// What only this dialect knows.
    Own(Raw),
}

/// Reads an item; `at` numbers a call that has no id.
///
/// # Errors
/// `upstream_failed` where it is none, or calls a tool without saying which.
pub fn item(raw: &RawValue, at: usize) -> Result<Heard, Failure> {
    let item: Item = parse(raw.get().as_bytes())?;
    Ok(match item.kind.as_deref() {
        Some("message") => Heard::Message((0..).zip(item.content.into_iter().flatten()).filter_map(said).collect()),
        Some("function_call") => {
            let (id, name) = called(&item, at)?;
            let arguments = present(item.arguments.map(Arguments::text));
            Heard::Call {
                id,
                name,
                arguments: arguments.unwrap_or_else(|| calls::NOTHING.to_owned()),
            }
        }
        Some("reasoning") => Heard::Thought {
            parts: thought(item.summary, item.content),
            sealed: present(item.encrypted_content).map(|_| Opaque::from(raw.get())),
        },
        _ => Heard::Own(Raw::from(raw.to_owned())),
    })
}

/// The id and the name of a call.
///
/// # Errors
/// `upstream_failed` where it has no name.
pub fn called(item: &Item, at: usize) -> Result<(String, String), Failure> {
    let name = item.name.clone().unwrap_or_default();
    calls::sound(&name)?;
    Ok((calls::id(item.call_id.as_deref().unwrap_or_default(), at), name))
}

fn said((at, piece): (u32, Piece)) -> Option<(Spot, Part)> {
    let refusal = written(piece.refusal).map(|text| (Spot::Refusal(Some(at)), Part::Refusal { text }));
    refusal.or_else(|| written(piece.text).map(|text| (Spot::Text(Some(at)), Part::text(text))))
}

fn thought(summary: Option<Vec<Piece>>, content: Option<Vec<Piece>>) -> Vec<(Spot, String)> {
    let parts = |pieces: Option<Vec<Piece>>, spot: fn(Option<u32>) -> Spot| {
        let pieces = (0..).zip(pieces.into_iter().flatten());
        pieces.filter_map(move |(at, piece)| Some((spot(Some(at)), written(piece.text)?)))
    };
    parts(summary, Spot::Summary)
        .chain(parts(content, Spot::Thought))
        .collect()
}

fn written(text: Option<Text>) -> Option<String> {
    present(text.map(|text| text.said()))
}

/// What an answer says.
#[derive(Default)]
struct Said {
    parts: Vec<Part>,
    /// The parts of those that are not given back.
    thoughts: Vec<String>,
    refused: bool,
    calls: usize,
}

impl Said {
    fn of(items: &[Box<RawValue>]) -> Result<Self, Failure> {
        let mut said = Said::default();
        for raw in items {
            said.hear(item(raw, said.calls)?);
        }
        Ok(said)
    }

    fn hear(&mut self, heard: Heard) {
        match heard {
            Heard::Message(parts) => {
                self.refused |= parts.iter().any(|(_, part)| matches!(part, Part::Refusal { .. }));
                self.parts.extend(parts.into_iter().map(|(_, part)| part));
            }
            Heard::Call { id, name, arguments } => {
                self.calls += 1;
                self.parts.push(Part::ToolCall {
                    id,
                    name,
                    arguments,
                    cache: None,
                });
            }
            Heard::Thought { parts, sealed } => {
                let texts = parts.into_iter().map(|(_, text)| text);
                match sealed {
                    None => self.thoughts.extend(texts),
                    Some(_) => self.parts.push(Part::Thinking {
                        text: texts.collect::<Vec<_>>().join(BETWEEN),
                        signature: sealed,
                        data: None,
                        dialect: Some(DIALECT.to_owned()),
                    }),
                }
            }
            Heard::Own(block) => self.parts.push(Part::Other {
                dialect: DIALECT.to_owned(),
                block,
            }),
        }
    }
}

/// Where an answer stands. Its word may lack: then what else it says decides.
pub fn state(wire: &wire::Response) -> ResponseState {
    match wire.status.as_deref().unwrap_or_default() {
        "queued" => ResponseState::Queued,
        "in_progress" => ResponseState::Running,
        "completed" => ResponseState::Completed,
        "incomplete" => ResponseState::Incomplete,
        "failed" => ResponseState::Failed,
        "cancelled" => ResponseState::Cancelled,
        "" if wire.error.is_some() => ResponseState::Failed,
        "" if wire.incomplete_details.is_some() => ResponseState::Incomplete,
        "" => ResponseState::Completed,
        _ => ResponseState::Other,
    }
}

/// Why an answer ended, and the provider's word where ours does not say it.
pub fn finish(wire: &wire::Response, refused: bool, calls: bool) -> (Option<Finish>, Option<String>) {
    match state(wire) {
        ResponseState::Completed if refused => (Some(Finish::Filter), None),
        ResponseState::Completed if calls => (Some(Finish::Tool), None),
        ResponseState::Completed => (Some(Finish::Stop), None),
        ResponseState::Incomplete => {
            let reason = wire.incomplete_details.as_ref().and_then(|why| why.reason.as_deref());
            convert::finish(reason.filter(|word| !word.is_empty()).or(Some("incomplete")), refused)
        }
        _ => (None, None),
    }
}

/// None where the provider did not count.
pub fn usage(wire: &wire::Response) -> Option<Usage> {
    let usage = wire.usage?;
    let counted = usage.input_tokens.is_some() || usage.output_tokens.is_some();
    let (read, written) = (usage.input_tokens_details, usage.output_tokens_details);
    let usage = counted.then(|| Usage {
        input_tokens: usage.input_tokens.unwrap_or_default(),
        output_tokens: usage.output_tokens.unwrap_or_default(),
        cached_input_tokens: read.cached_tokens,
        cache_write_tokens: read.cache_write_tokens,
        cache_write_hour_tokens: None,
        reasoning_tokens: written.reasoning_tokens,
        terms: wire.service_tier.as_deref().and_then(convert::terms),
        cost_usd: None,
    });
    usage?.believed()
}

/// What an answer failed with.
pub fn failure(error: Option<&serde_json::Value>, sent: Sent) -> Failure {
    refuse::within(&error.map(Fault::of).unwrap_or_default(), sent)
}

/// An answer as it stands.
///
/// # Errors
/// `upstream_failed` where it calls a tool without saying which.
pub fn response(
    instance: &str,
    asked: Option<&str>,
    Row { wire, raw }: Row<wire::Response>,
    warnings: Vec<Warning>,
) -> Result<ai::Response, Failure> {
    let said = Said::of(wire.output.as_deref().unwrap_or_default())?;
    let state = state(&wire);
    let (finish, raw_finish) = finish(&wire, said.refused, said.calls > 0);
    let id = |id: Option<String>| present(id).map(|id| Resource::neutral_id(instance, id));
    let failed = state == ResponseState::Failed || wire.error.is_some();
    let content = Content::said(said.parts);
    // Of one that is whole, nothing said is an answer, too.
    let silent = state != ResponseState::Completed && content == Content::Text(String::new());
    Ok(ai::Response {
        usage: usage(&wire),
        state,
        error: failed.then(|| failure(wire.error.as_ref(), Sent::default()).into()),
        raw_state: present(wire.status),
        model: present(wire.model).or_else(|| asked.map(str::to_owned)),
        id: id(wire.id),
        previous: id(wire.previous_response_id),
        background: wire.background,
        message: (!silent).then_some(Message {
            role: Role::Assistant,
            content,
        }),
        reasoning: present(Some(said.thoughts.join(BETWEEN))),
        finish,
        raw_finish,
        created_at: wire.created_at.in_utc(),
        completed_at: wire.completed_at.in_utc(),
        warnings,
        raw,
    })
}

/// A whole answer of the `asked` model as that of a conversation.
///
/// # Errors
/// `upstream_failed` where it is not whole.
pub fn chat(asked: &str, response: ai::Response) -> Result<ai::Chat, Failure> {
    match response.state {
        ResponseState::Completed | ResponseState::Incomplete | ResponseState::Other => {}
        ResponseState::Queued | ResponseState::Running | ResponseState::Failed | ResponseState::Cancelled => {
            let sentence = "the provider answered before the answer was whole";
            return Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable());
        }
    }
    Ok(ai::Chat {
        id: response.id,
        model: response.model.unwrap_or_else(|| asked.to_owned()),
        message: response.message.unwrap_or(Message {
            role: Role::Assistant,
            content: "".into(),
        }),
        reasoning: response.reasoning,
        finish: response.finish,
        raw_finish: response.raw_finish,
        stop_sequence: None,
        usage: response.usage,
        warnings: response.warnings,
        raw: response.raw,
    })
}
