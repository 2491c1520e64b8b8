//! Texts and pictures, judged as OpenAI does.
//!
//! Invariant: a verdict is never missing: there is one for each text, or one for all where there are pictures.

use std::borrow::Cow;
use std::collections::BTreeMap;

use mosaic_actors::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use super::asked::ImageUrl;
use super::messages::data_url;
use super::request::DIALECT;
use super::responses::routed;
use crate::catalogue::ai::{Harm, Judged, Moderation, ModerationCreate, ModerationInput, Picture, Source, Verdict};
use crate::providers::http::text::present;
use crate::providers::http::{Endpoint, Row};
use crate::providers::{Reply, Request};

/// Fields of the body that are written from what an input says.
const OWN: &[&str] = &["model", "input"];

/// The body of `POST /moderations`.
#[skip_serializing_none]
#[derive(Serialize)]
struct ModerationRequest<'a> {
    model: Option<&'a str>,
    input: Looked<'a>,
    #[serde(flatten)]
    extensions: Map<String, Value>,
}

/// Texts, each by itself, or all together.
#[derive(Serialize)]
#[serde(untagged)]
enum Looked<'a> {
    Texts(&'a [String]),
    Together(Vec<Piece<'a>>),
}

#[derive(Serialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Piece<'a> {
    Text { text: &'a str },
    ImageUrl { image_url: ImageUrl<'a> },
}

/// `CreateModerationResponse`
#[derive(Deserialize)]
struct Judgement {
    model: Option<String>,
    results: Vec<Outcome>,
}

/// One of its results.
#[derive(Deserialize)]
struct Outcome {
    flagged: bool,
    #[serde(default)]
    categories: BTreeMap<String, Option<bool>>,
    #[serde(default)]
    category_scores: BTreeMap<String, Option<f64>>,
}

/// Has them judged.
pub async fn create(endpoint: &Endpoint, request: &Request<ModerationCreate>) -> Result<Reply<Moderation>, Failure> {
    let input: &ModerationInput = &request.input;
    let body = ModerationRequest {
        model: (!request.native.is_empty()).then_some(&*request.native),
        input: looked(input),
        extensions: input.extensions.of(DIALECT, OWN)?,
    };
    let received = endpoint
        .send(endpoint.post(&["moderations"], &body)?)
        .await
        .map_err(routed)?;
    let Row { wire, raw } = received.row::<Judgement>(request.include_raw)?;
    let wanted = if input.images.is_empty() { input.texts.len() } else { 1 };
    if wire.results.len() != wanted {
        return Err(received.unusable("the answer holds another number of results than was asked for"));
    }
    let verdicts: Vec<Verdict> = wire.results.into_iter().map(verdict).collect();
    Ok(received.reply(Moderation {
        model: present(wire.model),
        flagged: verdicts.iter().any(|verdict| verdict.flagged),
        verdicts,
        raw,
    }))
}

fn looked(input: &ModerationInput) -> Looked<'_> {
    if input.images.is_empty() {
        return Looked::Texts(&input.texts);
    }
    let texts = input.texts.iter().map(|text| Piece::Text { text });
    let images = input.images.iter().filter_map(picture);
    Looked::Together(texts.chain(images).collect())
}

fn picture(picture: &Picture) -> Option<Piece<'_>> {
    let url = match picture.source()? {
        Source::Url(url) => Cow::Borrowed(&**url),
        Source::Data { media_type, data } => data_url(media_type, data).into(),
        Source::File(_) => return None,
    };
    let image_url = ImageUrl { url, detail: None };
    Some(Piece::ImageUrl { image_url })
}

/// A kind of harm without its word is not judged by; one without a score is all the same.
fn verdict(result: Outcome) -> Verdict {
    let scores = result.category_scores;
    let judged = result.categories.into_iter().filter_map(|(name, flagged)| {
        Some(Judged {
            harm: harm(&name),
            flagged: flagged?,
            score: scores.get(&name).copied().flatten(),
            name,
        })
    });
    Verdict {
        flagged: result.flagged,
        categories: judged.collect(),
    }
}

/// The kind of harm of a category, which may be divided further: `hate/threatening`.
fn harm(name: &str) -> Harm {
    match name.split('/').next().unwrap_or_default() {
        "harassment" => Harm::Harassment,
        "hate" => Harm::Hate,
        "illicit" => Harm::Illicit,
        "self-harm" => Harm::SelfHarm,
        "sexual" => Harm::Sexual,
        "violence" => Harm::Violence,
        _ => Harm::Other,
    }
}
