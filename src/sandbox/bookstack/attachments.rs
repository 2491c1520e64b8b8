//! What is attached to pages: listed, read, uploaded.
//!
//! Invariant: a file is given back as it came; an upload that broke off never came.

use std::sync::Arc;

use axum::Json;
use axum::extract::{FromRequest, Multipart, Path, Request, State};
use axum::response::IntoResponse;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use bytes::Bytes;
use http::{Response, StatusCode, Uri, header};
use serde_json::Value;

use super::pages::{Answer, MAX_NAME};
use super::problem::Problem;
use super::query::listing;
use super::state::{Attached, MAX_ATTACHED, MAX_CREATED, NewAttachment};
use super::{BookStack, objects};

/// The longest body that is not a form.
const MAX_JSON: usize = 64 << 10;

/// The fields of an attachment that the list is filtered by.
const FIELDS: [&str; 8] = [
    "id",
    "name",
    "extension",
    "uploaded_to",
    "external",
    "order",
    "created_at",
    "updated_at",
];

pub(crate) async fn list(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<axum::body::Body> {
    let state = bookstack.state();
    let rows = state.attachments.iter().map(objects::listed_attachment);
    listing(&uri, &FIELDS, rows.collect())
}

pub(crate) async fn get(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let found = state.attachments.iter().find(|row| row.id.to_string() == id);
    let row = found.ok_or_else(|| Problem::not_found("Attachment"))?;
    let content = match &row.content {
        Attached::File(bytes) => BASE64_STANDARD.encode(bytes),
        Attached::Link(link) => link.clone(),
    };
    Ok(Json(objects::attachment(row, &bookstack.instance.origin, &content)).into_response())
}

pub(crate) async fn create(State(bookstack): State<Arc<BookStack>>, request: Request) -> Answer {
    let form = request.headers().get(header::CONTENT_TYPE);
    let form = form.is_some_and(|value| value.as_bytes().starts_with(b"multipart/form-data"));
    let given = if form {
        of_form(request).await?
    } else {
        of_json(request).await?
    };
    let mut state = bookstack.state();
    let new = given.checked(|page| state.page(page).is_some())?;
    let held: usize = state.attachments.iter().map(|row| row.content.size()).sum();
    if state.created >= MAX_CREATED || held + new.content.size() > MAX_ATTACHED {
        let message = format!("This sandbox holds at most {MAX_CREATED} items and {MAX_ATTACHED} bytes of files.");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    Ok(Json(objects::listed_attachment(state.attach(new))).into_response())
}

/// The fields as they came.
#[derive(Default)]
struct Given {
    name: String,
    uploaded_to: String,
    link: Option<String>,
    /// Its name, and what it holds.
    file: Option<(String, Bytes)>,
}

impl Given {
    /// What shall be attached, or every field at fault.
    fn checked(self, is_page: impl Fn(u64) -> bool) -> Result<NewAttachment, Problem> {
        let mut faults = vec![];
        if self.name.trim().is_empty() {
            faults.push(("name", "The name field is required.".to_owned()));
        }
        if self.name.chars().count() > MAX_NAME {
            let fault = format!("The name may not be greater than {MAX_NAME} characters.");
            faults.push(("name", fault));
        }
        let page = self.uploaded_to.parse().ok().filter(|page| is_page(*page));
        if page.is_none() {
            faults.push(("uploaded_to", "The selected uploaded to is invalid.".to_owned()));
        }
        let content = match (self.file, self.link) {
            (Some((name, bytes)), _) => {
                let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_owned());
                Some((extension.unwrap_or_default(), Attached::File(bytes)))
            }
            (None, Some(link)) => Some((String::new(), Attached::Link(link))),
            (None, None) => {
                let fault = "The file field is required when link is not present.";
                faults.push(("file", fault.to_owned()));
                None
            }
        };
        match (page, content) {
            (Some(page), Some((extension, content))) if faults.is_empty() => Ok(NewAttachment {
                page,
                name: self.name,
                extension,
                content,
            }),
            _ => Err(Problem::invalid(faults)),
        }
    }
}

async fn of_form(request: Request) -> Result<Given, Problem> {
    let odd = |_| Problem::new(StatusCode::BAD_REQUEST, "The form could not be read.");
    let form = Multipart::from_request(request, &()).await;
    let mut form = form.map_err(|_| Problem::new(StatusCode::BAD_REQUEST, "The form has no boundary."))?;
    let mut given = Given::default();
    while let Some(field) = form.next_field().await.map_err(odd)? {
        let name = field.name().unwrap_or_default().to_owned();
        match (name.as_str(), field.file_name().map(str::to_owned)) {
            ("file", Some(name)) => given.file = Some((name, field.bytes().await.map_err(odd)?)),
            ("name", _) => given.name = field.text().await.map_err(odd)?,
            ("uploaded_to", _) => given.uploaded_to = field.text().await.map_err(odd)?,
            ("link", _) => given.link = Some(field.text().await.map_err(odd)?),
            _ => {}
        }
    }
    Ok(given)
}

async fn of_json(request: Request) -> Result<Given, Problem> {
    let body = axum::body::to_bytes(request.into_body(), MAX_JSON).await;
    let body = body.map_err(|_| Problem::of(StatusCode::PAYLOAD_TOO_LARGE))?;
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |field: &str| input[field].as_str().map(str::to_owned);
    Ok(Given {
        name: text("name").unwrap_or_default(),
        uploaded_to: input["uploaded_to"].to_string(),
        link: text("link"),
        file: None,
    })
}
