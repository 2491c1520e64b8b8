//! The calls of tools in a streamed answer: pieces in, events out. Pure.
//!
//! Invariant: a call is told once, whole in name and id, and those before it are told before it; no call has no arguments.

use mosaic_actors::error::{Failure, Kind};

use super::wire;
use crate::catalogue::ai::ChatEvent;

/// The most calls that one answer may have.
const MOST: usize = 1024;
/// The longest id or name of one, in bytes: OpenAI's own have 64 at most.
const LONGEST: usize = 1024;
/// What is told of a call without arguments.
pub const NOTHING: &str = "{}";

/// The calls so far.
#[derive(Debug, Default)]
pub struct Calls(Vec<Call>);

#[derive(Debug)]
struct Call {
    /// Which it is, as the server counts.
    index: Option<u32>,
    id: String,
    name: String,
    /// The caller knows of it.
    begun: bool,
    /// Arguments have come.
    said: bool,
}

impl Calls {
    /// Hears a piece.
    ///
    /// # Errors
    /// `upstream_failed` where there are too many, or one calls nothing.
    pub fn hear(&mut self, piece: wire::ToolCall) -> Result<Vec<ChatEvent>, Failure> {
        let wire::ToolCall { index, id, function } = piece;
        let at = self.place(index, id.filter(|id| !id.is_empty()))?;
        let mut events = vec![];
        let call = &mut self.0[at];
        // Some servers say the name again with each piece.
        if let Some(name) = function.name.filter(|name| !call.begun && *name != call.name) {
            short(call.name.len() + name.len())?;
            call.name.push_str(&name);
        }
        let text = function.arguments.map(wire::Arguments::text).unwrap_or_default();
        if !text.is_empty() {
            call.said = true;
            self.begin(at, &mut events)?;
            events.push(ChatEvent::ToolArguments {
                index: number(at),
                text,
            });
        }
        Ok(events)
    }

    /// What is left to be told at the end.
    ///
    /// # Errors
    /// As [`Calls::hear`].
    pub fn end(&mut self) -> Result<Vec<ChatEvent>, Failure> {
        let mut events = vec![];
        if let Some(last) = self.0.len().checked_sub(1) {
            self.begin(last, &mut events)?;
        }
        for (at, call) in self.0.iter_mut().enumerate() {
            if !std::mem::replace(&mut call.said, true) {
                let text = NOTHING.to_owned();
                events.push(ChatEvent::ToolArguments {
                    index: number(at),
                    text,
                });
            }
        }
        Ok(events)
    }

    /// Which call a piece is of: that of its id, else that of its number, else the last one. Another id is another call,
    /// also under the same number.
    fn place(&mut self, index: Option<u32>, id: Option<String>) -> Result<usize, Failure> {
        short(id.as_ref().map_or(0, String::len))?;
        let counted = |call: &Call| index.is_some() && call.index == index;
        let known = match &id {
            Some(id) => {
                let same = self.0.iter().position(|call| call.id == *id);
                same.or_else(|| self.0.iter().rposition(|call| counted(call) && call.id.is_empty()))
            }
            None if index.is_some() => self.0.iter().rposition(counted),
            None => self.0.len().checked_sub(1),
        };
        if let Some(at) = known {
            if let Some(id) = id.filter(|_| !self.0[at].begun) {
                self.0[at].id = id;
            }
            return Ok(at);
        }
        if self.0.len() == MOST {
            let sentence = format!("the answer calls tools more than {MOST} times");
            return Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable());
        }
        self.0.push(Call {
            index,
            id: id.unwrap_or_default(),
            name: String::new(),
            begun: false,
            said: false,
        });
        Ok(self.0.len() - 1)
    }

    /// Tells of all calls up to this one.
    fn begin(&mut self, last: usize, events: &mut Vec<ChatEvent>) -> Result<(), Failure> {
        for (at, call) in self.0.iter_mut().enumerate().take(last + 1) {
            if !std::mem::replace(&mut call.begun, true) {
                let (id, name) = (id(&call.id, at), call.name.clone());
                sound(&name)?;
                events.push(ChatEvent::ToolCall {
                    index: number(at),
                    id,
                    name,
                });
            }
        }
        Ok(())
    }
}

/// What is kept of each call until the answer's end has a bound.
fn short(length: usize) -> Result<(), Failure> {
    match length > LONGEST {
        true => {
            let sentence = format!("the answer calls a tool whose name or id is longer than {LONGEST} bytes");
            Err(Failure::new(Kind::UpstreamFailed, sentence).not_usable())
        }
        false => Ok(()),
    }
}

