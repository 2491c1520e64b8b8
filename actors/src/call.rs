//! What travels the data path: a [`Call`] in, an [`Answer`] out, and the facts of an [`Operation`].
//!
//! Invariant: the engine never looks inside an input or an output; it sees only facts, keys and bytes.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::stream::BodyStream;

/// What the engine must know of an operation. Declared once, in the catalogue, and lives for ever.
#[derive(Debug)]
pub struct Operation {
    /// The full name, `service.noun.verb`, e.g. `git.repo.get`.
    pub name: &'static str,
    /// The service it belongs to: the first part of the name.
    pub service: &'static str,
    /// It changes nothing at the provider.
    pub safe: bool,
    /// Repeating it has the effect of doing it once.
    pub idempotent: bool,
    /// The answer is a stream of frames.
    pub streaming: bool,
    /// How long an answer may be served from cache; `None`: never cached.
    pub cache: Option<CacheTimes>,
    /// Names of the tags that an answer carries, each completed by the resource: `repo` -> `repo:acme/api`.
    pub carries: &'static [&'static str],
    /// Names of the tags that success makes invalid.
    pub invalidates: &'static [&'static str],
    /// What an attempt weighs, for prices and budgets.
    pub cost: CostClass,
}

/// Times of a cacheable operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CacheTimes {
    /// Served without asking the provider.
    pub fresh: Duration,
    /// After `fresh`: may still be served when the provider fails.
    pub stale: Duration,
    /// How long a `not_found` is remembered.
    pub negative: Duration,
}

/// The price class of an operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CostClass {
    /// One cheap upstream request.
    Read,
    /// Several requests, or a search.
    Heavy,
    /// A change.
    Write,
    /// Billed by tokens.
    Tokens,
}

/// What a call is about: a path such as `acme/api` that rules map to candidates, or a pinned native id.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Resource {
    instance: Option<Arc<str>>,
    native: Arc<str>,
}

impl Resource {
    /// Parses `instance~native-id` (pins the instance) or a plain path (rules decide).
    /// The first `~` divides; an instance's name never holds one.
    pub fn parse(text: &str) -> Self {
        match text.split_once('~') {
            Some((instance, native)) if !instance.is_empty() => Resource {
                instance: Some(Arc::from(instance)),
                native: Arc::from(native),
            },
            _ => Resource {
                instance: None,
                native: Arc::from(text),
            },
        }
    }

    /// A resource for operations that are about nothing in particular (`ai.models.list`).
    pub fn none() -> Self {
        Resource {
            instance: None,
            native: Arc::from(""),
        }
    }

    /// The instance that the id pins.
    pub fn instance(&self) -> Option<&Arc<str>> {
        self.instance.as_ref()
    }

    /// The provider's own id or path.
    pub fn native(&self) -> &Arc<str> {
        &self.native
    }

    /// Formats the neutral id of `native` at `instance`.
    pub fn neutral_id(instance: &str, native: impl fmt::Display) -> String {
        format!("{instance}~{native}")
    }
}

impl fmt::Display for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.instance {
            Some(instance) => write!(f, "{instance}~{}", self.native),
            None => f.write_str(&self.native),
        }
    }
}

impl fmt::Debug for Resource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Who calls, as admission needs it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Caller {
    /// The tenant that pays and whose rules and limits apply.
    pub tenant: Arc<str>,
    /// The identity within the tenant, for records.
    pub identity: Arc<str>,
}

/// A hash over the operation and its canonical input (32 bytes, collision resistant).
pub type RequestKey = [u8; 32];

/// A typed input or output that the engine passes on unseen.
pub type AnyValue = Arc<dyn Any + Send + Sync>;

/// One call on its way. Made by a surface, shared by every attempt.
#[derive(Clone)]
pub struct Call {
    /// The request id, for logs, records and errors.
    pub id: Arc<str>,
    /// The operation's facts.
    pub operation: &'static Operation,
    /// What it is about.
    pub resource: Resource,
    /// Who calls.
    pub caller: Caller,
    /// The typed input, parsed once at the surface.
    pub input: AnyValue,
    /// The key of the canonical request; `None` keeps the call out of the cache.
    pub request_key: Option<RequestKey>,
    /// The provider instance that the caller insists on.
    pub provider: Option<Arc<str>>,
    /// The caller wants the provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// The caller refuses an answer from cache.
    pub no_cache: bool,
    /// A write under an idempotency key may be repeated safely.
    pub repeatable: bool,
    /// When the caller must have its reply.
    pub deadline: Instant,
}

