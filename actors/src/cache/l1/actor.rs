//! The actor of the memory tier: the only writer of its map.
//!
//! Invariant: fills, invalidations and purges are done one after the other, in the order in which they came.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, Instant};

use super::{Fill, L1, L1Msg, PurgedKeys, Stored};
use crate::cache::flight::Landing;
use crate::cache::{CacheEntry, CacheKey, Tag};
use crate::supervision::{ChildSpec, Context, Fault, Worker};

/// How often the index of tags is cleared of entries that the map has dropped.
const SWEEP_EVERY: Duration = Duration::from_secs(10);

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
