//! `POST /embeddings`.
//!
//! Invariant: a client that asks for base64, as the vendor's own do by themselves, gets little-endian floats.

use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use mosaic_actors::error::Failure;
use serde::Serialize;
use serde_json::{Value, json};

use super::super::dialect::desk::value;
use super::super::dialect::fields::{Fields, must, read, unsupported};
use super::super::dialect::refused::Refused;
use super::super::dialect::served::{Asking, of_model};
use super::chat_input::DIALECT;
use super::error::OpenAi;
use crate::catalogue::ai::{Embeddings, EmbeddingsCreate, EmbeddingsInput, Extensions};
use crate::catalogue::fields::ModelRef;

/// How vectors are written.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Float,
    Base64,
}

/// `CreateEmbeddingResponse`
#[derive(Serialize)]
struct Told<'a> {
    object: &'static str,
    data: Vec<Row<'a>>,
    model: &'a str,
    usage: Value,
}

#[derive(Serialize)]
struct Row<'a> {
    object: &'static str,
    index: usize,
    embedding: Vector<'a>,
}

#[derive(Serialize)]
#[serde(untagged)]
enum Vector<'a> {
    Float(&'a [f32]),
    Base64(String),
}

pub(super) async fn create(asking: Asking) -> Result<Response, Refused> {
    let Asking { visit, parts, body } = asking;
    let mut fields = visit.body(&parts.headers, body).await?;
    let form = form(&mut fields)?;
    let answer = visit.call::<EmbeddingsCreate>(asked(fields)?).await.map_err(named)?;
    let embeddings = value::<Embeddings>(&answer)?;
    visit.json(&answer, &[], &told(&embeddings, form))
}

fn named(failure: Failure) -> Failure {
    of_model::<OpenAi>(failure, |field| field.starts_with("texts").then(|| "input".to_owned()))
}

fn form(fields: &mut Fields) -> Result<Form, Failure> {
    match fields.text("encoding_format")?.as_deref() {
        None | Some("float") => Ok(Form::Float),
        Some("base64") => Ok(Form::Base64),
        Some(_) => Err(must("encoding_format", "be float or base64")),
    }
}

/// Reads a body.
///
/// # Errors
/// `invalid_input` and `unsupported`, naming the field.
pub fn asked(mut fields: Fields) -> Result<EmbeddingsInput, Failure> {
    fields.leave(&["encoding_format"]);
    let model = fields.required("model")?;
    let texts = match fields.take("input") {
        None => return Err(fields.missing("input")),
        Some(Value::String(text)) => vec![text],
        Some(Value::Array(list)) if list.iter().any(|one| one.is_number() || one.is_array()) => {
            return Err(unsupported("input", "is taken as text here, and not as tokens"));
        }
        Some(list) => read("input", &list)?,
    };
    let input = EmbeddingsInput {
        model: read::<ModelRef>("model", &Value::String(model))?,
        texts,
        dimensions: fields.get("dimensions")?,
        user: fields.text("user")?,
        ..EmbeddingsInput::default()
    };
    let own = fields.rest();
    Ok(match own.is_empty() {
        true => input,
        false => EmbeddingsInput {
            extensions: Extensions([(DIALECT.to_owned(), own)].into()),
            ..input
        },
    })
}

fn told(embeddings: &Embeddings, form: Form) -> Told<'_> {
    let rows = embeddings.vectors.iter().enumerate();
    let read = embeddings.usage.map_or(0, |usage| usage.input_tokens);
    Told {
        object: "list",
        data: rows
            .map(|(index, vector)| Row {
                object: "embedding",
                index,
                embedding: match form {
                    Form::Float => Vector::Float(vector),
                    Form::Base64 => Vector::Base64(packed(vector)),
                },
            })
            .collect(),
        model: &embeddings.model,
        usage: json!({"prompt_tokens": read, "total_tokens": read}),
    }
}

/// The vectors of a request in a batch.
pub fn floats(embeddings: &Embeddings) -> impl Serialize + '_ {
    told(embeddings, Form::Float)
}

fn packed(vector: &[f32]) -> String {
    let bytes: Vec<u8> = vector.iter().flat_map(|number| number.to_le_bytes()).collect();
    STANDARD.encode(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_as(body: Value) -> Result<EmbeddingsInput, Failure> {
        asked(Fields::whole(body.as_object().expect("an object").clone()))
    }

    #[test]
    fn texts_are_taken_and_tokens_are_not() {
        let one = read_as(json!({"model": "m", "input": "a", "encoding_format": "base64"})).expect("read");
        assert_eq!(
            (one.texts.as_slice(), one.extensions.is_empty()),
            (&["a".to_owned()][..], true)
        );
        let two = read_as(json!({"model": "m", "input": ["a", "b"], "dimensions": 3, "x": 1})).expect("read");
        assert_eq!((two.texts.len(), two.dimensions), (2, Some(3)));
        assert_eq!(two.extensions.0["openai"]["x"], 1);
        for (body, field) in [
            (json!({"model": "m", "input": [1, 2]}), "input"),
            (json!({"model": "m", "input": [[1], [2]]}), "input"),
            (json!({"model": "m"}), "input"),
            (json!({"input": "a"}), "model"),
        ] {
            let failure = read_as(body.clone()).expect_err("refused");
            assert_eq!(failure.field.as_deref(), Some(field), "{body}");
        }
    }

    #[test]
    fn a_vector_is_packed_as_little_endian_floats() {
        assert_eq!(packed(&[1.0, -2.5]), STANDARD.encode([0, 0, 128, 63, 0, 0, 32, 192]));
    }
}
