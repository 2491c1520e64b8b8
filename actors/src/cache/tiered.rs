//! The tiers together: memory in front, the others behind it, and what a write does to all of them.
//!
//! Invariant: an invalidation that has returned holds in every tier of this process; one of a write in doubt is done again
//! when the write cannot arrive any more.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::Tag;
use super::chain::Chain;
use super::flight::Flights;
use super::l1::L1;
use super::pending::EVERYTHING;

/// Writes in doubt that are remembered one by one; for those beyond, everything is made invalid.
const MAX_IN_DOUBT: usize = 10_000;

/// All tiers of one system.
pub(crate) struct TieredCache {
    pub(crate) l1: Arc<L1>,
    pub(crate) chain: Chain,
    pub(crate) flights: Arc<Flights>,
    in_doubt: Arc<Semaphore>,
    /// Until when one may arrive of the writes that are not remembered one by one, if there are any.
    beyond: Mutex<Option<Instant>>,
    stop: CancellationToken,
}

impl TieredCache {
    pub(crate) fn new(l1: Arc<L1>, chain: Chain, stop: CancellationToken) -> Arc<Self> {
        Arc::new(TieredCache {
            l1,
            chain,
            flights: Arc::default(),
            in_doubt: Arc::new(Semaphore::new(MAX_IN_DOUBT)),
            beyond: Mutex::new(None),
            stop,
        })
    }

    /// Makes every answer invalid that carries one of `tags`, in every tier, L1 last: what a farther tier still had could
    /// come back to it.
    pub(crate) async fn invalidate(&self, tags: Vec<Tag>) {
        if tags.is_empty() {
            return;
        }
        self.chain.invalidate(&tags).await;
        self.l1.invalidate(tags).await;
    }

    /// Makes `tags` invalid once more after `wait`: until then the write may still arrive, and what is read meanwhile may
    /// be from before it. At a stop, at once.
    pub(crate) fn invalidate_again(self: &Arc<Self>, tags: Vec<Tag>, wait: Duration) {
        if tags.is_empty() {
            return;
        }
        let Ok(permit) = self.in_doubt.clone().try_acquire_owned() else {
            return self.invalidate_everything_after(wait);
        };
        let cache = self.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _stopped = cache.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            cache.invalidate(tags).await;
        });
    }

    /// One task waits for all that come meanwhile, until the last of them cannot arrive any more.
    fn invalidate_everything_after(self: &Arc<Self>, wait: Duration) {
        let mut until = Instant::now() + wait;
        let waited_for = {
            let mut beyond = self.beyond();
            let known = *beyond;
            *beyond = known.max(Some(until));
            known.is_some()
        };
        if waited_for {
            return;
        }
        let cache = self.clone();
        tokio::spawn(async move {
            loop {
                let slept = cache.stop.run_until_cancelled(tokio::time::sleep_until(until)).await;
                let mut beyond = cache.beyond();
                match *beyond {
                    Some(later) if later > until && slept.is_some() => until = later,
                    _ => break *beyond = None,
                }
            }
            cache.invalidate_everything().await;
        });
    }

    fn beyond(&self) -> MutexGuard<'_, Option<Instant>> {
        // Nothing panics while it is held.
        self.beyond.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn invalidate_everything(&self) {
        self.chain.invalidate(&[Tag::from(EVERYTHING)]).await;
        self.l1.distrust();
    }
}
