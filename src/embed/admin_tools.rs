//! The administration as an agent's tools: views, what an order would touch, and orders.
//!
//! Invariant: a caller has of it what the setting allows and its key was granted by the name `admin`; what is done is in the
//! audit under its name.

use std::sync::Arc;

use mosaic_actors::call::Caller;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::scopes::Action;
use serde_json::{Map, Value, json};

use super::admin::Port;
use super::admin_asked::{Asked, Given, Looked, MOST_ROWS, ORDERS, ROWS, VIEWS};
use super::mosaic::Mosaic;
use crate::admin::{AdminPort, Order};
use crate::config::{ADMIN_SCOPE, McpAdmin};
use crate::surfaces::json_body;
use crate::surfaces::mcp::{AdminTool, Administration};
use crate::surfaces::problem::Problem;

const VIEW: &str = "mosaic_admin_view";
const DRY_RUN: &str = "mosaic_admin_dry_run";
const ORDER: &str = "mosaic_admin_order";
/// The longest reason, in bytes.
const LONGEST_REASON: usize = 500;

impl Mosaic {
    /// How much of the administration a caller may have: what it was granted by its name. Where nobody has a credential of
    /// any kind only this machine comes in, and may do all, as at the admin listener.
    fn administers(&self, caller: &Caller) -> McpAdmin {
        let nobody_has = self.inner.keys.is_empty() && self.inner.tokens.is_none() && self.inner.admin_token.is_none();
        match &caller.scopes {
            Some(scopes) if scopes.name(ADMIN_SCOPE, Action::Write) => McpAdmin::Write,
            Some(scopes) if scopes.name(ADMIN_SCOPE, Action::Read) => McpAdmin::Read,
            None if nobody_has => McpAdmin::Write,
            _ => McpAdmin::Off,
        }
    }
}

/// The administration as tools.
pub(super) struct AdminTools {
    port: Port,
    /// The most that anybody has of it.
    most: McpAdmin,
    /// Whoever asks runs the process, and needs no grant.
    resident: bool,
    tools: [AdminTool; 3],
}

impl AdminTools {
    /// For callers by their grants, at most `most`.
    pub(super) fn granted(gateway: &Mosaic, most: McpAdmin) -> Self {
        AdminTools {
            port: Port(gateway.clone()),
            most,
            resident: false,
            tools: [view(), dry_run(), order()],
        }
    }

    /// For whoever runs the process, at most `most`.
    pub(super) fn resident(gateway: &Mosaic, most: McpAdmin) -> Self {
        AdminTools {
            resident: true,
            ..Self::granted(gateway, most)
        }
    }
}

impl Administration for AdminTools {
    fn tools(&self, caller: &Caller) -> &[AdminTool] {
        let granted = match self.resident {
            true => McpAdmin::Write,
            false => self.port.0.administers(caller),
        };
        match granted.min(self.most) {
            McpAdmin::Off => &[],
            McpAdmin::Read => &self.tools[..2],
            McpAdmin::Write => &self.tools,
        }
    }

    fn run(&self, name: &str, arguments: Map<String, Value>, caller: &Caller) -> BoxFuture<Result<Value, Problem>> {
        let (port, who) = (self.port.clone(), caller.identity.clone());
        let name = name.to_owned();
        Box::pin(async move {
            match &*name {
                VIEW => shown(&port, json_body::read(arguments)?),
                DRY_RUN => touched(&port, &json_body::read(arguments)?),
                ORDER => ordered(&port, json_body::read(arguments)?, who).await,
                _ => Err(Failure::new(Kind::NotFound, "there is no such tool").into()),
            }
        })
    }
}

fn object(schema: Value) -> Map<String, Value> {
    match schema {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

fn view() -> AdminTool {
    AdminTool {
        name: VIEW,
        title: "Look at the gateway",
        description: "Shows the gateway's own state: one glance at all (status), the supervision tree, the restart ledger, \
                      plugins, circuit breakers, caches, quotas, credits, routes in shadow, calls in flight, decision records \
                      of all tenants, settings in force.",
        input: object(json!({
            "type": "object",
            "required": ["view"],
            "additionalProperties": false,
            "properties": {
                "view": { "enum": VIEWS },
                "limit": {
                    "type": "integer", "minimum": 1, "maximum": MOST_ROWS, "default": ROWS,
                    "description": "Rows of the ledger, of calls and of decisions.",
                },
                "plugin": { "type": "string", "description": "Of plugins: this one alone." },
                "tenant": { "type": "string", "description": "Of decisions: this tenant's alone." },
                "id": { "type": "string", "description": "Of decisions: those of the calls with this id, why each went so." },
            },
        })),
        orders: false,
        destructive: false,
    }
}

/// What an order is, beside why it is given.
fn order_fields() -> Map<String, Value> {
    object(json!({
        "order": { "enum": ORDERS },
        "target": { "type": "string", "description": "An actor's path, a plugin's name, or a call's id." },
        "for_ms": { "type": "integer", "minimum": 1, "description": "Of breaker.force_open: for how long." },
    }))
}

fn dry_run() -> AdminTool {
    AdminTool {
        name: DRY_RUN,
        title: "Tell what an order would touch",
        description: "Tells which actors, plugins and calls in flight an order of the administration would touch. Does nothing.",
        input: object(json!({
            "type": "object",
            "required": ["order", "target"],
            "additionalProperties": false,
            "properties": order_fields(),
        })),
        orders: false,
        destructive: false,
    }
}

fn order() -> AdminTool {
    let mut fields = order_fields();
    let reason = json!({ "type": "string", "description": "Why, in one line, for the audit." });
    fields.insert("reason".to_owned(), reason);
    AdminTool {
        name: ORDER,
        title: "Change the gateway's state",
        description: "Carries out an order of the administration, which calls in flight may feel. mosaic_admin_dry_run tells \
                      what it would touch: ask that first.",
        input: object(json!({
            "type": "object",
            "required": ["order", "target", "reason"],
            "additionalProperties": false,
            "properties": fields,
        })),
        orders: true,
        destructive: true,
    }
}

fn shown(port: &Port, looked: Looked) -> Result<Value, Problem> {
    let shown = port.view(looked.view()?)?;
    let document: Value = serde_json::from_slice(&shown.0)
        .map_err(|error| Failure::new(Kind::Internal, "a view is not JSON").because(error))?;
    // A result is an object.
    Ok(match document {
        Value::Object(_) => document,
        rows => json!({ "rows": rows }),
    })
}

fn touched(port: &Port, asked: &Asked) -> Result<Value, Problem> {
    Ok(json!({ "dry_run": true, "touches": port.touches(&asked.action()?)? }))
}

async fn ordered(port: &Port, given: Given, who: Arc<str>) -> Result<Value, Problem> {
    let reason = given.reason.trim();
    if reason.is_empty() || reason.len() > LONGEST_REASON || reason.chars().any(char::is_control) {
        return Err(Failure::invalid("reason", "the reason is one line of at most 500 bytes").into());
    }
    let action = given.asked().action()?;
    let reason = reason.to_owned();
    port.perform(Order { action, reason, who }).await
}
