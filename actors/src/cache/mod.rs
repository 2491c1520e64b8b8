//! Caching: keys, entries, the chain of tiers with the memory tier in front, and flights that share equal misses.
//!
//! Invariant: a key holds all that an answer depends on — tenant, candidates with their credentials, canonical request —
//! so no caller can meet an answer that was made for another's rights.

pub(crate) mod chain;
pub(crate) mod flight;
pub(crate) mod guarded;
pub mod l1;
mod pending;
pub mod portable;
pub mod purge;
pub mod tier;
pub(crate) mod tiered;

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Serialize, Serializer};

use crate::call::{Answer, Body, BodyMark, CacheStatus, CachedBy, Call, Head, RequestKey, Value};
use crate::error::{Failure, FromCache, Kind};
use crate::gateway::job::Job;
use crate::policy::freshness::{Freshness, Kept, judge};

/// What an answer depends on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheKey {
    tenant: Arc<str>,
    candidates: u64,
    request: RequestKey,
}

// The request is a hash already: a part of it spreads keys as well as the whole, and equality looks at everything.
impl Hash for CacheKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let (first, _) = self.request.split_at(8);
        state.write_u64(
            first
                .iter()
                .fold(self.candidates, |all, byte| all.rotate_left(8) ^ u64::from(*byte)),
        );
    }
}

impl CacheKey {
    /// The key of a call with these candidates; `None`: the call is not cacheable.
    pub(crate) fn of(call: &Call, candidates: u64) -> Option<Self> {
        call.operation.cache?;
        Some(CacheKey {
            tenant: call.caller.tenant.clone(),
            candidates,
            request: call.request_key?,
        })
    }

    /// The tenant that asked.
    pub fn tenant(&self) -> &str {
        &self.tenant
    }

    /// The candidates and their credentials.
    pub fn candidates(&self) -> u64 {
        self.candidates
    }

    /// The canonical request.
    pub fn request(&self) -> &RequestKey {
        &self.request
    }
}

