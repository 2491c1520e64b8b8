//! A tier behind its guards: a circuit breaker, a time budget, and the memory of what it has not confirmed; and the actor
//! that sees to the latter.
//!
//! Invariant: whatever a tier does, asking it costs at most its budget, or nothing while its circuit is open; and a
//! failure of it is a miss, never an error of the call.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use arc_swap::ArcSwapOption;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::pending::{EVERYTHING, PendingBatch, PendingInvalidations};
use super::tier::{CacheTier, Kept, Seen, Stamp, TierError, TierSettings, TierSnapshot, TierSpec};
use super::{CacheEntry, CacheKey, Tag};
use crate::breaker::{BreakerPer, Breakers, breaker_spec};
use crate::clock::Clock;
use crate::driver::BoxFuture;
use crate::policy::breaker::AttemptOutcome;
use crate::policy::freshness::Freshness;
use crate::supervision::{ChildSpec, Context, Events, Fault, Handle, Message, Worker};
use crate::telemetry::{Meters, TierMeters};

/// Puts under way at most. Nobody waits for them, so without a bound a slow tier would gather them.
const MAX_PUTS: usize = 256;
/// How often the actor looks for invalidations that are pending.
const RESEND_EVERY: Duration = Duration::from_secs(1);
/// Tags that are sent again together.
const RESENT_AT_ONCE: usize = 500;

/// A guarded tier.
pub(crate) struct Tier {
    name: &'static str,
    store: Arc<dyn CacheTier>,
    settings: TierSettings,
    clock: Clock,
    breaker: Arc<Breakers>,
    meters: TierMeters,
    pending: PendingInvalidations,
    puts: Arc<Semaphore>,
    actor: Handle<TierMsg>,
    hits: AtomicU64,
    misses: AtomicU64,
    fills: AtomicU64,
    errors: AtomicU64,
    last_error: ArcSwapOption<&'static str>,
}

/// What a lookup in one tier found. Without a stamp, nothing that is asked for now may be put there.
#[derive(Default)]
pub(crate) struct TierLookup {
    pub(crate) entry: Option<(Arc<CacheEntry>, Freshness)>,
    pub(crate) stamp: Option<Stamp>,
}

impl Tier {
    pub(crate) fn new(spec: TierSpec, clock: Clock, meters: &Meters) -> Arc<Self> {
        let meters = meters.tier(spec.name);
        let (settings, shown) = (spec.settings.breaker, meters.breaker.clone());
        let breaker = Breakers::new(BreakerPer::Instance, settings, clock, shown, Vec::new());
        breaker.show();
        let pending = PendingInvalidations::default();
        if spec.distrusted {
            pending.note(&[Tag::from(EVERYTHING)]);
        }
        Arc::new(Tier {
            name: spec.name,
            store: spec.store,
            breaker,
            settings: spec.settings,
            clock,
            meters,
            pending,
            puts: Arc::new(Semaphore::new(MAX_PUTS)),
            actor: Handle::new(),
            hits: AtomicU64::new(0),
            misses: AtomicU64::new(0),
            fills: AtomicU64::new(0),
            errors: AtomicU64::new(0),
            last_error: ArcSwapOption::empty(),
        })
    }