impl Call {
    /// A call with nothing special: no key, no chosen provider.
    pub fn new(
        operation: &'static Operation,
        resource: Resource,
        caller: Caller,
        input: AnyValue,
        deadline: Instant,
    ) -> Self {
        Call {
            id: Arc::from(""),
            operation,
            resource,
            caller,
            input,
            request_key: None,
            provider: None,
            include_raw: false,
            no_cache: false,
            repeatable: false,
            deadline,
        }
    }

    /// Whether an attempt may be repeated although the first may have reached the provider.
    pub fn may_repeat(&self) -> bool {
        self.operation.safe || self.operation.idempotent || self.repeatable
    }
}

// The input is a payload and stays out of logs.
impl fmt::Debug for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Call")
            .field("id", &self.id)
            .field("operation", &self.operation.name)
            .field("resource", &self.resource)
            .field("caller", &self.caller)
            .finish_non_exhaustive()
    }
}

/// Where an answer came from, seen from the cache.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CacheStatus {
    /// The operation is not cacheable, or the caller refused the cache.
    #[default]
    Bypass,
    /// Asked from the provider.
    Miss,
    /// Served from a cache tier.
    Hit,
    /// Another caller's equal miss was shared.
    Collapsed,
    /// Past its fresh time, served because the provider failed.
    Stale,
}

/// Which tier served an answer, and how fresh it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CachedBy {
    /// The tier's name, e.g. `l1`.
    pub tier: &'static str,
    /// Seconds for which it stays fresh; below zero: since when it is not.
    pub ttl_seconds: i64,
}

/// The facts beside an answer's body.
#[derive(Clone, Debug)]
pub struct Head {
    /// The instance that answered.
    pub provider: Arc<str>,
    /// From where.
    pub cache: CacheStatus,
    /// Age of a cached answer.
    pub age: Duration,
    /// The tier that served a hit or a stale answer.
    pub cached_by: Option<CachedBy>,
    /// How many attempts it took (0 for a hit).
    pub attempts: u32,
    /// The media type of the body.
    pub content_type: &'static str,
    /// The provider's own request id, if it gave one.
    pub upstream_request_id: Option<Arc<str>>,
}

impl Head {
    /// The head of a JSON answer by `provider`.
    pub fn json(provider: Arc<str>) -> Self {
        Head {
            provider,
            cache: CacheStatus::Bypass,
            age: Duration::ZERO,
            cached_by: None,
            attempts: 1,
            content_type: "application/json",
            upstream_request_id: None,
        }
    }
}

/// The body of an answer.
pub enum Body {
    /// Whole, serialised once.
    Bytes(Bytes),
    /// Frames, each one JSON event; bounded, with back-pressure.
    Stream(BodyStream),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Bytes(bytes) => write!(f, "Bytes({} B)", bytes.len()),
            Body::Stream(_) => f.write_str("Stream"),
        }
    }
}

/// A successful reply.
#[derive(Debug)]
pub struct Answer {
    /// Facts.
    pub head: Head,
    /// The serialised output.
    pub body: Body,
    /// The typed output, where it is at hand (never for a stream).
    pub value: Option<Value>,
}

/// A typed output, hidden from Debug because it is a payload.
#[derive(Clone)]
pub struct Value(pub AnyValue);

impl fmt::Debug for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Value")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn resources_parse_pins_and_paths() {
        let pinned = Resource::parse("forge-a~acme/api");
        assert_eq!(pinned.instance().map(|i| &**i), Some("forge-a"));
        assert_eq!(&**pinned.native(), "acme/api");
        assert_eq!(pinned.to_string(), "forge-a~acme/api");
        let path = Resource::parse("acme/api");
        assert!(path.instance().is_none());
        assert_eq!(&**Resource::parse("~odd").native(), "~odd");
    }
}
