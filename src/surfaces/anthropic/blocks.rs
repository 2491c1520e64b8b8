//! Blocks of what is said: texts, pictures, documents, calls of tools and what came of them, thoughts.
//!
//! Invariant: a block that only this dialect knows goes back to it as it came, where a model said it, and is refused by its
//! place elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::error::Failure;
use serde_json::Value;
use serde_json::value::to_raw_value;

use super::super::dialect::data_url::{self, Place};
use super::super::dialect::fields::{Fields, must, unsupported};
use super::super::dialect::home::Home;
use super::super::dialect::thoughts;
use crate::catalogue::ai::{Base64, Cache, Content, Part, ResultPart};
use crate::catalogue::fields::WebUrl;
use crate::catalogue::raw::Raw;

/// The dialect, as parts and extensions name it.
pub const DIALECT: &str = "anthropic";

/// What is said at `place`: a text, or blocks.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the block.
pub fn said(place: &str, value: Value, by_model: bool, home: &mut Home) -> Result<Vec<Part>, Failure> {
    match value {
        Value::String(text) => Ok(vec![Part::text(text)]),
        Value::Array(blocks) => {
            let blocks = blocks.into_iter().enumerate();
            blocks
                .map(|(at, value)| block(format!("{place}[{at}]"), value, by_model, home))
                .collect()
        }
        _ => Err(must(place, "be a text or a list of blocks")),
    }
}

fn block(place: String, value: Value, by_model: bool, home: &mut Home) -> Result<Part, Failure> {
    let kind = value.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
    let known = matches!(
        &*kind,
        "text" | "image" | "document" | "tool_use" | "tool_result" | "thinking" | "redacted_thinking" | "search_result"
    );
    if !known && by_model && !kind.is_empty() {
        let block = to_raw_value(&value).map_err(|_| must(&place, "be a block"))?;
        return Ok(Part::Other {
            dialect: DIALECT.to_owned(),
            block: Raw::from(block),
        });
    }
    let mut fields = Fields::of(place, value)?;
    fields.required("type")?;
    let cache = cache(&mut fields)?;
    let part = match &*kind {
        "text" => {
            // What a model said comes back with where it had it from.
            fields.leave_where("citations", |_| by_model);
            fields.leave(&["parsed_output"]);
            Part::Text {
                text: fields.required("text")?,
                cache,
            }
        }
        "image" => {
            let source = source(&mut fields, home)?;
            Part::Image {
                url: source.url,
                data: source.data,
                media_type: source.media_type,
                file: source.file,
                detail: None,
                cache,
            }
        }
        "document" => document(&mut fields, cache, home)?,
        "tool_use" => {
            fields.leave(&["caller"]);
            let input = fields.take("input").ok_or_else(|| fields.missing("input"))?;
            Part::ToolCall {
                id: fields.required("id")?,
                name: fields.required("name")?,
                arguments: input.to_string(),
                cache,
            }
        }
        "tool_result" => {
            let tool_call_id = fields.required("tool_use_id")?;
            let place = fields.place("content");
            let content = fields.take("content").unwrap_or_else(|| Value::String(String::new()));
            Part::ToolResult {
                tool_call_id,
                content: result(&place, content, home)?,
                is_error: fields.get("is_error")?.unwrap_or(false),
                cache,
            }
        }
        "thinking" => thoughts::shown(fields.text("thinking")?.unwrap_or_default(), fields.text("signature")?),
        "redacted_thinking" => thoughts::hidden(fields.required("data")?),
        "search_result" => Part::Text {
            text: found(&mut fields)?,
            cache,
        },
        _ => return Err(unsupported(&fields.place("type"), "is a block that is not taken here")),
    };
    fields.end()?;
    Ok(part)
}

/// The mark up to which a provider shall keep what it has read.
///
/// # Errors
/// `invalid_input` on it.
pub fn cache(fields: &mut Fields) -> Result<Option<Cache>, Failure> {
    let Some(mut mark) = fields.object("cache_control")? else {
        return Ok(None);
    };
    if mark.required("type")? != "ephemeral" {
        return Err(must(&mark.place("type"), "be ephemeral"));
    }
    let ttl = mark.get("ttl")?.unwrap_or(Cache::FiveMinutes);
    mark.leave(&["scope"]);
    mark.end()?;
    Ok(Some(ttl))
}

