//! The product's own actors at the root of the tree: telemetry and the state store.
//!
//! Invariant: they do what must be done from time to time; no call waits for them.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};

use crate::stores::StateStore;
use crate::telemetry::Telemetry;

/// How often histograms are folded into their buckets, so that they stay small between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How often answers to idempotency keys are forgotten whose time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How many at a time, so that one turn stays short.
const EXPIRE_AT_ONCE: u32 = 1_000;

/// The specs, in the order they start.
pub(super) fn specs(telemetry: &Arc<Telemetry>, store: &Arc<dyn StateStore>) -> Vec<ChildSpec> {
    let (telemetry, store) = (telemetry.clone(), store.clone());
    vec![
        ChildSpec::worker("telemetry", &Handle::new(), move || {
            Ok(TelemetryActor(telemetry.clone()))
        })
        .kind("telemetry"),
        ChildSpec::worker("state", &Handle::new(), move || Ok(StateActor(store.clone()))).kind("state"),
    ]
}

/// It is time.
struct Tick;

impl Message for Tick {
    fn label(&self) -> &'static str {
        "tick"
    }
}

struct TelemetryActor(Arc<Telemetry>);

impl Worker for TelemetryActor {
    type Msg = Tick;

    async fn start(&mut self, cx: &Context<Tick>) -> Result<(), Fault> {
        cx.every(UPKEEP_EVERY, || Tick);
        Ok(())
    }

    async fn handle(&mut self, _tick: Tick, _cx: &Context<Tick>) -> Result<(), Fault> {
        self.0.upkeep();
        Ok(())
    }
}

struct StateActor(Arc<dyn StateStore>);

impl Worker for StateActor {
    type Msg = Tick;

    async fn start(&mut self, cx: &Context<Tick>) -> Result<(), Fault> {
        cx.every(EXPIRE_EVERY, || Tick);
        Ok(())
    }

    async fn handle(&mut self, _tick: Tick, _cx: &Context<Tick>) -> Result<(), Fault> {
        let store = self.0.clone();
        // The database is waited for on a task: no handler awaits I/O.
        tokio::spawn(async move {
            match store.expire(Timestamp::now(), EXPIRE_AT_ONCE).await {
                Ok(0) => {}
                Ok(count) => tracing::debug!(count, "answers to idempotency keys are forgotten"),
                Err(error) => tracing::warn!(%error, "answers to idempotency keys could not be forgotten"),
            }
        });
        Ok(())
    }
}