    pub(crate) fn name(&self) -> &'static str {
        self.name
    }

    /// Looks `key` up. `tags` are those that its answer carries, with [`EVERYTHING`].
    pub(crate) async fn get(&self, key: &CacheKey, tags: &[Tag]) -> TierLookup {
        // The age was told after this instant, so from here on the entry only counts as too old.
        let asked = self.clock.nanos();
        let seen = match self.pending.any(tags) {
            true => None,
            false => {
                let get = || self.store.clone().get(key, tags);
                self.ask("get", self.settings.get_within, get).await
            }
        };
        let lookup = match seen {
            Some(Seen { kept, stamp }) => TierLookup {
                entry: self.read(kept, asked),
                stamp: Some(stamp),
            },
            None => TierLookup::default(),
        };
        if matches!(lookup.entry, Some((_, Freshness::Fresh))) {
            self.hits.fetch_add(1, Relaxed);
            self.meters.cache.hits.increment(1);
        } else {
            self.misses.fetch_add(1, Relaxed);
            self.meters.cache.misses.increment(1);
        }
        lookup
    }

    fn read(&self, kept: Kept, asked: u64) -> Option<(Arc<CacheEntry>, Freshness)> {
        match kept {
            Kept::Entry(portable) => {
                let entry = CacheEntry::arrived(portable, asked);
                let freshness = entry.freshness(self.clock.nanos());
                (freshness != Freshness::Expired).then(|| (Arc::new(entry), freshness))
            }
            Kept::Nothing => None,
            Kept::Unreadable => {
                // The tier is well and its content is not: no evidence for the breaker.
                self.count_error("unreadable");
                None
            }
        }
    }

    /// Keeps an entry, from a task of its own: no call waits for it.
    pub(crate) fn put(self: &Arc<Self>, key: &CacheKey, entry: &CacheEntry, tags: &[Tag], stamp: Stamp) {
        let Some(portable) = entry.portable(self.clock.nanos()) else {
            return;
        };
        if entry.weight() > self.settings.max_entry || portable.lifetime().is_zero() {
            return;
        }
        let Ok(place) = self.puts.clone().try_acquire_owned() else {
            self.count_error("overloaded");
            return;
        };
        let (tier, key, tags) = (self.clone(), key.clone(), tags.to_vec());
        tokio::spawn(async move {
            let _place = place;
            // One that is pending by now is not worth its way: what it carries is doubtful.
            if tier.pending.any(&tags) {
                return;
            }
            let put = || tier.store.clone().put(&key, portable, &tags, stamp);
            if tier.ask("put", tier.settings.put_within, put).await.is_some() {
                tier.fills.fetch_add(1, Relaxed);
                tier.meters.cache.fills.increment(1);
            }
        });
    }

    /// Makes everything invalid that carries one of `tags`: at once for this process; for others when the tier confirms
    /// it, which a tier that is away does later. True: it has confirmed.
    pub(crate) async fn invalidate(&self, tags: &[Tag]) -> bool {
        let batch = self.pending.note(tags);
        self.send(batch).await
    }

    /// Drops what is kept under `key`. True: the tier has confirmed.
    pub(crate) async fn remove(&self, key: &CacheKey) -> bool {
        let remove = || self.store.clone().remove(key);
        self.ask("remove", self.settings.put_within, remove).await.is_some()
    }

    async fn send(&self, batch: PendingBatch) -> bool {
        let invalidate = || self.store.clone().invalidate(&batch.tags);
        let confirmed = self.ask("invalidate", self.settings.put_within, invalidate).await;
        if confirmed.is_some() {
            self.pending.confirmed(&batch);
        }
        confirmed.is_some()
    }

    /// Sends what is pending, until all is confirmed or the tier fails.
    async fn resend(&self) {
        while let Some(batch) = self.pending.some(RESENT_AT_ONCE) {
            if !self.send(batch).await {
                return;
            }
        }
    }

    /// Asks the tier, if its circuit allows, for at most `within`. `None`: it did not do it.
    async fn ask<T>(
        &self,
        operation: &'static str,
        within: Duration,
        ask: impl FnOnce() -> BoxFuture<Result<T, TierError>>,
    ) -> Option<T> {
        let permit = self.breaker.first().permit(self.clock.nanos()).ok()?;
        let started = Instant::now();
        let outcome = tokio::time::timeout(within, ask()).await;
        self.meters.took(operation, started.elapsed());
        match outcome.unwrap_or(Err(TierError::Timeout)) {
            Ok(done) => {
                permit.tell(AttemptOutcome::Success);
                Some(done)
            }
            Err(error) => {
                permit.tell(AttemptOutcome::Failure);
                self.count_error(error.code());
                tracing::debug!(tier = self.name, operation, code = error.code(), "cache tier failed");
                None
            }
        }
    }

    fn count_error(&self, code: &'static str) {
        self.errors.fetch_add(1, Relaxed);
        self.meters.failed(code);
        self.last_error.store(Some(Arc::new(code)));
    }

    /// An entry past its time was served because the provider failed.
    pub(crate) fn count_stale(&self) {
        self.meters.cache.stale.increment(1);
    }

    pub(crate) fn snapshot(&self) -> TierSnapshot {
        TierSnapshot {
            name: self.name,
            hits: self.hits.load(Relaxed),
            misses: self.misses.load(Relaxed),
            fills: self.fills.load(Relaxed),
            errors: self.errors.load(Relaxed),
            last_error: self.last_error.load().as_deref().copied(),
            pending_invalidations: self.pending.len(),
            breaker: self.breaker.snapshot(self.clock.nanos()),
        }
    }
}

