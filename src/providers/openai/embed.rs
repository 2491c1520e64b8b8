//! Texts as vectors, as OpenAI makes them.
//!
//! Invariant: vectors are asked for as bytes and read in either form, so that no number is told in another way than it is.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::error::Failure;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use serde_with::skip_serializing_none;

use super::convert;
use super::profile::{Asker, Profile};
use super::request::{DIALECT, unsupported};
use super::wire::Usage;
use crate::catalogue::ai::{Embeddings, EmbeddingsCreate, EmbeddingsInput};
use crate::providers::http::text::present;
use crate::providers::http::{Endpoint, LONGEST_LINE, Received, Row};
use crate::providers::{Reply, Request};

/// Fields of the body that are written from what an input says.
const OWN: &[&str] = &["model", "input", "dimensions", "encoding_format", "user"];

/// How many numbers a vector has of models that are asked for none.
const SIZES: &[(&str, usize)] = &[
    ("text-embedding-3-large", 3072),
    ("text-embedding-3-small", 1536),
    ("text-embedding-ada-002", 1536),
];
/// Bytes around a vector and around all of them, at least: names, numbers and signs.
const AROUND_EACH: usize = 50;
const AROUND_ALL: usize = 200;

/// The body of `POST /embeddings`.
#[skip_serializing_none]
#[derive(Serialize)]
pub struct EmbeddingRequest<'a> {
    model: &'a str,
    input: &'a [String],
    encoding_format: &'static str,
    dimensions: Option<u32>,
    user: Option<&'a str>,
    #[serde(flatten)]
    extensions: Map<String, Value>,
}

/// `CreateEmbeddingResponse`
#[derive(Deserialize)]
struct Made {
    model: Option<String>,
    data: Vec<Embedding>,
    usage: Option<Usage>,
}

/// `Embedding`
#[derive(Deserialize)]
struct Embedding {
    index: Option<usize>,
    embedding: Vector,
}

/// Numbers, or their bytes as base64, the least of each first.
#[derive(Deserialize)]
#[serde(untagged)]
enum Vector {
    Bytes(String),
    Numbers(Vec<f32>),
}

impl Vector {
    fn numbers(self) -> Option<Vec<f32>> {
        let bytes = match self {
            Vector::Numbers(numbers) => return Some(numbers),
            Vector::Bytes(text) => STANDARD.decode(text).ok()?,
        };
        let (numbers, rest) = bytes.as_chunks();
        let numbers: Vec<f32> = numbers.iter().map(|bytes| f32::from_le_bytes(*bytes)).collect();
        (rest.is_empty() && numbers.iter().all(|number| number.is_finite())).then_some(numbers)
    }
}

/// Makes the vectors.
pub async fn create(
    endpoint: &Endpoint,
    profile: &Profile,
    request: &Request<EmbeddingsCreate>,
) -> Result<Reply<Embeddings>, Failure> {
    let body = asked(profile, &request.native, &request.input)?;
    let received = endpoint.send(endpoint.post(&["embeddings"], &body)?).await?;
    let expected = Some(request.input.texts.len());
    let embeddings = made(&received, request.include_raw, &request.native, expected)?;
    Ok(received.reply(embeddings))
}

/// The request for vectors.
///
/// # Errors
/// `unsupported` naming the field that the server does not take.
pub fn asked<'a>(
    profile: &Profile,
    model: &'a str,
    input: &'a EmbeddingsInput,
) -> Result<EmbeddingRequest<'a>, Failure> {
    if input.user.is_some() && profile.user == Asker::None {
        return Err(unsupported("user"));
    }
    Ok(EmbeddingRequest {
        model,
        input: &input.texts,
        encoding_format: "base64",
        dimensions: input.dimensions,
        user: input.user.as_deref(),
        extensions: input.extensions.of(DIALECT, OWN)?,
    })
}

/// The same as a line of a batch, whose answer is one line.
///
/// # Errors
/// As [`asked`], and on `texts` where that line is known to be longer than is read.
pub fn listed<'a>(
    profile: &Profile,
    model: &'a str,
    input: &'a EmbeddingsInput,
) -> Result<EmbeddingRequest<'a>, Failure> {
    let (texts, size) = (input.texts.len(), size(model, input));
    if let Some(size) = size
        && length(texts, size) > LONGEST_LINE
    {
        let most = (LONGEST_LINE - AROUND_ALL) / (length(1, size) - AROUND_ALL);
        let sentence = format!(
            "{texts} vectors of {size} numbers are more than one result of a batch can hold; at most {most} are, so that \
             several requests must share the texts"
        );
        return Err(Failure::unsupported_field("texts", sentence).never_sent());
    }
    asked(profile, model, input)
}

