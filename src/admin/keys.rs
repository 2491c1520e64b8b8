//! Idempotency keys: their list, and the order that frees one whose outcome is unknown.
//!
//! Invariant: only an operator who looked at the provider can know that the write may be done again.

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::Request;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use super::query::{Query, flag, up_to};
use super::table::{Parameter, Row, Table, Takes, limit};
use super::{AdminOrder, Json, Port, written};
use crate::dispatch::idempotency::{check_key, scope};
use crate::surfaces::problem::Problem;
use crate::surfaces::request_id::RequestId;

/// A page, unless the caller says otherwise.
const DEFAULT_ROWS: usize = 100;
/// The most keys that one request gets.
const MOST_ROWS: usize = 1_000;

/// Bytes of a tenant and an operation together; the key has a bound of its own.
const LONGEST_SCOPE: usize = 250;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Release {
    /// Whose key it is.
    tenant: String,
    /// The operation that it was used for.
    operation: String,
    /// The key, as its caller gave it.
    key: String,
}

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    let in_doubt = Parameter {
        name: "in_doubt",
        about: "Only keys whose outcome is unknown",
        takes: Takes::Flag,
    };
    let row = Row::get("/idempotency", "Idempotency keys, and what is known of their calls");
    let table = table.show(row.takes(limit(MOST_ROWS)).takes(in_doubt), keys);
    table.order(
        "/idempotency/release",
        "Free an idempotency key whose outcome is unknown",
        checked,
    )
}

async fn keys(State(port): State<Port>, request: Request<Body>) -> Response {
    let id = RequestId::given(request.extensions());
    match list(&port, request).await {
        Ok(Json(text)) => written(text),
        Err(problem) => problem.response(&id),
    }
}

async fn list(port: &Port, request: Request<Body>) -> Result<Json, Problem> {
    let (parts, _) = request.into_parts();
    let query = Query::of(&parts, &["limit", "in_doubt"])?;
    let limit = query.get("limit", up_to(MOST_ROWS))?.unwrap_or(DEFAULT_ROWS);
    let in_doubt = query.get("in_doubt", flag)?.unwrap_or(false);
    port.keys(in_doubt, u32::try_from(limit).unwrap_or(u32::MAX)).await
}

fn checked(Release { tenant, operation, key }: Release) -> Result<AdminOrder, Failure> {
    check_key(&key)?;
    let scope = scope(&tenant, &operation);
    if tenant.is_empty() || operation.is_empty() || scope.len() > LONGEST_SCOPE || scope.contains(char::is_control) {
        return Err(Failure::invalid(
            "tenant",
            "tenant and operation must name whose key it is",
        ));
    }
    let target = format!("{scope}/{key}");
    Ok(AdminOrder::ReleaseKey { scope, key, target })
}
