//! The catalogue's schemas in the dialect of the protocol.
//!
//! Invariant: what a schema says of values stays as it was.

use rmcp::model::JsonObject;
use serde_json::Value;

/// A schema without the dialect, which is the protocol's own, and without the name of its type.
pub(super) fn bare(schema: &Value) -> JsonObject {
    let mut schema = schema.as_object().cloned().unwrap_or_default();
    schema.shift_remove("$schema");
    schema.shift_remove("title");
    schema
}
