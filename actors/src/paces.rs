//! The pace of a provider's quotas, shared by all who come with one credential.
//!
//! Invariant: what a provider says of a quota is read from the drivers at most ten times a second; a call of which nobody
//! says which it draws on is not paced.

use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use dashmap::DashMap;
use foldhash::fast::RandomState;

use crate::attributes::Priority;
use crate::clock::nanos_of;
use crate::policy::pacing::{Pace, Pacer, PacingSettings, Quota};
use crate::rate_limit::RateLimit;
use crate::supervision::unix_ms;

/// How long a reading of what the drivers know is relied on.
const READ_EVERY: u64 = 100_000_000;

/// The quotas of one credential that are paced; calls that draw on others are not. A provider has a handful.
const MOST_QUOTAS: usize = 16;

/// The paces of each credential's quotas.
#[derive(Default)]
pub(crate) struct Paces(DashMap<u64, Weak<CredentialPaces>, RandomState>);

/// The paces of one credential's quotas, by the resource that each is of.
#[derive(Default)]
pub(crate) struct CredentialPaces(Mutex<Vec<(Arc<str>, Arc<SharedPace>)>>);

/// The pace of one quota.
#[derive(Default)]
pub(crate) struct SharedPace {
    read_at: AtomicU64,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    pacer: Pacer,
    /// What was said last.
    said: Option<RateLimit>,
    /// When the window ends that it was said of, by our clock.
    reset: u64,
}

/// A call that has gone, until its answer has begun or it has ended: what its provider says from then on counts it.
pub(crate) struct Paced(Arc<SharedPace>);

impl Drop for Paced {
    fn drop(&mut self) {
        self.0.state().pacer.ended();
    }
}

impl Paces {
    /// That of a credential; those that no instance has any longer are forgotten.
    pub(crate) fn of(&self, credential_scope: u64) -> Arc<CredentialPaces> {
        if let Some(found) = self.0.get(&credential_scope).and_then(|known| known.upgrade()) {
            return found;
        }
        self.0.retain(|_, known| known.strong_count() > 0);
        let mut known = self.0.entry(credential_scope).or_default();
        // Another may have been quicker.
        known.upgrade().unwrap_or_else(|| {
            let made = Arc::new(CredentialPaces::default());
            *known = Arc::downgrade(&made);
            made
        })
    }
}

impl CredentialPaces {
    /// That of a resource; none where there are too many.
    pub(crate) fn of(&self, resource: &Arc<str>) -> Option<Arc<SharedPace>> {
        // Held for a few steps; no panic leaves half of them.
        let mut paces = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, known)) = paces.iter().find(|(name, _)| name == resource) {
            return Some(known.clone());
        }
        (paces.len() < MOST_QUOTAS).then(|| {
            let made = Arc::<SharedPace>::default();
            paces.push((resource.clone(), made.clone()));
            made
        })
    }
}

impl SharedPace {
    /// Whether who asks at `now` is to read what the drivers know: one reads for all.
    pub(crate) fn is_to_be_read(&self, now: u64) -> bool {
        let read_at = self.read_at.load(Relaxed);
        let due = read_at == 0 || now.saturating_sub(read_at) >= READ_EVERY;
        due && self
            .read_at
            .compare_exchange(read_at, now.max(1), Relaxed, Relaxed)
            .is_ok()
    }

    /// Its provider said this.
    pub(crate) fn heard(&self, limit: RateLimit, now: u64) {
        self.state().heard(limit, now);
    }

    /// Whether a call of this priority may go, or after which time.
    pub(crate) fn ask(&self, priority: Priority, now: u64, settings: &PacingSettings) -> Pace {
        self.state().pacer.ask(priority, now, settings)
    }

    /// Whether nothing is left until the quota is granted anew.
    pub(crate) fn is_used_up(&self, now: u64) -> bool {
        self.state().pacer.left(now).is_some_and(|(left, _)| left == 0)
    }

    /// A call goes at `now`.
    pub(crate) fn went(self: Arc<Self>, now: u64, settings: &PacingSettings) -> Paced {
        self.state().pacer.went(now, settings);
        Paced(self)
    }

    /// Held for a few steps; no panic leaves half of them.
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn heard(&mut self, limit: RateLimit, now: u64) {
        let news = self.said.as_ref().is_none_or(|said| {
            let later = limit.seen_unix_ms > said.seen_unix_ms;
            later || limit.seen_unix_ms == said.seen_unix_ms && limit.remaining < said.remaining
        });
        let (Some(remaining), Some(reset), true) = (limit.remaining, limit.reset_unix_ms, news) else {
            return;
        };
        // One moment has one reading, however often it is said: the two clocks do not drift apart within a window.
        let known = self.said.as_ref().is_some_and(|said| said.reset_unix_ms == Some(reset));
        if !known {
            let until = Duration::from_millis(reset.saturating_sub(unix_ms()));
            self.reset = now.saturating_add(nanos_of(until));
        }
        self.pacer.heard(Quota {
            limit: limit.limit,
            remaining,
            reset: self.reset,
        });
        self.said = Some(limit);
    }
}
