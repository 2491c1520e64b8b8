//! Invalidations that a tier has not confirmed.
//!
//! Invariant: from before an invalidation is sent until it is confirmed, its tags are doubtful, so that this process
//! serves nothing from the tier that its own writes made invalid — however long the tier is away.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use dashmap::DashMap;

use super::Tag;

/// Tags owed at most; beyond, the whole tier is owed.
const MAX_OWED: usize = 10_000;
/// The tag that every entry of a tier carries.
pub(super) const EVERYTHING: &str = "*";

/// The tags that are owed, each with the latest debt of it.
#[derive(Default)]
pub(super) struct PendingInvalidations {
    by_tag: DashMap<Tag, u64>,
    debts: AtomicU64,
}

/// A debt: pay it with its tags.
pub(super) struct PendingBatch {
    pub(super) tags: Vec<Tag>,
    number: u64,
}

impl PendingInvalidations {
    /// Notes that `tags` are to be invalidated.
    pub(super) fn note(&self, tags: &[Tag]) -> PendingBatch {
        let number = self.debts.fetch_add(1, Relaxed) + 1;
        let tags = match self.by_tag.len() + tags.len() > MAX_OWED {
            true => vec![Tag::from(EVERYTHING)],
            false => tags.to_vec(),
        };
        for tag in &tags {
            self.by_tag.insert(tag.clone(), number);
        }
        PendingBatch { tags, number }
    }

    /// A debt was paid. What was owed again since stays owed.
    pub(super) fn paid(&self, debt: &PendingBatch) {
        if debt.tags.iter().any(|tag| **tag == *EVERYTHING) {
            return self.by_tag.retain(|_, number| *number > debt.number);
        }
        for tag in &debt.tags {
            self.by_tag.remove_if(tag, |_, number| *number <= debt.number);
        }
    }

    /// Up to `limit` tags that are owed.
    pub(super) fn some(&self, limit: usize) -> Option<PendingBatch> {
        // Read before the tags: a later debt of one of them stays owed.
        let number = self.debts.load(Relaxed);
        let everything = Tag::from(EVERYTHING);
        let tags: Vec<Tag> = match self.by_tag.contains_key(&everything) {
            true => vec![everything],
            false => self.by_tag.iter().take(limit).map(|row| row.key().clone()).collect(),
        };
        (!tags.is_empty()).then_some(PendingBatch { tags, number })
    }

    /// Whether one of `tags` is owed. Ask with [`EVERYTHING`] among them.
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
    fn a_debt_that_came_later_stays() {
        let owed = PendingInvalidations::default();
        let first = owed.note(&tag("a"));
        let second = owed.note(&tag("a"));
        owed.paid(&first);
        assert!(owed.any(&tag("a")));
        owed.paid(&second);
        assert!(!owed.any(&tag("a")));
        assert!(owed.some(10).is_none());
    }

    #[test]
    fn beyond_the_bound_everything_is_owed() {
        let owed = PendingInvalidations::default();
        for n in 0..MAX_OWED {
            owed.note(&tag(&n.to_string()));
        }
        assert!(!owed.any(&tag(EVERYTHING)));
        owed.note(&tag("one more"));
        assert_eq!(owed.len(), MAX_OWED + 1);
        let debt = owed.some(10).unwrap();
        assert_eq!(&*debt.tags[0], EVERYTHING);
        owed.paid(&debt);
        assert_eq!(owed.len(), 0);
    }
}
