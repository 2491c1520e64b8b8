//! The engine as the admin surface sees it.
//!
//! Invariant: everything shown is read from published snapshots; no mailbox is asked, so it answers whatever the data
//! path does.

use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::ChildError;
use serde::Serialize;
use serde_json::{Value, json};

use super::Mosaic;
use crate::admin::AdminPort;

/// A gateway under administration.
pub(super) struct Port(pub(super) Mosaic);

impl AdminPort for Port {
    fn tree(&self) -> Value {
        shown(&self.0.tree())
    }

    fn ledger(&self, limit: usize) -> Value {
        json!({ "entries": shown(&self.0.ledger(limit)) })
    }

    fn status(&self) -> Value {
        let snapshot = self.0.snapshot();
        json!({
            "version": env!("CARGO_PKG_VERSION"),
            "uptime_ms": u64::try_from(self.0.inner.started.elapsed().as_millis()).unwrap_or(u64::MAX),
            "accepting": snapshot.accepting,
            "calls": { "in_flight": snapshot.in_flight, "max_in_flight": snapshot.max_in_flight },
            "tenants": snapshot.tenants,
            "cache": { "l1": shown(&snapshot.l1) },
            "providers": shown(&snapshot.instances),
        })
    }

    fn restart(&self, path: &str, reason: &str) -> BoxFuture<Result<(), Failure>> {
        let (tree, path, reason) = (self.0.system().tree().clone(), path.to_owned(), reason.to_owned());
        Box::pin(async move {
            tree.restart(&path, &reason).await.map_err(refused)?;
            tracing::info!(%path, %reason, "an actor was restarted on request");
            Ok(())
        })
    }
}

/// Snapshots are plain data; if one could not be written as JSON, its place says so.
fn shown(snapshot: &impl Serialize) -> Value {
    serde_json::to_value(snapshot).unwrap_or_else(|error| Value::String(format!("cannot be shown: {error}")))
}

fn refused(error: ChildError) -> Failure {
    let sentence = error.to_string();
    match error {
        ChildError::Unknown(_) => Failure::new(Kind::NotFound, sentence),
        _ => Failure::new(Kind::Conflict, sentence),
    }
}
