//! Calls of tools one after another: some servers tell several at once, piece by piece in turns, which clients do not expect.
//!
//! Invariant: between the beginning of a call and its last piece there is no other call; what waits is bounded.

use std::collections::VecDeque;

use mosaic_actors::error::{Failure, Kind};

use super::kept::Room;
use super::whole::Scan;
use crate::catalogue::ai::ChatEvent;

/// Puts the calls of an answer in order.
#[derive(Default)]
pub struct Orderly {
    open: Option<Open>,
    /// Those that began while another was not whole.
    waiting: VecDeque<Waiting>,
    room: Room,
}

/// The call that is told.
struct Open {
    index: u32,
    seen: Scan,
}

/// One that is not told yet.
struct Waiting {
    index: u32,
    /// The event that it began by.
    began: ChatEvent,
    arguments: String,
}

impl Orderly {
    /// The events that can be told now that this one came.
    ///
    /// # Errors
    /// `upstream_failed` where a call goes on that had ended, or more waits than is kept.
    pub fn hear(&mut self, event: ChatEvent) -> Result<Vec<ChatEvent>, Failure> {
        let mut ready = Vec::with_capacity(1);
        match event {
            ChatEvent::ToolCall { index, .. } => {
                self.room.begin(0)?;
                self.waiting.push_back(Waiting {
                    index,
                    began: event,
                    arguments: String::new(),
                });
                self.go_on(false, &mut ready);
            }
            ChatEvent::ToolArguments { index, ref text } => {
                if let Some(open) = self.open.as_mut().filter(|open| open.index == index) {
                    open.seen.see(text);
                    ready.push(event);
                    self.go_on(false, &mut ready);
                } else if let Some(call) = self.waiting.iter_mut().find(|call| call.index == index) {
                    self.room.keep(&mut call.arguments, text)?;
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
        while all || self.open.as_ref().is_none_or(|open| open.seen.is_whole()) {
            let Some(call) = self.waiting.pop_front() else {
                break;
            };
            let mut seen = Scan::default();
            seen.see(&call.arguments);
            ready.push(call.began);
            if !call.arguments.is_empty() {
                ready.push(ChatEvent::ToolArguments {
                    index: call.index,
                    text: call.arguments,
                });
            }
            self.open = Some(Open {
                index: call.index,
                seen,
            });
        }
        if all {
            self.open = None;
        }
    }
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

    #[test]
    fn calls_that_wait_are_bounded_in_number_and_in_bytes() {
        let mut calls = Orderly::default();
        let begun = (0..u32::MAX)
            .take_while(|index| calls.hear(call(*index)).is_ok())
            .count();
        assert!((1_000..1_000_000).contains(&begun), "{begun}");
        let mut calls = Orderly::default();
        for event in [call(0), argue(0, "{"), call(1)] {
            calls.hear(event).expect("there is room");
        }
        let piece = "a".repeat(1 << 20);
        let kept = (0..64).take_while(|_| calls.hear(argue(1, &piece)).is_ok()).count();
        assert_eq!(kept, 4);
        // What is told as it comes is not kept.
        for _ in 0..64 {
            calls.hear(argue(0, &piece)).expect("it goes by");
        }
    }
}
