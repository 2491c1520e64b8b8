//! Entries as a tier outside of this process keeps them.
//!
//! Invariant: nothing here depends on this process: no instant of its clock, no typed value. What travels is JSON.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::{CacheEntry, Remembered};
use crate::call::{BodyMark, Head};
use crate::error::{Failure, Kind};

/// An entry without a home.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Portable {
    /// What is remembered.
    pub outcome: Memory,
    /// How old it is.
    pub age: Duration,
    /// The age at which it is no longer fresh.
    pub fresh: Duration,
    /// How long after that it may still be served when the provider fails.
    pub stale: Duration,
}

/// What an entry remembers.
#[derive(Clone, PartialEq, Eq)]
pub enum Memory {
    /// An answer.
    Answer {
        /// The instance that gave it.
        provider: Arc<str>,
        /// The provider's own id of the request.
        upstream_request_id: Option<Arc<str>>,
        /// Rows that were left out of it.
        skipped: u32,
        /// Its provider has nothing of the kind itself.
        emulated: bool,
        /// What its provider can be asked about it by.
        validator: Option<Arc<str>>,
        /// The JSON, serialised once.
        body: Bytes,
    },
    /// That there is none.
    NotFound {
        /// The instance that said so.
        provider: Option<Arc<str>>,
        /// The input field at fault.
        field: Option<Arc<str>>,
        /// The sentence for people.
        message: Arc<str>,
    },
}

// A body is a payload and stays out of logs.
impl std::fmt::Debug for Memory {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Memory::Answer { provider, body, .. } => write!(f, "Answer({provider}, {} B)", body.len()),
            Memory::NotFound { message, .. } => write!(f, "NotFound({message})"),
        }
    }
}

impl Portable {
    /// How long it may still be kept.
    pub fn lifetime(&self) -> Duration {
        self.fresh.saturating_add(self.stale).saturating_sub(self.age)
    }
}

const JSON: &str = "application/json";

impl CacheEntry {
    /// As another process can keep it; `None` for what is not JSON.
    pub(crate) fn portable(&self, now: u64) -> Option<Portable> {
        let outcome = match &self.outcome {
            Ok(Remembered { head, body, .. }) if head.content_type == JSON => Memory::Answer {
                provider: head.provider.clone(),
                upstream_request_id: head.upstream_request_id.clone(),
                skipped: head.skipped,
                emulated: head.emulated,
                validator: head.validator.clone(),
                body: body.clone(),
            },
            Ok(_) => return None,
            Err(failure) => Memory::NotFound {
                provider: failure.provider.clone(),
                field: failure.field.clone(),
                message: Arc::from(failure.message()),
            },
        };
        Some(Portable {
            outcome,
            age: self.age(now),
            fresh: self.fresh,
            stale: self.stale,
        })
    }

    /// At home in this process since `now`.
    pub(crate) fn arrived(portable: Portable, now: u64) -> Self {
        let outcome = match portable.outcome {
            Memory::Answer {
                provider,
                upstream_request_id,
                skipped,
                emulated,
                validator,
                body,
            } => Ok(Remembered {
                head: Head {
                    upstream_request_id,
                    skipped,
                    emulated,
                    validator,
                    mark: Some(BodyMark::default()),
                    ..Head::json(provider)
                },
                body,
                value: None,
            }),
            Memory::NotFound {
                provider,
                field,
                message,
            } => {
                let mut failure = Failure::new(Kind::NotFound, message);
                (failure.provider, failure.field) = (provider, field);
                Err(failure)
            }
        };
        CacheEntry {
            outcome,
            arrived: now,
            age_then: portable.age,
            fresh: portable.fresh,
            stale: portable.stale,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::call::CacheStatus;
    use crate::policy::freshness::Freshness;

    #[test]
    fn an_entry_goes_on_ageing_where_it_arrives() {
        const SECOND: u64 = 1_000_000_000;
        let portable = Portable {
            outcome: Memory::Answer {
                provider: Arc::from("a"),
                upstream_request_id: None,
                skipped: 2,
                emulated: true,
                validator: Some(Arc::from("v")),
                body: Bytes::from_static(b"{}"),
            },
            // Older than the process that it comes to.
            age: Duration::from_secs(50),
            fresh: Duration::from_secs(60),
            stale: Duration::from_secs(20),
        };
        let entry = CacheEntry::arrived(portable.clone(), SECOND);
        assert_eq!(entry.portable(SECOND), Some(portable));
        assert_eq!(entry.lifetime(), Duration::from_secs(30));
        assert_eq!(entry.freshness(10 * SECOND), Freshness::Fresh);
        assert_eq!(entry.freshness(11 * SECOND), Freshness::Stale);
        assert_eq!(entry.freshness(31 * SECOND), Freshness::Expired);
        let served = entry.serve(CacheStatus::Stale, "l2", 13 * SECOND).unwrap().head;
        assert_eq!(served.age, Duration::from_secs(62));
        assert_eq!(served.cached_by.unwrap().ttl_seconds, -2);
    }
}
