//! The one error type of the system.
//!
//! Invariant: a [`Failure`] tells a caller what to do next (its [`Kind`], whether a retry can help and when)
//! without ever carrying a secret or a payload.

mod tried;

use std::error::Error;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::call::{CacheStatus, CachedBy};
use crate::decision::Explained;

pub use tried::{MOST_TRIED, TriedAt};

/// What went wrong, in words that every surface maps to its own codes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// The caller's input is wrong; [`Failure::field`] names what.
    InvalidInput,
    /// Nobody we know is calling.
    Unauthenticated,
    /// The caller is known and may not do this.
    Forbidden,
    /// The resource does not exist, or must not be known to exist.
    NotFound,
    /// The state of the resource forbids the change.
    Conflict,
    /// A precondition does not hold: a version or a hash that the caller named, or the state that an order needs.
    PreconditionFailed,
    /// No candidate can do this operation, or not with this field.
    Unsupported,
    /// The tenant calls faster than its rate.
    RateLimited,
    /// The tenant has used up a quota.
    QuotaExceeded,
    /// The tenant has spent its money.
    BudgetExhausted,
    /// A bound of the gateway is reached; come back after `retry_after`.
    Overloaded,
    /// Every candidate's circuit breaker is open.
    CircuitOpen,
    /// No instance serves this resource now.
    NoProvider,
    /// The provider could not be reached, or the connection broke.
    Network,
    /// The deadline, or an attempt's share of it, passed.
    Timeout,
    /// The provider refused our credential.
    UpstreamAuth,
    /// The provider's own rate limit refused us.
    UpstreamRateLimited,
    /// The provider failed (5xx) or answered what cannot be understood.
    UpstreamFailed,
    /// The caller went away, or the work was stopped.
    Cancelled,
    /// A fault of the gateway itself.
    Internal,
}

impl Kind {
    /// Every kind, for tables, documents and tests.
    pub const ALL: [Kind; 20] = [
        Kind::InvalidInput,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Conflict,
        Kind::PreconditionFailed,
        Kind::Unsupported,
        Kind::RateLimited,
        Kind::QuotaExceeded,
        Kind::BudgetExhausted,
        Kind::Overloaded,
        Kind::CircuitOpen,
        Kind::NoProvider,
        Kind::Network,
        Kind::Timeout,
        Kind::UpstreamAuth,
        Kind::UpstreamRateLimited,
        Kind::UpstreamFailed,
        Kind::Cancelled,
        Kind::Internal,
    ];

