//! What the admin surface asks of the engine: views to read, and orders to carry out.
//!
//! Invariant: a view is made from published snapshots and waits for nobody; an order says beforehand what it touches.

use std::sync::Arc;

use bytes::Bytes;
use jiff::Timestamp;
use mosaic_actors::cache::purge::Purge;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::Events;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::surfaces::problem::Problem;

/// The most paths that a preview lists; of more it tells the number.
const MOST_PATHS: usize = 1_000;

/// A JSON document, written once: a tree of ten thousand actors is not copied on its way out.
#[derive(Clone, Debug)]
pub struct Json(pub Bytes);

impl Json {
    /// Writes `value`. Snapshots are plain data; if one could not be written, the document says so.
    pub fn of(value: &impl Serialize) -> Self {
        let text = serde_json::to_vec(value).unwrap_or_else(|error| {
            Value::String(format!("cannot be shown: {error}"))
                .to_string()
                .into_bytes()
        });
        Json(text.into())
    }

    /// The same, with each time since the Unix epoch beside it in RFC 3339: `at` beside `at_unix_ms`.
    pub fn timed(value: &impl Serialize) -> Self {
        match serde_json::to_value(value) {
            Ok(mut document) => {
                date(&mut document);
                Json::of(&document)
            }
            Err(_) => Json::of(value),
        }
    }
}

/// The nesting is that of our own snapshots.
fn date(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(date),
        Value::Object(object) => {
            let dated: Vec<(String, Value)> = object.iter().filter_map(dated).collect();
            object.extend(dated);
            object.values_mut().for_each(date);
        }
        _ => {}
    }
}

fn dated((name, value): (&String, &Value)) -> Option<(String, Value)> {
    let at = Timestamp::from_millisecond(value.as_i64()?).ok()?;
    Some((name.strip_suffix("_unix_ms")?.to_owned(), at.to_string().into()))
}

/// What can be looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum View {
    /// The supervision tree.
    Tree,
    /// So many of the newest entries of the restart ledger.
    Ledger(usize),
    /// One glance at all.
    Status,
    /// Every plugin.
    Plugins,
    /// One plugin.
    Plugin(String),
    /// Every circuit breaker.
    Breakers,
    /// Every tier of the cache.
    Caches,
    /// Every tenant's quota.
    Quotas,
    /// Every provider's credits.
    Credits,
    /// What routes in shadow would have changed.
    Shadows,
    /// So many of the calls in flight, oldest first, and of the last that ended, newest first.
    Calls(usize),
    /// So many of the newest decision records; of one tenant, or of all.
    Decisions(usize, Option<String>),
    /// The decision records of calls with an id.
    Decision(String),
    /// Every setting in force, and where it came from.
    Config,
    /// The log's filter.
    Log,
}

/// What can be ordered.
#[derive(Clone, Debug, PartialEq)]
pub enum AdminOrder {
    /// Restart the actor at a path.
    RestartActor(String),
    /// Stop it; it stays in the tree.
    StopActor(String),
    /// Start it again.
    StartActor(String),
    /// Add a plugin, with its table as in the configuration.
    AddPlugin(String, Map<String, Value>),
    /// Replace it, by the table given or by the one that it has.
    UpdatePlugin(String, Option<Map<String, Value>>),
    /// Stop it once its calls are done.
    StopPlugin(String),
    /// Start one that is stopped, drained or has failed.
    StartPlugin(String),
    /// Let no new calls to it.
    DrainPlugin(String),
    /// Stop and forget it.
    RemovePlugin(String),
    /// Tell the secret that its first delivery has brought.
    TellToken(String),
    /// Force a plugin's breaker open, for so many milliseconds or until it is reset.
    ForceOpen {
        /// Whose.
        name: String,
        /// How long.
        for_ms: Option<u64>,
    },
    /// Close it.
    ResetBreaker(String),
    /// Let no new calls in at all.
    DrainGateway,
    /// End the calls in flight with an id.
    CancelCall(String),
    /// Have the cache forget.
    PurgeCache {
        /// What.
        purge: Purge,
        /// The same in words, for the audit.
        target: String,
    },
    /// Free an idempotency key whose outcome is unknown.
    ReleaseKey {
        /// Whose: tenant and operation.
        scope: String,
        /// The key.
        key: String,
        /// Both, for the audit.
        target: String,
    },
    /// Change the log's filter, for so many milliseconds or for good.
    SetLog {
        /// Levels by target.
        filter: String,
        /// How long.
        for_ms: Option<u64>,
    },
}

