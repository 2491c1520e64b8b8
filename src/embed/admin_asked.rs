//! What an agent asks of the administration: which views there are, and which orders.
//!
//! Invariant: what is listed here is what is read, so that a tool's schema names nothing that is not there.

use mosaic_actors::error::Failure;
use serde::Deserialize;

use crate::admin::{AdminOrder, View};
use crate::wording::nearest;

/// Rows of a view that are told where nobody says how many.
pub(super) const ROWS: usize = 50;
/// The most that are.
pub(super) const MOST_ROWS: usize = 1_000;
/// The views, as they are asked for.
pub(super) const VIEWS: [&str; 12] = [
    "status",
    "tree",
    "ledger",
    "plugins",
    "breakers",
    "caches",
    "quotas",
    "credits",
    "shadows",
    "calls",
    "decisions",
    "config",
];
/// The orders, as they are given: by the names that the audit has for them.
pub(super) const ORDERS: [&str; 9] = [
    "actor.restart",
    "actor.stop",
    "actor.start",
    "plugin.stop",
    "plugin.start",
    "plugin.drain",
    "breaker.force_open",
    "breaker.reset",
    "call.cancel",
];

/// A look, as it is asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Looked {
    view: String,
    limit: Option<usize>,
    plugin: Option<String>,
    tenant: Option<String>,
    id: Option<String>,
}

impl Looked {
    /// The view.
    ///
    /// # Errors
    /// `invalid_input` on `view`.
    pub(super) fn view(self) -> Result<View, Failure> {
        let rows = self.limit.unwrap_or(ROWS).clamp(1, MOST_ROWS);
        Ok(match &*self.view {
            "status" => View::Status,
            "tree" => View::Tree,
            "ledger" => View::Ledger(rows),
            "plugins" => self.plugin.map_or(View::Plugins, View::Plugin),
            "breakers" => View::Breakers,
            "caches" => View::Caches,
            "quotas" => View::Quotas,
            "credits" => View::Credits,
            "shadows" => View::Shadows,
            "calls" => View::Calls(rows),
            "decisions" => self.id.map_or(View::Decisions(rows, self.tenant), View::Decision),
            "config" => View::Config,
            _ => return Err(unknown("view", &self.view, &VIEWS)),
        })
    }
}

/// An order, as it is written.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    order: String,
    target: String,
    for_ms: Option<u64>,
}

/// The same, to be carried out.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Given {
    order: String,
    target: String,
    for_ms: Option<u64>,
    /// Why.
    pub(super) reason: String,
}

impl Given {
    /// The order alone.
    pub(super) fn asked(&self) -> Asked {
        Asked {
            order: self.order.clone(),
            target: self.target.clone(),
            for_ms: self.for_ms,
        }
    }
}

impl Asked {
    /// What it does.
    ///
    /// # Errors
    /// `invalid_input` on `order`.
    pub(super) fn action(&self) -> Result<AdminOrder, Failure> {
        let name = self.target.clone();
        Ok(match &*self.order {
            "actor.restart" => AdminOrder::RestartActor(name),
            "actor.stop" => AdminOrder::StopActor(name),
            "actor.start" => AdminOrder::StartActor(name),
            "plugin.stop" => AdminOrder::StopPlugin(name),
            "plugin.start" => AdminOrder::StartPlugin(name),
            "plugin.drain" => AdminOrder::DrainPlugin(name),
            "breaker.force_open" => AdminOrder::ForceOpen {
                name,
                for_ms: self.for_ms,
            },
            "breaker.reset" => AdminOrder::ResetBreaker(name),
            "call.cancel" => AdminOrder::CancelCall(name),
            _ => return Err(unknown("order", &self.order, &ORDERS)),
        })
    }
}

fn unknown(field: &str, given: &str, known: &[&'static str]) -> Failure {
    let failure = Failure::invalid(field, format!("there is no such {field}"));
    match nearest(given, known.iter().copied()) {
        Some(meant) => failure.also(&format!("did you mean {meant}?")),
        None => failure,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Map, Value, json};

    use super::*;
    use crate::surfaces::json_body;

    fn object(value: Value) -> Map<String, Value> {
        serde_json::from_value(value).expect("an object")
    }

    #[test]
    fn every_view_and_every_order_that_is_told_is_there() {
        let looked = |view: &str| json_body::read::<Looked>(object(json!({ "view": view })));
        for view in VIEWS {
            assert!(looked(view).expect("sound").view().is_ok(), "{view}");
        }
        let failure = looked("breaker").expect("sound").view().expect_err("no such view");
        assert!(
            failure.message().contains("did you mean breakers?"),
            "{}",
            failure.message()
        );
        for order in ORDERS {
            let asked = json_body::read::<Asked>(object(json!({ "order": order, "target": "x" })));
            assert_eq!(asked.expect("sound").action().expect("an order").name(), order);
        }
    }
}
