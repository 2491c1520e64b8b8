//! From neutral messages to those of Anthropic. Pure.
//!
//! Invariant: messages of one side that follow one another are one, in which what came of tools stands first.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::error::Failure;
use serde_json::{Map, Value};

use super::asked::{self, Block, Kind, Message};
use super::options::{DIALECT, FILES, Options};
use crate::catalogue::ai::{ChatInput, Content, Part, ResultPart, Role, Said, Source, Turn, Warning};

/// The pictures that can be sent as they are.
const PICTURES: &[&str] = &["image/jpeg", "image/png", "image/gif", "image/webp"];

/// What is said, as the dialect has it.
pub struct Conversation<'a> {
    /// The instructions, wherever they stood.
    pub system: Option<asked::Content<'a>>,
    pub messages: Vec<Message<'a>>,
    /// A file is given by its id.
    pub files: bool,
}

/// All that is said.
///
/// # Errors
/// `unsupported` naming the part.
pub fn conversation<'a>(
    options: &Options,
    input: &'a ChatInput,
    warnings: &mut Vec<Warning>,
) -> Result<Conversation<'a>, Failure> {
    let mut speaker = Speaker {
        options,
        files: false,
        warnings,
    };
    let mut system: Vec<Block<'a>> = vec![];
    let mut messages: Vec<Message<'a>> = vec![];
    for turn in input.conversation() {
        let blocks = speaker.blocks(&turn)?;
        let role = match turn.role {
            Role::System => {
                if !messages.is_empty() && !blocks.is_empty() {
                    let field = format!("messages[{}]", turn.at);
                    speaker.warn(
                        field,
                        "told before all others: this provider takes instructions at the front alone",
                    );
                }
                system.extend(blocks);
                continue;
            }
            Role::User | Role::Tool => "user",
            Role::Assistant => "assistant",
        };
        match messages.last_mut().filter(|last| last.role == role) {
            Some(last) => last.content.0.extend(blocks),
            None if blocks.is_empty() => {}
            None => messages.push(Message {
                role,
                content: asked::Content(blocks),
            }),
        }
    }
    for Message { content, .. } in messages.iter_mut().filter(|message| message.role == "user") {
        content
            .0
            .sort_by_key(|block| !matches!(block.kind, Kind::ToolResult { .. }));
    }
    if messages.is_empty() {
        let sentence = "nothing is said: this provider wants a text, a picture or a document";
        return Err(Failure::unsupported_field("messages", sentence).never_sent());
    }
    Ok(Conversation {
        system: (!system.is_empty()).then(|| joined(system)),
        messages,
        files: speaker.files,
    })
}

/// Instructions of which none is marked for the cache are one text.
fn joined(blocks: Vec<Block<'_>>) -> asked::Content<'_> {
    let plain = |block: &Block<'_>| match (&block.kind, block.cache_control) {
        (Kind::Text { text }, None) => Some(text.to_string()),
        _ => None,
    };
    match blocks.iter().map(plain).collect::<Option<Vec<_>>>() {
        Some(texts) => asked::Content(vec![text(texts.join("\n").into())]),
        None => asked::Content(blocks),
    }
}

fn text(text: Cow<'_, str>) -> Block<'_> {
    Block {
        kind: Kind::Text { text },
        cache_control: None,
    }
}

/// Who puts what is said into blocks.
struct Speaker<'s> {
    options: &'s Options,
    files: bool,
    warnings: &'s mut Vec<Warning>,
}

