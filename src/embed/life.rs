//! The end of a gateway: asked for, or because nobody holds it any more.
//!
//! Invariant: it is drained and stopped in order either way, and only where it still runs.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::cache::tier::TierSpec;
use mosaic_actors::gateway::Drained;
use mosaic_actors::system::System;
use serde_json::json;
use tokio::time::timeout;
#[cfg(feature = "mcp")]
use tokio_util::sync::CancellationToken;

use super::lessons::Lessons;
use super::mosaic::Inner;
use crate::bus::Bus;
use crate::dispatch::Dispatcher;
use crate::stores::{Expected, StateStore, StoreError};

/// How long the outcomes of keyed writes may take to be written down at the end, and as long what balancers have learned: the
/// disk's time, with ease.
const RECORDING: Duration = Duration::from_secs(5);

/// What runs, apart from the handles that lead to it.
pub(super) struct Running {
    dispatcher: Arc<Dispatcher>,
    system: System,
    store: Arc<dyn StateStore>,
    bus: Bus,
    lessons: Lessons,
    #[cfg(feature = "mcp")]
    agents: CancellationToken,
    #[cfg(feature = "mcp")]
    visits: CancellationToken,
}

/// The document that is there while a gateway runs, and after one that was killed.
const RUNNING: (&str, &str) = ("process", "running");

/// Notes that a gateway runs. After one that did not end in order, what it owed the shared tiers is forgotten, so they
/// are not trusted; and where that could not be known the next time, they are done without.
pub(super) async fn begin(store: &dyn StateStore, tiers: &mut Vec<TierSpec>) {
    let (kind, id) = RUNNING;
    let begun = async {
        let unclean = store.get_document(kind, id).await?.is_some();
        store.put_document(kind, id, &json!({}), Expected::Any).await?;
        Ok::<_, StoreError>(unclean)
    };
    match begun.await {
        Ok(unclean) => {
            if unclean {
                tracing::warn!("the last run did not end in order: what the shared cache holds is made invalid first");
            }
            tiers.iter_mut().for_each(|tier| tier.distrusted = unclean);
        }
        Err(error) => {
            tracing::error!(%error, "the shared cache is not used: what this run would owe it could not be told after a crash");
            tiers.clear();
        }
    }
}

/// Notes that nothing is owed.
async fn end(store: &dyn StateStore) {
    let (kind, id) = RUNNING;
    if let Err(error) = store.delete_document(kind, id, Expected::Any).await {
        tracing::warn!(%error, "the end could not be noted: the shared cache will not be trusted at the next start");
    }
}

impl Running {
    pub(super) async fn stop(self, limit: Duration) -> Drained {
        self.bus.end();
        #[cfg(feature = "mcp")]
        self.agents.cancel();
        let drained = self.system.gateway().drain(limit).await;
        #[cfg(feature = "mcp")]
        self.visits.cancel();
        // The calls are over by now; what is left of a keyed write is to write its outcome down.
        if timeout(RECORDING, self.dispatcher.settled()).await.is_err() {
            tracing::warn!("the outcome of a keyed write was not recorded in time");
        }
        if timeout(RECORDING, self.lessons.keep(&self.system)).await.is_err() {
            tracing::warn!("what balancers have learned was not written down in time");
        }
        self.system.shutdown(Duration::ZERO).await;
        let pending: usize = self
            .system
            .snapshot()
            .tiers
            .iter()
            .map(|tier| tier.pending_invalidations)
            .sum();
        // Of calls that were cut, the last invalidations may not have been noted yet.
        if pending == 0 && drained == Drained::Finished {
            end(&*self.store).await;
        }
        self.store.close().await;
        drained
    }
}

impl Inner {
    pub(super) fn running(&self) -> Running {
        Running {
            dispatcher: self.dispatcher.clone(),
            system: self.system.clone(),
            store: self.store.clone(),
            bus: self.bus.clone(),
            lessons: self.lessons.clone(),
            #[cfg(feature = "mcp")]
            agents: self.agents.clone(),
            #[cfg(feature = "mcp")]
            visits: self.visits.clone(),
        }
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        if !*self.stopped.get_mut() {
            // On a runtime that has ended this does nothing: everything ended with it.
            self.runtime
                .spawn(self.running().stop(self.config.server.drain_timeout));
        }
    }
}
