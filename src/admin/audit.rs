//! The audit: who did what, when and why.
//!
//! Invariant: it is read here and written nowhere but with an order.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Request;

use super::query::{Query, up_to};
use super::table::{Parameter, Row, Table, Takes, limit};
use super::{Json, Port, written};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// A page, unless the caller says otherwise.
const DEFAULT_ROWS: usize = 100;
/// The most entries that one request gets.
const MOST_ROWS: usize = 1_000;

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    let before = Parameter {
        name: "before",
        about: "Only entries before this number",
        takes: Takes::UpTo(i64::MAX),
    };
    let row = Row::get("/audit", "Who did what, when and why, newest first");
    table.show(row.takes(limit(MOST_ROWS)).takes(before), audit)
}

async fn audit(State(port): State<Port>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match page(&port, request).await {
        Ok(Json(text)) => written(text),
        Err(problem) => problem.response(&id),
    }
}

async fn page(port: &Port, request: Request<Body>) -> Result<Json, Problem> {
    let (parts, _) = request.into_parts();
    let query = Query::of(&parts, &["limit", "before"])?;
    let limit = query.get("limit", up_to(MOST_ROWS))?.unwrap_or(DEFAULT_ROWS);
    let before = query.get("before", |text| {
        text.parse().map_err(|_| "must be the number of an entry".to_owned())
    })?;
    let limit = u32::try_from(limit).unwrap_or(u32::MAX);
    port.audit(before, limit).await
}