/// How many numbers each vector will have, where that is known.
fn size(model: &str, input: &EmbeddingsInput) -> Option<usize> {
    let asked = input.dimensions.and_then(|size| usize::try_from(size).ok());
    asked.or_else(|| SIZES.iter().find(|(known, _)| *known == model).map(|(_, size)| *size))
}

/// The bytes of the line that holds so many vectors of so many numbers: each number is four bytes, and three bytes are four
/// letters.
fn length(texts: usize, size: usize) -> usize {
    let vector = size.saturating_mul(size_of::<f32>()).div_ceil(3).saturating_mul(4);
    vector
        .saturating_add(AROUND_EACH)
        .saturating_mul(texts)
        .saturating_add(AROUND_ALL)
}

/// The vectors of an answer: as many as `expected`, where that is known.
///
/// # Errors
/// `upstream_failed` where they cannot be read.
pub fn made(
    received: &Received,
    include_raw: bool,
    model: &str,
    expected: Option<usize>,
) -> Result<Embeddings, Failure> {
    let Row { wire, raw } = received.row::<Made>(include_raw)?;
    let mut vectors: Vec<Option<Vec<f32>>> = vec![None; expected.unwrap_or(wire.data.len())];
    for (at, made) in wire.data.into_iter().enumerate() {
        let place = vectors.get_mut(made.index.unwrap_or(at));
        let place = place.ok_or_else(|| received.unusable("the answer holds more vectors than there are texts"))?;
        let numbers = made.embedding.numbers();
        *place = Some(numbers.ok_or_else(|| received.unusable("the answer is not as expected at data: no numbers"))?);
    }
    let vectors: Option<Vec<Vec<f32>>> = vectors.into_iter().collect();
    Ok(Embeddings {
        model: present(wire.model).unwrap_or_else(|| model.to_owned()),
        vectors: vectors.ok_or_else(|| received.unusable("the answer holds fewer vectors than there are texts"))?,
        usage: wire.usage.and_then(|counted| convert::usage(counted, None)),
        raw,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn more_vectors_than_a_line_of_a_batch_can_hold_are_refused_where_that_is_known() {
        let profile = Profile::of(None, None).expect("a profile");
        let input = |texts: usize, dimensions: Option<u32>| EmbeddingsInput {
            texts: vec!["t".to_owned(); texts],
            dimensions,
            ..EmbeddingsInput::default()
        };
        for (model, dimensions, most) in [
            ("text-embedding-3-large", None, 63),
            ("text-embedding-3-small", None, 127),
            ("text-embedding-3-large", Some(256), 739),
            ("m", Some(3072), 63),
            ("m", Some(u32::MAX), 0),
        ] {
            assert!(
                listed(&profile, model, &input(most, dimensions)).is_ok(),
                "{model} {dimensions:?}"
            );
            let more = input(most + 1, dimensions);
            let refused = listed(&profile, model, &more).err().expect("too many");
            assert_eq!((refused.field.as_deref(), refused.unsent), (Some("texts"), true));
            assert!(refused.message().contains(&format!("at most {most} are")), "{refused}");
            // Alone, an answer has another bound.
            assert!(asked(&profile, model, &more).is_ok());
        }
        assert!(listed(&profile, "m", &input(2048, None)).is_ok(), "nobody knows");
        // As many as are taken are read.
        let vector = STANDARD.encode([0u8; 3072 * 4]);
        let row = |index| json!({"object": "embedding", "index": index, "embedding": vector});
        let line = json!({"id": "batch_req_0123456789abcdef0123456789abcdef", "custom_id": "a".repeat(64), "error": null,
            "response": {"status_code": 200, "request_id": "0123456789abcdef0123456789abcdef", "body": {
                "object": "list", "data": (0..63).map(row).collect::<Vec<_>>(), "model": "text-embedding-3-large",
                "usage": {"prompt_tokens": 100_000, "total_tokens": 100_000}}}});
        assert!(line.to_string().len() <= LONGEST_LINE);
    }

    #[test]
    fn a17_numbers_are_read_in_either_form() {
        let vector = |json: Value| serde_json::from_value::<Vector>(json).expect("a vector").numbers();
        let bytes = STANDARD.encode(
            [1.5f32, -0.25]
                .iter()
                .flat_map(|number| number.to_le_bytes())
                .collect::<Vec<_>>(),
        );
        assert_eq!(vector(json!(bytes)), Some(vec![1.5, -0.25]));
        assert_eq!(vector(json!([1.5, -0.25])), Some(vec![1.5, -0.25]));
        for odd in ["YQ==", "no base64", "AADAfw=="] {
            assert_eq!(vector(json!(odd)), None, "{odd}");
        }
    }
}
