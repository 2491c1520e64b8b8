//! `/graphql` for people: a page that asks, and shows the answer and the schema.
//!
//! Invariant: it loads and asks nothing but this listener.

use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};

use super::super::page::{html, page};

/// Where the script is.
pub(super) const SCRIPT: &str = "/graphql/explorer.js";

/// `GET /graphql` of a browser.
pub(super) fn response() -> Response {
    page(html("MosAIc GraphQL", include_str!("explorer.html")))
}

/// `GET /graphql/explorer.js`
pub(super) async fn script() -> Response {
    let headers = [
        (CONTENT_TYPE, "text/javascript; charset=utf-8"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, include_str!("explorer.js")).into_response()
}