    /// The stable code, e.g. `upstream_rate_limited`.
    pub const fn code(self) -> &'static str {
        match self {
            Kind::InvalidInput => "invalid_input",
            Kind::Unauthenticated => "unauthenticated",
            Kind::Forbidden => "forbidden",
            Kind::NotFound => "not_found",
            Kind::Conflict => "conflict",
            Kind::PreconditionFailed => "precondition_failed",
            Kind::Unsupported => "unsupported",
            Kind::RateLimited => "rate_limited",
            Kind::QuotaExceeded => "quota_exceeded",
            Kind::BudgetExhausted => "budget_exhausted",
            Kind::Overloaded => "overloaded",
            Kind::CircuitOpen => "circuit_open",
            Kind::NoProvider => "no_provider",
            Kind::Network => "network",
            Kind::Timeout => "timeout",
            Kind::UpstreamAuth => "upstream_auth",
            Kind::UpstreamRateLimited => "upstream_rate_limited",
            Kind::UpstreamFailed => "upstream_failed",
            Kind::Cancelled => "cancelled",
            Kind::Internal => "internal",
        }
    }

    /// Whether the same call may succeed later without a change by the caller.
    pub const fn retryable(self) -> bool {
        matches!(
            self,
            Kind::RateLimited
                | Kind::Overloaded
                | Kind::CircuitOpen
                | Kind::NoProvider
                | Kind::Network
                | Kind::Timeout
                | Kind::UpstreamRateLimited
                | Kind::UpstreamFailed
        )
    }

    /// Whether the failure is evidence against the provider that was asked. A caller's mistake never is,
    /// and neither is a rate limit: that provider is well, and busy.
    pub const fn blames_provider(self) -> bool {
        matches!(self, Kind::Network | Kind::Timeout | Kind::UpstreamFailed)
    }

    /// Whether a write that was sent and failed so may have been carried out all the same.
    pub const fn leaves_in_doubt(self) -> bool {
        self.blames_provider() || matches!(self, Kind::Cancelled | Kind::Internal)
    }

    /// Who is at fault unless the failure says otherwise.
    pub const fn default_source(self) -> Source {
        match self {
            Kind::InvalidInput
            | Kind::Unauthenticated
            | Kind::Forbidden
            | Kind::NotFound
            | Kind::Conflict
            | Kind::PreconditionFailed
            | Kind::Unsupported
            | Kind::RateLimited
            | Kind::QuotaExceeded
            | Kind::BudgetExhausted
            | Kind::Cancelled => Source::Caller,
            Kind::Overloaded | Kind::CircuitOpen | Kind::NoProvider | Kind::Internal => Source::Gateway,
            Kind::Network | Kind::Timeout | Kind::UpstreamAuth | Kind::UpstreamRateLimited | Kind::UpstreamFailed => {
                Source::Provider
            }
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code())
    }
}

/// Whose fault a failure is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The caller asked for what cannot be had.
    Caller,
    /// The gateway could not serve.
    Gateway,
    /// The provider did not do its part.
    Provider,
}

/// That a failure was remembered, not met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FromCache {
    /// How it was served.
    pub status: CacheStatus,
    /// By which tier, and how fresh.
    pub by: CachedBy,
    /// How old it is.
    pub age: Duration,
}

/// A failed call. Cheap to clone, because coalesced callers share it.
#[derive(Clone)]
pub struct Failure {
    /// What went wrong.
    pub kind: Kind,
    /// Who is at fault.
    pub source: Source,
    /// Whether trying again, unchanged, can help.
    pub retryable: bool,
    /// How long to wait before trying again, where somebody told us.
    pub retry_after: Option<Duration>,
    /// The provider instance that was asked last.
    pub provider: Option<Arc<str>>,
    /// The input field or query parameter at fault.
    pub field: Option<Arc<str>>,
    /// True where the request is proven not to have reached the provider, so that even a write may be repeated.
    pub unsent: bool,
    /// True where the provider is proven to have done nothing that it charges for: it refused.
    pub unbilled: bool,
    /// True where the provider answered, and the answer cannot be used: it is garbled, too large, or leads where we do
    /// not follow. The same request would be answered the same, and it says little of the provider's health.
    pub unreadable: bool,
    /// True where an answer that cannot be used was sound all the same: too large, or leading elsewhere.
    pub sound: bool,
    /// True where a write failed, and nobody knows whether it was done.
    pub in_doubt: bool,
    /// True where it is what an earlier call with the same key failed with, told again.
    pub replayed: bool,
    /// True where the log tells of the call that ended with it, so that no surface needs to.
    pub settled: bool,
    /// Where a remembered failure came from.
    pub cached: Option<Box<FromCache>>,
    /// What was decided, where the call asked for it and there was a record left.
    pub decision: Option<Arc<Explained>>,
    message: Arc<str>,
    cause: Option<Arc<dyn Error + Send + Sync>>,
    /// Shared, because coalesced callers share the failure.
    tried: Option<Arc<Vec<TriedAt>>>,
}

impl Failure {
    /// A failure of `kind` with a sentence for people. The sentence must hold no secret and no payload.
    pub fn new(kind: Kind, message: impl AsRef<str>) -> Self {
        Failure {
            kind,
            source: kind.default_source(),
            retryable: kind.retryable(),
            retry_after: None,
            provider: None,
            field: None,
            unsent: false,
            unbilled: false,
            unreadable: false,
            sound: false,
            in_doubt: false,
            replayed: false,
            settled: false,
            cached: None,
            decision: None,
            message: Arc::from(message.as_ref()),
            cause: None,
            tried: None,
        }
    }

