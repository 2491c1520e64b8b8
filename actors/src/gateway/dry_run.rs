//! Decisions that are read, and calls that are not made: what the path would decide for one, without walking it.
//!
//! Invariant: nothing is sent, no permit taken, no turn of a balancer spent, nothing counted or filled, and no credits are
//! spent (what the call would take of them may be leased, which it is judged by); and a tenant is shown its own records alone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::oneshot;
use tokio::time::Instant;

use super::handle::{Front, Gateway};
use super::patience::send_patiently;
use crate::cache::CacheKey;
use crate::call::{CacheStatus, Call};
use crate::decision::{Ended, Every, Explained, Phase, Trace, micros};
use crate::error::Kind;
use crate::messages::{Look, RouterMsg};
use crate::policy::freshness::Freshness;
use crate::policy::routing::CandidateSet;
use crate::router::Looked;

/// How long the router may take to look: it waits for nothing, so a longer silence is its restart.
const LOOK: Duration = Duration::from_secs(1);

impl Gateway {
    /// The decision records of calls with this id, the newest first. Callers may choose ids, so there may be several: the
    /// first is the newest. `tenant`: only its own.
    pub fn explain(&self, id: &str, tenant: Option<&str>) -> Vec<Explained> {
        self.front.decisions.newest(usize::MAX, Some(id), tenant)
    }

    /// The last decision records, at most `limit`, the newest first. `tenant`: only its own.
    pub fn decisions(&self, limit: usize, tenant: Option<&str>) -> Vec<Explained> {
        self.front.decisions.newest(limit, None, tenant)
    }

    /// Explains a call that is not made: how it would be routed, how its candidates stand, who would be asked first, whether
    /// memory would serve it, and what would refuse it now. Its input is not looked at, and its claim is not taken.
    pub async fn dry_run(&self, call: Call) -> Explained {
        let started = Instant::now();
        let call = Arc::new(call);
        let trace = Trace::alone(&call, started);
        let mut rules = Every::default();
        let (code, waits) = match self.front.dry_run(&call, &trace, &mut rules, started).await {
            Looked::Sent => (None, None),
            Looked::Waits(awaited) => (None, Some(awaited)),
            Looked::Refused(kind) => (Some(kind), None),
        };
        trace.write(|decision| {
            decision.end(Ended {
                code,
                waits,
                took_us: micros(started.elapsed()),
                ..Ended::default()
            });
        });
        let mut explained = trace.into_explained();
        // There is room for all of them: nobody keeps it.
        (explained.route.rules, explained.route.rules_left_out) = (rules.explained(), 0);
        Explained {
            dry_run: true,
            ..explained
        }
    }
}

impl Front {
    /// Writes what would be decided, and tells what would become of the call.
    async fn dry_run(&self, call: &Arc<Call>, trace: &Trace, rules: &mut Every, started: Instant) -> Looked {
        let now = self.clock.nanos_at(started);
        let barred = self.bars(call, trace, now);
        trace.passed(Phase::Admit);
        let routed = self.directory.load().explain(call, rules);
        trace.passed(Phase::Route);
        let candidates = match routed {
            Ok(candidates) => candidates,
            Err(failure) => {
                trace.write(|decision| decision.refused(rules.few()));
                return Looked::Refused(barred.unwrap_or(failure.kind));
            }
        };
        trace.write(|decision| decision.routed(call, &candidates, rules.few()));
        let status = self.would_be(call, &candidates, now);
        trace.write(|decision| decision.served(status, (status == CacheStatus::Hit).then_some("l1")));
        trace.passed(Phase::Lookup);
        // As a call does: what it takes of credits may have to be leased first.
        self.credits.stock(call, &candidates, &[]).await;
        let looked = self.look(call, candidates, trace).await;
        let refused = match status {
            CacheStatus::Hit => barred,
            _ => barred.or(self.is_full(call, now)),
        };
        match (refused, status) {
            (Some(kind), _) => Looked::Refused(kind),
            (None, CacheStatus::Hit) => Looked::Sent,
            (None, _) => looked,
        }
    }

    /// What refuses the call before it is routed.
    fn bars(&self, call: &Call, trace: &Trace, now: u64) -> Option<Kind> {
        if !self.admission.is_open() {
            return Some(Kind::Overloaded);
        }
        let standing = self.admission.tenants.standing(&call.caller.tenant, now)?;
        trace.write(|decision| decision.limits(standing));
        (standing.remaining == Some(0)).then_some(Kind::RateLimited)
    }

    /// What refuses a call that memory does not serve: no place for it among those in flight.
    fn is_full(&self, call: &Call, now: u64) -> Option<Kind> {
        let standing = self.admission.tenants.standing(&call.caller.tenant, now);
        let tenant =
            standing.is_some_and(|standing| standing.max_in_flight > 0 && standing.in_flight >= standing.max_in_flight);
        (tenant || self.admission.free_permits() == 0).then_some(Kind::Overloaded)
    }

    /// What the memory tier would do. The farther tiers are not asked.
    fn would_be(&self, call: &Call, candidates: &CandidateSet, now: u64) -> CacheStatus {
        let key = CacheKey::of(call, candidates.id).filter(|_| !call.no_cache);
        let Some(key) = key else { return CacheStatus::Bypass };
        match self.cache.l1.peek(&key, now) {
            Some(Freshness::Fresh) => CacheStatus::Hit,
            Some(Freshness::Stale) => CacheStatus::Stale,
            Some(Freshness::Expired) | None => CacheStatus::Miss,
        }
    }

    /// Has the router look at the candidates.
    async fn look(&self, call: &Arc<Call>, candidates: Arc<CandidateSet>, trace: &Trace) -> Looked {
        let (done, looked) = oneshot::channel();
        let look = RouterMsg::Look(Look {
            call: call.clone(),
            candidates,
            trace: trace.clone(),
            done,
        });
        let limit = Instant::now() + LOOK;
        if send_patiently(&self.router, look, limit).await.is_err() {
            return Looked::Refused(Kind::Overloaded);
        }
        match tokio::time::timeout_at(limit, looked).await {
            Ok(Ok(looked)) => looked,
            // The router is being restarted.
            Ok(Err(_)) | Err(_) => Looked::Refused(Kind::Overloaded),
        }
    }
}
