//! From neutral messages to those of a chat. Pure.
//!
//! Invariant: a part that a message of its role cannot hold here is refused by its place, or told where it may be left out.

use std::borrow::Cow;

use mosaic_actors::error::Failure;

use super::asked::{ChatMessage, File, Function, ImageUrl, Piece, Spoken, ToolCall};
use super::profile::Profile;
use crate::catalogue::ai::{Base64, ChatInput, Content, Detail, Part, ResultPart, Role, Said, Source, Turn, Warning};

/// What stands before the text of a call that failed: the dialect has no mark for that.
pub const FAILED: &str = "Error: ";

/// All messages of a conversation.
///
/// # Errors
/// `unsupported` naming the part.
pub fn messages<'a>(
    profile: &Profile,
    input: &'a ChatInput,
    warnings: &mut Vec<Warning>,
) -> Result<Vec<ChatMessage<'a>>, Failure> {
    let mut messages = vec![];
    for turn in input.conversation() {
        tell_caches(&turn, warnings);
        match turn.role {
            Role::System => messages.push(plain(
                if profile.developer { "developer" } else { "system" },
                said(&turn)?,
            )),
            Role::User => messages.push(plain("user", said(&turn)?)),
            Role::Assistant => messages.push(assistant(profile, &turn, warnings)?),
            Role::Tool => messages.extend(results(&turn)?),
        }
    }
    Ok(messages)
}

/// Tells that a mark for a cache is left out: it caches by itself.
pub fn uncached(place: &str) -> Warning {
    Warning::new(format!("{place}.cache"), "left out: this provider caches by itself")
}

fn plain<'a>(role: &'static str, content: Spoken<'a>) -> ChatMessage<'a> {
    ChatMessage {
        role,
        content: Some(content),
        refusal: None,
        tool_calls: vec![],
        tool_call_id: None,
    }
}

fn tell_caches(turn: &Turn<'_>, warnings: &mut Vec<Warning>) {
    if let Said::Parts(parts) = turn.content {
        let marked = parts.iter().enumerate().filter(|(_, part)| part.cache().is_some());
        warnings.extend(marked.map(|(at, _)| uncached(&turn.part(at))));
    }
}

/// What a person says, or an instruction.
fn said<'a>(turn: &Turn<'a>) -> Result<Spoken<'a>, Failure> {
    match turn.content {
        Said::Text(text) => Ok(Spoken::Text(text.into())),
        Said::Parts([Part::Text { text, .. }]) => Ok(Spoken::Text(text.into())),
        Said::Parts(parts) => {
            let pieces = parts.iter().enumerate().map(|(at, part)| piece(&turn.part(at), part));
            pieces.collect::<Result<_, _>>().map(Spoken::Pieces)
        }
    }
}

fn piece<'a>(place: &str, part: &'a Part) -> Result<Piece<'a>, Failure> {
    match (part, part.source()) {
        (Part::Text { text, .. }, _) => Ok(Piece::Text { text: text.into() }),
        (Part::Image { detail, .. }, Some(source)) => Ok(Piece::ImageUrl {
            image_url: ImageUrl {
                url: match source {
                    Source::Url(url) => Cow::Borrowed(&**url),
                    Source::Data { media_type, data } => data_url(media_type, data).into(),
                    Source::File(_) => return Err(unsupported(place, "file", "takes no picture by its id in a chat")),
                },
                detail: detail.map(Detail::word),
            },
        }),
        (Part::File { name, .. }, Some(source)) => {
            let (file_data, file_id) = match source {
                Source::Data { media_type, data } => (Some(data_url(media_type, data)), None),
                Source::File(id) => (None, Some(id)),
                Source::Url(_) => return Err(unsupported(place, "url", "takes no document by its address in a chat")),
            };
            let filename = name.as_deref();
            let file = File {
                filename,
                file_data,
                file_id,
            };
            Ok(Piece::File { file })
        }
        // The catalogue lets nothing else be said by a person.
        _ => Err(unsupported(place, "type", "takes no such part here")),
    }
}

