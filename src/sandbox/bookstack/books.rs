//! Books, the chapters in them, and the shelves that gather them.
//!
//! Invariant: what is in the recycle bin is in no list and no contents.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, StatusCode, Uri};
use serde_json::Value;

use super::gate::Viewer;
use super::pages::{Answer, MAX_NAME};
use super::problem::Problem;
use super::query::listing;
use super::state::{Book, Deleted, now};
use super::text::{bare, escape};
use super::{BookStack, objects};

/// The fields of a book or shelf that lists are filtered by.
const FIELDS: [&str; 8] = [
    "id",
    "name",
    "slug",
    "description",
    "created_at",
    "updated_at",
    "created_by",
    "owned_by",
];

pub(crate) async fn list(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<Body> {
    let state = bookstack.state();
    let books = state.books.iter().filter(|book| !book.trashed);
    let rows = books.map(|book| objects::listed_space(book.id, &book.name, &book.description, &book.at));
    listing(&uri, &FIELDS, rows.collect())
}

pub(crate) async fn shelves(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<Body> {
    let state = bookstack.state();
    let shelves = state.shelves.iter();
    let rows = shelves.map(|shelf| objects::listed_space(shelf.id, &shelf.name, &shelf.description, &shelf.at));
    listing(&uri, &FIELDS, rows.collect())
}

pub(crate) async fn get(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let book = id.parse().ok().and_then(|id| state.book(id));
    let book = book.ok_or_else(|| Problem::not_found("Book"))?;
    Ok(Json(objects::book(&state, &bookstack.instance.origin, book)).into_response())
}

pub(crate) async fn chapter(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let chapter = id.parse().ok().and_then(|id| state.chapter(id));
    let chapter = chapter.ok_or_else(|| Problem::not_found("Chapter"))?;
    Ok(Json(objects::chapter(&state, chapter)).into_response())
}

pub(crate) async fn create(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    body: Bytes,
) -> Answer {
    viewer.must_manage()?;
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let text = |field: &str| input[field].as_str().unwrap_or_default().to_owned();
    let name = text("name");
    if name.trim().is_empty() || name.chars().count() > MAX_NAME {
        return Err(Problem::invalid([("name", "The name field is required.".to_owned())]));
    }
    let (plain, html) = (text("description"), text("description_html"));
    let (description, description_html) = match html.is_empty() {
        true => (plain.clone(), format!("<p>{}</p>", escape(&plain))),
        false => (bare(&html), html.trim_end().to_owned()),
    };
    let mut state = bookstack.state();
    state.make()?;
    let book = Book {
        id: state.books.last().map_or(1, |last| last.id + 1),
        name,
        description,
        description_html,
        at: now(),
        trashed: false,
    };
    let made = objects::made_book(&book);
    state.books.push(book);
    Ok(Json(made).into_response())
}

pub(crate) async fn delete(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Answer {
    viewer.must_manage()?;
    let mut state = bookstack.state();
    let book = id.parse().ok().and_then(|id| state.book(id));
    let id = book.ok_or_else(|| Problem::not_found("Book"))?.id;
    state.trash(Deleted::Book(id));
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(crate) async fn delete_chapter(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Answer {
    viewer.must_manage()?;
    let mut state = bookstack.state();
    let chapter = id.parse().ok().and_then(|id| state.chapter(id));
    let id = chapter.ok_or_else(|| Problem::not_found("Chapter"))?.id;
    state.trash(Deleted::Chapter(id));
    Ok(StatusCode::NO_CONTENT.into_response())
}
