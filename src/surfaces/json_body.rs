//! JSON request bodies, read within a bound.
//!
//! Invariant: a body that cannot be taken is told by status, place or field, and none of it is quoted.

use axum::body::{Body, to_bytes};
use http::HeaderMap;
use http::header::CONTENT_TYPE;
use hyper::body::Body as _;
use mosaic_actors::error::{Failure, Kind};
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use super::problem::{Fault, Problem};
use super::strict::{self, MOST_VALUES, Refused};
use crate::wording::{self, Form};

/// A longer body is read on a thread that may be blocked: reading it takes longer than others should wait.
const LONG: usize = 256 * 1024;

/// Reads a JSON object. An empty body is an empty object.
///
/// # Errors
/// 413, 415, `invalid_input` on `body`, with line and column where it is not JSON, or on a key that is given twice.
pub async fn object(headers: &HeaderMap, body: Body, limit: usize) -> Result<Map<String, Value>, Problem> {
    // Files may be larger, so that nobody before has refused it for its length.
    if body.size_hint().lower() > limit as u64 {
        return Err(Problem::too_large(limit));
    }
    let bytes = to_bytes(body, limit).await.map_err(|error| unread(&error, limit))?;
    if bytes.is_empty() {
        return Ok(Map::new());
    }
    check_media_type(headers)?;
    let read = if bytes.len() > LONG {
        let reading = tokio::task::spawn_blocking(move || strict::parse(&bytes));
        reading
            .await
            .map_err(|error| Failure::new(Kind::Internal, "the body's reading was cut").because(error))?
    } else {
        strict::parse(&bytes)
    };
    match read.map_err(refused)? {
        Value::Object(fields) => Ok(fields),
        _ => Err(Failure::invalid("body", "the body must be a JSON object").into()),
    }
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

pub(super) fn unread(error: &axum::Error, limit: usize) -> Problem {
    if is_too_large(error) {
        return Problem::too_large(limit);
    }
    Failure::invalid("body", "the body broke off before its end").into()
}

/// Whether a body could not be read because it is over its limit.
pub(super) fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&dyn std::error::Error> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
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
