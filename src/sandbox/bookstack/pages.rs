//! Pages: listed, read, written, moved, deleted.
//!
//! Invariant: what a POST answered can be read back under the id that it named.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::content::Content;
use super::gate::Viewer;
use super::problem::Problem;
use super::query::listing;
use super::state::{self, Deleted};
use super::{BookStack, objects};

/// BookStack's own bound on a name, in characters.
pub(super) const MAX_NAME: usize = 255;
/// The fields of a page that lists are filtered by.
const FIELDS: [&str; 12] = [
    "id",
    "book_id",
    "chapter_id",
    "name",
    "slug",
    "priority",
    "draft",
    "template",
    "created_at",
    "updated_at",
    "created_by",
    "updated_by",
];

pub(super) type Answer = Result<Response<Body>, Problem>;

/// All that are there, and the asker's own drafts.
pub(crate) async fn list(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<Body> {
    let state = bookstack.state();
    let pages = state.pages.iter().filter(|page| !page.trashed);
    let rows = pages.map(|page| objects::listed_page(&state, page)).collect();
    listing(&uri, &FIELDS, rows)
}

pub(crate) async fn get(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let page = id.parse().ok().and_then(|id| state.page(id));
    let page = page.ok_or_else(|| Problem::not_found("Page"))?;
    Ok(Json(objects::page(&state, page)).into_response())
}

pub(crate) async fn create(State(bookstack): State<Arc<BookStack>>, body: Bytes) -> Answer {
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let (name, content) = draft(&input)?;
    let mut state = bookstack.state();
    let (book_id, chapter_id) = place(&state, &input)?.ok_or_else(|| Problem::invalid(missing_parent()))?;
    state.make()?;
    let id = state.create(book_id, chapter_id, name, content).id;
    Ok(answer(&state, id))
}

fn answer(state: &state::State, id: u64) -> Response<Body> {
    let page = state.page(id).map(|page| objects::page(state, page));
    Json(page).into_response()
}

/// Where a page shall be: a chapter, else a book.
fn place(state: &state::State, input: &Value) -> Result<Option<(u64, u64)>, Problem> {
    let id = |field: &str| input[field].as_u64().filter(|id| *id > 0);
    match (id("chapter_id"), id("book_id")) {
        (Some(chapter), _) => {
            let chapter = state.chapter(chapter).ok_or_else(|| Problem::not_found("Chapter"))?;
            Ok(Some((chapter.book_id, chapter.id)))
        }
        (None, Some(book)) => {
            let book = state.book(book).ok_or_else(|| Problem::not_found("Book"))?;
            Ok(Some((book.id, 0)))
        }
        (None, None) => Ok(None),
    }
}

/// Changes what is given. A place that is given is a move, even to the book that the page's chapter is in.
pub(crate) async fn update(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
    body: Bytes,
) -> Answer {
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let mut state = bookstack.state();
    let page = id.parse().ok().and_then(|id| state.page(id));
    let page = page.ok_or_else(|| Problem::not_found("Page"))?;
    let (id, now) = (page.id, (page.book_id, page.chapter_id));
    let place = place(&state, &input)?.filter(|place| *place != now);
    // It is deleted here and created there.
    if place.is_some() {
        viewer.must_manage()?;
    }
    let name = input["name"].as_str().map(str::to_owned);
    if name
        .as_ref()
        .is_some_and(|name| name.is_empty() || name.chars().count() > MAX_NAME)
    {
        let fault = format!("The name may not be greater than {MAX_NAME} characters.");
        return Err(Problem::invalid([("name", fault)]));
    }
    let text = |field: &str| input[field].as_str().map(str::to_owned);
    let content = match (text("markdown"), text("html")) {
        (Some(markdown), _) => Some(Content::Markdown(markdown)),
        (None, html) => html.map(Content::Html),
    };
    state.write(id, name, content.as_ref());
    if let (Some((book, chapter)), Some(page)) = (place, state.pages.iter_mut().find(|page| page.id == id)) {
        (page.book_id, page.chapter_id) = (book, chapter);
    }
    Ok(answer(&state, id))
}

pub(crate) async fn delete(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Answer {
    let mut state = bookstack.state();
    let page = id.parse().ok().and_then(|id| state.page(id));
    let id = page.ok_or_else(|| Problem::not_found("Page"))?.id;
    viewer.must_manage()?;
    state.trash(Deleted::Page(id));
    Ok(StatusCode::NO_CONTENT.into_response())
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