/// As operators see and name it: tenant, candidates and request, between dots.
impl fmt::Display for CacheKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{:016x}.", self.tenant, self.candidates)?;
        self.request.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl Serialize for CacheKey {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl FromStr for CacheKey {
    type Err = Failure;

    fn from_str(text: &str) -> Result<Self, Failure> {
        let read = || {
            let (rest, request) = text.rsplit_once('.')?;
            let (tenant, candidates) = rest.rsplit_once('.')?;
            let hex = |text: &str, digits| text.len() == digits && text.bytes().all(|digit| digit.is_ascii_hexdigit());
            let sound = !tenant.is_empty() && hex(candidates, 16) && hex(request, 64);
            let mut bytes = RequestKey::default();
            for (place, byte) in bytes.iter_mut().enumerate().filter(|_| sound) {
                *byte = u8::from_str_radix(&request[2 * place..2 * place + 2], 16).ok()?;
            }
            sound.then_some(CacheKey {
                tenant: Arc::from(tenant),
                candidates: u64::from_str_radix(candidates, 16).ok()?,
                request: bytes,
            })
        };
        read().ok_or_else(|| Failure::invalid("key", "not a cache key; the list of calls shows those of the last ones"))
    }
}

pub use crate::call::Tag;

/// The tags of what is remembered of `outcome`: those of the call, those of its candidates, those that the answer added, and
/// of a `not_found` what the creation of the thing would invalidate.
pub(crate) fn carried(job: &Job, outcome: &Result<Answer, Failure>) -> Vec<Tag> {
    let call = &job.call;
    let mut tags = call.tags.carries.clone();
    tags.extend_from_slice(&job.candidates.tags);
    match outcome {
        Ok(answer) => tags.extend_from_slice(&answer.head.tags),
        Err(_) => tags.extend_from_slice(&call.tags.absent),
    }
    tags
}

/// The tags that a lookup must look at before it knows what it finds: those of an answer and of a `not_found`.
pub(crate) fn looked_up(job: &Job) -> Vec<Tag> {
    let mut tags = job.call.tags.carries.clone();
    tags.extend_from_slice(&job.call.tags.absent);
    tags.extend_from_slice(&job.candidates.tags);
    tags
}

/// A remembered outcome: an answer, or that there is none.
#[derive(Clone, Debug)]
pub(crate) struct CacheEntry {
    outcome: Result<Remembered, Failure>,
    /// When it came into this process, in nanoseconds of the system's clock.
    arrived: u64,
    /// How old it was then: it may be older than the process.
    age_then: Duration,
    fresh: Duration,
    stale: Duration,
}

#[derive(Clone, Debug)]
struct Remembered {
    head: Head,
    body: Bytes,
    value: Option<Value>,
}

impl CacheEntry {
    /// Remembers a whole answer, or a `not_found`; `None` for what must not be remembered.
    pub(crate) fn of(outcome: &Result<Answer, Failure>, call: &Call, now: u64) -> Option<Self> {
        let times = call.operation.cache?;
        let (outcome, fresh, stale) = match outcome {
            Ok(Answer {
                head,
                body: Body::Bytes(body),
                value,
            }) => {
                let remembered = Remembered {
                    head: Head {
                        mark: Some(BodyMark::default()),
                        ..head.clone()
                    },
                    body: body.clone(),
                    value: value.clone(),
                };
                (Ok(remembered), times.fresh, times.stale)
            }
            Ok(Answer {
                body: Body::Stream(_) | Body::Raw(_),
                ..
            }) => return None,
            Err(failure) if failure.kind == Kind::NotFound => (Err(failure.clone()), times.negative, Duration::ZERO),
            Err(_) => return None,
        };
        Some(CacheEntry {
            outcome,
            arrived: now,
            age_then: Duration::ZERO,
            fresh,
            stale,
        })
    }

    /// When it came into this process, in nanoseconds of the system's clock.
    pub(crate) fn arrived_at(&self) -> u64 {
        self.arrived
    }

    /// What it is good for at `now`.
    pub(crate) fn freshness(&self, now: u64) -> Freshness {
        judge(self.age(now), self.fresh, self.stale)
    }

    /// It is remembered that there is no such thing.
    pub(crate) fn is_refusal(&self) -> bool {
        self.outcome.is_err()
    }

    /// The outcome as served by `tier`.
    pub(crate) fn serve(&self, status: CacheStatus, tier: &'static str, now: u64) -> Result<Answer, Failure> {
        let by = CachedBy {
            tier,
            ttl_seconds: self.ttl_seconds(now),
        };
        let age = self.age(now);
        let remembered = match &self.outcome {
            Ok(remembered) => remembered,
            Err(failure) => return Err(failure.clone().from_cache(FromCache { status, by, age })),
        };
        let head = Head {
            cache: status,
            age,
            cached_by: Some(by),
            attempts: 0,
            ..remembered.head.clone()
        };
        Ok(Answer {
            head,
            body: Body::Bytes(remembered.body.clone()),
            value: remembered.value.clone(),
        })
    }

    /// The answer as its provider says it is still: what `said` tells of that is new.
    pub(crate) fn renewed(&self, said: Head) -> Option<Answer> {
        let remembered = self.outcome.as_ref().ok()?;
        let head = Head {
            cache: CacheStatus::Revalidated,
            attempts: said.attempts,
            upstream_request_id: said.upstream_request_id,
            validator: said.validator.or_else(|| remembered.head.validator.clone()),
            usage: None,
            ..remembered.head.clone()
        };
        Some(Answer {
            head,
            body: Body::Bytes(remembered.body.clone()),
            value: remembered.value.clone(),
        })
    }

    /// What its provider can be asked about it by, and who that is.
    pub(crate) fn validator(&self) -> Option<(&Arc<str>, &Arc<str>)> {
        let head = &self.outcome.as_ref().ok()?.head;
        Some((head.validator.as_ref()?, &head.provider))
    }

    /// How old and how recognisable it is.
    pub(crate) fn kept(&self, now: u64) -> Kept {
        Kept {
            age: self.age(now),
            recognisable: self.validator().is_some(),
        }
    }

    /// Bytes that it weighs, with a flat share for keys, heads and bookkeeping.
    pub(crate) fn weight(&self) -> usize {
        const OVERHEAD: usize = 512;
        OVERHEAD + self.outcome.as_ref().map_or(0, |remembered| remembered.body.len())
    }

    /// How long it may be kept here at all, from its arrival on.
    pub(crate) fn lifetime(&self) -> Duration {
        self.fresh.saturating_add(self.stale).saturating_sub(self.age_then)
    }

    fn age(&self, now: u64) -> Duration {
        Duration::from_nanos(now.saturating_sub(self.arrived)).saturating_add(self.age_then)
    }

    fn ttl_seconds(&self, now: u64) -> i64 {
        let seconds = |time: Duration| i64::try_from(time.as_secs()).unwrap_or(i64::MAX);
        seconds(self.fresh) - seconds(self.age(now))
    }
}
