//! Files that this Anthropic keeps, for whoever asks for the feature by its name.
//!
//! Invariant: a file is given back as it came, and only where it says so: one whose name begins with `made-` is as if a model
//! had made it, and any other is there to be given to models alone.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Response, StatusCode, Uri, header};
use jiff::Timestamp;
use serde_json::{Value, json};

use super::Anthropic;
use super::batches::page;
use super::problem::Problem;

/// The feature.
const FEATURE: &str = "files-api-2025-04-14";
/// The most files, and the most bytes of all.
const MOST_FILES: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    id: String,
    name: String,
    media_type: String,
    bytes: Bytes,
    created: Timestamp,
}

impl File {
    fn is_downloadable(&self) -> bool {
        self.name.starts_with("made-")
    }

    fn object(&self) -> Value {
        json!({
            "type": "file", "id": self.id, "filename": self.name, "mime_type": self.media_type,
            "size_bytes": self.bytes.len(), "created_at": self.created.to_string(),
            "downloadable": self.is_downloadable(),
        })
    }
}

/// Who does not ask for the feature does not have it.
fn asked_for(headers: &HeaderMap) -> Result<(), Problem> {
    let betas = headers
        .get_all("anthropic-beta")
        .iter()
        .filter_map(|value| value.to_str().ok());
    let mut betas = betas.flat_map(|value| value.split(',')).map(str::trim);
    match betas.any(|beta| beta == FEATURE) {
        true => Ok(()),
        false => Err(Problem::of(StatusCode::NOT_FOUND)),
    }
}

pub(crate) async fn create(
    State(anthropic): State<Arc<Anthropic>>,
    request: Request,
) -> Result<Response<Body>, Problem> {
    asked_for(request.headers())?;
    let odd = |_| Problem::invalid("file: the form could not be read");
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| Problem::invalid("file: the request is no form"))?;
    let mut given = None;
    while let Some(field) = form.next_field().await.map_err(odd)? {
        if let (Some("file"), Some(name)) = (field.name(), field.file_name().map(str::to_owned)) {
            let media_type = field.content_type().unwrap_or("application/octet-stream").to_owned();
            given = Some((name, media_type, field.bytes().await.map_err(odd)?));
        }
    }
    let (name, media_type, bytes) = given.ok_or_else(|| Problem::invalid("file: Field required"))?;
    let mut kept = anthropic.kept();
    let held: usize = kept.files.iter().map(|file| file.bytes.len()).sum();
    if kept.files.len() >= MOST_FILES || held + bytes.len() > MOST_BYTES {
        return Err(Problem::of(StatusCode::PAYLOAD_TOO_LARGE));
    }
    kept.last_file += 1;
    let file = File {
        id: format!("file_{}_{:06}", anthropic.instance.name, kept.last_file),
        name,
        media_type,
        bytes,
        created: Timestamp::now(),
    };
    let made = file.object();
    kept.files.push(file);
    Ok(Json(made).into_response())
}

impl Anthropic {
    /// A file, for whoever asks for the feature.
    fn file(&self, headers: &HeaderMap, id: &str) -> Result<File, Problem> {
        asked_for(headers)?;
        let kept = self.kept();
        let found = kept.files.iter().find(|file| file.id == id);
        found.cloned().ok_or_else(|| Problem::of(StatusCode::NOT_FOUND))
    }
}

pub(crate) async fn get(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    Ok(Json(anthropic.file(&headers, &id)?.object()).into_response())
}

/// Newest first.
pub(crate) async fn list(
    State(anthropic): State<Arc<Anthropic>>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    asked_for(&headers)?;
    let kept = anthropic.kept();
    page(&uri, kept.files.iter().rev().map(File::object).collect())
}

pub(crate) async fn delete(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let file = anthropic.file(&headers, &id)?;
    anthropic.kept().files.retain(|kept| kept.id != file.id);
    Ok(Json(json!({ "type": "file_deleted", "id": file.id })).into_response())
}

pub(crate) async fn content(
    State(anthropic): State<Arc<Anthropic>>,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response<Body>, Problem> {
    let file = anthropic.file(&headers, &id)?;
    if !file.is_downloadable() {
        return Err(Problem::invalid("file_id: this file cannot be downloaded"));
    }
    let mut response = Response::new(Body::from(file.bytes));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}
