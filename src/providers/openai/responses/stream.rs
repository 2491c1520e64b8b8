//! A streamed response: events in, neutral events out.
//!
//! Invariant: an answer ends cleanly only where the provider said that it is whole, or why it is not; an event that is not
//! known is passed over, and what no event has told is told at the end.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use futures_util::Stream;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Piece;
use serde_json::value::RawValue;

use super::convert::{self, BETWEEN, Heard, Spot};
use super::wire::{Event, Item, Response};
use crate::catalogue::ai::{ChatEvent, Part, ResponseState, Warning};
use crate::providers::ai::{Hearing, told, unfinished};
use crate::providers::http::text::{Joined, Text, present};
use crate::providers::http::{Fault, parse, sse};
use crate::providers::openai::calls::NOTHING;
use crate::providers::openai::refuse::{self, Sent};
use crate::providers::openai::request::DIALECT;

/// The most items of an answer.
const MOST_ITEMS: usize = 4096;
/// The most parts of one item that something was told of.
const MOST_SPOTS: usize = 1024;

/// The neutral events of a streamed answer of the `asked` model.
pub fn chat_events(
    instance: Arc<str>,
    asked: Arc<str>,
    sent: Sent,
    warnings: Vec<Warning>,
    upstream: impl Stream<Item = Result<Piece<sse::Event>, Failure>> + Send + 'static,
) -> impl Stream<Item = Result<Piece<ChatEvent>, Failure>> + Send + 'static {
    let answer = Answer {
        instance,
        asked,
        sent,
        warnings,
        begun: false,
        refused: false,
        items: BTreeMap::new(),
        calls: 0,
        text: Joined::default(),
        refusal: Joined::default(),
        reasoning: Joined::default(),
        thought: None,
        over: false,
        ready: VecDeque::new(),
    };
    told(answer, upstream)
}

/// What is known of a streamed answer so far.
struct Answer {
    instance: Arc<str>,
    asked: Arc<str>,
    sent: Sent,
    warnings: Vec<Warning>,
    /// The caller knows that it has begun.
    begun: bool,
    refused: bool,
    /// By their numbers.
    items: BTreeMap<u32, Known>,
    /// Calls of tools so far.
    calls: u32,
    text: Joined,
    refusal: Joined,
    reasoning: Joined,
    /// Which part of which item's thought was told last, where that can still be gone on with.
    thought: Option<(u32, Spot)>,
    over: bool,
    /// Events to hand out: those of one event.
    ready: VecDeque<ChatEvent>,
}

/// What is known of an item.
#[derive(Default)]
struct Known {
    /// Something of its arguments was told.
    said: bool,
    /// The parts of it that something was told of.
    told: Vec<Spot>,
    /// All of it was told.
    done: bool,
    /// Which of the calls it is.
    call: Option<u32>,
}

impl Known {
    fn note(&mut self, spot: Spot) -> Result<(), Failure> {
        if self.told.contains(&spot) {
            return Ok(());
        }
        if self.told.len() == MOST_SPOTS {
            return Err(endless("parts of an item", MOST_SPOTS));
        }
        self.told.push(spot);
        Ok(())
    }
}

/// What is kept of an answer until its end has a bound.
fn endless(what: &str, most: usize) -> Failure {
    Failure::new(Kind::UpstreamFailed, format!("the answer has more than {most} {what}")).not_usable()
}

/// The parts of an item that nothing was told of. What was told at a place where it has no part may be any that is like it.
fn untold<T>(told: &[Spot], parts: Vec<(Spot, T)>) -> Vec<(Spot, T)> {
    let spots: Vec<Spot> = parts.iter().map(|(spot, _)| *spot).collect();
    let is_told = |spot: Spot| {
        told.iter()
            .any(|told| *told == spot || (told.is_like(spot) && !spots.contains(told)))
    };
    parts.into_iter().filter(|(spot, _)| !is_told(*spot)).collect()
}

