//! L1, the memory tier: a concurrent map that every call reads, and the actor that alone writes it.
//!
//! Invariant: an answer that was asked for before a write is never served to a call that began after it. A fill carries
//! the epoch at which its call began; the actor refuses it when one of its tags was invalidated since. Where an
//! invalidation finds no actor, everything asked for before it becomes invisible.

mod actor;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use arc_swap::ArcSwap;
use foldhash::fast::RandomState;
use moka::Expiry;
use moka::sync::Cache;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use super::flight::Leader;
use super::{CacheEntry, CacheKey, Tag};
use crate::policy::freshness::Freshness;
use crate::supervision::{Handle, Message};
use crate::telemetry::Meters;

pub(crate) use actor::l1_spec;

/// Bounds of the memory tier.
#[derive(Clone, Copy, Debug)]
pub struct L1Settings {
    /// Off: every lookup misses and nothing is stored.
    pub enabled: bool,
    /// Bytes held at most.
    pub max_bytes: u64,
    /// The largest body that is stored.
    pub max_entry: usize,
}

impl Default for L1Settings {
    fn default() -> Self {
        L1Settings {
            enabled: true,
            max_bytes: 64 << 20,
            max_entry: 1 << 20,
        }
    }
}

/// How long the actor may take to confirm; a longer silence means that it is being restarted.
const CONFIRM_WITHIN: Duration = Duration::from_millis(250);
/// Fills that may wait for the actor. Nobody waits for them, so without a bound a slow actor would gather them.
const MAX_FILLS: usize = 4_096;

/// The memory tier as every call sees it.
pub(crate) struct L1 {
    map: Cache<CacheKey, Arc<Stored>, RandomState>,
    settings: L1Settings,
    /// Counts invalidations; a fill from before is checked against those since.
    epoch: AtomicU64,
    /// What was asked for before this epoch is not served: an invalidation may have missed it.
    trusted_from: AtomicU64,
    /// Keys that an operator had forgotten of late. Empty but for that, so that a fill's look at it is a load.
    purged: ArcSwap<PurgedKeys>,
    fills: Arc<Semaphore>,
    actor: Handle<L1Msg>,
    meters: Arc<Meters>,
}

/// Answers under one of these keys that were asked for before its epoch are not kept.
#[derive(Clone, Default)]
struct PurgedKeys {
    by_key: HashMap<CacheKey, u64>,
    /// Before this epoch it holds for every key: those of so long ago are no longer known one by one.
    all_before: u64,
}

struct Stored {
    entry: Arc<CacheEntry>,
    /// The epoch at which its call began.
    epoch: u64,
}

/// What a lookup found.
pub(crate) enum Lookup {
    /// Serve it.
    Fresh(Arc<CacheEntry>),
    /// Keep it for the case that the provider fails.
    Stale(Arc<CacheEntry>),
    /// Nothing.
    Miss,
}

/// The tier as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct L1Snapshot {
    /// It stores and serves.
    pub enabled: bool,
    /// Entries held, approximately.
    pub entries: u64,
    /// Bytes held, approximately.
    pub bytes: u64,
    /// The bound on them.
    pub max_bytes: u64,
}

struct Lifetime;

impl Expiry<CacheKey, Arc<Stored>> for Lifetime {
    fn expire_after_create(&self, _key: &CacheKey, stored: &Arc<Stored>, _at: Instant) -> Option<Duration> {
        Some(stored.entry.lifetime())
    }

    fn expire_after_update(
        &self,
        _key: &CacheKey,
        stored: &Arc<Stored>,
        _at: Instant,
        _left: Option<Duration>,
    ) -> Option<Duration> {
        Some(stored.entry.lifetime())
    }
}

impl L1 {
    pub(crate) fn new(settings: L1Settings, meters: Arc<Meters>) -> Arc<Self> {
        let map = Cache::builder()
            .max_capacity(settings.max_bytes)
            .weigher(|_key, stored: &Arc<Stored>| u32::try_from(stored.entry.weight()).unwrap_or(u32::MAX))
            .expire_after(Lifetime)
            .build_with_hasher(RandomState::default());
        Arc::new(L1 {
            map,
            settings,
            epoch: AtomicU64::new(0),
            trusted_from: AtomicU64::new(0),
            purged: ArcSwap::default(),
            fills: Arc::new(Semaphore::new(MAX_FILLS)),
            actor: Handle::new(),
            meters,
        })
    }

    fn find(&self, key: &CacheKey) -> Option<Arc<Stored>> {
        let found = self.map.get(key)?;
        (found.epoch >= self.trusted_from.load(SeqCst)).then_some(found)
    }

    /// Looks again for an entry that was not there a moment ago. Not counted as a lookup.
    pub(crate) fn filled(&self, key: &CacheKey, now: u64) -> Option<Arc<CacheEntry>> {
        let stored = self.find(key)?;
        (stored.entry.freshness(now) == Freshness::Fresh).then(|| stored.entry.clone())
    }

    /// Looks a key up.
    pub(crate) fn get(&self, key: &CacheKey, now: u64) -> Lookup {
        if !self.settings.enabled {
            return Lookup::Miss;
        }
        let Some(stored) = self.find(key) else {
            self.meters.l1.misses.increment(1);
            return Lookup::Miss;
        };
        match stored.entry.freshness(now) {
            Freshness::Fresh => {
                self.meters.l1.hits.increment(1);
                Lookup::Fresh(stored.entry.clone())
            }
            Freshness::Stale => {
                self.meters.l1.misses.increment(1);
                Lookup::Stale(stored.entry.clone())
            }
            Freshness::Expired => {
                self.meters.l1.misses.increment(1);
                Lookup::Miss
            }
        }
    }

