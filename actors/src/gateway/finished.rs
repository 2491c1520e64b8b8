//! The last calls that ended, for people to look at.
//!
//! Invariant: bounded; what memory served is not among them, so such a hit writes nothing here; and what a call carried never is.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde::Serialize;

use crate::cache::CacheKey;

/// Calls that are remembered; the oldest go first.
const REMEMBERED: usize = 1_000;

/// A call that has ended, as the admin endpoint shows it.
#[derive(Clone, Debug, Serialize)]
pub struct FinishedCall {
    /// Its request id.
    pub id: Arc<str>,
    /// Its operation.
    pub operation: &'static str,
    /// Who pays for it.
    pub tenant: Arc<str>,
    /// Who answered, or was asked last.
    pub provider: Option<Arc<str>>,
    /// `ok`, or the code of its failure.
    pub code: &'static str,
    /// What the cache did for it, where it was answered.
    pub cache: Option<&'static str>,
    /// Attempts that it took.
    pub attempts: u32,
    /// Milliseconds from its coming to the end of its body.
    pub took_ms: u64,
    /// When it ended, in milliseconds since the Unix epoch.
    pub at_unix_ms: u64,
    /// The key that its answer is cached under, to purge it by.
    pub cache_key: Option<CacheKey>,
}

/// The ring of them.
#[derive(Default)]
pub(crate) struct FinishedCalls(Mutex<VecDeque<FinishedCall>>);

impl FinishedCalls {
    pub(crate) fn note(&self, call: FinishedCall) {
        let mut calls = self.calls();
        if calls.len() == REMEMBERED {
            calls.pop_front();
        }
        calls.push_back(call);
    }

    /// At most `limit`, newest first.
    pub(crate) fn newest(&self, limit: usize) -> Vec<FinishedCall> {
        self.calls().iter().rev().take(limit).cloned().collect()
    }

    /// Held for a push or a copy; no panic leaves half of one.
    fn calls(&self) -> MutexGuard<'_, VecDeque<FinishedCall>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
