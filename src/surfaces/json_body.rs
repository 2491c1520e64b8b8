//! JSON request bodies, read within their bounds.
//!
//! Invariant: a body that cannot be taken is told by status, place or field, and none of it is quoted.

use std::sync::Arc;

use axum::body::Body;
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use mosaic_actors::error::Failure;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::time::Instant;

use super::bodies::Bodies;
use super::problem::{Fault, Problem};
use super::strict::{self, MOST_VALUES, Refused};
use crate::leisure::at_leisure;
use crate::wording::{self, Form};

/// Reads a JSON object of `tenant`'s, of at most `limit` bytes, which has to be there by `deadline`. An empty body is an
/// empty object.
///
/// # Errors
/// 413, 415, `invalid_input` on `body`, with line and column where it is not JSON, or on a key that is given twice;
/// `overloaded` and `timeout`, as [`Bodies`] are bounded.
pub async fn object(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    bodies: &Bodies,
    tenant: &Arc<str>,
    deadline: Instant,
) -> Result<Map<String, Value>, Problem> {
    match value(headers, body, limit, bodies, tenant, deadline).await? {
        None => Ok(Map::new()),
        Some(Value::Object(fields)) => Ok(fields),
        Some(_) => Err(Failure::invalid("body", "the body must be a JSON object").into()),
    }
}

/// As [`object`], for whatever JSON it is; none where it is empty.
///
/// # Errors
/// As [`object`].
pub(super) async fn value(
    headers: &HeaderMap,
    body: Body,
    limit: usize,
    bodies: &Bodies,
    tenant: &Arc<str>,
    deadline: Instant,
) -> Result<Option<Value>, Problem> {
    let whole = bodies.read(tenant, body, limit, deadline).await?;
    if whole.bytes().is_empty() {
        return Ok(None);
    }
    check_media_type(headers)?;
    let read = at_leisure(whole.bytes().len(), || strict::parse(whole.bytes()));
    read.map(Some).map_err(refused)
}

/// Reads fields of a known type.
///
/// # Errors
/// `invalid_input` naming the field.
pub fn read<T: DeserializeOwned>(fields: Map<String, Value>) -> Result<T, Problem> {
    serde_path_to_error::deserialize(Value::Object(fields)).map_err(|error| {
        let wrong = wording::wrong(Form::Json, &error.path().to_string(), &error.inner().to_string());
        Failure::invalid(wrong.field("body"), wrong.sentence("body")).into()
    })
}

fn check_media_type(headers: &HeaderMap) -> Result<(), Problem> {
    let refused = || Problem::fault(Fault::UnsupportedMediaType, "send the body as application/json");
    let text = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(refused)?;
    let essence = text.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let json = essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"));
    if json { Ok(()) } else { Err(refused()) }
}

fn refused(refused: Refused) -> Problem {
    match refused {
        Refused::Twice(key) => Failure::invalid(&key, format!("{key} is given twice")).into(),
        Refused::TooMany => Failure::invalid("body", format!("the body may have at most {MOST_VALUES} values")).into(),
        // serde_json's sentence ends in "at line L column C" and quotes nothing of the body.
        Refused::NotJson(error) => {
            let sentence = format!("the body is not JSON: {}", wording::unread(&error.to_string()));
            Failure::invalid("body", sentence).into()
        }
    }
}
