//! Pieces of what is said: texts, pictures, documents.
//!
//! Invariant: a piece that has no neutral form is refused by its place.

use mosaic_actors::error::Failure;
use serde_json::Value;

use super::super::dialect::data_url::{self, Place};
use super::super::dialect::fields::{Fields, must, unsupported};
use super::super::dialect::home::Home;
use crate::catalogue::ai::{Content, Detail, Part, ResultPart};

/// What is said at `place`: a text, or pieces.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the piece.
pub fn said(place: &str, value: Value, home: &mut Home) -> Result<Content<Part>, Failure> {
    match value {
        Value::String(text) => Ok(Content::Text(text)),
        Value::Array(pieces) => {
            let mut parts = Vec::with_capacity(pieces.len());
            for (at, value) in pieces.into_iter().enumerate() {
                parts.push(piece(format!("{place}[{at}]"), value, home)?);
            }
            Ok(Content::Parts(parts))
        }
        _ => Err(must(place, "be a text or a list of parts")),
    }
}

fn piece(place: String, value: Value, home: &mut Home) -> Result<Part, Failure> {
    let mut fields = Fields::of(place, value)?;
    let kind = fields.required("type")?;
    // It only tells where the provider's own cache shall begin, which has no counterpart elsewhere.
    fields.leave(&["prompt_cache_breakpoint", "annotations", "logprobs"]);
    let part = match kind.as_str() {
        "text" | "input_text" | "output_text" => Part::text(fields.required("text")?),
        "refusal" => Part::Refusal {
            text: fields.required("refusal")?,
        },
        "image_url" => {
            let mut image = match fields.take("image_url") {
                Some(Value::String(url)) => return picture(&fields.place("image_url"), url, fields.get("detail")?),
                Some(value) => Fields::of(fields.place("image_url"), value)?,
                None => return Err(fields.missing("image_url")),
            };
            let (url, detail) = (image.required("url")?, detail(&mut image)?);
            let place = image.place("url");
            image.end()?;
            picture(&place, url, detail)?
        }
        "input_image" => {
            let detail = detail(&mut fields)?;
            match (fields.text("image_url")?, fields.text("file_id")?) {
                (Some(url), None) => picture(&fields.place("image_url"), url, detail)?,
                (None, Some(id)) => Part::Image {
                    url: None,
                    data: None,
                    media_type: None,
                    file: Some(home.native(&fields.place("file_id"), id)?),
                    detail,
                    cache: None,
                },
                _ => return Err(must(fields.own_place(), "have one of image_url and file_id")),
            }
        }
        "file" => {
            let mut file = fields.object("file")?.ok_or_else(|| fields.missing("file"))?;
            let part = document(&mut file, home)?;
            file.end()?;
            part
        }
        "input_file" => {
            fields.leave(&["detail"]);
            document(&mut fields, home)?
        }
        _ => {
            return Err(unsupported(
                &fields.place("type"),
                "is a part that is not taken here: give texts, pictures or files",
            ));
        }
    };
    fields.end()?;
    Ok(part)
}

fn detail(fields: &mut Fields) -> Result<Option<Detail>, Failure> {
    fields.get("detail")
}

fn picture(place: &str, url: String, detail: Option<Detail>) -> Result<Part, Failure> {
    let (url, media_type, data) = match data_url::place(place, url)? {
        Place::Web(url) => (Some(url), None, None),
        Place::Here { media_type, data } => (None, Some(media_type), Some(data)),
    };
    Ok(Part::Image {
        url,
        data,
        media_type,
        file: None,
        detail,
        cache: None,
    })
}

/// A document: by its bytes, its id, or its address.
fn document(fields: &mut Fields, home: &mut Home) -> Result<Part, Failure> {
    let name = fields.text("filename")?;
    let given = (
        fields.text("file_data")?,
        fields.text("file_id")?,
        fields.text("file_url")?,
    );
    let (url, media_type, data, file) = match given {
        (Some(data), None, None) => {
            let place = fields.place("file_data");
            match data.starts_with("data:") {
                true => match data_url::place(&place, data)? {
                    Place::Here { media_type, data } => (None, Some(media_type), Some(data), None),
                    Place::Web(_) => return Err(must(&place, "hold the bytes")),
                },
                // Bare base64 is taken for what most documents are.
                false => {
                    let data = data_url::base64(&place, data)?;
                    (None, Some("application/pdf".to_owned()), Some(data), None)
                }
            }
        }
        (None, Some(id), None) => (None, None, None, Some(home.native(&fields.place("file_id"), id)?)),
        (None, None, Some(url)) => match data_url::place(&fields.place("file_url"), url)? {
            Place::Web(url) => (Some(url), None, None, None),
            Place::Here { media_type, data } => (None, Some(media_type), Some(data), None),
        },
        _ => return Err(must(fields.own_place(), "have one of file_data, file_id and file_url")),
    };
    Ok(Part::File {
        url,
        data,
        media_type,
        file,
        name,
        cache: None,
    })
}

/// What came of a tool, at `place`.
///
/// # Errors
/// As [`said`]; `unsupported` on what no result can hold.
pub fn result(place: &str, value: Value, home: &mut Home) -> Result<Content<ResultPart>, Failure> {
    let parts = match said(place, value, home)? {
        Content::Text(text) => return Ok(Content::Text(text)),
        Content::Parts(parts) => parts,
    };
    let parts = parts.into_iter().enumerate().map(|(at, part)| match part {
        Part::Text { text, .. } => Ok(ResultPart::Text { text }),
        Part::Image {
            url,
            data,
            media_type,
            file,
            detail,
            ..
        } => Ok(ResultPart::Image {
            url,
            data,
            media_type,
            file,
            detail,
        }),
        _ => Err(unsupported(
            &format!("{place}[{at}].type"),
            "is no part that a tool's result can hold: give texts or pictures",
        )),
    });
    parts.collect::<Result<_, _>>().map(Content::Parts)
}
