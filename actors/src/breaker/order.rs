//! Administrators' orders to breakers.
//!
//! Invariant: an order is about all gates of its breaker, and is obeyed by all of them before it is said to be.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;

use super::Breakers;
use super::actor::BreakerMsg;
use crate::clock::nanos_of;
use crate::error::{Failure, Kind};

/// How long an administrator's order waits for the breaker's actor, whose turns take microseconds.
const PATIENCE: Duration = Duration::from_secs(5);
/// When to come back to an actor that is being restarted.
const AWAY: Duration = Duration::from_millis(100);

/// An administrator's order to stay open.
#[derive(Debug)]
pub(crate) struct Forced {
    pub(super) reason: Arc<str>,
    /// When it ends by itself, in nanoseconds of the system's clock.
    until: Option<u64>,
}

impl Forced {
    pub(super) fn left(&self, now: u64) -> Option<Duration> {
        self.until.map(|until| Duration::from_nanos(until.saturating_sub(now)))
    }

    /// For operators; callers are not told the reason.
    pub(super) fn why(&self) -> Arc<str> {
        format!("forced open by order ({})", self.reason).into()
    }
}

impl Breakers {
    /// Forces all its circuits open until they are reset, or `limit` has passed. Returns when they are. The reason is for
    /// operators.
    ///
    /// # Errors
    /// `overloaded` where the breaker's actor is being restarted.
    pub async fn force_open(&self, reason: &str, limit: Option<Duration>) -> Result<(), Failure> {
        let until = limit.map(|limit| self.clock.nanos().saturating_add(nanos_of(limit)));
        let reason = Arc::from(reason);
        self.force(Arc::new(Forced { reason, until })).await
    }

    /// Has an order obeyed that another breaker obeys.
    pub(crate) async fn force(&self, forced: Arc<Forced>) -> Result<(), Failure> {
        self.order(|done| BreakerMsg::ForceOpen(forced, done)).await
    }

    /// Closes all its circuits. Returns when they are.
    ///
    /// # Errors
    /// As [`Breakers::force_open`].
    pub async fn reset(&self) -> Result<(), Failure> {
        self.order(BreakerMsg::Reset).await
    }

    /// The order that it was forced open by, if it was not reset since.
    pub(crate) fn forced(&self) -> Option<Arc<Forced>> {
        // All obey the same.
        self.gates.iter().find_map(|named| named.gate.forced())
    }

    async fn order(&self, order: impl FnOnce(oneshot::Sender<()>) -> BreakerMsg) -> Result<(), Failure> {
        let away = || Failure::new(Kind::Overloaded, "the circuit breaker is being restarted").after(AWAY);
        let (done, obeyed) = oneshot::channel();
        self.actor.send(order(done)).map_err(|_| away())?;
        let obeyed = tokio::time::timeout(PATIENCE, obeyed).await;
        obeyed.ok().and_then(Result::ok).ok_or_else(away)
    }
}