fn number(at: usize) -> u32 {
    u32::try_from(at).unwrap_or(u32::MAX)
}

/// The id of a call; of one that has none, its number.
pub fn id(id: &str, at: usize) -> String {
    match id {
        "" => format!("call_{at}"),
        id => id.to_owned(),
    }
}

/// A call names what it calls.
///
/// # Errors
/// `upstream_failed` where it does not.
pub fn sound(name: &str) -> Result<(), Failure> {
    match name.is_empty() {
        true => Err(Failure::new(Kind::UpstreamFailed, "the answer calls a tool without a name").not_usable()),
        false => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    /// The calls that pieces are told as: id, name, and arguments.
    fn told(pieces: Value) -> Vec<(String, String, String)> {
        let mut calls = Calls::default();
        let pieces: Vec<wire::ToolCall> = serde_json::from_value(pieces).expect("pieces");
        let mut events: Vec<ChatEvent> = vec![];
        for piece in pieces {
            events.extend(calls.hear(piece).expect("heard"));
        }
        events.extend(calls.end().expect("ended"));
        let mut told = vec![];
        for event in events {
            match event {
                ChatEvent::ToolCall { index, id, name } => {
                    assert_eq!(index as usize, told.len());
                    told.push((id, name, String::new()));
                }
                ChatEvent::ToolArguments { index, text } => told[index as usize].2.push_str(&text),
                other => panic!("{other:?}"),
            }
        }
        told
    }

    #[test]
    fn a1_pieces_are_put_together_by_number_or_id_or_order() {
        let piece = |index: Value, id: Value, name: Value, arguments: Value| {
            json!({"index": index, "id": id,
            "function": {"name": name, "arguments": arguments}})
        };
        let none = || Value::Null;
        let both = [("a", "look", r#"{"x":1}"#), ("b", "find", "{}")];
        let both: Vec<_> = both
            .map(|(id, name, text)| (id.to_owned(), name.to_owned(), text.to_owned()))
            .into();
        for (what, pieces) in [
            (
                "interleaved",
                json!([
                    piece(json!(0), json!("a"), json!("look"), json!("")),
                    piece(json!(1), json!("b"), json!("find"), json!("{")),
                    piece(json!(0), none(), none(), json!(r#"{"x""#)),
                    piece(json!(1), none(), none(), json!("}")),
                    piece(json!(0), none(), none(), json!(":1}")),
                ]),
            ),
            (
                "whole, without numbers",
                json!([
                    piece(none(), json!("a"), json!("look"), json!(r#"{"x":1}"#)),
                    piece(none(), json!("b"), json!("find"), json!("{}")),
                ]),
            ),
            (
                "all of number 0",
                json!([
                    piece(json!(0), json!("a"), json!("look"), json!(r#"{"x":1}"#)),
                    piece(json!(0), json!("b"), json!("find"), json!({})),
                ]),
            ),
            (
                "id and name again and again",
                json!([
                    piece(json!(0), json!("a"), json!("look"), json!(r#"{"x""#)),
                    piece(json!(0), json!("a"), json!("look"), json!(":1}")),
                    piece(json!(1), json!("b"), json!("find"), none()),
                    piece(json!(1), json!("b"), json!("find"), none()),
                ]),
            ),
            (
                "without numbers, in pieces",
                json!([
                    piece(none(), json!("a"), json!("lo"), none()),
                    piece(none(), json!(""), json!("ok"), none()),
                    piece(none(), none(), none(), json!(r#"{"x":1}"#)),
                    piece(none(), json!("b"), json!("find"), none()),
                ]),
            ),
        ] {
            assert_eq!(told(pieces), both, "{what}");
        }
        let unnamed = json!([piece(json!(0), none(), json!("look"), none())]);
        assert_eq!(
            told(unnamed),
            [("call_0".to_owned(), "look".to_owned(), NOTHING.to_owned())]
        );
    }

    #[test]
    fn calls_of_nothing_and_calls_without_end_are_failures() {
        let piece = |at: usize, name: &str| wire::ToolCall {
            index: Some(u32::try_from(at).expect("small")),
            id: None,
            function: wire::Function {
                name: Some(name.to_owned()),
                arguments: None,
            },
        };
        let mut calls = Calls::default();
        calls.hear(piece(0, "")).expect("heard");
        assert_eq!(calls.end().expect_err("no name").kind, Kind::UpstreamFailed);
        let mut calls = Calls::default();
        let failed = (0..=MOST).find_map(|at| calls.hear(piece(at, "look")).err());
        assert!(failed.expect("too many").unreadable);
    }
}
