//! From neutral messages to the items of a response's input. Pure.
//!
//! Invariant: a part that came as an item of this dialect's own goes back as that item, unchanged, and no other does.

use std::borrow::Cow;

use mosaic_actors::error::Failure;
use serde_json::Value;

use super::asked::{Item, Piece, Spoken};
use crate::catalogue::ai::{ChatInput, Content, Detail, Part, ResultPart, Role, Said, Source, Turn, Warning};
use crate::providers::openai::messages::{FAILED, data_url, uncached};
use crate::providers::openai::request::DIALECT;

/// What becomes of a conversation.
pub struct Speaker<'w> {
    /// The role of instructions.
    pub instructs: &'static str,
    /// Whether items of the dialect's own are known where they go.
    pub own: bool,
    pub warnings: &'w mut Vec<Warning>,
}

impl Speaker<'_> {
    /// All items of a conversation, but for its first `told` turns.
    ///
    /// # Errors
    /// `unsupported` naming the part.
    pub fn items<'a>(&mut self, input: &'a ChatInput, told: usize) -> Result<Vec<Item<'a>>, Failure> {
        let mut items = vec![];
        for turn in input.conversation().skip(told) {
            self.turn(&turn, &mut items)?;
        }
        Ok(items)
    }

    fn turn<'a>(&mut self, turn: &Turn<'a>, items: &mut Vec<Item<'a>>) -> Result<(), Failure> {
        let role = match turn.role {
            Role::System => self.instructs,
            Role::Assistant => "assistant",
            Role::User | Role::Tool => "user",
        };
        let parts = match turn.content {
            Said::Text(text) => {
                let content = Spoken::Text(text.into());
                items.push(Item::Message { role, content });
                return Ok(());
            }
            Said::Parts(parts) => parts,
        };
        let mut pieces = vec![];
        for (at, part) in parts.iter().enumerate() {
            let place = turn.part(at);
            self.warnings.extend(part.cache().map(|_| uncached(&place)));
            match part {
                // Of what the model said, no pieces are taken.
                Part::Text { text, .. } | Part::Refusal { text } if turn.role == Role::Assistant => {
                    let content = Spoken::Text(text.into());
                    items.push(Item::Message { role, content });
                }
                Part::ToolCall {
                    id, name, arguments, ..
                } => items.push(Item::FunctionCall {
                    call_id: id,
                    name,
                    arguments,
                }),
                Part::ToolResult {
                    tool_call_id,
                    content,
                    is_error,
                    ..
                } => items.push(Item::FunctionCallOutput {
                    call_id: tool_call_id,
                    output: output(content, *is_error),
                }),
                Part::Thinking { .. } => match thought(part).filter(|_| self.own) {
                    Some(item) => items.push(Item::Own(item)),
                    None => {
                        let sentence = "left out: this provider takes no thoughts back but those it has sealed itself";
                        self.warnings.push(Warning::new(place, sentence));
                    }
                },
                Part::Other { dialect, block } if self.own && dialect == DIALECT => {
                    items.push(Item::Own(block.to_value()));
                }
                Part::Other { .. } => {
                    let field = format!("{place}.dialect");
                    return Err(Failure::unsupported_field(field, "this part is of another dialect").never_sent());
                }
                part => pieces.extend(piece(part)),
            }
        }
        if !pieces.is_empty() {
            let content = Spoken::Pieces(pieces);
            items.push(Item::Message { role, content });
        }
        Ok(())
    }
}

/// The item that a thought came as, where it came from here: its signature is the whole of it.
fn thought(part: &Part) -> Option<Value> {
    let Part::Thinking {
        signature: Some(signature),
        dialect: Some(dialect),
        ..
    } = part
    else {
        return None;
    };
    let item: Value = serde_json::from_str(signature).ok().filter(|_| dialect == DIALECT)?;
    (item["type"] == "reasoning").then_some(item)
}

fn piece(part: &Part) -> Option<Piece<'_>> {
    match (part, part.source()) {
        (Part::Text { text, .. }, _) => Some(Piece::Text { text: text.into() }),
        (Part::Image { detail, .. }, Some(source)) => Some(image(source, *detail)),
        (Part::File { name, .. }, Some(source)) => Some(Piece::File {
            file_url: match source {
                Source::Url(url) => Some(url),
                _ => None,
            },
            file_data: match source {
                Source::Data { media_type, data } => Some(data_url(media_type, data)),
                _ => None,
            },
            file_id: match source {
                Source::File(id) => Some(id),
                _ => None,
            },
            filename: name.as_deref(),
        }),
        _ => None,
    }
}

fn image(source: Source<'_>, detail: Option<Detail>) -> Piece<'_> {
    let detail = detail.unwrap_or(Detail::Auto).word();
    let (image_url, file_id) = match source {
        Source::Url(url) => (Some(Cow::Borrowed(&**url)), None),
        Source::Data { media_type, data } => (Some(data_url(media_type, data).into()), None),
        Source::File(id) => (None, Some(id)),
    };
    Piece::Image {
        image_url,
        file_id,
        detail,
    }
}

fn output(content: &Content<ResultPart>, failed: bool) -> Spoken<'_> {
    match content {
        Content::Text(text) if failed => Spoken::Text([FAILED, text].concat().into()),
        Content::Text(text) => Spoken::Text(text.into()),
        Content::Parts(parts) => {
            let mark = failed.then(|| Piece::Text {
                text: FAILED.trim_end().into(),
            });
            Spoken::Pieces(mark.into_iter().chain(parts.iter().filter_map(shown)).collect())
        }
    }
}

fn shown(part: &ResultPart) -> Option<Piece<'_>> {
    match part {
        ResultPart::Text { text } => Some(Piece::Text { text: text.into() }),
        ResultPart::Image { detail, .. } => Some(image(part.source()?, *detail)),
    }
}
