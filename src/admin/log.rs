//! The log's filter, changed for a while.
//!
//! Invariant: a filter for a while ends by itself.

use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::Deserialize;

use super::order::check_time;
use super::table::Table;
use super::{AdminOrder, Port};

/// Bytes of a filter, as in the configuration.
const LONGEST_FILTER: usize = 1024;

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Set {
    /// Levels by target, such as `info,mosaic=debug`.
    filter: String,
    /// So many milliseconds; without it, until the process ends.
    for_ms: Option<u64>,
}

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    table.order("/log", "Change what is logged", checked)
}

fn checked(Set { filter, for_ms }: Set) -> Result<AdminOrder, Failure> {
    if filter.is_empty() || filter.len() > LONGEST_FILTER || filter.contains(char::is_control) {
        return Err(Failure::invalid(
            "filter",
            format!("filter must be 1 to {LONGEST_FILTER} bytes on one line"),
        ));
    }
    check_time(for_ms)?;
    Ok(AdminOrder::SetLog { filter, for_ms })
}
