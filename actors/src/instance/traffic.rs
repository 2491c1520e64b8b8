//! What an instance's attempts met.
//!
//! Invariant: an attempt is counted once: as answered, refused, failed or abandoned.

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;

use arc_swap::ArcSwapOption;
use serde::Serialize;

use crate::error::{Failure, Kind};

/// How an attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum AttemptEnd {
    /// With what was asked for.
    Answered,
    /// With a refusal of this call, for which the instance is not to blame.
    Refused,
    /// By a fault of the provider, of our credential or of our account there.
    Failed,
    /// Its caller went away, or was in too great a hurry.
    Abandoned,
}

impl AttemptEnd {
    const ALL: [AttemptEnd; 4] = [
        AttemptEnd::Answered,
        AttemptEnd::Refused,
        AttemptEnd::Failed,
        AttemptEnd::Abandoned,
    ];

    /// What a failure makes of its attempt. A silence that proves nothing was the caller's hurry.
    pub(crate) fn of(failure: &Failure, proves_something: bool) -> Self {
        match failure.kind {
            Kind::Cancelled => AttemptEnd::Abandoned,
            Kind::Timeout if !proves_something => AttemptEnd::Abandoned,
            Kind::Network
            | Kind::Timeout
            | Kind::UpstreamAuth
            | Kind::UpstreamRateLimited
            | Kind::UpstreamFailed
            | Kind::Internal => AttemptEnd::Failed,
            _ => AttemptEnd::Refused,
        }
    }

    /// As documents have it.
    pub const fn as_str(self) -> &'static str {
        match self {
            AttemptEnd::Answered => "answered",
            AttemptEnd::Refused => "refused",
            AttemptEnd::Failed => "failed",
            AttemptEnd::Abandoned => "abandoned",
        }
    }
}

/// A failure that is remembered.
struct Remembered {
    code: &'static str,
    message: Arc<str>,
    /// When it was met last.
    at: u64,
    /// Of one that keeps it from serving: since when one has.
    since: u64,
}

/// The counters of one instance. Written by every attempt, hence without a lock.
#[derive(Default)]
pub(crate) struct Traffic {
    /// In the order of [`AttemptEnd::ALL`].
    counts: [AtomicU64; 4],
    /// When the last attempt ended, times four, and how; 0: none yet.
    last: AtomicU64,
    /// When the provider last did its part: answered, or refused a call for what that was; 0: never.
    word: AtomicU64,
    last_failure: ArcSwapOption<Remembered>,
    /// Why nobody's calls can be served: a credential that was refused, an account that is spent.
    unfit: ArcSwapOption<Remembered>,
    panics: AtomicU64,
}

/// What an instance's attempts met, as the admin endpoint shows it.
#[derive(Clone, Debug, Default, Serialize)]
pub struct TrafficSnapshot {
    /// Attempts that ended with what was asked for.
    pub answered: u64,
    /// Those that were refused for what they were.
    pub refused: u64,
    /// Those that failed by a fault of the provider, of our credential or of our account there.
    pub failed: u64,
    /// Those whose caller went away, or was in too great a hurry.
    pub abandoned: u64,
    /// How the last attempt ended; none yet where absent.
    pub last: Option<LastAttempt>,
    /// The last that failed.
    pub last_failure: Option<LastFailure>,
}

/// How an instance's last attempt ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct LastAttempt {
    /// How.
    pub end: AttemptEnd,
    /// Milliseconds ago.
    pub ago_ms: u64,
}

/// An instance's last failure.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct LastFailure {
    /// Its code.
    pub code: &'static str,
    /// What went wrong, in a sentence of ours.
    pub message: Arc<str>,
    /// Milliseconds ago.
    pub ago_ms: u64,
}

/// Whether a failure says that our account at the provider is spent: waiting does not help.
pub(super) fn is_spent(failure: &Failure) -> bool {
    failure.kind == Kind::UpstreamRateLimited && !failure.retryable
}

