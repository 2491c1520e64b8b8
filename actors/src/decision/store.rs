//! The records of one system: who gets one, where they are kept, who may read them.
//!
//! Invariant: a record is either free, or of a call under way, or in the ring; a tenant is shown its own alone.

use std::sync::Arc;

use serde::Serialize;
use tokio::time::Instant;

use super::explained::Explained;
use super::pool::{Pool, Trace};
use super::record::Decision;
use super::render::render;
use super::ring::{Kept, Ring};
use super::rows::Ended;
use crate::call::Call;
use crate::supervision::unix_ms;
use crate::telemetry::Meters;

/// Bounds of decision records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DecisionSettings {
    /// Records of calls that have ended that are kept; the oldest go first. 0: none.
    pub kept: usize,
    /// Calls under way that have a record at most; beyond, a call goes without, which is counted.
    pub under_way: usize,
    /// One in so many answers from memory has a record; 0: none has. Every other call has one.
    pub hits: u32,
}

impl Default for DecisionSettings {
    /// 4,096 of each, which is 16 MB when all are in use; one hit in 64, as sampling tracers take a hundredth or so.
    fn default() -> Self {
        DecisionSettings {
            kept: 4_096,
            under_way: 4_096,
            hits: 64,
        }
    }
}

/// How many records there are, as the admin endpoint shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct DecisionCounts {
    /// Records at most.
    pub total: usize,
    /// Those that are nobody's.
    pub free: usize,
    /// Those of calls that have ended.
    pub kept: usize,
}

/// All records of one system.
pub(crate) struct Decisions {
    settings: DecisionSettings,
    pool: Pool,
    ring: Ring,
    meters: Arc<Meters>,
}

impl Decisions {
    pub(crate) fn new(settings: DecisionSettings, meters: Arc<Meters>) -> Self {
        Decisions {
            pool: Pool::new(settings.kept.saturating_add(settings.under_way)),
            ring: Ring::new(settings.kept),
            settings,
            meters,
        }
    }

    /// Whether a call has its record from its beginning: where its caller asks for it, and where it is the sample of those
    /// that memory may serve. The others have one once memory did not serve them.
    pub(crate) fn is_sampled(&self, call: &Call) -> bool {
        let hits = self.settings.hits;
        call.explain || (hits > 0 && fastrand::u32(..hits) == 0)
    }

    /// A record of `call`, which came at `started`. Empty where there is none: that is counted.
    pub(crate) fn begin(&self, call: &Call, started: Instant) -> Trace {
        if self.settings.kept == 0 && !call.explain {
            return Trace::default();
        }
        let ticket = self.pool.take();
        match &ticket {
            Some(ticket) => ticket.write(|decision| decision.begin(call, started, unix_ms())),
            None => self.meters.decisions.dropped.increment(1),
        }
        Trace(ticket)
    }

    /// Its call has ended so: the record is closed, rendered where its caller asked for it, and kept.
    pub(crate) fn end(&self, call: &Call, trace: &Trace, ended: Ended, may_wait: bool) -> Option<Arc<Explained>> {
        let ticket = trace.0.clone()?;
        ticket.write(|decision| {
            decision.end(ended);
            decision.closed = true;
        });
        let explained = call.explain.then(|| ticket.read(render)).flatten().map(Arc::new);
        let gone = match self.ring.keep(&call.id, ticket, may_wait) {
            Kept::Yes(gone) => {
                self.meters.decisions.recorded.increment(1);
                gone
            }
            Kept::No(ticket) => {
                self.meters.decisions.dropped.increment(1);
                Some(ticket)
            }
        };
        if let Some(ticket) = gone {
            self.pool.give_back(ticket);
        }
        explained
    }

    /// At most `limit`, the newest first: with this id, if one is given, and of this tenant, likewise.
    pub(crate) fn newest(&self, limit: usize, id: Option<&str>, tenant: Option<&str>) -> Vec<Explained> {
        let meant = |decision: &Decision| {
            let subject = decision.subject.as_ref()?;
            let its = tenant.is_none_or(|tenant| *tenant == *subject.tenant) && id.is_none_or(|id| *id == *subject.id);
            its.then(|| render(decision))
        };
        let tickets = self.ring.newest(id);
        // One that was used again meanwhile is not what was asked for any more.
        let found = tickets.iter().filter_map(|ticket| ticket.read(meant).flatten());
        found.take(limit).collect()
    }

    pub(crate) fn counts(&self) -> DecisionCounts {
        DecisionCounts {
            total: self.pool.most(),
            free: self.pool.free(),
            kept: self.ring.len(),
        }
    }
}

impl Trace {
    /// What is known so far, rendered.
    pub(crate) fn rendered(&self) -> Option<Explained> {
        self.0.as_ref()?.read(render)
    }

    /// What was written; of an empty one, nothing.
    pub(crate) fn into_explained(self) -> Explained {
        self.rendered().unwrap_or_else(|| render(&Decision::default()))
    }
}
