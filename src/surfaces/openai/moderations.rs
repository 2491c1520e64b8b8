//! `POST /moderations`.
//!
//! Invariant: a verdict has each kind of harm by its provider's own word, as clients of this API look it up.

use std::collections::BTreeMap;

use axum::response::Response;
use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_json::Value;

use super::super::dialect::data_url::{self, Place};
use super::super::dialect::desk::value;
use super::super::dialect::fields::{Fields, must, read};
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::chat_input::DIALECT;
use super::error::OpenAi;
use crate::catalogue::ai::{Extensions, Moderation, ModerationCreate, ModerationInput, Picture};
use crate::catalogue::fields::ModelRef;

/// `CreateModerationResponse`
#[derive(Serialize)]
struct Told<'a> {
    id: String,
    model: &'a str,
    results: Vec<Outcome<'a>>,
}

#[derive(Serialize)]
struct Outcome<'a> {
    flagged: bool,
    categories: BTreeMap<&'a str, bool>,
    category_scores: BTreeMap<&'a str, f64>,
    category_applied_input_types: BTreeMap<&'a str, Vec<&'static str>>,
}

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { visit, parts, body } = asking;
    let input = asked(visit.body(&parts.headers, body).await?)?;
    let kinds: &[&str] = match (input.texts.is_empty(), input.images.is_empty()) {
        (false, false) => &["text", "image"],
        (true, _) => &["image"],
        (_, true) => &["text"],
    };
    let answer = visit.call::<ModerationCreate>(input).await.map_err(named)?;
    let moderation = value::<Moderation>(&answer)?;
    let told = Told {
        id: format!("modr-{}", visit.id.text().replace('-', "")),
        model: moderation.model.as_deref().unwrap_or_default(),
        results: outcomes(&moderation, kinds),
    };
    visit.json(&answer, &[], &told)
}

fn named(failure: Failure) -> Failure {
    of_model::<OpenAi>(failure, |field| {
        let own = field.starts_with("texts") || field.starts_with("images");
        own.then(|| "input".to_owned())
    })
}

fn asked(mut fields: Fields) -> Result<ModerationInput, Failure> {
    let mut input = ModerationInput {
        model: fields.get::<ModelRef>("model")?,
        ..ModerationInput::default()
    };
    match fields.take("input") {
        None => return Err(fields.missing("input")),
        Some(Value::String(text)) => input.texts.push(text),
        Some(Value::Array(list)) if list.iter().all(Value::is_string) => {
            input.texts = read("input", &Value::Array(list))?
        }
        Some(Value::Array(list)) => {
            for (at, value) in list.into_iter().enumerate() {
                piece(Fields::of(format!("input[{at}]"), value)?, &mut input)?;
            }
        }
        Some(_) => return Err(must("input", "be a text, texts, or a list of parts")),
    }
    let own = fields.rest();
    if !own.is_empty() {
        input.extensions = Extensions([(DIALECT.to_owned(), own)].into());
    }
    Ok(input)
}

fn piece(mut fields: Fields, input: &mut ModerationInput) -> Result<(), Failure> {
    match fields.required("type")?.as_str() {
        "text" => input.texts.push(fields.required("text")?),
        "image_url" => {
            let mut image = fields.object("image_url")?.ok_or_else(|| fields.missing("image_url"))?;
            let url = image.required("url")?;
            let picture = match data_url::place(&image.place("url"), url)? {
                Place::Web(url) => Picture {
                    url: Some(url),
                    ..Picture::default()
                },
                Place::Here { media_type, data } => Picture {
                    url: None,
                    data: Some(data),
                    media_type: Some(media_type),
                },
            };
            input.images.push(picture);
            image.end()?;
        }
        _ => return Err(must(&fields.place("type"), "be text or image_url")),
    }
    fields.end()
}

fn outcomes<'a>(moderation: &'a Moderation, kinds: &[&'static str]) -> Vec<Outcome<'a>> {
    let outcome = |verdict: &'a crate::catalogue::ai::Verdict| Outcome {
        flagged: verdict.flagged,
        categories: verdict.categories.iter().map(|one| (&*one.name, one.flagged)).collect(),
        category_scores: verdict
            .categories
            .iter()
            .filter_map(|one| Some((&*one.name, one.score?)))
            .collect(),
        category_applied_input_types: verdict
            .categories
            .iter()
            .map(|one| (&*one.name, kinds.to_vec()))
            .collect(),
    };
    moderation.verdicts.iter().map(outcome).collect()
}