impl Speaker<'_> {
    fn warn(&mut self, field: String, sentence: &str) {
        self.warnings.push(Warning::new(field, sentence));
    }

    fn blocks<'a>(&mut self, turn: &Turn<'a>) -> Result<Vec<Block<'a>>, Failure> {
        let parts = match turn.content {
            // It refuses a text that is empty.
            Said::Text("") => return Ok(vec![]),
            Said::Text(said) => return Ok(vec![text(said.into())]),
            Said::Parts(parts) => parts,
        };
        let mut blocks = vec![];
        for (at, part) in parts.iter().enumerate() {
            let kind = self.kind(&turn.part(at), part)?;
            let cache_control = part.cache().map(Into::into);
            blocks.extend(kind.map(|kind| Block { kind, cache_control }));
        }
        Ok(blocks)
    }

    /// What a part is there; none for one that is left out.
    fn kind<'a>(&mut self, place: &str, part: &'a Part) -> Result<Option<Kind<'a>>, Failure> {
        Ok(Some(match (part, part.source()) {
            (Part::Text { text, .. } | Part::Refusal { text }, _) if text.is_empty() => return Ok(None),
            (Part::Text { text, .. } | Part::Refusal { text }, _) => Kind::Text { text: text.into() },
            (Part::Image { detail, .. }, Some(source)) => {
                if detail.is_some() {
                    self.warn(
                        format!("{place}.detail"),
                        "left out: this provider always looks closely",
                    );
                }
                Kind::Image {
                    source: self.picture(place, source)?,
                }
            }
            (Part::File { name, .. }, Some(source)) => Kind::Document {
                source: self.document(place, source)?,
                title: name.as_deref(),
            },
            (
                Part::ToolCall {
                    id, name, arguments, ..
                },
                _,
            ) => Kind::ToolUse {
                id,
                name,
                input: object(place, arguments)?,
            },
            (
                Part::ToolResult {
                    tool_call_id,
                    content,
                    is_error,
                    ..
                },
                _,
            ) => Kind::ToolResult {
                tool_use_id: tool_call_id,
                content: self.result(place, content)?,
                is_error: *is_error,
            },
            (
                Part::Thinking {
                    dialect: Some(other), ..
                },
                _,
            ) if other != DIALECT => {
                self.warn(
                    place.to_owned(),
                    "left out: this provider takes no thought back that another has signed",
                );
                return Ok(None);
            }
            (Part::Thinking { data: Some(data), .. }, _) => Kind::RedactedThinking { data },
            (
                Part::Thinking {
                    text,
                    signature: Some(signature),
                    ..
                },
                _,
            ) => Kind::Thinking {
                thinking: text,
                signature,
            },
            (Part::Thinking { .. }, _) => {
                self.warn(
                    place.to_owned(),
                    "left out: this provider takes no thought back without its signature",
                );
                return Ok(None);
            }
            (Part::Other { dialect, block }, _) if dialect == DIALECT => Kind::Other(block.to_value()),
            (Part::Other { .. }, _) => return Err(unsupported(place, "dialect", "takes no part of another dialect")),
            (Part::Image { .. } | Part::File { .. }, None) => {
                return Err(unsupported(place, "type", "takes no such part here"));
            }
        }))
    }

    fn picture<'a>(&mut self, place: &str, source: Source<'a>) -> Result<asked::Source<'a>, Failure> {
        match source {
            Source::Url(url) => Ok(asked::Source::Url { url }),
            Source::File(id) => self.file(place, id),
            Source::Data { media_type, data } if PICTURES.contains(&media_type) => {
                Ok(asked::Source::Base64 { media_type, data })
            }
            Source::Data { .. } => {
                let what = "takes pictures as JPEG, PNG, GIF or WebP";
                Err(unsupported(place, "media_type", what))
            }
        }
    }

    fn document<'a>(&mut self, place: &str, source: Source<'a>) -> Result<asked::Source<'a>, Failure> {
        match source {
            Source::Url(url) => Ok(asked::Source::Url { url }),
            Source::File(id) => self.file(place, id),
            Source::Data {
                media_type: media_type @ "application/pdf",
                data,
            } => Ok(asked::Source::Base64 { media_type, data }),
            Source::Data {
                media_type: "text/plain",
                data,
            } => {
                let bytes = STANDARD.decode(&**data).ok();
                let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
                let data = text.ok_or_else(|| unsupported(place, "data", "takes a plain text as UTF-8"))?;
                let media_type = "text/plain";
                Ok(asked::Source::Text { media_type, data })
            }
            Source::Data { .. } => Err(unsupported(place, "media_type", "takes documents as PDF or plain text")),
        }
    }

    fn file<'a>(&mut self, place: &str, file_id: &'a str) -> Result<asked::Source<'a>, Failure> {
        if !self.options.takes_files() {
            let what =
                format!("takes files by their ids only where its setting says so: settings.betas = [\"{FILES}\"]");
            return Err(unsupported(place, "file", &what));
        }
        self.files = true;
        Ok(asked::Source::File { file_id })
    }

    fn result<'a>(&mut self, place: &str, content: &'a Content<ResultPart>) -> Result<asked::Content<'a>, Failure> {
        let parts = match content {
            Content::Text(said) => return Ok(asked::Content(vec![text(said.into())])),
            Content::Parts(parts) => parts,
        };
        let mut blocks = vec![];
        for (at, part) in parts.iter().enumerate() {
            let place = format!("{place}.content[{at}]");
            match (part, part.source()) {
                (ResultPart::Text { text: said }, _) if said.is_empty() => {}
                (ResultPart::Text { text: said }, _) => blocks.push(text(said.into())),
                (ResultPart::Image { detail, .. }, Some(source)) => {
                    if detail.is_some() {
                        self.warn(
                            format!("{place}.detail"),
                            "left out: this provider always looks closely",
                        );
                    }
                    let source = self.picture(&place, source)?;
                    let kind = Kind::Image { source };
                    blocks.push(Block {
                        kind,
                        cache_control: None,
                    });
                }
                (ResultPart::Image { .. }, None) => {
                    return Err(unsupported(&place, "type", "takes no such part here"));
                }
            }
        }
        Ok(asked::Content(blocks))
    }
}

