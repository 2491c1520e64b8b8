//! Calls of tools one after another: some servers tell several at once, piece by piece in turns, which clients do not expect.
//!
//! Invariant: between the beginning of a call and its last piece there is no other call; what waits is bounded.

use std::collections::VecDeque;

use mosaic_actors::error::{Failure, Kind};
use serde_json::value::RawValue;

use crate::catalogue::ai::ChatEvent;

/// The most bytes of one call's arguments.
const LARGEST: usize = 4 << 20;

/// A call, as far as it is known.
struct Call {
    index: u32,
    arguments: String,
}

impl Call {
    /// Whether its arguments are whole, so that nothing of it is to come.
    fn is_whole(&self) -> bool {
        serde_json::from_str::<&RawValue>(&self.arguments).is_ok()
    }
}

/// Puts the calls of an answer in order.
#[derive(Default)]
pub struct Orderly {
    open: Option<Call>,
    /// Those that began while another was not whole, with the event that they began by.
    waiting: VecDeque<(ChatEvent, Call)>,
}

impl Orderly {
    /// The events that can be told now that this one came.
    ///
    /// # Errors
    /// `upstream_failed` where a call goes on that had ended, or is larger than is kept of one.
    pub fn hear(&mut self, event: ChatEvent) -> Result<Vec<ChatEvent>, Failure> {
        let mut ready = Vec::with_capacity(1);
        match event {
            ChatEvent::ToolCall { index, .. } => {
                let arguments = String::new();
                self.waiting.push_back((event, Call { index, arguments }));
                self.go_on(false, &mut ready);
            }
            ChatEvent::ToolArguments { index, ref text } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.index == index) {
                    keep(&mut open.arguments, text)?;
                    ready.push(event);
                    self.go_on(false, &mut ready);
                } else if let Some((_, call)) = self.waiting.iter_mut().find(|(_, call)| call.index == index) {
                    keep(&mut call.arguments, text)?;
                } else if !text.trim().is_empty() {
                    let sentence = "the model goes on with a call that had ended";
                    return Err(Failure::new(Kind::UpstreamFailed, sentence));
                }
            }
            ChatEvent::Usage { .. } => ready.push(event),
            other => {
                self.go_on(true, &mut ready);
                ready.push(other);
            }
        }
        Ok(ready)
    }

    /// Tells of those that wait as far as those before them are whole; at the end of the calls, of all.
    fn go_on(&mut self, all: bool, ready: &mut Vec<ChatEvent>) {
        while all || self.open.as_ref().is_none_or(Call::is_whole) {
            let Some((began, call)) = self.waiting.pop_front() else {
                break;
            };
            ready.push(began);
            if !call.arguments.is_empty() {
                ready.push(ChatEvent::ToolArguments {
                    index: call.index,
                    text: call.arguments.clone(),
                });
            }
            self.open = Some(call);
        }
        if all {
            self.open = None;
        }
    }
}

fn keep(kept: &mut String, more: &str) -> Result<(), Failure> {
    if kept.len() + more.len() > LARGEST {
        let sentence = "the arguments of a call are larger than is kept of them";
        return Err(Failure::new(Kind::UpstreamFailed, sentence));
    }
    kept.push_str(more);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(index: u32) -> ChatEvent {
        ChatEvent::ToolCall {
            index,
            id: String::new(),
            name: String::new(),
        }
    }

    fn argue(index: u32, text: &str) -> ChatEvent {
        ChatEvent::ToolArguments {
            index,
            text: text.to_owned(),
        }
    }

    fn text() -> ChatEvent {
        ChatEvent::Delta { text: "a".to_owned() }
    }

    fn told(events: Vec<ChatEvent>) -> Result<String, Failure> {
        let mut calls = Orderly::default();
        let mut told = String::new();
        for event in events {
            for ready in calls.hear(event)? {
                told += &match ready {
                    ChatEvent::ToolCall { index, .. } => format!("{index}:"),
                    ChatEvent::ToolArguments { text, .. } => text,
                    _ => "|".to_owned(),
                };
            }
        }
        Ok(told)
    }

    #[test]
    fn calls_that_are_told_in_turns_come_one_after_another() {
        let turns = vec![
            text(),
            call(0),
            argue(0, "{\"a\""),
            call(1),
            argue(1, "["),
            argue(0, ":1}"),
            argue(1, "]"),
            argue(0, " "),
            call(2),
            text(),
        ];
        assert_eq!(told(turns).expect("told"), "|0:{\"a\":1}1:[]2:|");
        // Nothing is kept back of one alone, whole or not.
        assert_eq!(told(vec![call(0), argue(0, "{")]).expect("told"), "0:{");
        assert_eq!(
            told(vec![call(0), argue(0, "{"), call(1), argue(1, "[")]).expect("told"),
            "0:{"
        );
        assert_eq!(
            told(vec![call(0), call(1), argue(1, "{}"), text()]).expect("told"),
            "0:1:{}|"
        );
        let late = told(vec![call(0), argue(0, "{}"), call(1), argue(0, "{}")]);
        assert_eq!(late.expect_err("it had ended").kind, Kind::UpstreamFailed);
    }
}
