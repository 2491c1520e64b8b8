//! A job: a call that missed, with all that its task needs.
//!
//! Invariant: nothing in it changes on the way but what its permits' record and its decision record say.

use std::sync::Arc;

use super::admission::CallPermits;
use super::calls::CallRecord;
use crate::cache::{CacheEntry, CacheKey};
use crate::call::Call;
use crate::decision::Trace;
use crate::policy::routing::CandidateSet;

/// A call that missed.
pub(crate) struct Job {
    pub(crate) call: Arc<Call>,
    pub(crate) candidates: Arc<CandidateSet>,
    pub(crate) key: Option<CacheKey>,
    /// The cache's epoch when the call began.
    pub(crate) epoch: u64,
    /// An answer past its time, for the case that the provider fails.
    pub(crate) stale: Option<Arc<CacheEntry>>,
    pub(crate) permits: Arc<CallPermits>,
    /// What is decided for it.
    pub(crate) trace: Trace,
}

impl Job {
    /// What the list of calls in flight says of it.
    pub(crate) fn record(&self) -> &Arc<CallRecord> {
        self.permits.record()
    }
}
