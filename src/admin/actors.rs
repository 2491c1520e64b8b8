//! Orders to single actors: restart, stop, start; to the gateway: drain; and to a call: cancel.
//!
//! Invariant: an actor is named by its path in the tree, a call by its request id.

use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use super::table::Table;
use super::{AdminOrder, Port};

/// Bytes of an actor's path, or of a call's id; neither is that long.
const LONGEST_NAME: usize = 512;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct At {
    /// The actor's path in the tree.
    path: String,
}

/// A body with a reason alone.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(super) struct Nothing {}

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    table
        .order("/actors/restart", "Restart an actor", |at: At| {
            Ok(AdminOrder::RestartActor(checked("path", at.path)?))
        })
        .order("/actors/stop", "Stop an actor; it stays in the tree", |at: At| {
            Ok(AdminOrder::StopActor(checked("path", at.path)?))
        })
        .order("/actors/start", "Start a stopped actor", |at: At| {
            Ok(AdminOrder::StartActor(checked("path", at.path)?))
        })
        .order("/gateway/drain", "Let no new calls in at all", |_: Nothing| {
            Ok(AdminOrder::DrainGateway)
        })
        .order_to("/calls/{id}/cancel", "End a call in flight", |id, _: Nothing| {
            Ok(AdminOrder::CancelCall(checked("id", id)?))
        })
}

fn checked(field: &str, name: String) -> Result<String, Failure> {
    if name.trim().is_empty() || name.len() > LONGEST_NAME {
        let sentence = format!("{field} must be 1 to {LONGEST_NAME} bytes");
        return Err(Failure::invalid(field, sentence));
    }
    Ok(name)
}