impl Traffic {
    /// Counts an attempt that ended at `now`. `answered`: its provider did its part. Tells whether its credential and
    /// account serve, where that is news.
    pub(crate) fn count(&self, end: AttemptEnd, failure: Option<&Failure>, answered: bool, now: u64) -> Option<bool> {
        self.counts[end as usize].fetch_add(1, Relaxed);
        self.last.store(now.max(1) << 2 | end as u64, Relaxed);
        if answered && end != AttemptEnd::Failed {
            self.word.fetch_max(now, Relaxed);
        }
        let Some(failure) = failure else {
            // Read first: this is on every attempt's path, and nearly always there is nothing to clear.
            return (self.unfit.load().is_some() && self.unfit.swap(None).is_some()).then_some(true);
        };
        if end != AttemptEnd::Failed {
            return None;
        }
        let unfit = failure.kind == Kind::UpstreamAuth || is_spent(failure);
        let before = self.unfit.load();
        let remembered = Arc::new(Remembered {
            code: failure.kind.code(),
            message: Arc::from(failure.message()),
            at: now,
            since: before.as_ref().filter(|_| unfit).map_or(now, |before| before.since),
        });
        self.last_failure.store(Some(remembered.clone()));
        (unfit && self.unfit.swap(Some(remembered)).is_none()).then_some(false)
    }

    /// Its credential serves; what is left of its account, only a call can tell. True where it had been refused.
    pub(crate) fn credential_serves(&self) -> bool {
        let refused = |found: &Arc<Remembered>| found.code == Kind::UpstreamAuth.code();
        self.unfit.load().as_ref().is_some_and(refused) && self.unfit.swap(None).is_some()
    }

    /// When our credential was refused last; none where it serves, as far as is known.
    pub(crate) fn credential_refused_at(&self) -> Option<u64> {
        let found = self.unfit.load();
        let refused = found.as_ref().filter(|found| found.code == Kind::UpstreamAuth.code());
        refused.map(|found| found.at)
    }

    /// Why it can serve nobody, and since when, as its attempts found.
    pub(crate) fn unfit(&self) -> Option<(Arc<str>, u64)> {
        let found = self.unfit.load();
        found.as_ref().map(|found| (found.message.clone(), found.since))
    }

    /// What the last attempt that failed met.
    pub(crate) fn last_trouble(&self) -> Option<Arc<str>> {
        self.last_failure.load().as_ref().map(|found| found.message.clone())
    }

    /// When the provider last did its part in an attempt. It never goes back.
    pub(crate) fn last_word(&self) -> Option<u64> {
        Some(self.word.load(Relaxed)).filter(|word| *word != 0)
    }

    pub(crate) fn count_panic(&self) {
        self.panics.fetch_add(1, Relaxed);
    }

    pub(crate) fn panics(&self) -> u64 {
        self.panics.load(Relaxed)
    }

    /// As of `now`.
    pub(crate) fn snapshot(&self, now: u64) -> TrafficSnapshot {
        let ago_ms = |at: u64| now.saturating_sub(at) / 1_000_000;
        let count = |end: AttemptEnd| self.counts[end as usize].load(Relaxed);
        let word = self.last.load(Relaxed);
        let failure = self.last_failure.load();
        TrafficSnapshot {
            answered: count(AttemptEnd::Answered),
            refused: count(AttemptEnd::Refused),
            failed: count(AttemptEnd::Failed),
            abandoned: count(AttemptEnd::Abandoned),
            last: (word != 0).then(|| LastAttempt {
                end: AttemptEnd::ALL[(word & 3) as usize],
                ago_ms: ago_ms(word >> 2),
            }),
            last_failure: failure.as_ref().map(|failure| LastFailure {
                code: failure.code,
                message: failure.message.clone(),
                ago_ms: ago_ms(failure.at),
            }),
        }
    }
}