    /// Whether it keeps entries of this weight.
    pub(crate) fn keeps(&self, entry: &CacheEntry) -> bool {
        self.settings.enabled && entry.weight() <= self.settings.max_entry
    }

    /// The epoch that a fill must name: read it before the provider is asked.
    pub(crate) fn epoch(&self) -> u64 {
        self.epoch.load(SeqCst)
    }

    /// Stores an entry, unless a write came in between, and then lands its flight. Nobody waits for it: neither a tier that
    /// is slow nor one that is gone holds an answer back. It is asked for entries that are not stored, too, since those
    /// who wait for the same answer must know until when it is good.
    pub(crate) fn fill(&self, fill: Fill) {
        let Ok(permit) = self.fills.clone().try_acquire_owned() else {
            // Its leader is dropped: who waits leads.
            return;
        };
        if self.actor.send(L1Msg::Fill(fill, permit)).is_err() {
            tracing::debug!("the memory tier is being restarted; an answer is not kept");
        }
    }

    /// Drops every entry that carries one of `tags`. When it returns, no lookup serves one. Tells how many there were, if
    /// its actor could.
    pub(crate) async fn invalidate(&self, tags: Vec<Tag>) -> Option<usize> {
        if tags.is_empty() {
            return Some(0);
        }
        self.drop_by(|done| L1Msg::Invalidate { tags, done }).await
    }

    /// Drops what is kept under `key`, and what was asked for before now keeps out of every tier.
    pub(crate) async fn purge(&self, key: &CacheKey) -> Option<usize> {
        let key = key.clone();
        self.drop_by(|done| L1Msg::Purge { key, done }).await
    }

    async fn drop_by(&self, order: impl FnOnce(oneshot::Sender<usize>) -> L1Msg) -> Option<usize> {
        let (done, confirmed) = oneshot::channel();
        if self.actor.send(order(done)).is_ok()
            && let Ok(Ok(dropped)) = tokio::time::timeout(CONFIRM_WITHIN, confirmed).await
        {
            return Some(dropped);
        }
        // The actor is being restarted and its index is lost: trust nothing that is stored.
        self.distrust();
        None
    }

    /// Whether an operator had the answers under `key` forgotten that were asked for at `epoch`.
    pub(crate) fn was_purged(&self, key: &CacheKey, epoch: u64) -> bool {
        let purged = self.purged.load();
        epoch < purged.all_before || purged.by_key.get(key).is_some_and(|at| *at > epoch)
    }

    /// Whether an answer is kept under `key`.
    pub(crate) fn holds(&self, key: &CacheKey) -> bool {
        self.find(key).is_some()
    }

    /// How fresh what is kept under `key` is at `now`; counts as no lookup.
    pub(crate) fn peek(&self, key: &CacheKey, now: u64) -> Option<Freshness> {
        let found = self.find(key).filter(|_| self.settings.enabled)?;
        Some(found.entry.freshness(now))
    }

    /// Makes everything invisible at once that was asked for before now, also what is still on its way to the map.
    pub(crate) fn distrust(&self) {
        // The trust before the epoch: no call begins at the new epoch while an older answer still counts.
        let mut epoch = self.epoch();
        loop {
            self.trusted_from.fetch_max(epoch + 1, SeqCst);
            match self.epoch.compare_exchange(epoch, epoch + 1, SeqCst, SeqCst) {
                Ok(_) => break,
                Err(moved) => epoch = moved,
            }
        }
        self.map.invalidate_all();
    }

    /// As it stands.
    pub(crate) fn snapshot(&self) -> L1Snapshot {
        L1Snapshot {
            enabled: self.settings.enabled,
            entries: self.map.entry_count(),
            bytes: self.map.weighted_size(),
            max_bytes: self.settings.max_bytes,
        }
    }
}

/// An entry to be stored.
pub(crate) struct Fill {
    /// Under this key.
    pub(crate) key: CacheKey,
    /// This.
    pub(crate) entry: Arc<CacheEntry>,
    /// To be dropped with any of these.
    pub(crate) tags: Vec<Tag>,
    /// The epoch at which its call began.
    pub(crate) epoch: u64,
    /// The flight that lands with it.
    pub(crate) leader: Option<Leader>,
}

/// What the actor of the memory tier is told.
pub(crate) enum L1Msg {
    /// Store an entry.
    Fill(Fill, OwnedSemaphorePermit),
    /// Drop what carries one of the tags.
    Invalidate {
        /// The tags.
        tags: Vec<Tag>,
        /// Told when it is done, with how many there were.
        done: oneshot::Sender<usize>,
    },
    /// Drop what is kept under a key.
    Purge {
        /// The key.
        key: CacheKey,
        /// As with an invalidation.
        done: oneshot::Sender<usize>,
    },
    /// Forget index rows whose entries are gone.
    Sweep,
}

impl Message for L1Msg {
    fn label(&self) -> &'static str {
        match self {
            L1Msg::Fill(..) => "fill",
            L1Msg::Invalidate { .. } => "invalidate",
            L1Msg::Purge { .. } => "purge",
            L1Msg::Sweep => "sweep",
        }
    }
}
