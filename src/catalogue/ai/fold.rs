//! Whole answers of events, and events of whole answers. Pure.
//!
//! Invariant: the events of an answer fold to that answer (but for its raw JSON, which no event holds).

use super::answer::Chat;
use super::content::Content;
use super::event::ChatEvent;
use super::message::{Message, Role};
use super::part::Part;

/// The events that a whole answer would have come as.
pub fn events(chat: Chat) -> Vec<ChatEvent> {
    let mut events = vec![ChatEvent::Start {
        id: chat.id,
        model: chat.model,
        warnings: chat.warnings,
    }];
    events.extend(chat.reasoning.map(|text| ChatEvent::Reasoning { text }));
    let mut calls = 0;
    for part in chat.message.content.into_parts() {
        match part {
            Part::Text { text, .. } => events.push(ChatEvent::Delta { text }),
            Part::Refusal { text } => events.push(ChatEvent::Refusal { text }),
            Part::Thinking { data: Some(data), .. } => events.push(ChatEvent::HiddenReasoning { data }),
            Part::Thinking {
                text,
                signature,
                data: None,
                dialect,
            } => {
                events.extend((!text.is_empty()).then_some(ChatEvent::Reasoning { text }));
                events.extend(signature.map(|signature| ChatEvent::Signature { signature, dialect }));
            }
            Part::ToolCall {
                id, name, arguments, ..
            } => {
                events.push(ChatEvent::ToolCall { index: calls, id, name });
                if !arguments.is_empty() {
                    events.push(ChatEvent::ToolArguments {
                        index: calls,
                        text: arguments,
                    });
                }
                calls += 1;
            }
            Part::Other { dialect, block } => events.push(ChatEvent::Other { dialect, block }),
            // No model says these.
            Part::Image { .. } | Part::File { .. } | Part::ToolResult { .. } => {}
        }
    }
    events.extend(chat.usage.map(|usage| ChatEvent::Usage { usage }));
    events.push(ChatEvent::End {
        finish: chat.finish,
        raw_finish: chat.raw_finish,
        stop_sequence: chat.stop_sequence,
    });
    events
}

/// The answer that came as these events; none where they have no beginning or no end.
pub fn fold(events: impl IntoIterator<Item = ChatEvent>) -> Option<Chat> {
    let mut fold = Fold::default();
    for event in events {
        if let Some(chat) = fold.add(event) {
            return Some(chat);
        }
    }
    None
}

/// An answer whose events are still coming.
#[derive(Debug, Default)]
pub struct Fold {
    chat: Option<Chat>,
    parts: Vec<Part>,
    /// Where the calls of tools are among the parts.
    calls: Vec<usize>,
    /// A thought that may yet be signed.
    thought: String,
}

impl Fold {
    /// Adds an event; the last one makes it whole.
    pub fn add(&mut self, event: ChatEvent) -> Option<Chat> {
        match event {
            ChatEvent::Start { id, model, warnings } => {
                self.chat = Some(Chat {
                    id,
                    model,
                    message: Message {
                        role: Role::Assistant,
                        content: "".into(),
                    },
                    reasoning: None,
                    finish: None,
                    raw_finish: None,
                    stop_sequence: None,
                    usage: None,
                    warnings,
                    raw: None,
                });
            }
            ChatEvent::Reasoning { text } => self.thought.push_str(&text),
            ChatEvent::Signature { signature, dialect } => {
                let text = std::mem::take(&mut self.thought);
                self.parts.push(Part::Thinking {
                    text,
                    signature: Some(signature),
                    data: None,
                    dialect,
                });
            }
            ChatEvent::HiddenReasoning { data } => {
                self.push(Part::Thinking {
                    text: String::new(),
                    signature: None,
                    data: Some(data),
                    dialect: None,
                });
            }
            ChatEvent::Delta { text } => self.push(Part::text(text)),
            ChatEvent::Refusal { text } => self.push(Part::Refusal { text }),
            ChatEvent::Other { dialect, block } => self.push(Part::Other { dialect, block }),
            ChatEvent::ToolCall { id, name, .. } => {
                self.calls.push(self.parts.len());
                self.push(Part::ToolCall {
                    id,
                    name,
                    arguments: String::new(),
                    cache: None,
                });
            }
            ChatEvent::ToolArguments { index, text } => {
                let at = usize::try_from(index).ok().and_then(|index| self.calls.get(index));
                if let Some(Part::ToolCall { arguments, .. }) = at.and_then(|at| self.parts.get_mut(*at)) {
                    arguments.push_str(&text);
                }
            }
            ChatEvent::Usage { usage } => {
                if let Some(chat) = &mut self.chat {
                    chat.usage = Some(usage);
                }
            }
            ChatEvent::End {
                finish,
                raw_finish,
                stop_sequence,
            } => {
                self.settle();
                let chat = self.chat.take()?;
                let content = Content::said(std::mem::take(&mut self.parts));
                let message = Message {
                    content,
                    ..chat.message
                };
                return Some(Chat {
                    message,
                    finish,
                    raw_finish,
                    stop_sequence,
                    ..chat
                });
            }
        }
        None
    }

