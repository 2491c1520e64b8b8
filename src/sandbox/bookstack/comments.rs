//! Comments on pages, as from version 25.11 on.
//!
//! Invariant: a comment's text is told only where it is read alone, and what it replies to by its number among its page's.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use bytes::Bytes;
use http::{Response, Uri};
use serde_json::Value;

use super::gate::Viewer;
use super::pages::Answer;
use super::problem::Problem;
use super::query::listing;
use super::{BookStack, objects};

/// The fields of a comment that the list is filtered by.
const FIELDS: [&str; 10] = [
    "id",
    "commentable_id",
    "commentable_type",
    "parent_id",
    "local_id",
    "content_ref",
    "created_by",
    "updated_by",
    "created_at",
    "updated_at",
];

pub(crate) async fn list(State(bookstack): State<Arc<BookStack>>, uri: Uri) -> Response<Body> {
    let state = bookstack.state();
    let shown = state
        .comments
        .iter()
        .filter(|comment| state.page(comment.page).is_some());
    listing(&uri, &FIELDS, shown.map(objects::listed_comment).collect())
}

pub(crate) async fn get(State(bookstack): State<Arc<BookStack>>, Path(id): Path<String>) -> Answer {
    let state = bookstack.state();
    let found = state.comments.iter().find(|comment| comment.id.to_string() == id);
    let found = found.filter(|comment| state.page(comment.page).is_some());
    let comment = found.ok_or_else(|| Problem::not_found("Comment"))?;
    Ok(Json(objects::comment(&state, comment)).into_response())
}

pub(crate) async fn create(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    body: Bytes,
) -> Answer {
    viewer.must_manage()?;
    let input: Value = serde_json::from_slice(&body).unwrap_or_default();
    let html = input["html"].as_str().filter(|html| !html.trim().is_empty());
    let html = html.ok_or_else(|| Problem::invalid([("html", "The html field is required.".to_owned())]))?;
    let page = input["page_id"].as_u64();
    let page = page.ok_or_else(|| Problem::invalid([("page_id", "The page id field is required.".to_owned())]))?;
    let mut state = bookstack.state();
    state.page(page).ok_or_else(|| Problem::not_found("Page"))?;
    state.make()?;
    let made = state.comment(page, input["reply_to"].as_u64(), html.to_owned(), viewer.number());
    Ok(Json(objects::made_comment(made)).into_response())
}
