//! The order that frees an idempotency key whose outcome is unknown.
//!
//! Invariant: only an operator who looked at the provider can know that the write may be done again.

use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::Table;
use super::{AdminOrder, Port};
use crate::dispatch::idempotency::{check_key, scope};

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
    table.order(
        "/idempotency/release",
        "Free an idempotency key whose outcome is unknown",
        checked,
    )
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