/// The arguments of a call as an object; none at all are an empty one.
fn object(place: &str, arguments: &str) -> Result<Value, Failure> {
    if arguments.trim().is_empty() {
        return Ok(Value::Object(Map::new()));
    }
    match serde_json::from_str(arguments) {
        Ok(Value::Object(object)) => Ok(Value::Object(object)),
        _ => Err(unsupported(
            place,
            "arguments",
            "takes the arguments of a call as a JSON object",
        )),
    }
}

fn unsupported(place: &str, field: &str, what: &str) -> Failure {
    Failure::unsupported_field(format!("{place}.{field}"), format!("this provider {what}")).never_sent()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn told(options: &Options, messages: Value) -> Result<(Value, Value, Vec<String>), Failure> {
        let input: ChatInput = serde_json::from_value(json!({"model": "m", "messages": messages})).expect("an input");
        let mut warnings = vec![];
        let told = conversation(options, &input, &mut warnings)?;
        Ok((
            json(&told.system),
            json(&told.messages),
            warnings.into_iter().map(|warning| warning.field).collect(),
        ))
    }

    fn json(value: &impl serde::Serialize) -> Value {
        serde_json::to_value(value).expect("JSON")
    }

    #[test]
    fn a20_a21_one_side_s_messages_are_one_and_results_stand_first() {
        let (system, messages, warnings) = told(
            &Options::default(),
            json!([
                {"role": "system", "content": "a"},
                {"role": "user", "content": "b"},
                {"role": "user", "content": [{"type": "text", "text": "c", "cache": "1h"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "text": "hm", "signature": "s"},
                    {"type": "thinking", "data": "d"},
                    {"type": "text", "text": ""},
                    {"type": "tool_call", "id": "1", "name": "look", "arguments": "{\"z\":1,\"a\":2}"},
                    {"type": "tool_call", "id": "2", "name": "look", "arguments": ""}]},
                {"role": "user", "content": "meanwhile"},
                {"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "1", "content": "sun"}]},
                {"role": "tool", "content": [
                    {"type": "tool_result", "tool_call_id": "2", "is_error": true, "content": [
                        {"type": "text", "text": "no"},
                        {"type": "image", "data": "YQ==", "media_type": "image/png"}]}]},
                {"role": "system", "content": "d"}]),
        )
        .expect("told");
        assert_eq!(system, json!("a\nd"));
        assert_eq!(warnings, ["messages[7]"]);
        let picture = json!({"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "YQ=="}});
        assert_eq!(
            messages,
            json!([
                {"role": "user", "content": [{"type": "text", "text": "b"},
                    {"type": "text", "text": "c", "cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "thinking": "hm", "signature": "s"},
                    {"type": "redacted_thinking", "data": "d"},
                    {"type": "tool_use", "id": "1", "name": "look", "input": {"z": 1, "a": 2}},
                    {"type": "tool_use", "id": "2", "name": "look", "input": {}}]},
                {"role": "user", "content": [
                    {"type": "tool_result", "tool_use_id": "1", "content": "sun"},
                    {"type": "tool_result", "tool_use_id": "2", "is_error": true,
                        "content": [{"type": "text", "text": "no"}, picture]},
                    {"type": "text", "text": "meanwhile"}]}])
        );
    }

    #[test]
    fn documents_and_blocks_of_its_own_are_told_as_they_are() {
        let options = Options {
            betas: vec![FILES.to_owned()],
            ..Options::default()
        };
        let (_, messages, warnings) = told(
            &options,
            json!([
                {"role": "user", "content": [
                    {"type": "file", "data": "YQ==", "media_type": "application/pdf", "name": "a.pdf"},
                    {"type": "file", "data": "w6Q=", "media_type": "text/plain"},
                    {"type": "file", "file": "file_1"},
                    {"type": "image", "url": "https://example.com/a.png", "detail": "high"}]},
                {"role": "assistant", "content": [
                    {"type": "thinking", "text": "unsigned"},
                    {"type": "thinking", "text": "another's", "signature": "{}", "dialect": "openai"},
                    {"type": "other", "dialect": "anthropic", "block": {"type": "odd", "x": 1}},
                    {"type": "refusal", "text": "no"}]}]),
        )
        .expect("told");
        let left_out = [
            "messages[0].content[3].detail",
            "messages[1].content[0]",
            "messages[1].content[1]",
        ];
        assert_eq!(warnings, left_out);
        let document = |source: Value| json!({"type": "document", "source": source});
        let mut pdf = document(json!({"type": "base64", "media_type": "application/pdf", "data": "YQ=="}));
        pdf["title"] = "a.pdf".into();
        assert_eq!(
            messages,
            json!([
                {"role": "user", "content": [
                    pdf,
                    document(json!({"type": "text", "media_type": "text/plain", "data": "ä"})),
                    document(json!({"type": "file", "file_id": "file_1"})),
                    {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}]},
                {"role": "assistant", "content": [{"type": "odd", "x": 1}, {"type": "text", "text": "no"}]}])
        );
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_its_place() {
        let user = |part: Value| json!([{"role": "user", "content": [part]}]);
        let call = |arguments: &str| {
            json!([{"role": "assistant", "content": [
            {"type": "tool_call", "id": "1", "name": "look", "arguments": arguments}]}])
        };
        let part = "messages[0].content[0]";
        for (messages, field) in [
            (user(json!({"type": "image", "file": "f"})), format!("{part}.file")),
            (
                user(json!({"type": "image", "data": "YQ==", "media_type": "image/bmp"})),
                format!("{part}.media_type"),
            ),
            (
                user(json!({"type": "file", "data": "YQ==", "media_type": "text/html"})),
                format!("{part}.media_type"),
            ),
            (
                user(json!({"type": "file", "data": "/w==", "media_type": "text/plain"})),
                format!("{part}.data"),
            ),
            // A2
            (call("{\"x\": "), format!("{part}.arguments")),
            (call("7"), format!("{part}.arguments")),
            (
                json!([{"role": "assistant", "content": [{"type": "other", "dialect": "d", "block": {}}]}]),
                format!("{part}.dialect"),
            ),
            (json!([{"role": "user", "content": ""}]), "messages".to_owned()),
        ] {
            let failure = told(&Options::default(), messages.clone()).expect_err("refused");
            assert_eq!(
                (failure.field.as_deref(), failure.unsent),
                (Some(&*field), true),
                "{messages}"
            );
        }
    }
}
