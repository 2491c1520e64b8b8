//! The end of a gateway: asked for, or because nobody holds it any more.
//!
//! Invariant: it is drained and stopped in order either way, and only where it still runs.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::gateway::Drained;
use mosaic_actors::system::System;
use tokio::time::timeout;

use super::mosaic::Inner;
use crate::dispatch::Dispatcher;
use crate::stores::StateStore;

/// How long the outcomes of keyed writes may take to be written down at the end: the disk's time, with ease.
const RECORDING: Duration = Duration::from_secs(5);

/// What runs, apart from the handles that lead to it.
pub(super) struct Running {
    dispatcher: Arc<Dispatcher>,
    system: System,
    store: Arc<dyn StateStore>,
}

impl Running {
    pub(super) async fn stop(self, limit: Duration) -> Drained {
        let drained = self.system.gateway().drain(limit).await;
        // The calls are over by now; what is left of a keyed write is to write its outcome down.
        if timeout(RECORDING, self.dispatcher.settled()).await.is_err() {
            tracing::warn!("the outcome of a keyed write was not recorded in time");
        }
        self.system.shutdown(Duration::ZERO).await;
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
