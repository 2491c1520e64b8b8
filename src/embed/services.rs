//! The product's own actors at the root of the tree: telemetry and the state store.
//!
//! Invariant: they do what must be done from time to time; no call waits for them.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::{AcqRel, Release};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};

use crate::stores::StateStore;
use crate::telemetry::Telemetry;

/// How often histograms are folded into their buckets, so that they stay small between scrapes.
const UPKEEP_EVERY: Duration = Duration::from_secs(5);
/// How often answers to idempotency keys are forgotten whose time is over.
const EXPIRE_EVERY: Duration = Duration::from_secs(60);
/// How often it is tried to write to the store, so that trouble shows before a caller meets it.
const PROBE_EVERY: Duration = Duration::from_secs(5);
/// How often while it is in trouble.
const PROBE_AGAIN: Duration = Duration::from_secs(1);
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
        ChildSpec::worker("state", &Handle::new(), move || {
            Ok(StateActor {
                store: store.clone(),
                probing: Arc::default(),
                probed: Instant::now(),
            })
        })
        .kind("state"),
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

struct StateActor {
    store: Arc<dyn StateStore>,
    probing: Arc<AtomicBool>,
    probed: Instant,
}

/// What the state's actor is told.
enum StateMsg {
    Expire,
    Probe,
}

impl Message for StateMsg {
    fn label(&self) -> &'static str {
        match self {
            StateMsg::Expire => "expire",
            StateMsg::Probe => "probe",
        }
    }
}

impl Worker for StateActor {
    type Msg = StateMsg;

    async fn start(&mut self, cx: &Context<StateMsg>) -> Result<(), Fault> {
        cx.every(EXPIRE_EVERY, || StateMsg::Expire);
        cx.every(PROBE_AGAIN, || StateMsg::Probe);
        Ok(())
    }

    // The database is waited for on a task: no handler awaits I/O.
    async fn handle(&mut self, message: StateMsg, _cx: &Context<StateMsg>) -> Result<(), Fault> {
        let store = self.store.clone();
        match message {
            StateMsg::Expire => {
                tokio::spawn(async move {
                    match store.expire(Timestamp::now(), EXPIRE_AT_ONCE).await {
                        Ok(0) => {}
                        Ok(count) => tracing::debug!(count, "answers to idempotency keys are forgotten"),
                        Err(error) => tracing::warn!(%error, "answers to idempotency keys could not be forgotten"),
                    }
                });
            }
            StateMsg::Probe => {
                let troubled = store.trouble().is_some();
                if !troubled && self.probed.elapsed() < PROBE_EVERY || self.probing.swap(true, AcqRel) {
                    return Ok(());
                }
                self.probed = Instant::now();
                let probing = self.probing.clone();
                tokio::spawn(async move {
                    match store.probe().await {
                        Err(error) if !troubled => tracing::error!(%error, "the state store cannot be written"),
                        Ok(()) if troubled => tracing::info!("the state store can be written again"),
                        Ok(()) | Err(_) => {}
                    }
                    probing.store(false, Release);
                });
            }
        }
        Ok(())
    }
}
