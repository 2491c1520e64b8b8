//! The order that frees an idempotency key whose outcome is unknown.
//!
//! Invariant: only an operator who looked at the provider can know that the write may be done again.

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::routing::post;
use http::Request;
use mosaic_actors::error::Failure;
use serde::Deserialize;

use super::order::order;
use super::{AdminOrder, Port};
use crate::dispatch::idempotency::{check_key, scope};

/// Bytes of a tenant and an operation together; the key has a bound of its own.
const LONGEST_SCOPE: usize = 250;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Release {
    tenant: String,
    operation: String,
    key: String,
}

pub(super) fn routes() -> Router<Port> {
    let release = |State(port): State<Port>, request: Request<Body>| order(port, request, checked);
    Router::new().route("/idempotency/release", post(release))
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