impl Hearing for Answer {
    fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    fn accept(&mut self, event: &sse::Event) -> Result<(), Failure> {
        let data = event.data.trim();
        // Flat or nested: it is read alike.
        let broken = |sent| Err(refuse::within(&Fault::read(data.as_bytes()), sent));
        if event.name == "error" {
            return broken(self.sent);
        }
        // Of servers whose other streams end with a word.
        if data.is_empty() || data == "[DONE]" {
            return Ok(());
        }
        let read: Event = sse::json(event)?;
        let kind = read.kind.as_deref().unwrap_or(&event.name);
        if read.error.is_some() || kind == "error" {
            return broken(self.sent);
        }
        let at = read.output_index.unwrap_or_default();
        match kind {
            "response.created" | "response.queued" | "response.in_progress" => {
                self.begin(read.response.as_ref());
                Ok(())
            }
            "response.output_item.added" => read.item.map_or(Ok(()), |item| self.open(at, &item)),
            "response.output_item.done" => read.item.map_or(Ok(()), |item| self.close(at, &item)),
            "response.output_text.delta" => self.said(
                (at, Spot::Text(read.content_index)),
                read.delta,
                |answer| &mut answer.text,
                |text| ChatEvent::Delta { text },
            ),
            "response.refusal.delta" => {
                self.refused = true;
                self.said(
                    (at, Spot::Refusal(read.content_index)),
                    read.delta,
                    |answer| &mut answer.refusal,
                    |text| ChatEvent::Refusal { text },
                )
            }
            "response.reasoning_summary_text.delta" => self.thought(at, Spot::Summary(read.summary_index), read.delta),
            "response.reasoning_text.delta" => self.thought(at, Spot::Thought(read.content_index), read.delta),
            "response.function_call_arguments.delta" => {
                self.argued(at, read.delta.map(|text| text.said()).unwrap_or_default())
            }
            "response.completed" | "response.incomplete" | "response.failed" => {
                self.end(read.response.ok_or_else(unfinished)?)
            }
            _ => Ok(()),
        }
    }

    fn ready(&mut self) -> &mut VecDeque<ChatEvent> {
        &mut self.ready
    }

    fn is_over(&self) -> bool {
        self.over
    }
}

impl Answer {
    fn begin(&mut self, response: Option<&Response>) {
        if !std::mem::replace(&mut self.begun, true) {
            let id = response.and_then(|response| present(response.id.clone()));
            let model = response.and_then(|response| present(response.model.clone()));
            self.ready.push_back(ChatEvent::Start {
                id: id.map(|id| Resource::neutral_id(&self.instance, id)),
                model: model.unwrap_or_else(|| self.asked.to_string()),
                warnings: std::mem::take(&mut self.warnings),
            });
        }
    }

    fn tell(&mut self, event: ChatEvent) {
        self.begin(None);
        self.ready.push_back(event);
    }

    /// A piece of a text.
    fn said(
        &mut self,
        (at, spot): (u32, Spot),
        delta: Option<Text>,
        joined: fn(&mut Self) -> &mut Joined,
        event: fn(String) -> ChatEvent,
    ) -> Result<(), Failure> {
        let text = joined(self).piece(&delta.unwrap_or_default().said);
        if !text.is_empty() {
            self.known(at)?.note(spot)?;
            self.tell(event(text));
        }
        Ok(())
    }

    fn known(&mut self, at: u32) -> Result<&mut Known, Failure> {
        let is_full = self.items.len() == MOST_ITEMS;
        match self.items.entry(at) {
            Entry::Vacant(_) if is_full => Err(endless("items", MOST_ITEMS)),
            entry => Ok(entry.or_default()),
        }
    }

    /// A piece of a thought.
    fn thought(&mut self, at: u32, spot: Spot, delta: Option<Text>) -> Result<(), Failure> {
        let text = self.reasoning.piece(&delta.unwrap_or_default().said);
        self.think(at, spot, text)
    }

