//! Shows what a model says, whole or as it comes: its answer, what it thinks, and the tools that it wants called.
//!
//! Invariant: stdout has the answer and the calls of tools alone; a thought is told beside it, and never runs into it.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::screen::{Screen, Stop, clean};
use super::show::visible;

/// What the last piece was of, and whether its line has ended.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Open {
    /// Every line has ended.
    Nothing,
    /// Text on stdout.
    Text,
    /// A thought on stderr.
    Thought { ended: bool },
}

/// A tool that shall be called, as far as it is told.
#[derive(Default)]
struct Call {
    id: String,
    name: String,
    arguments: String,
}

/// An answer that is being shown.
pub struct Conversation<'s> {
    screen: &'s Screen,
    open: Open,
    /// By their index among the answer's: the pieces of several may come in turns.
    calls: BTreeMap<u64, Call>,
}

impl<'s> Conversation<'s> {
    pub fn new(screen: &'s Screen) -> Self {
        Conversation {
            screen,
            open: Open::Nothing,
            calls: BTreeMap::new(),
        }
    }

    /// Shows a piece; `false` for an event that is none of what a model says.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub fn hear(&mut self, event: &Value) -> Result<bool, Stop> {
        let text = |name: &str| event[name].as_str().unwrap_or_default();
        let kind = text("type");
        if !matches!(kind, "tool_call" | "tool_arguments") {
            self.call(None)?;
        }
        match kind {
            "delta" | "refusal" => self.say(text("text"))?,
            "reasoning" => self.think(text("text"))?,
            "hidden_reasoning" => self.remark("(a thought that is hidden)")?,
            // It proves the thought before it, which --json gives.
            "signature" => {}
            "tool_call" | "tool_arguments" => {
                let call = self
                    .calls
                    .entry(event["index"].as_u64().unwrap_or_default())
                    .or_default();
                call.id.push_str(text("id"));
                call.name.push_str(text("name"));
                call.arguments.push_str(text("text"));
            }
            "other" => {
                let part = event["block"]["type"].as_str().unwrap_or("a part");
                self.remark(&format!(
                    "({part}, as only {} knows it: --json shows it)",
                    text("dialect")
                ))?;
            }
            _ => match event["text"].as_str() {
                Some(text) => self.say(text)?,
                None => return Ok(false),
            },
        }
        Ok(true)
    }

    /// Shows a whole message: its text, or its parts.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub fn hear_all(&mut self, content: &Value) -> Result<(), Stop> {
        if let Some(text) = content.as_str() {
            return self.say(text);
        }
        for (index, part) in content.as_array().into_iter().flatten().enumerate() {
            let piece = match part["type"].as_str() {
                Some("text") => json!({"type": "delta", "text": part["text"]}),
                Some("thinking") if part["text"].as_str().is_none_or(str::is_empty) => {
                    json!({"type": "hidden_reasoning"})
                }
                Some("thinking") => json!({"type": "reasoning", "text": part["text"]}),
                Some("tool_call") => {
                    let (id, name, arguments) = (&part["id"], &part["name"], &part["arguments"]);
                    json!({"type": "tool_call", "index": index, "id": id, "name": name, "text": arguments})
                }
                _ => part.clone(),
            };
            self.hear(&piece)?;
        }
        Ok(())
    }

    /// Ends what is open; with `why` where it broke off.
    ///
    /// # Errors
    /// As [`Screen::data`].
    pub fn end(&mut self, broken: bool) -> Result<(), Stop> {
        self.call(broken.then_some(", which broke off"))?;
        self.end_line()
    }

    fn say(&mut self, text: &str) -> Result<(), Stop> {
        if text.is_empty() {
            return Ok(());
        }
        if matches!(self.open, Open::Thought { .. }) {
            self.end_line()?;
        }
        self.screen.data(visible(text, self.screen))?;
        self.open = if text.ends_with('\n') {
            Open::Nothing
        } else {
            Open::Text
        };
        Ok(())
    }

    fn think(&mut self, text: &str) -> Result<(), Stop> {
        if text.is_empty() {
            return Ok(());
        }
        if !matches!(self.open, Open::Thought { .. }) {
            self.end_line()?;
            self.screen.note("thinking:");
        }
        self.screen.aside(&clean(text));
        self.open = Open::Thought {
            ended: text.ends_with('\n'),
        };
        Ok(())
    }

    fn remark(&mut self, text: &str) -> Result<(), Stop> {
        self.end_line()?;
        self.screen.note(&clean(text));
        Ok(())
    }

    /// Shows the calls that are told, a line each.
    fn call(&mut self, broken: Option<&str>) -> Result<(), Stop> {
        let calls = std::mem::take(&mut self.calls);
        let last = calls.len().saturating_sub(1);
        for (place, call) in calls.into_values().enumerate() {
            self.end_line()?;
            let Call { id, name, arguments } = call;
            // Of several that came in turns any may lack its end.
            let is_whole = place < last && serde_json::from_str::<Value>(&arguments).is_ok();
            let broken = broken.filter(|_| !is_whole).unwrap_or_default();
            let line = format!("tool call {name} {} ({id}){broken}", arguments.replace('\n', " "));
            self.screen.lines(visible(&line, self.screen))?;
        }
        Ok(())
    }

    fn end_line(&mut self) -> Result<(), Stop> {
        match std::mem::replace(&mut self.open, Open::Nothing) {
            Open::Text => self.screen.data("\n"),
            Open::Thought { ended: false } => {
                self.screen.aside("\n");
                Ok(())
            }
            Open::Thought { ended: true } | Open::Nothing => Ok(()),
        }
    }
}
