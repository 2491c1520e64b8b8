//! Files that this OpenAI keeps: of the batches, and whatever else is uploaded.
//!
//! Invariant: a file is given back as it came; one that was deleted is there no more.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{HeaderValue, Response, StatusCode, Uri, header};
use serde_json::{Value, json};

use super::OpenAi;
use super::page::page;
use super::problem::Problem;
use crate::sandbox::kit::query::Params;

/// What files may be for that clients upload.
const PURPOSES: [&str; 6] = ["assistants", "batch", "fine-tune", "vision", "user_data", "evals"];
/// Files of batches are there for a month.
const MONTH_S: u64 = 30 * 24 * 60 * 60;
/// The files of a page, usually and at most.
const LARGEST_PAGE: usize = 10_000;
/// The most files, and the most bytes of all.
const MOST_FILES: usize = 1_000;
const MOST_BYTES: usize = 64 << 20;

/// A file.
#[derive(Clone, Debug)]
pub(crate) struct File {
    pub id: String,
    pub purpose: String,
    pub bytes: Bytes,
    name: String,
    created_s: u64,
}

impl File {
    fn object(&self) -> Value {
        let mut object = json!({
            "id": self.id, "object": "file", "bytes": self.bytes.len(), "created_at": self.created_s,
            "filename": self.name, "purpose": self.purpose, "status": "processed",
        });
        // Of what stays, no time is told: it is not described as null.
        if self.purpose.starts_with("batch") {
            object["expires_at"] = (self.created_s + MONTH_S).into();
        }
        object
    }
}

/// The files of one server.
#[derive(Debug, Default)]
pub(crate) struct Files {
    all: Vec<File>,
    last: u64,
}

impl Files {
    /// Keeps a file; its id.
    pub fn keep(&mut self, instance: &str, (name, purpose): (&str, &str), bytes: Bytes, created_s: u64) -> String {
        self.last += 1;
        let id = format!("file-{instance}-{:06}", self.last);
        self.all.push(File {
            id: id.clone(),
            purpose: purpose.to_owned(),
            bytes,
            name: name.to_owned(),
            created_s,
        });
        id
    }

    pub fn find(&self, id: &str) -> Option<&File> {
        self.all.iter().find(|file| file.id == id)
    }

    fn is_full(&self, more: usize) -> bool {
        let held: usize = self.all.iter().map(|file| file.bytes.len()).sum();
        self.all.len() >= MOST_FILES || held + more > MOST_BYTES
    }
}

fn missing(id: &str) -> Problem {
    Problem::invalid(StatusCode::NOT_FOUND, format!("No such File object: {id}"))
}

pub(crate) async fn create(State(openai): State<Arc<OpenAi>>, request: Request) -> Result<Response<Body>, Problem> {
    let odd = |_| Problem::invalid(StatusCode::BAD_REQUEST, "We could not parse the form of your request.");
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| Problem::invalid(StatusCode::BAD_REQUEST, "The request is no form."))?;
    let (mut purpose, mut file) = (String::new(), None);
    while let Some(field) = form.next_field().await.map_err(odd)? {
        match (field.name(), field.file_name().map(str::to_owned)) {
            (Some("purpose"), _) => purpose = field.text().await.map_err(odd)?,
            (Some("file"), Some(name)) => file = Some((name, field.bytes().await.map_err(odd)?)),
            _ => {}
        }
    }
    if !PURPOSES.contains(&&*purpose) {
        let message = format!("'{purpose}' is not one of {PURPOSES:?}");
        return Err(Problem::field("purpose", message, Some("invalid_value")));
    }
    let (name, bytes) = file.ok_or_else(|| Problem::field("file", "'file' is a required property", None))?;
    let created_s = openai.now_s();
    let mut kept = openai.kept();
    if kept.files.is_full(bytes.len()) {
        return Err(Problem::field("file", "This sandbox holds no more files.", None));
    }
    let id = kept
        .files
        .keep(&openai.instance.name, (&name, &purpose), bytes, created_s);
    let made = kept.files.find(&id).map(File::object);
    Ok(Json(made).into_response())
}

/// Newest first.
pub(crate) async fn list(State(openai): State<Arc<OpenAi>>, uri: Uri) -> Result<Response<Body>, Problem> {
    let params = Params::of(&uri);
    let kept = openai.kept();
    let newest = kept.files.all.iter().rev();
    let wanted = newest.filter(|file| params.get("purpose").is_none_or(|purpose| file.purpose == purpose));
    page(&uri, (LARGEST_PAGE, LARGEST_PAGE), wanted.map(File::object).collect())
}

pub(crate) async fn get(State(openai): State<Arc<OpenAi>>, Path(id): Path<String>) -> Result<Response<Body>, Problem> {
    let kept = openai.kept();
    let file = kept.files.find(&id).ok_or_else(|| missing(&id))?;
    Ok(Json(file.object()).into_response())
}

pub(crate) async fn delete(
    State(openai): State<Arc<OpenAi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let mut kept = openai.kept();
    let all = &mut kept.files.all;
    let before = all.len();
    all.retain(|file| file.id != id);
    match all.len() < before {
        true => Ok(Json(json!({ "id": id, "object": "file", "deleted": true })).into_response()),
        false => Err(missing(&id)),
    }
}

pub(crate) async fn content(
    State(openai): State<Arc<OpenAi>>,
    Path(id): Path<String>,
) -> Result<Response<Body>, Problem> {
    let kept = openai.kept();
    let file = kept.files.find(&id).ok_or_else(|| missing(&id))?;
    let mut response = Response::new(Body::from(file.bytes.clone()));
    let kind = HeaderValue::from_static("application/octet-stream");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    if let Ok(named) = HeaderValue::from_str(&format!("attachment; filename=\"{}\"", file.name)) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, named);
    }
    Ok(response)
}
