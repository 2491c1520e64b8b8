//! What a write leaves behind in the cache.
//!
//! Invariant: whatever becomes of a write that may have arrived, what it would have changed is made invalid; and while it
//! may still arrive, once more when it cannot any longer.

use std::sync::Arc;
use std::time::Duration;

use tokio::time::Instant;

use super::job::Job;
use crate::cache::Tag;
use crate::cache::tiered::TieredCache;
use crate::error::Failure;
use crate::policy::recover::to_arrive;
use crate::port::Outcome;

/// The doubt that a write casts on the cache until its outcome is known. Dropped unsettled (its caller left, its deadline
/// came), the write may have happened, and may still happen.
pub(crate) struct InvalidateGuard {
    cache: Arc<TieredCache>,
    tags: Vec<Tag>,
    deadline: Instant,
    /// A provider was asked, and works on it for at most so long.
    asked: Option<Duration>,
    /// An attempt may still be carried out, whatever became of the later ones.
    doubt: bool,
}

impl InvalidateGuard {
    pub(crate) fn new(job: &Job, cache: &Arc<TieredCache>) -> Self {
        InvalidateGuard {
            cache: cache.clone(),
            tags: job.call.tags.invalidates.clone(),
            deadline: job.call.deadline,
            asked: None,
            doubt: false,
        }
    }

    /// A provider is asked now, and may take so long.
    pub(crate) fn asking(&mut self, limit: Duration) {
        self.asked = Some(self.asked.map_or(limit, |known| known.max(limit)));
    }

    /// An attempt failed; another may follow.
    pub(crate) fn failed(&mut self, failure: &Failure) {
        self.doubt |= !failure.unsent && failure.kind.leaves_in_doubt();
    }

    /// Makes invalid what `outcome` says. It goes on behind a reply whose deadline comes first.
    pub(crate) fn settle(mut self, outcome: &Outcome) -> impl Future<Output = ()> + Send + use<> {
        let mut tags = std::mem::take(&mut self.tags);
        match outcome {
            Ok(answer) if !tags.is_empty() => tags.extend_from_slice(&answer.head.tags),
            Ok(_) => {}
            Err(failure) if failure.unsent => tags.clear(),
            Err(failure) => self.failed(failure),
        }
        if self.doubt && !tags.is_empty() {
            self.cache
                .invalidate_again(tags.clone(), self.asked.unwrap_or_default());
        }
        let (cache, deadline) = (self.cache.clone(), self.deadline);
        async move {
            if tags.is_empty() {
                return;
            }
            let done = tokio::spawn(async move { cache.invalidate(tags).await });
            let remaining = deadline.saturating_duration_since(Instant::now());
            if tokio::time::timeout(remaining - to_arrive(remaining), done)
                .await
                .is_err()
            {
                tracing::debug!("an invalidation outlasts its call's deadline and goes on");
            }
        }
    }
}

impl Drop for InvalidateGuard {
    fn drop(&mut self) {
        // Nobody was asked: nothing can have happened.
        let Some(limit) = self.asked else { return };
        let tags = std::mem::take(&mut self.tags);
        if !tags.is_empty() {
            self.cache.invalidate_again(tags.clone(), limit);
            let cache = self.cache.clone();
            tokio::spawn(async move { cache.invalidate(tags).await });
        }
    }
}
