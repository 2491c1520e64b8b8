//! What travels the data path: a [`Call`] in, an [`Answer`] out.
//!
//! Invariant: the engine never looks inside an input or an output; it sees only facts, keys, tags and bytes.

use std::any::Any;
use std::fmt;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::decision::Explained;
use crate::driver::BoxFuture;
use crate::error::{Failure, Kind};
use crate::policy::scopes::{Action, Scopes};
use crate::stream::{BodyStream, ByteStream, Frame, Tally, Upload};

pub use crate::attributes::{Attributes, Performance, Priority};
pub use crate::operation::{CacheTimes, CostClass, Homes, Operation, OperationRef, Operations};
pub use crate::stream::Usage;

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
    /// What it was granted of what its tenant may; absent: all of that.
    pub scopes: Option<Arc<Scopes>>,
}

impl Caller {
    /// One who may whatever its tenant may.
    pub fn new(tenant: impl Into<Arc<str>>, identity: impl Into<Arc<str>>) -> Self {
        Caller {
            tenant: tenant.into(),
            identity: identity.into(),
            scopes: None,
        }
    }

    /// The same, with what it was granted alone.
    #[must_use]
    pub fn granted(self, scopes: Option<Arc<Scopes>>) -> Self {
        Caller { scopes, ..self }
    }

    /// Whether it was granted an action on what is called `name`, as operations are called.
    pub fn may(&self, name: &str, action: Action) -> bool {
        self.scopes.as_ref().is_none_or(|scopes| scopes.allow(name, action))
    }

    /// Whether it was granted an operation.
    pub fn may_do(&self, operation: &Operation) -> bool {
        self.may(operation.name, operation.action())
    }

    /// Refuses what it was not granted, and names the scope that is missing.
    ///
    /// # Errors
    /// `forbidden`.
    pub fn check(&self, operation: &Operation, action: Action) -> Result<(), Failure> {
        if self.may(operation.name, action) {
            return Ok(());
        }
        let sentence = format!(
            "{} takes the scope {}:{}, which this caller was not granted",
            operation.name,
            operation.service,
            action.as_str()
        );
        Err(Failure::new(Kind::Forbidden, sentence).never_sent())
    }
}

/// A hash over the operation and its canonical input (32 bytes, collision resistant).
pub type RequestKey = [u8; 32];

/// A typed input or output that the engine passes on unseen.
pub type AnyValue = Arc<dyn Any + Send + Sync>;

/// Names something that answers depend on, over canonical ids, e.g. `repo:acme/api`; a write makes all answers that
/// carry it invalid.
pub type Tag = Arc<str>;

/// The tag of all that was had from an instance: kept answers carry it for each instance that may have given them.
pub fn tag_of_instance(name: &str) -> Tag {
    Arc::from(format!("instance:{name}"))
}

/// What a call's answer depends on, and what it changes. An operation tells it from its input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tags {
    /// Carried by the answer.
    pub carries: Vec<Tag>,
    /// Carried by a remembered `not_found` as well: what the creation of the thing would invalidate.
    pub absent: Vec<Tag>,
    /// Made invalid when the call may have changed something.
    pub invalidates: Vec<Tag>,
}

/// Tokens of a call, guessed before it is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Estimate {
    /// To be read.
    pub input_tokens: u64,
    /// The most that may be written; absent where the provider sets the bound.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_output_tokens: Option<u64>,
}

/// One call on its way. Made by a surface, shared by every attempt.
#[derive(Clone)]
pub struct Call {
    /// The request id, for logs, records and errors.
    pub id: Arc<str>,
    /// The operation's facts, and its number in the system's catalogue.
    pub operation: OperationRef,
    /// What it is about.
    pub resource: Resource,
    /// Who calls.
    pub caller: Caller,
    /// The typed input, parsed once at the surface.
    pub input: AnyValue,
    /// What the answer depends on, and what the call changes.
    pub tags: Tags,
    /// What its caller says of it beside.
    pub attributes: Attributes,
    /// The tokens that it may take, guessed before anybody is asked.
    pub estimate: Option<Estimate>,
    /// Bytes that come with the input: a file, an attachment.
    pub upload: Option<Arc<Upload>>,
    /// The key of the canonical request; `None` keeps the call out of the cache.
    pub request_key: Option<RequestKey>,
    /// The provider instance that the caller insists on.
    pub provider: Option<Arc<str>>,
    /// The caller wants the provider's own JSON beside the neutral one.
    pub include_raw: bool,
    /// The caller refuses an answer from cache.
    pub no_cache: bool,
    /// The caller wants to be told what was decided, and why: see [`Head::decision`] and [`Failure::decision`].
    pub explain: bool,
    /// What the kept answer of the instance that is asked can be recognised by: it may say that nothing has changed, see
    /// [`Head::unchanged`]. Set for each attempt.
    pub validator: Option<Arc<str>>,
    /// A write under an idempotency key may be repeated safely.
    pub repeatable: bool,
    /// What must be claimed once the call is admitted, before anything is sent.
    pub claim: Option<Arc<dyn Claim>>,
    /// When the caller must have its reply.
    pub deadline: Instant,
    /// When the attempt that this is must have its answer: its share of the time until the deadline, or its instance's
    /// bound, whichever is sooner. Set for each attempt, see [`Call::time_left`].
    pub until: Option<Instant>,
}