/// The tags of a lookup or a put.
pub(super) fn with_everything(mut tags: Vec<Tag>) -> Vec<Tag> {
    tags.push(Tag::from(EVERYTHING));
    tags
}

/// What the actor of a tier is told.
pub(crate) enum TierMsg {
    /// Send what is pending.
    Resend,
    /// That ended.
    Resent,
}

impl Message for TierMsg {
    fn label(&self) -> &'static str {
        match self {
            TierMsg::Resend => "resend",
            TierMsg::Resent => "resent",
        }
    }
}

struct TierActor {
    tier: Arc<Tier>,
    resending: bool,
}

/// The child specs of a tier: its breaker, and the actor that sends what is pending.
pub(crate) fn tier_specs(tier: &Arc<Tier>, events: &Events) -> [ChildSpec; 2] {
    let handle = tier.actor.clone();
    let (owner, shown) = (tier.clone(), tier.clone());
    let actor = ChildSpec::worker("tier", &handle, move || {
        Ok(TierActor {
            tier: owner.clone(),
            resending: false,
        })
    })
    .kind("cache")
    .gauges(Arc::new(move || {
        let snapshot = shown.snapshot();
        vec![
            ("hits", snapshot.hits),
            ("misses", snapshot.misses),
            ("fills", snapshot.fills),
            ("errors", snapshot.errors),
            ("pending_invalidations", snapshot.pending_invalidations as u64),
        ]
    }));
    [breaker_spec(Arc::from(tier.name), tier.breaker.clone(), events), actor]
}

impl Worker for TierActor {
    type Msg = TierMsg;

    async fn start(&mut self, cx: &Context<TierMsg>) -> Result<(), Fault> {
        cx.every(RESEND_EVERY, || TierMsg::Resend);
        Ok(())
    }

    async fn handle(&mut self, message: TierMsg, cx: &Context<TierMsg>) -> Result<(), Fault> {
        match message {
            TierMsg::Resent => self.resending = false,
            TierMsg::Resend if self.resending || self.tier.pending.len() == 0 => {}
            TierMsg::Resend => {
                self.resending = true;
                let (tier, handle, gone) = (self.tier.clone(), cx.handle().clone(), cx.gone().clone());
                tokio::spawn(async move {
                    gone.run_until_cancelled(tier.resend()).await;
                    // Refused only when this incarnation is gone, and its `resending` with it.
                    let _gone = handle.send(TierMsg::Resent);
                });
            }
        }
        Ok(())
    }

    /// The last chance: what is pending is forgotten with the process.
    async fn stop(&mut self, _cx: &Context<TierMsg>) {
        self.tier.resend().await;
        let left = self.tier.pending.len();
        if left > 0 {
            let tier = self.tier.name;
            tracing::warn!(
                tier,
                left,
                "stopped with invalidations that the tier never confirmed: its entries may be out of date"
            );
        }
    }
}
