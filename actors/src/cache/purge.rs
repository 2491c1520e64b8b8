//! Purges: what an operator has the tiers forget.
//!
//! Invariant: what was asked for before a purge is not served after it by this process, from whatever tier; and a tier that
//! did not confirm is named.

use std::sync::Arc;

use super::tier::L1;
use super::tiered::TieredCache;
use super::{CacheKey, Tag};
use crate::error::{Failure, Kind};

pub use super::tier::TierPurged;

/// What is to be forgotten.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Purge {
    /// One answer, in every tier.
    Key(CacheKey),
    /// Every answer that carries a tag, in every tier.
    Tag(Tag),
    /// All that one tier holds, or every tier where it is [`ALL_TIERS`].
    Tier(Arc<str>),
}

/// Names every tier.
pub const ALL_TIERS: &str = "all";
impl TieredCache {
    /// The tiers that a purge is about, the farthest first.
    ///
    /// # Errors
    /// `invalid_input` where it names a tier that is not there.
    pub(crate) fn purged_tiers(&self, purge: &Purge) -> Result<Vec<&'static str>, Failure> {
        let tiers: Vec<&'static str> = self.chain.names().rev().chain([L1]).collect();
        let Purge::Tier(named) = purge else { return Ok(tiers) };
        if **named == *ALL_TIERS {
            return Ok(tiers);
        }
        match tiers.iter().find(|tier| ***tier == **named) {
            Some(tier) => Ok(vec![tier]),
            None => {
                let names = tiers.iter().rev().copied().collect::<Vec<_>>().join(", ");
                let sentence = format!("no tier is called {named}; there are {names} and {ALL_TIERS}");
                Err(Failure::invalid("tier", sentence))
            }
        }
    }

    /// Has the tiers forget.
    ///
    /// # Errors
    /// As [`TieredCache::purged_tiers`]; `network` where a tier still holds the one answer that was to be purged.
    pub(crate) async fn purge(&self, purge: &Purge) -> Result<Vec<TierPurged>, Failure> {
        let tiers = self.purged_tiers(purge)?;
        let mut purged = Vec::with_capacity(tiers.len());
        match purge {
            Purge::Key(key) => {
                // First, so that no answer from before comes to a farther tier; and again, for what that gave meanwhile.
                let dropped = self.l1.purge(key).await;
                if let Some(tier) = self.chain.remove(key).await {
                    let sentence =
                        format!("{tier} did not confirm, and may hold the answer still; the others have dropped it");
                    return Err(Failure::new(Kind::Network, sentence));
                }
                self.l1.purge(key).await;
                purged.extend(
                    tiers
                        .iter()
                        .filter(|tier| **tier != L1)
                        .map(|tier| TierPurged::confirmed(tier, true)),
                );
                purged.push(TierPurged::near(dropped));
            }
            Purge::Tag(tag) => {
                purged.extend(self.chain.purge(&tiers, tag).await);
                purged.push(TierPurged::near(self.l1.invalidate(vec![tag.clone()]).await));
            }
            Purge::Tier(_) => {
                purged.extend(self.chain.purge(&tiers, &Tag::from(super::pending::EVERYTHING)).await);
                if tiers.contains(&L1) {
                    let held = usize::try_from(self.l1.snapshot().entries).ok();
                    self.l1.distrust();
                    purged.push(TierPurged::near(held));
                }
            }
        }
        Ok(purged)
    }
}
