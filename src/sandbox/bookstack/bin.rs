//! The recycle bin.
//!
//! Invariant: it is seen only by who manages the settings and all permissions.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::Uri;
use serde_json::json;

use super::gate::Viewer;
use super::pages::Answer;
use super::problem::Problem;
use super::query::listing;
use super::{BookStack, objects};

/// The fields of a deletion that the list is filtered by.
const FIELDS: [&str; 6] = [
    "id",
    "deleted_by",
    "created_at",
    "updated_at",
    "deletable_type",
    "deletable_id",
];

pub(crate) async fn list(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
) -> Answer {
    viewer.must_manage()?;
    let state = bookstack.state();
    let rows = state.deletions.iter();
    let rows = rows.map(|deletion| objects::deletion(&state, deletion)).collect();
    Ok(listing(&uri, &FIELDS, rows))
}

pub(crate) async fn restore(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    Path(id): Path<String>,
) -> Answer {
    viewer.must_manage()?;
    let restored = id.parse().ok().and_then(|id| bookstack.state().restore(id));
    let count = restored.ok_or_else(|| Problem::not_found("Deletion"))?;
    Ok(Json(json!({ "restore_count": count })).into_response())
}
