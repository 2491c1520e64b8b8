//! The gateway as agents see it: what its configuration offers them, and the administration as tools.
//!
//! Invariant: of the administration agents have what `mcp.admin` says, and who runs the process its views.

use std::sync::Arc;

use axum::Router;
use mosaic_actors::call::Caller;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::Failure;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::admin::Port;
use super::mosaic::Mosaic;
use super::records::Records;
use crate::admin::{AdminOrder, AdminPort, Order, View};
use crate::config::McpAdmin;
use crate::surfaces::auth::Authenticator;
use crate::surfaces::bodies::Bodies;
use crate::surfaces::hosts::Hosts;
use crate::surfaces::json_body;
use crate::surfaces::mcp::{self, AdminTool, Administration, FrontConfig, Offer};
use crate::surfaces::problem::Problem;

const VIEW: &str = "mosaic_admin_view";
const ORDER: &str = "mosaic_admin_order";
/// Rows of a view that are told where nobody says how many.
const ROWS: usize = 50;
/// The most that are.
const MOST_ROWS: usize = 1_000;
/// The views, as they are asked for.
const VIEWS: [&str; 12] = [
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
const ORDERS: [&str; 9] = [
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

impl Mosaic {
    /// `/mcp`, where it is offered.
    pub(super) fn agents(&self, authenticator: Authenticator, hosts: Option<Hosts>, bodies: Bodies) -> Router {
        let config = &self.config().mcp;
        if !config.enabled {
            return Router::new();
        }
        mcp::router(FrontConfig {
            offer: self.offer(config.admin),
            authenticator,
            hosts,
            origins: config.origins.clone(),
            bodies,
            max_body: self.config().server.max_body,
            max_sessions: config.max_sessions,
            session_idle: config.session_idle,
            ending: self.inner.agents.clone(),
        })
    }

    /// Talks with the agent that has started this process, over standard input and output, until it has no more to say. It
    /// may do what whoever runs the process may. `toolsets` names some, such as `git,cicd`.
    ///
    /// # Errors
    /// `invalid_input` on `toolsets`, or where the client does not speak the protocol.
    pub async fn talk(&self, toolsets: Option<&str>) -> Result<(), Failure> {
        let offer = self.offer(self.config().mcp.admin.max(McpAdmin::Read));
        let max_line = self.config().server.max_body;
        mcp::serve(offer, Mosaic::local_caller(), toolsets, max_line).await
    }

    fn offer(&self, admin: McpAdmin) -> Offer {
        let config = &self.config().mcp;
        let (offered, shown) = (self.clone(), self.clone());
        let administration = (admin > McpAdmin::Off).then(|| AdminTools::of(self, admin));
        Offer {
            dispatcher: self.inner.dispatcher.clone(),
            offered: Arc::new(move |caller: &Caller, operation| offered.offers(caller, operation)),
            capabilities: Arc::new(move |caller| shown.capabilities(caller)),
            decisions: Arc::new(Records::of(self)),
            administration: administration.map(|tools| Arc::new(tools) as Arc<dyn Administration>),
            toolsets: config.toolsets.clone(),
            destructive: config.destructive,
            max_answer: config.max_answer,
        }
    }
}

/// The administration as tools.
struct AdminTools {
    port: Port,
    tools: Vec<AdminTool>,
}

impl AdminTools {
    fn of(gateway: &Mosaic, admin: McpAdmin) -> Self {
        let mut tools = vec![view()];
        if admin == McpAdmin::Write {
            tools.push(order());
        }
        AdminTools {
            port: Port(gateway.clone()),
            tools,
        }
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
                      plugins, circuit breakers, caches, quotas, credits, routes in shadow, calls in flight, decision records, \
                      settings in force.",
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
            },
        })),
        orders: false,
        destructive: false,
    }
}

fn order() -> AdminTool {
    AdminTool {
        name: ORDER,
        title: "Change the gateway's state",
        description: "Carries out an order of the administration. With dry_run, which is the default, it only tells what the \
                      order would touch: do that first.",
        input: object(json!({
            "type": "object",
            "required": ["order", "target", "reason"],
            "additionalProperties": false,
            "properties": {
                "order": { "enum": ORDERS },
                "target": { "type": "string", "description": "An actor's path, a plugin's name, or a call's id." },
                "reason": { "type": "string", "description": "Why, in one line, for the audit." },
                "for_ms": { "type": "integer", "minimum": 1, "description": "Of breaker.force_open: for how long." },
                "dry_run": { "type": "boolean", "default": true },
            },
        })),
        orders: true,
        destructive: true,
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Looked {
    view: String,
    limit: Option<usize>,
    plugin: Option<String>,
    tenant: Option<String>,
}

impl Looked {
    fn view(self) -> Result<View, Failure> {
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
            "decisions" => View::Decisions(rows, self.tenant),
            "config" => View::Config,
            _ => return Err(Failure::invalid("view", "there is no such view")),
        })
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ordered {
    order: String,
    target: String,
    reason: String,
    for_ms: Option<u64>,
    #[serde(default = "yes")]
    dry_run: bool,
}

fn yes() -> bool {
    true
}

impl Ordered {
    fn action(&self) -> Result<AdminOrder, Failure> {
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
            _ => return Err(Failure::invalid("order", "there is no such order")),
        })
    }
}

impl Administration for AdminTools {
    fn tools(&self) -> &[AdminTool] {
        &self.tools
    }

    fn run(&self, name: &str, arguments: Map<String, Value>) -> BoxFuture<Result<Value, Problem>> {
        let port = self.port.clone();
        let orders = name == ORDER;
        Box::pin(async move {
            if orders {
                return ordered(&port, json_body::read(arguments)?).await;
            }
            let looked: Looked = json_body::read(arguments)?;
            let shown = port.view(looked.view()?)?;
            let document: Value = serde_json::from_slice(&shown.0).map_err(|error| {
                Failure::new(mosaic_actors::error::Kind::Internal, "a view is not JSON").because(error)
            })?;
            // A result is an object.
            Ok(match document {
                Value::Object(_) => document,
                rows => json!({ "rows": rows }),
            })
        })
    }
}

async fn ordered(port: &Port, ordered: Ordered) -> Result<Value, Problem> {
    let reason = ordered.reason.trim();
    if reason.is_empty() || reason.len() > 500 || reason.chars().any(char::is_control) {
        return Err(Failure::invalid("reason", "the reason is one line of at most 500 bytes").into());
    }
    let action = ordered.action()?;
    if ordered.dry_run {
        return Ok(json!({ "dry_run": true, "touches": port.touches(&action)? }));
    }
    let order = Order {
        action,
        reason: reason.to_owned(),
        who: Arc::from("mcp"),
    };
    port.perform(order).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_view_and_every_order_that_is_told_is_there() {
        for view in VIEWS {
            let looked = Looked {
                view: view.to_owned(),
                limit: None,
                plugin: None,
                tenant: None,
            };
            assert!(looked.view().is_ok(), "{view}");
        }
        for order in ORDERS {
            let ordered = Ordered {
                order: order.to_owned(),
                target: "x".to_owned(),
                reason: "because".to_owned(),
                for_ms: None,
                dry_run: true,
            };
            assert_eq!(ordered.action().expect("an order").name(), order);
        }
    }
}
