//! The handle that callers hold: admit, route and the lookup in memory, inline.
//!
//! Invariant: every call ends in exactly one reply by its deadline, which the handle itself keeps, whatever becomes of the
//! actors; and a hit crosses no mailbox.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::admission::{Admission, Attendance, Drained};
use super::calls::{CallRecord, CallSnapshot};
use super::finished::FinishedCall;
use super::job::Job;
use super::patience::send_patiently;
use super::settlement::Settlement;
use crate::cache::CacheKey;
use crate::cache::l1::Lookup;
use crate::cache::tiered::TieredCache;
use crate::call::{Answer, CacheStatus, Call};
use crate::clock::Clock;
use crate::credits::CreditBook;
use crate::decision::{Decisions, Phase, Rules, Trace};
use crate::directory::Published;
use crate::error::{Failure, Kind};
use crate::messages::{GatewayMsg, RouterMsg};
use crate::plugin::Registry;
use crate::policy::limit::Allowance;
use crate::port::ReplyPort;
use crate::supervision::Handle;
use crate::telemetry::{Meters, phase, sampled};

/// A job that a crashed actor took along is sent again so often: it was not begun.
const RESUBMISSIONS: usize = 3;

/// What callers hold. Cheap to clone; works over every restart.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) front: Arc<Front>,
}

/// What the handle reads. It belongs to the system, so that no restart loses it.
pub(crate) struct Front {
    pub(crate) clock: Clock,
    pub(crate) meters: Arc<Meters>,
    pub(crate) admission: Arc<Admission>,
    pub(crate) directory: Arc<Published>,
    pub(crate) registry: Arc<Registry>,
    pub(crate) cache: Arc<TieredCache>,
    pub(crate) actor: Handle<GatewayMsg>,
    pub(crate) decisions: Arc<Decisions>,
    /// Told of calls that are not made; those that are reach it by their tasks.
    pub(crate) router: Handle<RouterMsg>,
    /// Likewise.
    pub(crate) credits: Arc<CreditBook>,
}

impl Gateway {
    /// Carries one call to its reply. Dropping the future cancels the work.
    ///
    /// # Errors
    /// Any [`Failure`].
    pub async fn call(&self, call: Call) -> Result<Answer, Failure> {
        let started = Instant::now();
        let call = Arc::new(call);
        let mut settlement = Settlement::open(&self.front.meters, &call, started);
        if self.front.decisions.is_sampled(&call) {
            settlement.record(&self.front.decisions);
        }
        // A hit waits for nothing; without this, a task that calls in a loop would starve its neighbours.
        tokio::task::coop::consume_budget().await;
        let mut outcome = self.front.carry(call, started, &mut settlement).await;
        if outcome.as_ref().is_err_and(|failure| failure.cached.is_none()) {
            settlement.list(&self.front.admission.listing);
            settlement.record(&self.front.decisions);
        }
        settlement.reply(&mut outcome);
        outcome
    }

    /// Refuses new calls and waits for those in flight, streams included; what is left after `limit` is cancelled.
    pub async fn drain(&self, limit: Duration) -> Drained {
        self.front.admission.drain(limit).await
    }

    /// Lets one of `tenant` in who asks for no operation but stays, such as a listener: it counts for the tenant's rate and
    /// calls in flight as a call does.
    ///
    /// # Errors
    /// `rate_limited` or `overloaded`, as calls are.
    pub fn attend(&self, tenant: &Arc<str>) -> Result<Attendance, Failure> {
        self.front.admission.attend(tenant, self.front.clock.nanos())
    }

    /// Takes one of what the rate of `tenant` leaves it, as a call does, for who asks for no operation.
    ///
    /// # Errors
    /// As of a call: `rate_limited`.
    pub fn charge(&self, tenant: &Arc<str>) -> Result<(), Failure> {
        let now = self.front.clock.nanos();
        self.front.admission.tenants.admit(tenant, now).map(drop)
    }

    /// What the rate of `tenant` leaves it now; `None`: it has none.
    pub fn allowance(&self, tenant: &str) -> Option<Allowance> {
        self.front.admission.tenants.allowance(tenant, self.front.clock.nanos())
    }

    /// It takes calls.
    pub fn accepting(&self) -> bool {
        self.front.admission.is_open()
    }

    /// Calls in flight, streams included.
    pub fn in_flight(&self) -> usize {
        self.front.admission.in_flight()
    }

    /// Those who stay without a call, which are among their tenants' calls in flight: listeners to events.
    pub fn attending(&self) -> usize {
        self.front.admission.attending()
    }

    /// The calls in flight, streams included, at most `limit` and those that last longest; without their payloads.
    pub fn calls(&self, limit: usize) -> Vec<CallSnapshot> {
        self.front.admission.listing.oldest(limit, self.front.clock.nanos())
    }

    /// The last calls that ended, save those that memory served, at most `limit`, newest first.
    pub fn finished(&self, limit: usize) -> Vec<FinishedCall> {
        self.front.admission.listing.finished.newest(limit)
    }

    /// The calls in flight with this id.
    pub fn named(&self, id: &str) -> Vec<CallSnapshot> {
        self.front.admission.listing.named(id, self.front.clock.nanos())
    }

    /// Ends the calls in flight with this id: their callers are told `cancelled`. Tells how many there were.
    pub fn cancel(&self, id: &str) -> usize {
        self.front.admission.listing.cancel(id)
    }
}