    /// Tells of a thought; its parts, and several of them, are kept apart as they are in a whole answer.
    fn think(&mut self, at: u32, spot: Spot, text: String) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        self.known(at)?.note(spot)?;
        let another = self.thought.replace((at, spot)).is_some_and(|last| last != (at, spot));
        let text = match another {
            true => [BETWEEN, &text].concat(),
            false => text,
        };
        self.tell(ChatEvent::Reasoning { text });
        Ok(())
    }

    /// A piece of the arguments of a call.
    fn argued(&mut self, at: u32, text: String) -> Result<(), Failure> {
        let known = self.known(at)?;
        if let Some(index) = known.call.filter(|_| !text.is_empty()) {
            known.said = true;
            self.tell(ChatEvent::ToolArguments { index, text });
        }
        Ok(())
    }

    /// An item begins: a call is told at once.
    fn open(&mut self, at: u32, raw: &RawValue) -> Result<(), Failure> {
        let item: Item = parse(raw.get().as_bytes())?;
        self.known(at)?;
        if item.kind.as_deref() == Some("function_call") {
            let (id, name) = convert::called(&item, self.calls as usize)?;
            self.call(at, id, name)?;
        }
        Ok(())
    }

    fn call(&mut self, at: u32, id: String, name: String) -> Result<u32, Failure> {
        let index = self.calls;
        let known = self.known(at)?;
        if let Some(index) = known.call {
            return Ok(index);
        }
        known.call = Some(index);
        self.calls += 1;
        self.tell(ChatEvent::ToolCall { index, id, name });
        Ok(index)
    }

    /// An item is whole: what of it was not told is told now.
    fn close(&mut self, at: u32, raw: &RawValue) -> Result<(), Failure> {
        let known = self.known(at)?;
        if std::mem::replace(&mut known.done, true) {
            return Ok(());
        }
        let (said, told) = (known.said, std::mem::take(&mut known.told));
        let before = known.call.unwrap_or(self.calls) as usize;
        self.rest();
        match convert::item(raw, before)? {
            Heard::Message(parts) => {
                self.refused |= parts.iter().any(|(_, part)| matches!(part, Part::Refusal { .. }));
                for (_, part) in untold(&told, parts) {
                    match part {
                        Part::Refusal { text } => self.tell(ChatEvent::Refusal { text }),
                        Part::Text { text, .. } => self.tell(ChatEvent::Delta { text }),
                        _ => {}
                    }
                }
            }
            Heard::Call { id, name, arguments } => {
                let index = self.call(at, id, name)?;
                if !said {
                    self.tell(ChatEvent::ToolArguments { index, text: arguments });
                }
            }
            Heard::Thought { parts, sealed } => {
                for (spot, text) in untold(&told, parts) {
                    self.think(at, spot, text)?;
                }
                if let Some(signature) = sealed {
                    self.thought = None;
                    let dialect = Some(DIALECT.to_owned());
                    self.tell(ChatEvent::Signature { signature, dialect });
                }
            }
            Heard::Own(block) => {
                let dialect = DIALECT.to_owned();
                self.tell(ChatEvent::Other { dialect, block });
            }
        }
        Ok(())
    }

    /// Halves of characters whose other halves did not come.
    fn rest(&mut self) {
        let rest = self.reasoning.rest();
        let text = self.text.rest();
        let refusal = self.refusal.rest();
        for (text, event) in [
            (rest, (|text| ChatEvent::Reasoning { text }) as fn(String) -> ChatEvent),
            (text, |text| ChatEvent::Delta { text }),
            (refusal, |text| ChatEvent::Refusal { text }),
        ] {
            if !text.is_empty() {
                self.tell(event(text));
            }
        }
    }

    fn end(&mut self, response: Response) -> Result<(), Failure> {
        if convert::state(&response) == ResponseState::Failed {
            return Err(convert::failure(response.error.as_ref(), self.sent));
        }
        self.begin(Some(&response));
        let items = response.output.as_deref().unwrap_or_default();
        for (at, item) in (0..).zip(items) {
            self.close(at, item)?;
        }
        self.rest();
        self.unargued();
        let usage = convert::usage(&response);
        self.ready.extend(usage.map(|usage| ChatEvent::Usage { usage }));
        let (finish, raw_finish) = convert::finish(&response, self.refused, self.calls > 0);
        self.ready.push_back(ChatEvent::End {
            finish,
            raw_finish,
            stop_sequence: None,
        });
        self.over = true;
        Ok(())
    }

    /// Calls that came to no end have no arguments, unless some were told.
    fn unargued(&mut self) {
        let open = self.items.values().filter(|known| !known.said && !known.done);
        let calls: Vec<u32> = open.filter_map(|known| known.call).collect();
        for index in calls {
            let text = NOTHING.to_owned();
            self.tell(ChatEvent::ToolArguments { index, text });
        }
    }
}
