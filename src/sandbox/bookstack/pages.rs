//! Pages: listed, read, written.
//!
//! Invariant: what a POST answered can be read back under the id that it named.

use std::sync::Arc;

use axum::Json;
use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::{Value, json};
use url::form_urlencoded::parse;

use super::problem::Problem;
use super::state::{Content, MAX_CREATED, Page};
use super::{BookStack, objects};

pub(super) const DEFAULT_COUNT: usize = 100;
pub(super) const MAX_COUNT: usize = 500;
/// BookStack's own bound on a name, in characters.
pub(super) const MAX_NAME: usize = 255;

pub(super) type Answer = Result<Response<Body>, Problem>;

pub(crate) async fn list(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<Body> {
    let query: Vec<_> = parse(uri.query().unwrap_or_default().as_bytes()).collect();
    let text = |name: &str| {
        query
            .iter()
            .rev()
            .find(|(key, _)| key == name)
            .map(|(_, value)| &**value)
    };
    let number = |name: &str| text(name).and_then(|value| value.parse::<usize>().ok());
    let state = bookstack.state();
    let mut pages: Vec<&Page> = state.pages.iter().collect();
    // Of BookStack's filters those that the sandbox's clients use.
    if let Some(book) = text("filter[book_id]").or(text("filter[book_id:eq]")) {
        pages.retain(|page| page.book_id.to_string() == book);
    }
    match text("sort") {
        Some("-id") => pages.reverse(),
        Some("name" | "+name") => pages.sort_by(|a, b| a.name.cmp(&b.name)),
        Some("-name") => pages.sort_by(|a, b| b.name.cmp(&a.name)),
        _ => {}
    }
    let count = number("count").unwrap_or(DEFAULT_COUNT).clamp(1, MAX_COUNT);
    let rows = pages.iter().skip(number("offset").unwrap_or(0)).take(count);
    let rows: Vec<Value> = rows.map(|page| objects::listed_page(&state, page)).collect();
    Json(json!({ "data": rows, "total": pages.len() })).into_response()
}

pub(crate) async fn get(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let page = id.parse().ok().and_then(|id| state.page(id));
    let page = page.ok_or_else(|| Problem::not_found("Page"))?;
    Ok(Json(objects::page(page)).into_response())
}

pub(crate) async fn create(State(bookstack): State<Arc<BookStack>>, body: Bytes) -> Answer {
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (name, content) = draft(&input)?;
    let mut state = bookstack.state();
    let id = |field: &str| input[field].as_u64().filter(|id| *id > 0);
    let (book_id, chapter_id) = match (id("chapter_id"), id("book_id")) {
        (Some(chapter), _) => {
            let chapter = state.chapter(chapter).ok_or_else(|| Problem::not_found("Chapter"))?;
            (chapter.book_id, chapter.id)
        }
        (None, Some(book)) => (state.book(book).ok_or_else(|| Problem::not_found("Book"))?.id, 0),
        (None, None) => return Err(Problem::invalid(missing_parent())),
    };
    if state.created >= MAX_CREATED {
        let message = format!("This sandbox holds at most {MAX_CREATED} created items; restart it to empty it.");
        return Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, message));
    }
    let page = state.create(book_id, chapter_id, name, content);
    Ok(Json(objects::page(page)).into_response())
}

/// Reads a new page's name and text, or tells every field at fault.
fn draft(input: &Value) -> Result<(String, Content), Problem> {
    let text = |field: &str| input[field].as_str().filter(|text| !text.trim().is_empty());
    let mut faults = vec![];
    let name = text("name").unwrap_or_default();
    if name.is_empty() {
        faults.push(("name", "The name field is required.".to_owned()));
    }
    if name.chars().count() > MAX_NAME {
        let fault = format!("The name may not be greater than {MAX_NAME} characters.");
        faults.push(("name", fault));
    }
    if input["book_id"].is_null() && input["chapter_id"].is_null() {
        faults.extend(missing_parent());
    }
    let content = match (text("markdown"), text("html")) {
        (Some(markdown), _) => Some(Content::Markdown(markdown.to_owned())),
        (None, Some(html)) => Some(Content::Html(html.to_owned())),
        (None, None) => {
            let fault = |name, other| {
                (
                    name,
                    format!("The {name} field is required when {other} is not present."),
                )
            };
            faults.extend([fault("html", "markdown"), fault("markdown", "html")]);
            None
        }
    };
    match content {
        Some(content) if faults.is_empty() => Ok((name.to_owned(), content)),
        _ => Err(Problem::invalid(faults)),
    }
}

fn missing_parent() -> [(&'static str, String); 2] {
    let fault = |name, other| {
        let fault = format!("The {name} id field is required when {other} id is not present.");
        (if name == "book" { "book_id" } else { "chapter_id" }, fault)
    };
    [fault("book", "chapter"), fault("chapter", "book")]
}