fn unsupported(place: &str, field: &str, what: &str) -> Failure {
    Failure::unsupported_field(format!("{place}.{field}"), format!("this provider {what}")).never_sent()
}

/// RFC 2397.
pub fn data_url(media_type: &str, data: &Base64) -> String {
    format!("data:{media_type};base64,{}", &**data)
}

/// What the model said before, as it wants it back.
fn assistant<'a>(profile: &Profile, turn: &Turn<'a>, warnings: &mut Vec<Warning>) -> Result<ChatMessage<'a>, Failure> {
    let parts = match turn.content {
        Said::Text(text) => return Ok(plain("assistant", Spoken::Text(text.into()))),
        Said::Parts(parts) => parts,
    };
    let (mut text, mut refusal, mut tool_calls) = (String::new(), String::new(), vec![]);
    for (at, part) in parts.iter().enumerate() {
        match part {
            Part::Text { text: more, .. } => text.push_str(more),
            Part::Refusal { text: more } if profile.refusal => refusal.push_str(more),
            Part::Refusal { text: more } => text.push_str(more),
            Part::ToolCall {
                id, name, arguments, ..
            } => tool_calls.push(ToolCall {
                id,
                kind: "function",
                function: Function { name, arguments },
            }),
            Part::Thinking { .. } => {
                let sentence = "left out: this provider takes no thoughts back";
                warnings.push(Warning::new(turn.part(at), sentence));
            }
            Part::Other { .. } => return Err(unsupported(&turn.part(at), "dialect", "is of another dialect")),
            Part::Image { .. } | Part::File { .. } | Part::ToolResult { .. } => {
                return Err(unsupported(&turn.part(at), "type", "takes no such part here"));
            }
        }
    }
    // Null is only understood beside something else that is said.
    let silent = text.is_empty() && !(tool_calls.is_empty() && refusal.is_empty());
    Ok(ChatMessage {
        role: "assistant",
        content: (!silent).then_some(Spoken::Text(text.into())),
        refusal: (!refusal.is_empty()).then_some(refusal),
        tool_calls,
        tool_call_id: None,
    })
}

/// One message for each result.
fn results<'a>(turn: &Turn<'a>) -> Result<Vec<ChatMessage<'a>>, Failure> {
    let Said::Parts(parts) = turn.content else {
        return Ok(vec![]);
    };
    let mut messages = vec![];
    for (at, part) in parts.iter().enumerate() {
        if let Part::ToolResult {
            tool_call_id,
            content,
            is_error,
            ..
        } = part
        {
            messages.push(ChatMessage {
                tool_call_id: Some(tool_call_id),
                ..plain("tool", result(&turn.part(at), content, *is_error)?)
            });
        }
    }
    Ok(messages)
}

fn result<'a>(place: &str, content: &'a Content<ResultPart>, failed: bool) -> Result<Spoken<'a>, Failure> {
    let texts = texts(place, content)?;
    let mut texts = texts.into_iter().map(Cow::Borrowed);
    let first = texts.next().unwrap_or_default();
    let first = match failed {
        true => Cow::Owned([FAILED, &first].concat()),
        false => first,
    };
    let rest: Vec<_> = texts.map(|text| Piece::Text { text }).collect();
    Ok(match rest.is_empty() {
        true => Spoken::Text(first),
        false => Spoken::Pieces([Piece::Text { text: first }].into_iter().chain(rest).collect()),
    })
}