    fn push(&mut self, part: Part) {
        self.settle();
        self.parts.push(part);
    }

    /// What was thought and not signed before something else came is not to be given back.
    fn settle(&mut self) {
        if let Some(chat) = self.chat.as_mut().filter(|_| !self.thought.is_empty()) {
            chat.reasoning
                .get_or_insert_default()
                .push_str(&std::mem::take(&mut self.thought));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::answer::{Finish, Usage, Warning};
    use super::*;
    use crate::catalogue::raw::Raw;
    use proptest::option::of;
    use proptest::prelude::*;
    use serde_json::value::RawValue;

    fn part() -> impl Strategy<Value = Part> {
        let text = "[a-z ]{1,6}";
        prop_oneof![
            text.prop_map(Part::text),
            text.prop_map(|text| Part::Refusal { text }),
            ("[a-z]{0,6}", "[A-Z]{1,6}", of("[a-z]{1,4}")).prop_map(|(text, signature, dialect)| Part::Thinking {
                text,
                signature: Some(signature.into()),
                data: None,
                dialect
            }),
            "[A-Z]{1,6}".prop_map(|data| Part::Thinking {
                text: String::new(),
                signature: None,
                data: Some(data.into()),
                dialect: None
            }),
            (text, text, r#"(\{"a": [0-9]\})?"#).prop_map(|(id, name, arguments)| Part::ToolCall {
                id,
                name,
                arguments,
                cache: None
            }),
            Just(Part::Other {
                dialect: "one".to_owned(),
                block: Raw::from(RawValue::from_string(r#"{"type":"odd"}"#.to_owned()).expect("JSON")),
            }),
        ]
    }

    prop_compose! {
        fn chat()(
            id in of("[a-z]{1,4}"),
            parts in proptest::collection::vec(part(), 0..6),
            reasoning in of("[a-z]{1,6}"),
            finish in of(Just(Finish::Other)),
            word in of("[a-z]{1,4}"),
            stop_sequence in of("[a-z]{1,4}"),
            counted in of((0u64..9, 0u64..9, of(0u64..9))),
            warned in any::<bool>(),
        ) -> Chat {
            // A thought that is given back says so itself: one that is not never stands right before it.
            let signed = matches!(parts.first(), Some(Part::Thinking { data: None, .. }));
            let warning = Warning { field: "stop".to_owned(), message: "left out".to_owned() };
            Chat {
                id,
                model: "m".to_owned(),
                message: Message { role: Role::Assistant, content: Content::said(parts) },
                reasoning: reasoning.filter(|_| !signed),
                finish,
                raw_finish: word,
                stop_sequence,
                usage: counted.map(|(input_tokens, output_tokens, cached_input_tokens)| Usage {
                    input_tokens, output_tokens, cached_input_tokens, ..Usage::default()
                }),
                warnings: warned.then_some(warning).into_iter().collect(),
                raw: None,
            }
        }
    }

    proptest! {
        #[test]
        fn the_events_of_an_answer_fold_to_it(chat in chat()) {
            prop_assert_eq!(fold(events(chat.clone())), Some(chat));
        }

        #[test]
        fn events_are_those_of_what_they_fold_to_however_they_are_cut(chat in chat()) {
            let cut = events(chat.clone()).into_iter().flat_map(|event| match event {
                ChatEvent::Delta { text } => text.chars().map(|c| ChatEvent::Delta { text: c.into() }).collect(),
                ChatEvent::Reasoning { text } => text.chars().map(|c| ChatEvent::Reasoning { text: c.into() }).collect(),
                ChatEvent::ToolArguments { index, text } => {
                    text.chars().map(|c| ChatEvent::ToolArguments { index, text: c.into() }).collect()
                }
                whole => vec![whole],
            });
            let folded = fold(cut).expect("it has an end");
            prop_assert_eq!(events(folded), events(chat));
        }
    }

    #[test]
    fn what_has_no_end_is_no_answer() {
        let mut cut = events(Chat {
            id: None,
            model: "m".to_owned(),
            message: Message {
                role: Role::Assistant,
                content: "a".into(),
            },
            reasoning: None,
            finish: None,
            raw_finish: None,
            stop_sequence: None,
            usage: None,
            warnings: vec![],
            raw: None,
        });
        cut.pop();
        assert_eq!(fold(cut), None);
    }
}
