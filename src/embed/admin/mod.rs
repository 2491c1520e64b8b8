//! The engine as the admin surface sees it.
//!
//! Invariant: everything shown is read from published snapshots; no mailbox is asked, so it answers whatever the data
//! path does.

mod config;
mod orders;
mod routing;
mod table;
mod touches;
mod views;

use jiff::Timestamp;
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::Events;
use serde_json::{Value, json};

use super::mosaic::Mosaic;
use crate::admin::{AdminOrder, AdminPort, Json, Order, Touches, View};
use crate::surfaces::problem::Problem;

/// A gateway under administration.
#[derive(Clone)]
pub(super) struct Port(pub(super) Mosaic);

impl AdminPort for Port {
    fn view(&self, view: View) -> Result<Json, Problem> {
        self.show(view)
    }

    fn events(&self) -> Option<&Events> {
        Some(self.0.system().events())
    }

    fn audit(&self, before: Option<i64>, limit: u32) -> BoxFuture<Result<Json, Problem>> {
        let store = self.0.inner.store.clone();
        Box::pin(async move {
            let records = store.list_audit(None, before, limit).await.map_err(Failure::from)?;
            let entries: Vec<Value> = records.iter().map(audited).collect();
            // A full page may have a next one.
            let next = records.last().filter(|_| records.len() == limit as usize);
            Ok(Json::of(
                &json!({ "entries": entries, "next_before": next.map(|record| record.seq) }),
            ))
        })
    }

    fn keys(&self, in_doubt: bool, limit: u32) -> BoxFuture<Result<Json, Problem>> {
        let store = self.0.inner.store.clone();
        Box::pin(async move {
            let now = Timestamp::now();
            let keys = store.list_keys(in_doubt, now, limit).await.map_err(Failure::from)?;
            let keys: Vec<Value> = keys.iter().map(|key| key_row(key, now)).collect();
            Ok(Json::timed(&json!({ "keys": keys })))
        })
    }

    fn touches(&self, action: &AdminOrder) -> Result<Touches, Problem> {
        self.preview(action)
    }

    fn perform(&self, order: Order) -> BoxFuture<Result<Value, Problem>> {
        let port = self.clone();
        Box::pin(async move {
            // A task of its own: what was begun is done and recorded, whether or not its caller waits for it.
            let carried = tokio::spawn(async move { port.carry_out(order).await });
            let lost = |_| Problem::from(Failure::new(Kind::Internal, "the order was lost halfway"));
            carried.await.map_err(lost)?
        })
    }
}

fn key_row(key: &crate::stores::KnownKey, now: Timestamp) -> Value {
    // As `dispatch::idempotency::scope` puts them together; the name of a tenant holds no slash.
    let (tenant, operation) = key.scope.split_once('/').unwrap_or(("", &key.scope));
    let age = key
        .claimed_at
        .map(|at| now.as_millisecond().saturating_sub(at.as_millisecond()).max(0));
    json!({
        "key": key.key,
        "tenant": tenant,
        "operation": operation,
        "state": key.state,
        "age_ms": age,
        "expires_at_unix_ms": key.expires_at.as_millisecond(),
    })
}

fn audited(record: &crate::stores::AuditRecord) -> Value {
    let entry = &record.entry;
    json!({
        "seq": record.seq,
        "at": entry.at,
        "tenant": entry.tenant,
        "identity": entry.identity,
        "action": entry.action,
        "target": entry.target,
        "outcome": entry.outcome,
        "detail": entry.detail,
    })
}