/// Something that a call may be made under only once, such as an idempotency key.
pub trait Claim: Send + Sync + 'static {
    /// Takes it, by `deadline`; or tells what came of it the first time, and the call is not made.
    fn take(self: Arc<Self>, deadline: Instant) -> BoxFuture<Result<Option<Answer>, Failure>>;
}

impl Call {
    /// A call with nothing special: no key, no chosen provider.
    pub fn new(
        operation: OperationRef,
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
            tags: Tags::default(),
            attributes: Attributes::default(),
            estimate: None,
            upload: None,
            request_key: None,
            provider: None,
            include_raw: false,
            no_cache: false,
            explain: false,
            validator: None,
            repeatable: false,
            claim: None,
            deadline,
            until: None,
        }
    }

    /// Whether an attempt that may have reached the provider may be repeated without harm. What it costs is another
    /// question: see [`Operation::paid`].
    pub fn may_repeat(&self) -> bool {
        self.operation.safe || self.operation.idempotent || self.repeatable
    }

    /// How much time a driver has at `now`, to tell a provider that understands it: nothing that comes later is of use.
    pub fn time_left(&self, now: Instant) -> Duration {
        let until = self.until.map_or(self.deadline, |until| until.min(self.deadline));
        until.saturating_duration_since(now)
    }

    /// Whether another attempt could be made at all: a streamed input that is used up cannot be sent again.
    pub fn can_be_sent(&self) -> bool {
        self.upload.as_ref().is_none_or(|upload| upload.is_there())
    }
}

#[cfg(test)]
impl Call {
    /// A call for tests of what looks at calls: by `tenant`, due now.
    pub(crate) fn example(operation: OperationRef, resource: &str, tenant: &str) -> Self {
        let caller = Caller::new(tenant, "tester");
        Call::new(
            operation,
            Resource::parse(resource),
            caller,
            Arc::new(()),
            Instant::now(),
        )
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
    /// Past its fresh time, and its provider said that nothing has changed since.
    Revalidated,
    /// Past its fresh time, served because the provider failed.
    Stale,
}

impl CacheStatus {
    /// Its name in logs and JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            CacheStatus::Bypass => "bypass",
            CacheStatus::Miss => "miss",
            CacheStatus::Hit => "hit",
            CacheStatus::Collapsed => "collapsed",
            CacheStatus::Revalidated => "revalidated",
            CacheStatus::Stale => "stale",
        }
    }
}

/// Which tier served an answer, and how fresh it was.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct CachedBy {
    /// The tier's name, e.g. `l1`.
    pub tier: &'static str,
    /// Seconds for which it stays fresh; below zero: since when it is not.
    pub ttl_seconds: i64,
}

/// A place for what a body is recognised by. Whoever wants that first makes it; all who share the place read it.
#[derive(Clone, Debug, Default)]
pub struct BodyMark(Arc<OnceLock<u128>>);

impl BodyMark {
    /// What the body is recognised by; made where nobody has made it yet.
    pub fn get_or_make(&self, make: impl FnOnce() -> u128) -> u128 {
        *self.0.get_or_init(make)
    }
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
    /// Tokens, as the provider counted them; of a stream, see its end.
    pub usage: Option<Usage>,
    /// Tokens that bytes tell of as they pass: known when they have.
    pub tally: Option<Tally>,
    /// Rows of the provider's list that could not be read and were left out.
    pub skipped: u32,
    /// The provider has nothing of the kind: the driver made the answer of other things that it can do.
    pub emulated: bool,
    /// Tags beyond those of the call, which only the answer could tell: carried by a read's answer, made invalid by a
    /// write's (the id that it made).
    pub tags: Vec<Tag>,
    /// What the answer can be recognised by, in its driver's own words: where it is kept, its provider is later asked
    /// whether it has changed, instead of for all of it.
    pub validator: Option<Arc<str>>,
    /// Where its body is remembered: a place that all who are served that body share.
    pub mark: Option<BodyMark>,
    /// What was decided, where the call asked for it and there was a record left. Of a stream: what was known when it began.
    pub decision: Option<Arc<Explained>>,
    /// A driver's word that what [`Call::validator`] stands for has not changed. Its body is empty; callers get the one that
    /// is kept.
    pub unchanged: bool,
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
            usage: None,
            tally: None,
            skipped: 0,
            emulated: false,
            tags: Vec::new(),
            validator: None,
            mark: None,
            decision: None,
            unchanged: false,
        }
    }
}

/// The body of an answer.
pub enum Body {
    /// Whole, serialised once.
    Bytes(Bytes),
    /// Typed events; bounded, with back-pressure.
    Stream(BodyStream<Frame>),
    /// Bytes with a media type of their own: a file, an artifact. Bounded, with back-pressure.
    Raw(ByteStream),
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Body::Bytes(bytes) => write!(f, "Bytes({} B)", bytes.len()),
            Body::Stream(_) => f.write_str("Stream"),
            Body::Raw(bytes) => write!(f, "Raw({})", bytes.media_type),
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
