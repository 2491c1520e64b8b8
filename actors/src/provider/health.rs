//! Health checks: one on its own task.
//!
//! Invariant: whatever the driver does, who asked is answered or finds the channel closed.

use std::panic::AssertUnwindSafe;
use std::sync::Arc;

use futures_util::FutureExt;
use tokio::sync::oneshot;

use super::panics::panic_text;
use crate::driver::{Credential, Driver};
use crate::error::{Failure, Kind};
use crate::instance::ProviderMsg;
use crate::supervision::Handle;

/// A health check on its own task. It ends with the patience of who asked, who drops the other end.
pub(super) struct HealthCheck {
    pub(super) driver: Arc<dyn Driver>,
    pub(super) actor: Handle<ProviderMsg>,
    pub(super) generation: u64,
}

impl HealthCheck {
    pub(super) async fn run(self, mut done: oneshot::Sender<Result<Credential, Failure>>) {
        // Within the catch: a driver may panic before it has given its future.
        let asking = AssertUnwindSafe(async { self.driver.clone().health().await }).catch_unwind();
        let asked = tokio::select! {
            asked = asking => asked,
            () = done.closed() => return,
        };
        let outcome = asked.unwrap_or_else(|panic| self.panicked(panic_text(panic.as_ref())));
        // Who asked may have run out of patience.
        let _gone = done.send(outcome);
    }

    fn panicked(&self, text: String) -> Result<Credential, Failure> {
        let crashed = ProviderMsg::Crashed {
            generation: self.generation,
            operation: "health",
            text,
        };
        if self.actor.send(crashed).is_err() {
            tracing::warn!("a driver's health check panicked while its actor was away");
        }
        Err(Failure::new(Kind::Internal, "the driver failed in its health check"))
    }
}