/// Where something is.
#[derive(Default)]
struct Source {
    url: Option<WebUrl>,
    data: Option<Base64>,
    media_type: Option<String>,
    file: Option<String>,
    /// It is a text.
    text: Option<String>,
}

fn source(fields: &mut Fields, home: &mut Home) -> Result<Source, Failure> {
    let mut given = fields.object("source")?.ok_or_else(|| fields.missing("source"))?;
    let mut source = Source::default();
    match given.required("type")?.as_str() {
        "base64" => {
            source.media_type = Some(given.required("media_type")?);
            source.data = Some(data_url::base64(&given.place("data"), given.required("data")?)?);
        }
        "url" => match data_url::place(&given.place("url"), given.required("url")?)? {
            Place::Web(url) => source.url = Some(url),
            Place::Here { media_type, data } => (source.media_type, source.data) = (Some(media_type), Some(data)),
        },
        "file" => source.file = Some(home.native(&given.place("file_id"), given.required("file_id")?)?),
        "text" => {
            given.leave(&["media_type"]);
            source.text = Some(given.required("data")?);
        }
        "content" => {
            let content = given.take("content").ok_or_else(|| given.missing("content"))?;
            source.text = Some(texts(&given.place("content"), content, home)?);
        }
        _ => return Err(must(&given.place("type"), "be base64, url, file, text or content")),
    }
    given.end()?;
    Ok(source)
}

/// The texts of blocks, joined.
fn texts(place: &str, value: Value, home: &mut Home) -> Result<String, Failure> {
    let parts = said(place, value, false, home)?;
    let texts = parts.into_iter().enumerate().map(|(at, part)| match part {
        Part::Text { text, .. } => Ok(text),
        _ => Err(unsupported(
            &format!("{place}[{at}].type"),
            "is not taken here: give texts",
        )),
    });
    texts.collect::<Result<Vec<_>, _>>().map(|texts| texts.join("\n"))
}

fn document(fields: &mut Fields, cache: Option<Cache>, home: &mut Home) -> Result<Part, Failure> {
    let name = fields.text("title")?;
    fields.leave_where("citations", |citations| citations["enabled"] != true);
    fields.refuse(&["citations", "context"], "has no counterpart here")?;
    let source = source(fields, home)?;
    let (data, media_type) = match source.text {
        Some(text) => (Some(Base64::from(STANDARD.encode(text))), Some("text/plain".to_owned())),
        None => (source.data, source.media_type),
    };
    Ok(Part::File {
        url: source.url,
        data,
        media_type,
        file: source.file,
        name,
        cache,
    })
}

/// Something that was found, as a text.
fn found(fields: &mut Fields) -> Result<String, Failure> {
    fields.leave(&["citations"]);
    let (title, source) = (fields.required("title")?, fields.required("source")?);
    let content = fields.take("content").ok_or_else(|| fields.missing("content"))?;
    let text = texts(&fields.place("content"), content, &mut Home::default())?;
    Ok(format!("{title} ({source})\n{text}"))
}

fn result(place: &str, value: Value, home: &mut Home) -> Result<Content<ResultPart>, Failure> {
    if let Value::String(text) = value {
        return Ok(Content::Text(text));
    }
    let parts = said(place, value, false, home)?.into_iter().enumerate();
    let parts = parts.map(|(at, part)| match part {
        Part::Text { text, .. } => Ok(ResultPart::Text { text }),
        Part::Image {
            url,
            data,
            media_type,
            file,
            ..
        } => Ok(ResultPart::Image {
            url,
            data,
            media_type,
            file,
            detail: None,
        }),
        _ => Err(unsupported(
            &format!("{place}[{at}].type"),
            "is no block that a tool's result can hold here",
        )),
    });
    parts.collect::<Result<_, _>>().map(Content::Parts)
}
