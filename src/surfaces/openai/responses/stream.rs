//! From a neutral answer's events to those of this API. Pure.
//!
//! Invariant: events are numbered without a gap; what begins ends, and only a whole answer is said to be completed.

use mosaic_actors::error::Failure;
use serde_json::{Value, json};

use super::super::super::dialect::kept::Room;
use super::super::super::dialect::sse::{Teller, write};
use super::super::super::problem::Problem;
use super::super::super::request_id::RequestId;
use super::super::chat_input::DIALECT;
use super::super::error;
use super::items::{self, Frame, Ids};
use super::sealed;
use crate::catalogue::ai::{ChatEvent, Finish, Usage};

/// An item that is being told.
enum Open {
    Message {
        at: usize,
        id: String,
        /// The pieces before this one.
        before: Vec<Value>,
        refusal: bool,
        text: String,
    },
    Thought {
        at: usize,
        id: String,
        text: String,
    },
}

/// A call that is being told; several may be at once.
struct Call {
    at: usize,
    id: String,
    call: String,
    name: String,
    arguments: String,
}

/// Tells one answer.
pub struct Events {
    frame: Frame,
    /// Its own id is that which the provider tells.
    kept: bool,
    ids: Ids,
    number: u64,
    /// Those that are told, and places for those that are being.
    output: Vec<Value>,
    open: Option<Open>,
    calls: Vec<Call>,
    usage: Option<Usage>,
    /// For the output, which the last event tells once more.
    room: Room,
    over: bool,
}

impl Events {
    /// Of an answer; `kept`: it is known by the id that its provider tells.
    pub fn new(frame: Frame, kept: bool, ids: Ids) -> Self {
        Events {
            frame,
            kept,
            ids,
            number: 0,
            output: vec![],
            open: None,
            calls: vec![],
            usage: None,
            room: Room::default(),
            over: false,
        }
    }

    fn tell(&mut self, name: &str, mut event: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        event["type"] = name.into();
        event["sequence_number"] = self.number.into();
        self.number += 1;
        write(Some(name), &event, out)
    }

    fn start(&mut self, id: Option<String>, model: String, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.frame.model = model;
        if let Some(id) = id.filter(|_| self.kept) {
            self.frame.id = id;
        }
        for name in ["response.created", "response.in_progress"] {
            let response = items::response(&self.frame, "in_progress", vec![]);
            self.tell(name, json!({ "response": response }), out)?;
        }
        Ok(())
    }

    /// An item begins.
    fn add(&mut self, item: Value, out: &mut Vec<u8>) -> Result<usize, Failure> {
        let (at, before) = (self.output.len(), out.len());
        self.tell(
            "response.output_item.added",
            json!({"output_index": at, "item": item}),
            out,
        )?;
        self.room.begin(out.len() - before)?;
        self.output.push(item);
        Ok(at)
    }

    fn done(&mut self, at: usize, item: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.output[at] = item.clone();
        self.tell(
            "response.output_item.done",
            json!({"output_index": at, "item": item}),
            out,
        )
    }

    fn whole(&mut self, item: Value, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.close(out)?;
        let at = self.add(item.clone(), out)?;
        self.done(at, item, out)
    }

