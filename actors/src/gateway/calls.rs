//! The calls in flight, for people to look at, and to end.
//!
//! Invariant: a call is listed for exactly as long as it holds its permits, so the list is as bounded as they are; what it
//! carries is never in it.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use serde::Serialize;
use tokio::sync::Notify;

use super::finished::FinishedCalls;
use crate::call::Call;
use crate::error::{Failure, Kind, Source};
use crate::policy::price::Price;

/// Where a call is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum CallStage {
    /// It waits for its task, or for an equal call that was first.
    Lookup,
    /// A provider is asked.
    Call,
    /// It waits before its next attempt.
    Wait,
    /// Its answer's frames are on their way.
    Stream,
}

/// A call as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct CallSnapshot {
    /// Its request id.
    pub id: Arc<str>,
    /// Its operation.
    pub operation: &'static str,
    /// Who pays for it.
    pub tenant: Arc<str>,
    /// Milliseconds since it came.
    pub for_ms: u64,
    /// Where it is.
    pub phase: CallStage,
    /// Attempts so far.
    pub attempts: u32,
    /// Who is asked, or was last.
    pub provider: Option<Arc<str>>,
}

/// All calls in flight.
#[derive(Default)]
pub(crate) struct CallsInFlight {
    calls: DashMap<u64, Arc<CallRecord>, RandomState>,
    entered: AtomicU64,
    /// Those that have ended.
    pub(crate) finished: FinishedCalls,
}

/// What the list says of a call. Whoever holds it writes on, without keeping the call listed.
pub(crate) struct CallRecord {
    call: Arc<Call>,
    since: u64,
    /// By whom it is to end, once somebody wants that.
    cancelled: OnceLock<CancelledBy>,
    told: Notify,
    progress: Mutex<Progress>,
}

/// Who ends a call before its time.
#[derive(Clone, Copy)]
enum CancelledBy {
    Stop,
    Order,
}

struct Progress {
    phase: CallStage,
    attempts: u32,
    /// Between attempts, in all.
    waited: Duration,
    provider: Option<Arc<str>>,
    /// What the attempt that was answered is charged by, where that is known.
    price: Option<Price>,
}

/// A call's place in the list; left when dropped.
pub(crate) struct Listed {
    list: Weak<CallsInFlight>,
    number: u64,
    record: Arc<CallRecord>,
}

impl Drop for Listed {
    fn drop(&mut self) {
        if let Some(list) = self.list.upgrade() {
            list.calls.remove(&self.number);
        }
    }
}

impl CallsInFlight {
    /// Lists a call that came at `now`.
    pub(crate) fn enter(self: &Arc<Self>, call: &Arc<Call>, now: u64) -> Listed {
        let number = self.entered.fetch_add(1, Relaxed);
        let record = Arc::new(CallRecord {
            call: call.clone(),
            since: now,
            cancelled: OnceLock::new(),
            told: Notify::new(),
            progress: Mutex::new(Progress {
                phase: CallStage::Lookup,
                attempts: 0,
                waited: Duration::ZERO,
                provider: None,
                price: None,
            }),
        });
        self.calls.insert(number, record.clone());
        Listed {
            list: Arc::downgrade(self),
            number,
            record,
        }
    }

    /// At most `limit`, oldest first, as of `now`.
    pub(crate) fn oldest(&self, limit: usize, now: u64) -> Vec<CallSnapshot> {
        // Copied first: a shard's lock is held for the copying of pointers alone.
        let mut entries: Vec<_> = self.calls.iter().map(|row| (*row.key(), row.value().clone())).collect();
        entries.sort_unstable_by_key(|(number, _)| *number);
        entries.truncate(limit);
        entries.into_iter().map(|(_, entry)| entry.snapshot(now)).collect()
    }
}

impl CallsInFlight {
    /// Ends every call.
    pub(crate) fn cancel_all(&self) {
        for record in &self.calls {
            record.cancel(CancelledBy::Stop);
        }
    }

    /// Ends every call with this id, by order, and tells how many there were. Callers may choose ids, so there may be
    /// several.
    pub(crate) fn cancel(&self, id: &str) -> usize {
        let named = self.calls.iter().filter(|row| *row.call.id == *id);
        named.map(|row| row.cancel(CancelledBy::Order)).count()
    }

    /// The calls with this id, as of `now`.
    pub(crate) fn named(&self, id: &str, now: u64) -> Vec<CallSnapshot> {
        let named = self.calls.iter().filter(|row| *row.call.id == *id);
        named.map(|row| row.snapshot(now)).collect()
    }
}

impl CallRecord {
    fn cancel(&self, by: CancelledBy) {
        // The first reason stays.
        let _ = self.cancelled.set(by);
        self.told.notify_waiters();
    }

    /// Resolves when somebody wants its end, to what its caller is told.
    pub(crate) async fn cancelled(&self) -> Failure {
        loop {
            // Before the look: whatever is set after it wakes this.
            let told = self.told.notified();
            if let Some(by) = self.cancelled.get() {
                let sentence = match by {
                    CancelledBy::Stop => "the gateway was stopped",
                    CancelledBy::Order => "the call was cancelled by order",
                };
                let mut failure = Failure::new(Kind::Cancelled, sentence);
                failure.source = Source::Gateway;
                return failure;
            }
            told.await;
        }
    }

    /// Attempts so far, and who is asked, or was last.
    pub(crate) fn asked_so_far(&self) -> (u32, Option<Arc<str>>) {
        let progress = self.progress();
        (progress.attempts, progress.provider.clone())
    }

    /// Who is asked at this moment.
    pub(crate) fn asked_now(&self) -> Option<Arc<str>> {
        let progress = self.progress();
        progress.provider.clone().filter(|_| progress.phase == CallStage::Call)
    }

    /// Attempts so far.
    pub(crate) fn attempts(&self) -> u32 {
        self.progress().attempts
    }

    /// How long it has waited between attempts.
    pub(crate) fn waited(&self) -> Duration {
        self.progress().waited
    }

    fn snapshot(&self, now: u64) -> CallSnapshot {
        let progress = self.progress();
        CallSnapshot {
            id: self.call.id.clone(),
            operation: self.call.operation.name,
            tenant: self.call.caller.tenant.clone(),
            for_ms: now.saturating_sub(self.since) / 1_000_000,
            phase: progress.phase,
            attempts: progress.attempts,
            provider: progress.provider.clone(),
        }
    }

    /// When it came.
    pub(crate) fn since(&self) -> u64 {
        self.since
    }

    /// This instance is asked.
    pub(crate) fn asked(&self, instance: &Arc<str>) {
        self.progress().provider = Some(instance.clone());
    }

    /// An attempt was answered that is charged by this.
    pub(crate) fn priced(&self, price: Price) {
        self.progress().price = Some(price);
    }

    /// What the attempt that was answered is charged by.
    pub(crate) fn price(&self) -> Option<Price> {
        self.progress().price
    }

    /// It is here now.
    pub(crate) fn now(&self, stage: CallStage) {
        self.progress().phase = stage;
    }

    /// It waits so long before its next attempt.
    pub(crate) fn waits(&self, wait: Duration) {
        let mut progress = self.progress();
        progress.phase = CallStage::Wait;
        progress.waited += wait;
    }

    /// Its attempt of this number begins.
    pub(crate) fn attempt(&self, number: u32) {
        let mut progress = self.progress();
        progress.attempts = number;
        progress.phase = CallStage::Call;
    }

    /// Held for a few stores; no panic can leave half of them.
    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listed {
    /// Where whoever carries the call writes.
    pub(crate) fn record(&self) -> &Arc<CallRecord> {
        &self.record
    }
}
