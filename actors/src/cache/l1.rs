//! L1, the memory tier: a concurrent map that every call reads, and the actor that alone writes it.
//!
//! Invariant: an answer that was asked for before a write is never served to a call that began after it. A fill carries
//! the epoch at which its call began; the actor refuses it when one of its tags was invalidated since. Where an
//! invalidation finds no actor, everything asked for before it becomes invisible.

use std::collections::{HashMap, HashSet};
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

use super::flight::{Landing, Leader};
use super::{CacheEntry, CacheKey, Tag};
use crate::policy::freshness::Freshness;
use crate::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};
use crate::telemetry::Meters;

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

/// How often the index of tags is cleared of entries that the map has dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(10);
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

/// The only writer of the map.
struct L1Actor {
    l1: Arc<L1>,
    by_tag: HashMap<Tag, HashSet<CacheKey>>,
    /// Rows written to the index since it was last swept.
    unswept: usize,
    /// When a tag was last invalidated, by epoch, as long as a fill from before may be under way.
    invalidated: HashMap<Tag, (u64, Instant)>,
    /// The newest epoch whose record was forgotten: fills from before it are refused.
    forgotten: u64,
}

/// A fill comes at most so long after its call began: the longest deadline, with room.
const FILLS_WITHIN: Duration = Duration::from_secs(900);
/// Records of invalidations at most; beyond, the oldest are forgotten and old fills refused.
const MAX_INVALIDATED: usize = 100_000;

/// Purged keys that are known one by one.
const MAX_PURGED: usize = 1_000;

/// Rows that the index may grow by between two sweeps: what a busy map drops must not pile up there.
const MAX_UNSWEPT: usize = 100_000;

/// The child spec of the memory tier's actor.
pub(crate) fn l1_spec(l1: &Arc<L1>) -> ChildSpec {
    let handle = l1.actor.clone();
    let (l1, shown) = (l1.clone(), l1.clone());
    ChildSpec::worker("l1", &handle, move || {
        Ok(L1Actor {
            l1: l1.clone(),
            by_tag: HashMap::new(),
            unswept: 0,
            invalidated: HashMap::new(),
            forgotten: 0,
        })
    })
    .kind("cache")
    .gauges(Arc::new(move || {
        let snapshot = shown.snapshot();
        vec![("entries", snapshot.entries), ("bytes", snapshot.bytes)]
    }))
}

impl Worker for L1Actor {
    type Msg = L1Msg;

    async fn start(&mut self, cx: &Context<L1Msg>) -> Result<(), Fault> {
        // The index and the records died with the incarnation before: what is stored could not be invalidated, and
        // whatever began before now may have missed an invalidation.
        self.l1.distrust();
        self.forgotten = self.l1.epoch();
        cx.every(SWEEP_EVERY, || L1Msg::Sweep);
        Ok(())
    }

    async fn handle(&mut self, message: L1Msg, _cx: &Context<L1Msg>) -> Result<(), Fault> {
        match message {
            L1Msg::Fill(fill, _permit) => self.fill(fill),
            L1Msg::Invalidate { tags, done } => {
                let _gone = done.send(self.invalidate(tags));
            }
            L1Msg::Purge { key, done } => {
                let _gone = done.send(self.purge(key));
            }
            L1Msg::Sweep => self.sweep(Instant::now()),
        }
        Ok(())
    }
}

impl L1Actor {
    fn fill(&mut self, fill: Fill) {
        let Fill {
            key,
            entry,
            tags,
            epoch,
            leader,
        } = fill;
        let good_until = self.store(key, entry.clone(), tags, epoch);
        if let Some(leader) = leader {
            leader.land(Landing::of(entry, good_until));
        }
    }

    /// The latest epoch of a call that the entry may be served to: none of its tags was invalidated before.
    fn store(&mut self, key: CacheKey, entry: Arc<CacheEntry>, tags: Vec<Tag>, epoch: u64) -> u64 {
        let now = self.l1.epoch();
        let overtaken = |tag: &Tag| self.invalidated.get(tag).is_some_and(|(at, _)| *at > epoch);
        let distrusted = epoch < self.forgotten.max(self.l1.trusted_from.load(SeqCst));
        if distrusted || tags.iter().any(overtaken) || self.l1.was_purged(&key, epoch) {
            return epoch;
        }
        if self.l1.keeps(&entry) {
            self.unswept += tags.len();
            if self.unswept > MAX_UNSWEPT {
                self.sweep(Instant::now());
            }
            for tag in tags {
                self.by_tag.entry(tag).or_default().insert(key.clone());
            }
            self.l1.map.insert(key, Arc::new(Stored { entry, epoch }));
            self.l1.meters.l1.fills.increment(1);
        }
        now
    }

    fn purge(&mut self, key: CacheKey) -> usize {
        let epoch = self.l1.epoch.fetch_add(1, SeqCst) + 1;
        let mut purged = PurgedKeys::clone(&self.l1.purged.load());
        if purged.by_key.len() >= MAX_PURGED {
            purged.by_key.clear();
            purged.all_before = epoch;
        }
        purged.by_key.insert(key.clone(), epoch);
        self.l1.purged.store(Arc::new(purged));
        let dropped = usize::from(self.l1.map.remove(&key).is_some());
        self.l1.meters.l1.invalidated.increment(dropped as u64);
        dropped
    }

    fn invalidate(&mut self, tags: Vec<Tag>) -> usize {
        let mut dropped = 0;
        let epoch = self.l1.epoch.fetch_add(1, SeqCst) + 1;
        for tag in tags {
            for key in self.by_tag.remove(&tag).unwrap_or_default() {
                // The index may know it still although the map has dropped it.
                dropped += usize::from(self.l1.map.remove(&key).is_some());
                self.l1.meters.l1.invalidated.increment(1);
            }
            self.invalidated.insert(tag, (epoch, Instant::now()));
        }
        if self.invalidated.len() > MAX_INVALIDATED {
            self.forgotten = epoch;
            self.invalidated.clear();
        }
        dropped
    }

    fn sweep(&mut self, now: Instant) {
        self.unswept = 0;
        let map = &self.l1.map;
        self.by_tag.retain(|_, keys| {
            keys.retain(|key| map.contains_key(key));
            !keys.is_empty()
        });
        let forgotten = &mut self.forgotten;
        self.invalidated.retain(|_, (epoch, at)| {
            let keep = now.saturating_duration_since(*at) < FILLS_WITHIN;
            if !keep {
                *forgotten = (*forgotten).max(*epoch);
            }
            keep
        });
        let snapshot = self.l1.snapshot();
        self.l1.meters.l1.entries.set(snapshot.entries as f64);
        self.l1.meters.l1.bytes.set(snapshot.bytes as f64);
    }
}
