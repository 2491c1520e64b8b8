//! The tiers behind L1, nearest first.
//!
//! Invariant: a lookup goes outwards and an invalidation inwards, L1 last. So when an invalidation has reached a tier,
//! nothing behind that tier can bring back what it made invalid.

use std::sync::Arc;

use super::guarded::{Tier, TierLookup, tier_specs, with_everything};
use super::purge::TierPurged;
use super::tier::{Stamp, TierSnapshot, TierSpec};
use super::{CacheEntry, CacheKey, Tag};
use crate::call::CacheStatus;
use crate::clock::Clock;
use crate::policy::freshness::Freshness;
use crate::port::Outcome;
use crate::supervision::{ChildSpec, Events};
use crate::telemetry::Meters;

/// The further tiers.
pub(crate) struct Chain(Vec<Arc<Tier>>);

/// An entry, and who had it; `None`: L1.
#[derive(Clone)]
pub(crate) struct Hit {
    pub(crate) entry: Arc<CacheEntry>,
    pub(crate) tier: Option<Arc<Tier>>,
}

impl Hit {
    /// The outcome as its tier serves it.
    pub(crate) fn serve(&self, status: CacheStatus, now: u64) -> Outcome {
        let tier = self.tier.as_ref().map_or("l1", |tier| tier.name());
        self.entry.serve(status, tier, now)
    }
}

/// What a lookup in the chain found, and what it needs to put an answer there.
#[derive(Default)]
pub(crate) struct ChainLookup {
    /// Serve it.
    pub(crate) fresh: Option<Hit>,
    /// Keep it for the case that the provider fails.
    pub(crate) stale: Option<Hit>,
    tags: Vec<Tag>,
    stamps: Vec<(Arc<Tier>, Stamp)>,
}

impl Chain {
    pub(crate) fn new(tiers: Vec<TierSpec>, clock: Clock, meters: &Meters) -> Self {
        Chain(tiers.into_iter().map(|spec| Tier::new(spec, clock, meters)).collect())
    }

    /// Looks `key` up, tier after tier, until one has it fresh; the tiers before that one are given it.
    pub(crate) async fn seek(&self, key: &CacheKey, tags: impl FnOnce() -> Vec<Tag>) -> ChainLookup {
        let mut lookup = ChainLookup::default();
        if self.0.is_empty() {
            return lookup;
        }
        lookup.tags = with_everything(tags());
        for tier in &self.0 {
            let TierLookup { entry, stamp } = tier.get(key, &lookup.tags).await;
            let hit = |entry| Hit {
                entry,
                tier: Some(tier.clone()),
            };
            match entry {
                Some((entry, Freshness::Fresh)) => {
                    lookup.fill(key, &entry);
                    lookup.fresh = Some(hit(entry));
                    break;
                }
                Some((entry, _)) if lookup.stale.is_none() => lookup.stale = Some(hit(entry)),
                Some(_) | None => {}
            }
            lookup.stamps.extend(stamp.map(|stamp| (tier.clone(), stamp)));
        }
        lookup
    }

    /// Makes everything invalid that carries one of `tags`, the farthest tier first.
    pub(crate) async fn invalidate(&self, tags: &[Tag]) {
        for tier in self.0.iter().rev() {
            tier.invalidate(tags).await;
        }
    }

    /// Their names, the nearest first.
    pub(crate) fn names(&self) -> impl DoubleEndedIterator<Item = &'static str> {
        self.0.iter().map(|tier| tier.name())
    }

    /// Makes everything that carries `tag` invalid in those of `tiers` that are here, the farthest first.
    pub(crate) async fn purge(&self, tiers: &[&str], tag: &Tag) -> Vec<TierPurged> {
        let mut purged = Vec::new();
        for tier in self.0.iter().rev().filter(|tier| tiers.contains(&tier.name())) {
            let confirmed = tier.invalidate(std::slice::from_ref(tag)).await;
            purged.push(TierPurged::confirmed(tier.name(), confirmed));
        }
        purged
    }

    /// Has every tier drop what it holds under `key`; the name of one that did not.
    pub(crate) async fn remove(&self, key: &CacheKey) -> Option<&'static str> {
        let mut unconfirmed = None;
        for tier in self.0.iter().rev() {
            if !tier.remove(key).await {
                unconfirmed = Some(tier.name());
            }
        }
        unconfirmed
    }

    pub(crate) fn snapshot(&self) -> Vec<TierSnapshot> {
        self.0.iter().map(|tier| tier.snapshot()).collect()
    }

    /// The children of each tier's supervisor, by its name.
    pub(crate) fn specs(&self, events: &Events) -> impl Iterator<Item = (&'static str, [ChildSpec; 2])> {
        self.0.iter().map(|tier| (tier.name(), tier_specs(tier, events)))
    }
}

impl ChainLookup {
    /// Whether what this tag stands for was looked at.
    pub(crate) fn looked_at(&self, tag: &Tag) -> bool {
        self.tags.contains(tag)
    }

    /// Puts an answer into the tiers that were looked in; it must have been asked for after the lookup.
    pub(crate) fn fill(&mut self, key: &CacheKey, entry: &CacheEntry) {
        for (tier, stamp) in self.stamps.drain(..) {
            tier.put(key, entry, &self.tags, stamp);
        }
    }
}
