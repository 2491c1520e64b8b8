//! The tiers together: memory in front, the others behind it, and what a write does to all of them.
//!
//! Invariant: an invalidation that has returned holds in every tier of this process; one of a write in doubt is done again
//! when the write cannot arrive any more.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::Tag;
use super::chain::Chain;
use super::flight::Flights;
use super::l1::L1;
use super::pending::EVERYTHING;

/// Writes in doubt that are remembered one by one; beyond, everything is made invalid.
const MAX_DOUBTS: usize = 10_000;

/// All tiers of one system.
pub(crate) struct TieredCache {
    pub(crate) l1: Arc<L1>,
    pub(crate) chain: Chain,
    pub(crate) flights: Arc<Flights>,
    doubts: Arc<Semaphore>,
    /// More writes were in doubt than are remembered.
    doubtful: AtomicBool,
    stop: CancellationToken,
}

impl TieredCache {
    pub(crate) fn new(l1: Arc<L1>, chain: Chain, stop: CancellationToken) -> Arc<Self> {
        Arc::new(TieredCache {
            l1,
            chain,
            flights: Arc::default(),
            doubts: Arc::new(Semaphore::new(MAX_DOUBTS)),
            doubtful: AtomicBool::new(false),
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
        let Ok(permit) = self.doubts.clone().try_acquire_owned() else {
            self.doubtful.store(true, Relaxed);
            return;
        };
        let cache = self.clone();
        tokio::spawn(async move {
            let _permit = permit;
            let _stopped = cache.stop.run_until_cancelled(tokio::time::sleep(wait)).await;
            match cache.doubtful.swap(false, Relaxed) {
                true => cache.invalidate_everything().await,
                false => cache.invalidate(tags).await,
            }
        });
    }

    async fn invalidate_everything(&self) {
        self.chain.invalidate(&[Tag::from(EVERYTHING)]).await;
        self.l1.distrust();
    }
}
