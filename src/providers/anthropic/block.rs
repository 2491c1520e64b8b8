//! A block of a streamed answer while it is told. Pure.
//!
//! Invariant: no call ends without arguments, and a thought that is signed is signed once, at its end.

use std::collections::VecDeque;

use mosaic_actors::error::{Failure, Kind};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::convert::{self, strange};
use super::options::DIALECT;
use super::wire;
use crate::catalogue::ai::ChatEvent;
use crate::catalogue::raw::Raw;
use crate::providers::http::parse;
use crate::providers::http::text::present;

/// The most bytes of a block that is kept until it is whole.
const LARGEST: usize = 1 << 20;

/// A block that is being told.
pub enum Open {
    Text,
    Thinking {
        signature: String,
    },
    /// There is no more of it than its beginning.
    Whole,
    Call {
        index: u32,
        /// As the block began; mostly empty.
        input: String,
        said: bool,
    },
    /// One that nobody knows, kept until it is whole.
    Other {
        block: Value,
        input: String,
    },
}

impl Open {
    /// A block begins.
    ///
    /// # Errors
    /// `upstream_failed` where it cannot be read, or calls nothing.
    pub fn block(block: &RawValue, calls: &mut u32, ready: &mut VecDeque<ChatEvent>) -> Result<Self, Failure> {
        let read: wire::Block = parse(block.get().as_bytes())?;
        Ok(match read.kind.as_str() {
            "text" => {
                ready.extend(present(read.text).map(|text| ChatEvent::Delta { text }));
                Open::Text
            }
            "thinking" => {
                ready.extend(present(read.thinking).map(|text| ChatEvent::Reasoning { text }));
                Open::Thinking {
                    signature: read.signature.unwrap_or_default(),
                }
            }
            "redacted_thinking" => {
                let data = read.data.unwrap_or_default().into();
                ready.push_back(ChatEvent::HiddenReasoning { data });
                Open::Whole
            }
            "tool_use" => {
                let (id, name) = convert::called(read.id, read.name)?;
                let index = *calls;
                *calls += 1;
                ready.push_back(ChatEvent::ToolCall { index, id, name });
                let input = convert::arguments(read.input.as_deref());
                Open::Call {
                    index,
                    input,
                    said: false,
                }
            }
            _ => Open::Other {
                block: parse(block.get().as_bytes())?,
                input: String::new(),
            },
        })
    }

    /// A piece of it.
    ///
    /// # Errors
    /// `upstream_failed` where it outgrows what is kept.
    pub fn hear(&mut self, delta: wire::Delta, ready: &mut VecDeque<ChatEvent>) -> Result<(), Failure> {
        match self {
            Open::Text => ready.extend(present(delta.text).map(|text| ChatEvent::Delta { text })),
            Open::Thinking { signature } => {
                ready.extend(present(delta.thinking).map(|text| ChatEvent::Reasoning { text }));
                keep(signature, delta.signature)?;
            }
            Open::Call { index, said, .. } => {
                if let Some(text) = present(delta.partial_json) {
                    *said = true;
                    ready.push_back(ChatEvent::ToolArguments { index: *index, text });
                }
            }
            Open::Other { input, .. } => keep(input, delta.partial_json)?,
            Open::Whole => {}
        }
        Ok(())
    }

    /// It is whole.
    ///
    /// # Errors
    /// `upstream_failed` where what was kept is none.
    pub fn close(self, ready: &mut VecDeque<ChatEvent>) -> Result<(), Failure> {
        match self {
            Open::Text | Open::Whole | Open::Call { said: true, .. } => {}
            Open::Thinking { signature } => {
                let signature = present(Some(signature));
                ready.extend(signature.map(|text| ChatEvent::Signature {
                    signature: text.into(),
                    dialect: None,
                }));
            }
            Open::Call {
                index,
                input,
                said: false,
            } => {
                ready.push_back(ChatEvent::ToolArguments { index, text: input });
            }
            Open::Other { mut block, input } => {
                if !input.is_empty() {
                    block["input"] = serde_json::from_str(&input).map_err(|_| strange("a block's input is no JSON"))?;
                }
                let dialect = DIALECT.to_owned();
                let block = to_raw_value(&block)
                    .map(Raw::from)
                    .map_err(|error| Failure::new(Kind::Internal, "a block could not be serialised").because(error))?;
                ready.push_back(ChatEvent::Other { dialect, block });
            }
        }
        Ok(())
    }
}

fn keep(kept: &mut String, more: Option<String>) -> Result<(), Failure> {
    let more = more.unwrap_or_default();
    if kept.len() + more.len() > LARGEST {
        return Err(strange("a block is larger than is kept of one"));
    }
    kept.push_str(&more);
    Ok(())
}