/// The texts of a result, which alone can be passed on.
fn texts<'a>(place: &str, content: &'a Content<ResultPart>) -> Result<Vec<&'a str>, Failure> {
    let parts = match content {
        Content::Text(text) => return Ok(vec![text]),
        Content::Parts(parts) => parts,
    };
    let text = |(at, part): (usize, &'a ResultPart)| match part {
        ResultPart::Text { text } => Ok(text.as_str()),
        ResultPart::Image { .. } => {
            let place = format!("{place}.content[{at}]");
            Err(unsupported(&place, "type", "takes no pictures from tools"))
        }
    };
    parts.iter().enumerate().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(profile: &str, messages_: Value) -> Result<(Value, Vec<String>), Failure> {
        let input = json!({"model": "m", "messages": messages_});
        let input: ChatInput = serde_json::from_value(input).expect("an input");
        let profile = Profile::of(Some(profile), None).expect("a profile");
        let mut warnings = vec![];
        let messages = messages(&profile, &input, &mut warnings)?;
        let fields = warnings.into_iter().map(|warning| warning.field).collect();
        Ok((serde_json::to_value(messages).expect("JSON"), fields))
    }

    #[test]
    fn a_tool_loop_is_told_as_the_dialect_has_it() {
        let said = json!([
            {"role": "assistant", "content": [
                {"type": "thinking", "text": "hm", "signature": "s"},
                {"type": "tool_call", "id": "a", "name": "look", "arguments": "{}"},
                {"type": "tool_call", "id": "b", "name": "look", "arguments": "", "cache": "5m"}]},
            {"role": "tool", "content": [
                {"type": "tool_result", "tool_call_id": "a", "content": "sun"},
                {"type": "tool_result", "tool_call_id": "b", "is_error": true,
                    "content": [{"type": "text", "text": "no"}, {"type": "text", "text": "rain"}]}]},
            {"role": "assistant", "content": [{"type": "refusal", "text": "no"}]}]);
        let call = |id: &str, arguments: &str| {
            json!({"id": id, "type": "function",
            "function": {"name": "look", "arguments": arguments}})
        };
        let told = json!([
            {"role": "assistant", "content": null, "tool_calls": [call("a", "{}"), call("b", "")]},
            {"role": "tool", "tool_call_id": "a", "content": "sun"},
            {"role": "tool", "tool_call_id": "b",
                "content": [{"type": "text", "text": "Error: no"}, {"type": "text", "text": "rain"}]},
            {"role": "assistant", "content": null, "refusal": "no"}]);
        let left_out = ["messages[0].content[2].cache", "messages[0].content[0]"].map(str::to_owned);
        assert_eq!(read("openai", said.clone()).expect("told"), (told, left_out.to_vec()));
        // Where a refusal is not known, it is what was said.
        let (told, _) = read("gemini", said).expect("told");
        assert_eq!(told[3], json!({"role": "assistant", "content": "no"}));
    }

    #[test]
    fn pictures_and_documents_are_told_as_the_dialect_has_them() {
        let said = json!([{"role": "user", "content": [
            {"type": "text", "text": "a"},
            {"type": "image", "url": "https://example.com/a.png", "detail": "low"},
            {"type": "image", "data": "YQ==", "media_type": "image/png"},
            {"type": "file", "data": "YQ==", "media_type": "application/pdf", "name": "a.pdf"},
            {"type": "file", "file": "file-1"}]}]);
        let told = json!([{"role": "user", "content": [
            {"type": "text", "text": "a"},
            {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
            {"type": "image_url", "image_url": {"url": "data:image/png;base64,YQ=="}},
            {"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,YQ=="}},
            {"type": "file", "file": {"file_id": "file-1"}}]}]);
        assert_eq!(read("openai", said).expect("told"), (told, vec![]));
    }

    #[test]
    fn what_cannot_be_told_is_refused_by_its_place() {
        let user = |part: Value| json!([{"role": "user", "content": [part]}]);
        let result = json!([{"role": "tool", "content": [{"type": "tool_result", "tool_call_id": "a",
            "content": [{"type": "image", "url": "https://example.com/a.png"}]}]}]);
        let other = json!([{"role": "assistant", "content": [{"type": "other", "dialect": "d", "block": {}}]}]);
        for (said, place) in [
            (
                user(json!({"type": "image", "file": "f"})),
                "messages[0].content[0].file",
            ),
            (
                user(json!({"type": "file", "url": "https://example.com"})),
                "messages[0].content[0].url",
            ),
            (result, "messages[0].content[0].content[0].type"),
            (other, "messages[0].content[0].dialect"),
        ] {
            let failure = read("openai", said).expect_err(place);
            assert_eq!((failure.field.as_deref(), failure.unsent), (Some(place), true));
        }
    }
}
