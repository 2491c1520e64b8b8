//! Invalidations that a tier has not confirmed.
//!
//! Invariant: from before an invalidation is sent until it is confirmed, its tags are doubtful, so that this process
//! serves nothing from the tier that its own writes made invalid — however long the tier is away.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use dashmap::DashMap;

use super::Tag;

/// Tags pending at most; beyond, the whole tier is.
const MAX_PENDING: usize = 10_000;
/// The tag that every entry of a tier carries.
pub(super) const EVERYTHING: &str = "*";

/// The tags that are pending, each with the number of its latest invalidation.
#[derive(Default)]
pub(super) struct PendingInvalidations {
    by_tag: DashMap<Tag, u64>,
    invalidations: AtomicU64,
}

/// Invalidations that are sent together, and confirmed together.
pub(super) struct PendingBatch {
    pub(super) tags: Vec<Tag>,
    number: u64,
}

impl PendingInvalidations {
    /// Notes that `tags` are to be invalidated.
    pub(super) fn note(&self, tags: &[Tag]) -> PendingBatch {
        let number = self.invalidations.fetch_add(1, Relaxed) + 1;
        let tags = match self.by_tag.len() + tags.len() > MAX_PENDING {
            true => vec![Tag::from(EVERYTHING)],
            false => tags.to_vec(),
        };
        for tag in &tags {
            self.by_tag.insert(tag.clone(), number);
        }
        PendingBatch { tags, number }
    }

    /// A batch was confirmed. What was invalidated again since stays pending.
    pub(super) fn confirmed(&self, batch: &PendingBatch) {
        if batch.tags.iter().any(|tag| **tag == *EVERYTHING) {
            return self.by_tag.retain(|_, number| *number > batch.number);
        }
        for tag in &batch.tags {
            self.by_tag.remove_if(tag, |_, number| *number <= batch.number);
        }
    }

    /// Up to `limit` tags that are pending.
    pub(super) fn some(&self, limit: usize) -> Option<PendingBatch> {
        // Read before the tags: a later invalidation of one of them stays pending.
        let number = self.invalidations.load(Relaxed);
        let everything = Tag::from(EVERYTHING);
        let tags: Vec<Tag> = match self.by_tag.contains_key(&everything) {
            true => vec![everything],
            false => self.by_tag.iter().take(limit).map(|row| row.key().clone()).collect(),
        };
        (!tags.is_empty()).then_some(PendingBatch { tags, number })
    }

    /// Whether one of `tags` is pending. Ask with [`EVERYTHING`] among them.
    pub(super) fn any(&self, tags: &[Tag]) -> bool {
        !self.by_tag.is_empty() && tags.iter().any(|tag| self.by_tag.contains_key(tag))
    }

    pub(super) fn len(&self) -> usize {
        self.by_tag.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tag(name: &str) -> [Tag; 1] {
        [Tag::from(name)]
    }

    #[test]
    fn an_invalidation_that_came_later_stays() {
        let pending = PendingInvalidations::default();
        let first = pending.note(&tag("a"));
        let second = pending.note(&tag("a"));
        pending.confirmed(&first);
        assert!(pending.any(&tag("a")));
        pending.confirmed(&second);
        assert!(!pending.any(&tag("a")));
        assert!(pending.some(10).is_none());
    }

    #[test]
    fn beyond_the_bound_everything_is_pending() {
        let pending = PendingInvalidations::default();
        for n in 0..MAX_PENDING {
            pending.note(&tag(&n.to_string()));
        }
        assert!(!pending.any(&tag(EVERYTHING)));
        pending.note(&tag("one more"));
        assert_eq!(pending.len(), MAX_PENDING + 1);
        let batch = pending.some(10).unwrap();
        assert_eq!(&*batch.tags[0], EVERYTHING);
        pending.confirmed(&batch);
        assert_eq!(pending.len(), 0);
    }
}