    /// An [`Kind::InvalidInput`] that names the field at fault.
    pub fn invalid(field: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        let mut failure = Failure::new(Kind::InvalidInput, message);
        failure.field = Some(Arc::from(field.as_ref()));
        failure
    }

    /// An [`Kind::Unsupported`] that names the field the provider cannot serve.
    pub fn unsupported_field(field: impl AsRef<str>, message: impl AsRef<str>) -> Self {
        let mut failure = Failure::new(Kind::Unsupported, message);
        failure.field = Some(Arc::from(field.as_ref()));
        failure
    }

    /// The sentence for people.
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Says when a retry can help.
    #[must_use]
    pub fn after(mut self, wait: Duration) -> Self {
        self.retry_after = Some(wait);
        self
    }

    /// Says more to people: what may be behind it.
    #[must_use]
    pub fn also(mut self, sentence: &str) -> Self {
        self.message = Arc::from(format!("{}; {sentence}", self.message));
        self
    }

    /// Names the provider instance that was asked.
    #[must_use]
    pub fn by(mut self, provider: &Arc<str>) -> Self {
        self.provider = Some(provider.clone());
        self
    }

    /// Marks that nothing reached the provider.
    #[must_use]
    pub fn never_sent(mut self) -> Self {
        self.unsent = true;
        self
    }

    /// Says that it was remembered, and where.
    #[must_use]
    pub fn from_cache(mut self, from: FromCache) -> Self {
        self.cached = Some(Box::new(from));
        self
    }

    /// Marks that the provider refused and charges nothing.
    #[must_use]
    pub fn never_billed(mut self) -> Self {
        self.unbilled = true;
        self
    }

    /// Marks that the provider's answer cannot be used: asking again cannot help.
    #[must_use]
    pub fn not_usable(mut self) -> Self {
        self.unreadable = true;
        self.retryable = false;
        self
    }

    /// Marks that the answer that cannot be used is a sound one: it says nothing of the provider.
    #[must_use]
    pub fn but_sound(mut self) -> Self {
        self.sound = true;
        self
    }

    /// The same, in other words.
    #[must_use]
    pub fn saying(mut self, message: impl AsRef<str>) -> Self {
        self.message = Arc::from(message.as_ref());
        self
    }

    /// Keeps the underlying error for logs.
    #[must_use]
    pub fn because(mut self, cause: impl Error + Send + Sync + 'static) -> Self {
        self.cause = Some(Arc::new(cause));
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.kind, self.message)?;
        if let Some(provider) = &self.provider {
            write!(f, " (provider {provider})")?;
        }
        Ok(())
    }
}

// The cause is left out on purpose: it is another library's error and may quote a URL or a header.
impl fmt::Debug for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Failure")
            .field("kind", &self.kind)
            .field("source", &self.source)
            .field("retryable", &self.retryable)
            .field("retry_after", &self.retry_after)
            .field("provider", &self.provider)
            .field("field", &self.field)
            .field("message", &self.message)
            .finish_non_exhaustive()
    }
}

impl Error for Failure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.cause
            .as_ref()
            .map(|cause| cause.as_ref() as &(dyn Error + 'static))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_unique_and_match_serde() {
        let codes: std::collections::HashSet<_> = Kind::ALL.iter().map(|k| k.code()).collect();
        assert_eq!(codes.len(), Kind::ALL.len());
        assert_eq!(Kind::UpstreamRateLimited.to_string(), "upstream_rate_limited");
    }

    #[test]
    fn a_failure_stays_small_enough_to_return_by_value() {
        assert!(std::mem::size_of::<Failure>() <= 128);
    }
}