impl AdminOrder {
    /// Its name in the audit.
    pub const fn name(&self) -> &'static str {
        match self {
            AdminOrder::RestartActor(_) => "actor.restart",
            AdminOrder::StopActor(_) => "actor.stop",
            AdminOrder::StartActor(_) => "actor.start",
            AdminOrder::AddPlugin(..) => "plugin.add",
            AdminOrder::UpdatePlugin(..) => "plugin.update",
            AdminOrder::StopPlugin(_) => "plugin.stop",
            AdminOrder::StartPlugin(_) => "plugin.start",
            AdminOrder::DrainPlugin(_) => "plugin.drain",
            AdminOrder::RemovePlugin(_) => "plugin.remove",
            AdminOrder::TellToken(_) => "plugin.webhook_token",
            AdminOrder::ForceOpen { .. } => "breaker.force_open",
            AdminOrder::ResetBreaker(_) => "breaker.reset",
            AdminOrder::DrainGateway => "gateway.drain",
            AdminOrder::CancelCall(_) => "call.cancel",
            AdminOrder::PurgeCache { .. } => "cache.purge",
            AdminOrder::ReleaseKey { .. } => "idempotency.release",
            AdminOrder::SetLog { .. } => "log.set",
        }
    }

    /// What it is done to.
    pub fn target(&self) -> &str {
        match self {
            AdminOrder::RestartActor(target) | AdminOrder::StopActor(target) | AdminOrder::StartActor(target) => target,
            AdminOrder::AddPlugin(target, _) | AdminOrder::UpdatePlugin(target, _) => target,
            AdminOrder::StopPlugin(target) | AdminOrder::StartPlugin(target) | AdminOrder::DrainPlugin(target) => {
                target
            }
            AdminOrder::RemovePlugin(target) | AdminOrder::ResetBreaker(target) | AdminOrder::CancelCall(target) => {
                target
            }
            AdminOrder::ForceOpen { name, .. } | AdminOrder::TellToken(name) => name,
            AdminOrder::DrainGateway => "gateway",
            AdminOrder::ReleaseKey { target, .. } | AdminOrder::PurgeCache { target, .. } => target,
            AdminOrder::SetLog { filter, .. } => filter,
        }
    }

    /// It takes something out of traffic, undoes nothing, and can itself be undone or waited out. Such an order is obeyed even
    /// where the audit cannot be written: whoever must stop a runaway in the night shall not be kept from it by a full disk.
    /// Everything else is refused then.
    pub const fn makes_safer(&self) -> bool {
        matches!(
            self,
            AdminOrder::StopActor(_)
                | AdminOrder::StopPlugin(_)
                | AdminOrder::DrainPlugin(_)
                | AdminOrder::ForceOpen { .. }
                | AdminOrder::DrainGateway
                | AdminOrder::CancelCall(_)
        )
    }
}

/// An action, by whom and why.
#[derive(Clone, Debug)]
pub struct Order {
    /// What.
    pub action: AdminOrder,
    /// Why: one line.
    pub reason: String,
    /// Who: `admin` by the token, a key's identity, `loopback` where there are none.
    pub who: Arc<str>,
}

/// What an order touches, told before it does.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Touches {
    /// Paths of actors.
    pub actors: Vec<Arc<str>>,
    /// How many more there are.
    #[serde(skip_serializing_if = "is_zero")]
    pub more_actors: usize,
    /// Names of plugins.
    pub plugins: Vec<Arc<str>>,
    /// Calls in flight there.
    pub calls_in_flight: usize,
    /// What else is to be known.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<String>,
}

fn is_zero(number: &usize) -> bool {
    *number == 0
}

impl Touches {
    /// Lists an actor, or counts it.
    pub fn actor(&mut self, path: &Arc<str>) {
        if self.actors.len() < MOST_PATHS {
            self.actors.push(path.clone());
        } else {
            self.more_actors += 1;
        }
    }
}

/// What the admin surface asks of the engine.
pub trait AdminPort: Send + Sync + 'static {
    /// A view as it stands.
    ///
    /// # Errors
    /// `not_found` where it is of one thing that is not there.
    fn view(&self, view: View) -> Result<Json, Problem>;

    /// Where it is told what happens; `None` where nobody tells.
    fn events(&self) -> Option<&Events> {
        None
    }

    /// The audit, newest first, before number `before`, at most `limit` entries.
    fn audit(&self, before: Option<i64>, limit: u32) -> BoxFuture<Result<Json, Problem>>;

    /// Idempotency keys, or those alone whose outcome is unknown, at most `limit`; never what was asked or answered.
    ///
    /// # Errors
    /// `unsupported` where none are kept.
    fn keys(&self, in_doubt: bool, limit: u32) -> BoxFuture<Result<Json, Problem>> {
        let _ = (in_doubt, limit);
        let none = Failure::new(Kind::Unsupported, "no idempotency keys are kept here");
        Box::pin(std::future::ready(Err(none.into())))
    }

    /// What `action` would touch. Does nothing.
    ///
    /// # Errors
    /// What is wrong with it.
    fn touches(&self, action: &AdminOrder) -> Result<Touches, Problem>;

    /// Carries out an order and records it. Goes on when its future is dropped.
    ///
    /// # Errors
    /// Why it was not done, or not to the end.
    fn perform(&self, order: Order) -> BoxFuture<Result<Value, Problem>>;
}
