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
use crate::providers::http::{Endpoint, Received, Row};
use crate::providers::{Reply, Request};

/// Fields of the body that are written from what an input says.
const OWN: &[&str] = &["model", "input", "dimensions", "encoding_format", "user"];

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