impl Front {
    async fn carry(&self, call: Arc<Call>, started: Instant, settlement: &mut Settlement) -> Result<Answer, Failure> {
        let now = self.clock.nanos_at(started);
        self.admission.check_open()?;
        if call.deadline <= started {
            return Err(Failure::new(Kind::Timeout, "the deadline had passed when the call came").never_sent());
        }
        let (meters, sampled) = (&self.meters, sampled());
        let tenants = &self.admission.tenants;
        let gate = phase!(meters, sampled, "admit", tenants.admit(&call.caller.tenant, now))?;
        let standing = |trace: &Trace| trace.write(|decision| decision.limits(gate.standing(now)));
        settlement.trace().passed(Phase::Admit);
        standing(settlement.trace());
        // The claim costs a write to a store: whoever makes it holds its places already, and pays for it.
        let mut entered = None;
        if let Some(claim) = &call.claim {
            if let Some(trace) = settlement.record(&self.decisions) {
                standing(trace);
            }
            let permits = self.admission.enter(&call, gate.clone(), now)?;
            settlement.missed(&self.admission.listing, permits.record(), None);
            let taken = tokio::select! {
                biased;
                failure = permits.record().cancelled() => return Err(failure.never_sent()),
                taken = claim.clone().take(call.deadline) => taken?,
            };
            if let Some(answer) = taken {
                return Ok(answer);
            }
            entered = Some(permits);
        }
        let candidates = phase!(meters, sampled, "route", self.directory.load().route(&call));
        let candidates = candidates.map_err(|failure| {
            settlement.record(&self.decisions);
            settlement.trace().write(|decision| decision.refused(self.rules(&call)));
            let meant = failure.provider.clone();
            self.registry.explained(failure, meant.as_deref())
        })?;
        settlement.trace().passed(Phase::Route);
        let key = CacheKey::of(&call, candidates.id);
        let epoch = self.cache.l1.epoch();
        let mut stale = None;
        if let Some(key) = key.as_ref().filter(|_| !call.no_cache) {
            match phase!(meters, sampled, "lookup", self.cache.l1.get(key, now)) {
                Lookup::Fresh(entry) => {
                    // A refusal is what its caller asks about, however few hits have a record.
                    if entry.is_refusal()
                        && let Some(trace) = settlement.record(&self.decisions)
                    {
                        standing(trace);
                    }
                    settlement
                        .trace()
                        .write(|decision| decision.routed(&call, &candidates, self.rules(&call)));
                    settlement.trace().passed(Phase::Lookup);
                    return entry.serve(CacheStatus::Hit, "l1", now);
                }
                Lookup::Stale(entry) => stale = Some(entry),
                Lookup::Miss => {}
            }
        }
        let is_new = settlement.record(&self.decisions).is_some();
        settlement.trace().write(|decision| {
            if is_new {
                decision.limits(gate.standing(now));
            }
            decision.routed(&call, &candidates, self.rules(&call));
            // Its reply says more, where there is one.
            let looked_up = key.is_some() && !call.no_cache;
            decision.served(
                if looked_up {
                    CacheStatus::Miss
                } else {
                    CacheStatus::Bypass
                },
                None,
            );
            decision.passed(Phase::Lookup, Instant::now());
        });
        // A miss: it takes its permits, and becomes a message.
        let permits = match entered {
            Some(permits) => permits,
            None => self.admission.enter(&call, gate, now)?,
        };
        settlement.missed(&self.admission.listing, permits.record(), key.as_ref());
        let permits = Arc::new(permits);
        let job = Arc::new(Job {
            call,
            candidates,
            key,
            epoch,
            stale,
            permits,
            trace: settlement.trace().clone(),
        });
        self.submit(job).await
    }

    /// The rules that were tried for a call. Looked up once more, and only for a record: most calls have none.
    pub(super) fn rules(&self, call: &Call) -> Rules {
        self.directory.load().rules_tried(call)
    }

    async fn submit(&self, job: Arc<Job>) -> Result<Answer, Failure> {
        let deadline = job.call.deadline;
        for _ in 0..RESUBMISSIONS {
            let (reply, waiting) = ReplyPort::new();
            let message = GatewayMsg::Carry(job.clone(), reply);
            if send_patiently(&self.actor, message, deadline).await.is_err() {
                return Err(self.admission.overloaded("gateway", "the gateway is being restarted"));
            }
            // Leaving at the deadline cancels the task, as any caller's leaving does.
            match tokio::time::timeout_at(deadline, waiting).await {
                Ok(Ok(outcome)) => return outcome,
                // The message was lost with the actor's mailbox; no task began.
                Ok(Err(_)) => {}
                Err(_) => return Err(overdue(job.record())),
            }
        }
        Err(Failure::new(Kind::Internal, "the gateway was restarted again and again").never_sent())
    }
}

/// The deadline has passed. Whoever is asked by then is named, as where the attempt itself had come to tell of it: which of
/// the two comes first is chance.
fn overdue(record: &CallRecord) -> Failure {
    match record.asked_now() {
        Some(provider) => {
            let sentence = format!("{provider} did not answer before the call's deadline");
            Failure::new(Kind::Timeout, sentence).by(&provider)
        }
        None => Failure::new(Kind::Timeout, "no answer came before the call's deadline"),
    }
}
