//! Asking whether an answer that is kept has changed, instead of for all of it.
//!
//! Invariant: an instance is asked about its own answer alone; what it says is unchanged is served as it is kept, and is
//! fresh again.

use std::sync::Arc;

use super::job::Job;
use crate::cache::CacheEntry;
use crate::cache::chain::ChainLookup;
use crate::call::{Answer, Call, Head};
use crate::policy::freshness::asked_about;

/// A kept answer that its instance can be asked about.
pub(crate) struct Renewal {
    entry: Arc<CacheEntry>,
    validator: Arc<str>,
    instance: Arc<str>,
}

impl Renewal {
    /// Of what was found past its time, in memory or farther away; a caller that refuses the cache has nothing found.
    pub(crate) fn of(job: &Job, lookup: &ChainLookup, now: u64) -> Option<Self> {
        let farther = lookup.stale.iter().map(|hit| &hit.entry);
        let found: Vec<&Arc<CacheEntry>> = farther.chain(&job.stale).collect();
        let kept: Vec<_> = found.iter().map(|entry| entry.kept(now)).collect();
        let entry = found[asked_about(&kept)?];
        let (validator, instance) = entry.validator()?;
        Some(Renewal {
            validator: validator.clone(),
            instance: instance.clone(),
            entry: entry.clone(),
        })
    }

    /// Whom to ask, if that can be chosen.
    pub(crate) fn instance(&self) -> &Arc<str> {
        &self.instance
    }

    /// The call as it is put to `instance`; `None`: as it is.
    pub(crate) fn call(&self, call: &Call, instance: &str) -> Option<Arc<Call>> {
        (*self.instance == *instance).then(|| {
            Arc::new(Call {
                validator: Some(self.validator.clone()),
                ..call.clone()
            })
        })
    }

    /// The kept answer, of which `said` is all that is new.
    pub(crate) fn answer(&self, said: Head) -> Option<Answer> {
        self.entry.renewed(said)
    }
}
