//! Who has an account, and what the server tells of itself.
//!
//! Invariant: accounts are listed only for who manages them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::IntoResponse;
use axum::{Extension, Json};
use http::{Response, Uri};
use serde_json::json;

use super::gate::Viewer;
use super::pages::Answer;
use super::query::listing;
use super::{BookStack, objects};

/// The version that it tells.
const VERSION: &str = "v25.11.2";
/// The fields of an account that the list is filtered by.
const FIELDS: [&str; 7] = [
    "id",
    "name",
    "slug",
    "email",
    "external_auth_id",
    "created_at",
    "updated_at",
];

pub(crate) async fn list(
    State(bookstack): State<Arc<BookStack>>,
    Extension(viewer): Extension<Viewer>,
    uri: Uri,
) -> Answer {
    viewer.must_manage()?;
    let origin = &bookstack.instance.origin;
    let accounts = [Viewer::Admin, Viewer::Reader];
    let rows = accounts.map(|account| objects::account(account, origin));
    Ok(listing(&uri, &FIELDS, rows.to_vec()))
}

pub(crate) async fn system(State(bookstack): State<Arc<BookStack>>) -> Response<axum::body::Body> {
    let origin = &bookstack.instance.origin;
    Json(json!({
        "version": VERSION,
        "instance_id": "1234abcd-cc12-7808-af0a-264cb0cbd611",
        "app_name": bookstack.instance.name,
        "app_logo": format!("{origin}/logo.png"),
        "base_url": origin,
    }))
    .into_response()
}