    fn say(&mut self, text: &str, refuses: bool, out: &mut Vec<u8>) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(&self.open, Some(Open::Message { refusal, .. }) if *refusal == refuses) {
            self.begin_piece(refuses, out)?;
        }
        let Some(Open::Message {
            at,
            id,
            before,
            text: said,
            ..
        }) = &mut self.open
        else {
            return Ok(());
        };
        self.room.keep(said, text)?;
        let mut event = json!({"item_id": id, "output_index": at, "content_index": before.len(), "delta": text});
        let name = match refuses {
            true => "response.refusal.delta",
            false => {
                event["logprobs"] = json!([]);
                "response.output_text.delta"
            }
        };
        self.tell(name, event, out)
    }

    /// A piece of another kind begins: within the message that is open, or in a new one.
    fn begin_piece(&mut self, refuses: bool, out: &mut Vec<u8>) -> Result<(), Failure> {
        let (at, id, before) = match self.end_piece(out)? {
            Some(open) => open,
            None => {
                self.close(out)?;
                let id = self.ids.next("msg");
                (self.add(items::message(&id, &[], "in_progress"), out)?, id, vec![])
            }
        };
        let part = if refuses { items::refusal("") } else { items::text("") };
        let event = json!({"item_id": id, "output_index": at, "content_index": before.len(), "part": part});
        self.tell("response.content_part.added", event, out)?;
        self.open = Some(Open::Message {
            at,
            id,
            before,
            refusal: refuses,
            text: String::new(),
        });
        Ok(())
    }

    /// The piece that is open ends; its message stays open.
    fn end_piece(&mut self, out: &mut Vec<u8>) -> Result<Option<(usize, String, Vec<Value>)>, Failure> {
        match self.open.take() {
            Some(Open::Message {
                at,
                id,
                mut before,
                refusal,
                text,
            }) => {
                let place = |mut event: Value| {
                    event["item_id"] = id.as_str().into();
                    event["output_index"] = at.into();
                    event["content_index"] = before.len().into();
                    event
                };
                let (name, event, part) = match refusal {
                    true => (
                        "response.refusal.done",
                        json!({ "refusal": text }),
                        items::refusal(&text),
                    ),
                    false => (
                        "response.output_text.done",
                        json!({"text": text, "logprobs": []}),
                        items::text(&text),
                    ),
                };
                let (event, ended) = (place(event), place(json!({ "part": part })));
                self.tell(name, event, out)?;
                self.tell("response.content_part.done", ended, out)?;
                before.push(part);
                Ok(Some((at, id, before)))
            }
            other => {
                self.open = other;
                Ok(None)
            }
        }
    }

    fn think(&mut self, text: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(self.open, Some(Open::Thought { .. })) {
            self.close(out)?;
            let id = self.ids.next(sealed::OWN);
            let at = self.add(items::thought(&id, "", None), out)?;
            let part = json!({"type": "summary_text", "text": ""});
            let event = json!({"item_id": id, "output_index": at, "summary_index": 0, "part": part});
            self.tell("response.reasoning_summary_part.added", event, out)?;
            let text = String::new();
            self.open = Some(Open::Thought { at, id, text });
        }
        let Some(Open::Thought { at, id, text: shown }) = &mut self.open else {
            return Ok(());
        };
        self.room.keep(shown, text)?;
        let event = json!({"item_id": id, "output_index": at, "summary_index": 0, "delta": text});
        self.tell("response.reasoning_summary_text.delta", event, out)
    }

    /// A thought ends: with what it is given back by, or without.
    fn thought(&mut self, signature: Option<&str>, dialect: Option<&str>, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.room.begin(signature.map_or(0, str::len))?;
        let Some(Open::Thought { at, id, text }) = self.open.take() else {
            // Nothing of it was shown.
            self.close(out)?;
            let id = self.ids.next(sealed::OWN);
            return match signature {
                Some(_) => self.whole(items::signed(&id, "", signature, None, dialect), out),
                None => Ok(()),
            };
        };
        let place = json!({"item_id": id, "output_index": at, "summary_index": 0});
        let mut event = place.clone();
        event["text"] = text.as_str().into();
        self.tell("response.reasoning_summary_text.done", event, out)?;
        let mut event = place;
        event["part"] = json!({"type": "summary_text", "text": text});
        self.tell("response.reasoning_summary_part.done", event, out)?;
        self.done(at, items::signed(&id, &text, signature, None, dialect), out)
    }

    /// Whatever is open, but calls, ends.
    fn close(&mut self, out: &mut Vec<u8>) -> Result<(), Failure> {
        if matches!(self.open, Some(Open::Thought { .. })) {
            return self.thought(None, None, out);
        }
        match self.end_piece(out)? {
            Some((at, id, content)) => self.done(at, items::message(&id, &content, "completed"), out),
            None => Ok(()),
        }
    }

    fn call(&mut self, call: String, name: String, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.close(out)?;
        let id = self.ids.next("fc");
        let at = self.add(items::call(&id, &call, &name, "", "in_progress"), out)?;
        self.calls.push(Call {
            at,
            id,
            call,
            name,
            arguments: String::new(),
        });
        Ok(())
    }

    fn argue(&mut self, index: u32, text: &str, out: &mut Vec<u8>) -> Result<(), Failure> {
        let call = usize::try_from(index).ok().and_then(|index| self.calls.get_mut(index));
        let Some(call) = call.filter(|_| !text.is_empty()) else {
            return Ok(());
        };
        self.room.keep(&mut call.arguments, text)?;
        let event = json!({"item_id": call.id, "output_index": call.at, "delta": text});
        self.tell("response.function_call_arguments.delta", event, out)
    }

    fn end(&mut self, finish: Option<Finish>, out: &mut Vec<u8>) -> Result<(), Failure> {
        self.close(out)?;
        for Call {
            at,
            id,
            call,
            name,
            arguments,
        } in std::mem::take(&mut self.calls)
        {
            let event = json!({"item_id": id, "output_index": at, "name": name, "arguments": arguments});
            self.tell("response.function_call_arguments.done", event, out)?;
            self.done(at, items::call(&id, &call, &name, &arguments, "completed"), out)?;
        }
        let why = items::incomplete(finish);
        let status = if why.is_some() { "incomplete" } else { "completed" };
        let mut response = items::response(&self.frame, status, std::mem::take(&mut self.output));
        if let Some(reason) = why {
            response["incomplete_details"] = json!({ "reason": reason });
        }
        response["usage"] = self.usage.as_ref().map_or(Value::Null, items::usage);
        self.over = true;
        self.tell(&format!("response.{status}"), json!({ "response": response }), out)
    }
}

impl Teller for Events {
    const BEAT: &'static str = ": keep-alive\n\n";

    fn hear(&mut self, event: ChatEvent, out: &mut Vec<u8>) -> Result<(), Failure> {
        match event {
            ChatEvent::Start { id, model, .. } => self.start(id, model, out),
            ChatEvent::Reasoning { text } => self.think(&text, out),
            ChatEvent::Signature { signature, dialect } => self.thought(Some(&signature), dialect.as_deref(), out),
            ChatEvent::HiddenReasoning { data } => {
                let id = self.ids.next(sealed::OWN);
                self.whole(items::signed(&id, "", None, Some(&data), None), out)
            }
            ChatEvent::Delta { text } => self.say(&text, false, out),
            ChatEvent::Refusal { text } => self.say(&text, true, out),
            ChatEvent::ToolCall { id, name, .. } => self.call(id, name, out),
            ChatEvent::ToolArguments { index, text } => self.argue(index, &text, out),
            ChatEvent::Other { dialect, block } if dialect == DIALECT => self.whole(block.to_value(), out),
            ChatEvent::Other { .. } => Ok(()),
            ChatEvent::Usage { usage } => {
                self.usage = Some(usage);
                Ok(())
            }
            ChatEvent::End { finish, .. } => self.end(finish, out),
        }
    }

    fn is_over(&self) -> bool {
        self.over
    }

    fn fail(&mut self, problem: &Problem, _id: &RequestId, out: &mut Vec<u8>) {
        let event = items::broken(&error::told(problem), self.number);
        out.extend_from_slice(format!("event: error\ndata: {event}\n\n").as_bytes());
    }
}

#[cfg(test)]
mod tests;
