//! Orders to plugins and to their circuit breakers.
//!
//! Invariant: a table of settings is passed on as it came; it is checked where the configuration's are.

use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::actors::Nothing;
use super::order::check_time;
use super::table::Table;
use super::{AdminOrder, Port};

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Add {
    /// The instance's name.
    name: String,
    /// Its table, as in the configuration.
    provider: Map<String, Value>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Update {
    /// Its table, as in the configuration; without one it is made anew of the one that it has.
    provider: Option<Map<String, Value>>,
}

#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct ForceOpen {
    /// So many milliseconds; without it, until it is reset.
    for_ms: Option<u64>,
}

pub(super) fn routes(table: Table<Port>) -> Table<Port> {
    table
        .order("/plugins", "Put up a provider instance", |add: Add| {
            Ok(AdminOrder::AddPlugin(add.name, add.provider))
        })
        .order_to(
            "/plugins/{name}/update",
            "Replace an instance without losing a call",
            |name, update: Update| Ok(AdminOrder::UpdatePlugin(name, update.provider)),
        )
        .order_to(
            "/plugins/{name}/stop",
            "Stop an instance once its calls are done",
            |name, _: Nothing| Ok(AdminOrder::StopPlugin(name)),
        )
        .order_to(
            "/plugins/{name}/start",
            "Start an instance that is stopped, drained or has failed",
            |name, _: Nothing| Ok(AdminOrder::StartPlugin(name)),
        )
        .order_to(
            "/plugins/{name}/drain",
            "Let no new calls to an instance",
            |name, _: Nothing| Ok(AdminOrder::DrainPlugin(name)),
        )
        .order_to(
            "/plugins/{name}/remove",
            "Stop an instance and forget it",
            |name, _: Nothing| Ok(AdminOrder::RemovePlugin(name)),
        )
        .order_to(
            "/plugins/{name}/webhook-token",
            "Tell, once, the token that an instance's first delivery has brought, to be given to its provider",
            |name, _: Nothing| Ok(AdminOrder::TellToken(name)),
        )
        .order_to(
            "/breakers/{name}/force-open",
            "Let no call through to an instance",
            |name, ForceOpen { for_ms }: ForceOpen| {
                check_time(for_ms)?;
                Ok(AdminOrder::ForceOpen { name, for_ms })
            },
        )
        .order_to(
            "/breakers/{name}/reset",
            "Close an instance's circuit breaker",
            |name, _: Nothing| Ok(AdminOrder::ResetBreaker(name)),
        )
}
