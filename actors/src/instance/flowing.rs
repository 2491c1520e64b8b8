//! What an instance may be asked beyond what callers ask for: repetitions, hedges; and the wait for a place there.
//!
//! Invariant: whoever repeats or hedges has spent for it first.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::flow::{class, locked, may_be_hedged};
use super::{AttemptEnd, Instance};
use crate::bulkhead::BulkheadPermit;
use crate::call::Call;
use crate::error::{Failure, Kind};
use crate::operation::Operation;
use crate::policy::estimate::Class;
use crate::policy::hedge::HedgeSettings;
use crate::policy::recover::RecoverSettings;

impl Instance {
    /// A call's first attempt is made here: what may be repeated here grows with it.
    pub(crate) fn requested(&self, recover: &RecoverSettings, hedge: &HedgeSettings) {
        let now = self.now();
        let mut budgets = locked(&self.flow.budgets);
        budgets.retries.requested(&recover.budget, now);
        if hedge.enabled {
            budgets.hedges.requested(&hedge.budget(), now);
        }
    }

    /// Whether what follows a failure here may be done: a retry, or a failover from here.
    pub(crate) fn may_repeat(&self, recover: &RecoverSettings) -> bool {
        let may = locked(&self.flow.budgets).retries.spend(&recover.budget, self.now());
        if !may {
            self.meters.flow.retries_refused.increment(1);
        }
        may
    }

    /// After how long another is asked what this one was asked; `None`: none is.
    pub(crate) fn hedge_after(&self, call: &Call, settings: &HedgeSettings) -> Option<Duration> {
        let may = settings.enabled && may_be_hedged(&call.operation) && call.upload.is_none();
        may.then(|| locked(&self.flow.durations[class(&call.operation)]).delay(settings))?
    }

    /// Whether a hedge of what this one was asked may be sent. Nothing is spent by the look.
    pub(crate) fn may_hedge(&self, recover: &RecoverSettings, settings: &HedgeSettings) -> bool {
        locked(&self.flow.budgets).has_hedge(recover, settings, self.now())
    }

    /// A hedge of what this one was asked is sent, unless there is none left to spend. It draws on what retries may spend, too.
    pub(crate) fn hedges(&self, recover: &RecoverSettings, settings: &HedgeSettings) -> bool {
        let may = locked(&self.flow.budgets).hedge(recover, settings, self.now());
        if may {
            self.meters.flow.hedges.increment(1);
        }
        may
    }

    /// An attempt took so long to its answer, or at least so long.
    pub(crate) fn learn(&self, operation: &Operation, took: Duration, hedge: &HedgeSettings) {
        if hedge.enabled && may_be_hedged(operation) {
            locked(&self.flow.durations[class(operation)]).note(took);
        }
        let Some(limit) = &self.flow.limit else { return };
        let changed = locked(limit).note(took, self.in_flight(), self.now());
        if let Some(limit) = changed {
            self.bulkhead.set_limit(limit);
        }
    }

    /// The attempt was one of two, and the other has the call's outcome: it is given up after this time. That is less than an
    /// answer would have taken, and says something only where it is more than was expected.
    pub(crate) fn outrun(&self, class: Class, took: Duration) {
        let expected = self.latency(class, self.now()).map(|estimate| estimate.expected);
        if expected.is_none_or(|expected| took > expected) {
            self.took(class, took);
        }
        let failure = Failure::new(Kind::Cancelled, "another instance answered sooner").by(&self.spec.name);
        self.meters.attempts.count(Some(failure.kind));
        self.count(AttemptEnd::Abandoned, Some(&failure), false);
    }

    /// Waits for a place among its attempts in flight until `until`, and no longer than it has anybody wait.
    ///
    /// # Errors
    /// After which time to come back.
    pub(crate) async fn place(self: &Arc<Self>, call: &Call, until: Instant) -> Result<BulkheadPermit, Duration> {
        self.bulkhead.wait(call, until).await
    }

    /// Whether attempts may wait for a place.
    pub(crate) fn has_queue(&self) -> bool {
        self.bulkhead.has_queue()
    }

    /// How many wait for a place.
    pub fn waiting(&self) -> usize {
        self.bulkhead.waiting()
    }

    /// How many attempts may be in flight now.
    pub fn limit(&self) -> usize {
        self.bulkhead.limit()
    }

    /// After which time one who finds no place should come back.
    pub(crate) fn come_back(&self) -> Duration {
        self.bulkhead.come_back()
    }
}
