//! The seam between the engine and a cache tier outside of this process.
//!
//! Invariant: a tier is a place that may be slow, wrong or gone. It answers; the engine decides what an answer is worth,
//! how long to wait for it, and when not to ask at all.
//!
//! **How an overtaken answer is kept out across processes.** In L1 one actor sees every fill and every invalidation in
//! order; no such actor exists between processes. So a tier gives each tag a *generation*, a value that never comes
//! again. A lookup reads the entry and the generations of its tags at one instant, before a provider is asked; their
//! sequence is the [`Stamp`]. What is put carries the stamp that was read, and a lookup serves an entry only if its stamp
//! is that of now. To invalidate a tag is to give it another generation: whatever was asked for before, wherever and
//! however late it is put, never matches again. A tag whose generation the tier has lost has none that matches.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::Serialize;

use super::portable::Portable;
use super::{CacheKey, Tag};
use crate::breaker::BreakerSnapshot;
use crate::driver::BoxFuture;
use crate::policy::breaker::BreakerSettings;

/// The generations of an answer's tags at one instant, as the tier writes them.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stamp(pub Bytes);

/// What a lookup read, all at one instant.
#[derive(Debug)]
pub struct Seen {
    /// What is kept under the key.
    pub kept: Kept,
    /// The stamp that an answer asked for from now on must carry.
    pub stamp: Stamp,
}

/// What a tier keeps under a key.
#[derive(Debug)]
pub enum Kept {
    /// An entry whose stamp is that of now.
    Entry(Portable),
    /// Nothing, or nothing that is still valid.
    Nothing,
    /// Something that cannot be read: of another version, or not ours.
    Unreadable,
}

/// Why a tier did not do as it was asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TierError {
    /// It cannot be reached.
    Network,
    /// It did not answer in time.
    Timeout,
    /// It refused: a wrong password, no memory left, not the server that we know.
    Refused,
}

impl TierError {
    /// The stable code, for metrics and people.
    pub const fn code(self) -> &'static str {
        match self {
            TierError::Network => "network",
            TierError::Timeout => "timeout",
            TierError::Refused => "refused",
        }
    }
}

/// A cache tier outside of this process. Its futures may be dropped at any time.
pub trait CacheTier: Send + Sync + 'static {
    /// Reads what is kept under `key`, and the generations of `tags`.
    fn get(self: Arc<Self>, key: &CacheKey, tags: &[Tag]) -> BoxFuture<Result<Seen, TierError>>;

    /// Keeps `entry` under `key` for its lifetime, with the stamp of `tags` that was read before it was asked for.
    fn put(
        self: Arc<Self>,
        key: &CacheKey,
        entry: Portable,
        tags: &[Tag],
        stamp: Stamp,
    ) -> BoxFuture<Result<(), TierError>>;

    /// Drops what is kept under `key`.
    fn remove(self: Arc<Self>, key: &CacheKey) -> BoxFuture<Result<(), TierError>>;

    /// Gives each of `tags` another generation. When it returns, no lookup of any process serves what carries one.
    fn invalidate(self: Arc<Self>, tags: &[Tag]) -> BoxFuture<Result<(), TierError>>;
}

/// Bounds of a tier.
#[derive(Clone, Copy, Debug)]
pub struct TierSettings {
    /// How long a lookup may take: it stands before every answer that L1 does not have.
    pub get_within: Duration,
    /// How long a put or an invalidation may take. A write's caller waits for the latter.
    pub put_within: Duration,
    /// The largest body that is stored, in bytes.
    pub max_entry: usize,
    /// When it is no longer asked.
    pub breaker: BreakerSettings,
}

impl Default for TierSettings {
    fn default() -> Self {
        TierSettings {
            get_within: Duration::from_millis(25),
            put_within: Duration::from_millis(250),
            max_entry: 1 << 20,
            breaker: BreakerSettings {
                // A tier that is gone costs a miss, so it is looked for again soon; a probe costs one call its budget.
                open_for: Duration::from_secs(1),
                open_max: Duration::from_secs(30),
                ..BreakerSettings::default()
            },
        }
    }
}

/// A tier as a system is given it; the nearest first.
#[derive(Clone)]
pub struct TierSpec {
    /// Its name in the tree, in metrics and in answers, e.g. `l2`.
    pub name: &'static str,
    /// The place.
    pub store: Arc<dyn CacheTier>,
    /// What it holds is made invalid before anything of it is served: writes may have been lost on it.
    pub distrusted: bool,
    /// Its bounds.
    pub settings: TierSettings,
}

/// A tier as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct TierSnapshot {
    /// Its name.
    pub name: &'static str,
    /// Lookups that found a fresh entry.
    pub hits: u64,
    /// Lookups that did not, those included for which it was not asked.
    pub misses: u64,
    /// Entries put.
    pub fills: u64,
    /// Operations that failed.
    pub errors: u64,
    /// The code of the latest error.
    pub last_error: Option<&'static str>,
    /// Tags whose invalidation it has not confirmed; what carries one is not looked up until it has.
    pub pending_invalidations: usize,
    /// Its circuit breaker.
    pub breaker: BreakerSnapshot,
}

/// The memory tier's name.
pub(crate) const L1: &str = "l1";

/// What became of a purge in one tier.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TierPurged {
    /// The tier.
    pub tier: &'static str,
    /// `purged`; or `pending` where a tier has not confirmed it: this process serves nothing of it from there, and repeats
    /// it until it is confirmed.
    pub outcome: &'static str,
    /// Answers that were dropped, where that is known.
    pub dropped: Option<usize>,
}

impl TierPurged {
    pub(super) fn confirmed(tier: &'static str, confirmed: bool) -> Self {
        TierPurged {
            tier,
            outcome: if confirmed { "purged" } else { "pending" },
            dropped: None,
        }
    }

    pub(super) fn near(dropped: Option<usize>) -> Self {
        TierPurged {
            dropped,
            ..TierPurged::confirmed(L1, true)
        }
    }
}
