//! From a surface's request to the engine's call: one way for REST, CLI and every surface to come.
//!
//! Invariant: surfaces never build a `Call` themselves; whatever they accept goes through [`Dispatcher::invoke`].

mod aliases;
#[doc(hidden)]
pub mod attributes;
mod chain;
mod failed;
mod gather;
mod granted;
#[doc(hidden)]
pub mod idempotency;
pub mod options;
mod owning;
mod pass;
mod pin;
mod unsent;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mosaic_actors::call::{Answer, Call, Caller, CostClass, OperationRef};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::{UPLOAD_FIELD, Upload};
use serde_json::Value;
use tokio::time::Instant;

pub use crate::catalogue::cursor::ALL;
use crate::catalogue::cursor::{CursorKey, Place};
use crate::catalogue::prepare::{fingerprint, prepare_typed};
use crate::catalogue::{Catalogue, Entry, Op, Prepared};
use attributes::Told;
use pin::{Pin, pinned};

pub use aliases::Aliases;
pub use attributes::Ceilings;
pub use granted::MissingScope;
pub use idempotency::IdempotencyStore;
pub use options::Options;
#[doc(hidden)]
pub use owning::{Keeping, Owner, Owners};
pub use pass::Passage;
pub use unsent::{Rehearsed, Unsent};

/// What the dispatcher needs of the engine.
pub trait Calls: Send + Sync + 'static {
    /// Carries one call to its reply.
    fn call(&self, call: Call) -> BoxFuture<Result<Answer, Failure>>;

    /// The instances that could serve `operation` for `caller`, for `provider=all`.
    fn instances(&self, operation: OperationRef, caller: &Caller) -> Vec<Arc<str>>;

    /// Whether several instances could serve `call`, and nothing says which: neither it, nor its resource, nor a rule.
    fn is_undecided(&self, _call: &Call) -> bool {
        false
    }
}

/// One request of a surface.
pub struct Invocation {
    /// The operation.
    pub entry: &'static Entry,
    /// The input as JSON.
    pub input: Value,
    /// Who calls.
    pub caller: Caller,
    /// What may be said beside the input.
    pub options: Options,
    /// Bytes that come with the input, where the operation takes some.
    pub upload: Option<Arc<Upload>>,
}

/// What the configuration says of dispatching.
#[derive(Clone)]
pub struct DispatchConfig {
    /// For callers who name no timeout.
    pub default_timeout: Duration,
    /// The same for what is billed by tokens: an answer takes as long as its model writes.
    pub ai_timeout: Duration,
    /// The longest that a caller may wait; more is cut to this.
    pub max_timeout: Duration,
    /// How long one may take that brings a file, unless it asks for less.
    pub max_transfer: Duration,
    /// The operations that there are.
    pub catalogue: Catalogue,
    /// Opens cursors.
    pub cursors: CursorKey,
    /// Remembers keyed writes; absent: a key is refused, never ignored.
    pub idempotency: Option<Arc<dyn IdempotencyStore>>,
    /// Knows whose the things are that providers keep; absent: tenants that share an instance share them.
    pub owners: Option<Arc<dyn Owners>>,
    /// How urgent the calls of each tenant may be at most.
    pub ceilings: Ceilings,
}

/// Turns invocations into calls.
pub struct Dispatcher {
    calls: Arc<dyn Calls>,
    config: DispatchConfig,
    aliases: Aliases,
    keyed: Arc<idempotency::KeyedWrites>,
}

impl Dispatcher {
    /// A dispatcher in front of `calls`.
    pub fn new(calls: Arc<dyn Calls>, config: DispatchConfig) -> Self {
        let calls = match &config.owners {
            Some(owners) => Arc::new(owning::Owning {
                calls,
                owners: owners.clone(),
                catalogue: config.catalogue.clone(),
            }),
            None => calls,
        };
        Dispatcher {
            calls,
            config,
            aliases: Aliases::default(),
            keyed: Arc::new(idempotency::KeyedWrites::new()),
        }
    }

    /// The same, with other names for models.
    #[must_use]
    pub fn aliased(mut self, aliases: Aliases) -> Self {
        self.aliases = aliases;
        self
    }

    /// The instances that could do an operation for `caller`, by their names.
    pub fn able(&self, operation: &str, caller: &Caller) -> Vec<Arc<str>> {
        let number = self.config.catalogue.number(operation);
        number.map_or_else(Vec::new, |number| self.calls.instances(number, caller))
    }

    /// Other names for models.
    pub fn aliases(&self) -> &Aliases {
        &self.aliases
    }

    /// Carries one request of a surface to its answer. Dropping the future cancels the call, save a keyed write,
    /// which is finished and recorded so that the caller can come back for its answer.
    ///
    /// # Errors
    /// `forbidden` naming the scope that the caller lacks, `invalid_input` naming the field or option at fault,
    /// `unsupported` where the option cannot be had, or whatever the call fails with.
    pub async fn invoke(&self, invocation: Invocation) -> Result<Answer, Failure> {
        match self.aliases.chain(invocation.entry, &invocation.input) {
            Some(models) => self.invoke_one_of(models, invocation).await,
            None => self.invoke_named(invocation).await,
        }
    }

    /// As [`Dispatcher::invoke`], where a model is called by its own name.
    async fn invoke_named(&self, invocation: Invocation) -> Result<Answer, Failure> {
        let Invocation {
            entry,
            input,
            caller,
            options,
            upload,
        } = invocation;
        check_granted(entry, &caller)?;
        check_upload(entry, upload.as_deref(), &options)?;
        let keyed = self.keyed_write(entry, &input, &caller, &options)?;
        let prepared = entry.prepare(input, options.include_raw, &self.config.cursors)?;
        self.carry(entry, prepared, upload, keyed, caller, options).await
    }

    /// The operations that there are.
    pub fn catalogue(&self) -> &Catalogue {
        &self.config.catalogue
    }

    /// As [`Dispatcher::invoke`], for an input that is typed already.
    ///
    /// # Errors
    /// As [`Dispatcher::invoke`].
    pub async fn call<O: Op>(
        &self,
        input: O::Input,
        upload: Option<Arc<Upload>>,
        caller: Caller,
        options: Options,
    ) -> Result<Answer, Failure> {
        let name = O::DECLARATION.facts.name;
        let entry = self.config.catalogue.find(name).ok_or_else(|| unlisted(name))?;
        check_granted(entry, &caller)?;
        if let Some(models) = self.aliases.chain_of::<O>(&input) {
            let input = fingerprint(&input)?;
            let invocation = Invocation {
                entry,
                input,
                caller,
                options,
                upload,
            };
            return self.invoke_one_of(models, invocation).await;
        }
        check_upload(entry, upload.as_deref(), &options)?;
        let fingerprint = match options.idempotency_key {
            Some(_) => Some(fingerprint(&input)?),
            None => None,
        };
        let keyed = match fingerprint {
            Some(fingerprint) => self.keyed_write(entry, &fingerprint, &caller, &options)?,
            None => None,
        };
        let prepared = prepare_typed::<O>(input, options.include_raw, &self.config.cursors)?;
        self.carry(entry, prepared, upload, keyed, caller, options).await
    }

    fn alone(
        &self,
        entry: &'static Entry,
        prepared: Prepared,
        caller: Caller,
        options: Options,
    ) -> Result<Call, Failure> {
        match self.composed(entry, prepared, None, caller, options)? {
            Composed { each: None, call } => Ok(call),
            Composed { each: Some(_), .. } => Err(Failure::invalid(
                options::PROVIDER,
                "provider=all makes several calls: ask about one instance at a time",
            )),
        }
    }

    /// The call, or the one that several are made of.
    fn composed(
        &self,
        entry: &'static Entry,
        prepared: Prepared,
        upload: Option<Arc<Upload>>,
        caller: Caller,
        mut options: Options,
    ) -> Result<Composed, Failure> {
        let told = told_by(&prepared, upload.as_deref());
        let attributes = attributes::of(&mut options, told, &caller.tenant, &self.config.ceilings)?;
        let provider = pinned(&prepared, options.provider.as_deref())?;
        let name = entry.name();
        let operation = self.config.catalogue.number(name).ok_or_else(|| unlisted(name))?;
        let deadline = self.deadline(operation.cost, upload.is_some(), &options)?;

        let mut call = Call::new(operation, prepared.resource, caller, prepared.input, deadline);
        call.id = options.request_id.unwrap_or_else(new_request_id);
        // Without a key no tier looks it up, and none keeps it.
        call.request_key = prepared.request_key.filter(|_| !options.no_store);
        call.tags = prepared.tags;
        call.attributes = attributes;
        call.estimate = prepared.estimate;
        call.upload = upload;
        call.include_raw = options.include_raw;
        call.no_cache = options.no_cache;
        call.explain = options.explain;
        // `repeatable` stays false, key or no key: no provider we drive takes a request key of its own, so a second
        // attempt at a write that may have arrived would be a second write. A key makes the *caller's* repetition
        // harmless, by replaying our record; the engine still repeats what is idempotent or proven unsent.
        let each = match provider {
            Pin::All => Some(prepared.each),
            Pin::One(instance) => {
                call.provider = Some(instance);
                None
            }
            // A list of nothing in particular is asked of each that has some.
            Pin::None if is_list(entry) && call.resource.native().is_empty() && self.calls.is_undecided(&call) => {
                Some(prepared.each)
            }
            Pin::None => None,
        };
        Ok(Composed { call, each })
    }

    async fn carry(
        &self,
        entry: &'static Entry,
        prepared: Prepared,
        upload: Option<Arc<Upload>>,
        keyed: Option<idempotency::KeyedWrite>,
        caller: Caller,
        options: Options,
    ) -> Result<Answer, Failure> {
        let Composed { call, each } = self.composed(entry, prepared, upload, caller, options)?;
        if let Some(each) = each {
            return gather::gather(self.calls.as_ref(), entry, call, each, &self.config.cursors).await;
        }
        let calls = self.calls.clone();
        match keyed {
            Some(write) => {
                let (deadline, mut call) = (call.deadline, call);
                let work = |claim| async move {
                    call.claim = Some(claim);
                    failed::ask(calls.as_ref(), call).await
                };
                write.run(deadline, work, &self.keyed).await
            }
            None => failed::ask(calls.as_ref(), call).await,
        }
    }

    /// Waits until the keyed writes under way are finished and recorded; for the end of the process, after the
    /// listeners are drained. Bounded by the calls' own deadlines.
    pub async fn settled(&self) {
        self.keyed.settled().await;
    }

    /// When a call of `cost` has to be answered; one that `uploads` brings a file.
    ///
    /// # Errors
    /// `invalid_input` on `timeout_ms`.
    pub fn deadline(&self, cost: CostClass, uploads: bool, options: &Options) -> Result<Instant, Failure> {
        let arrived = options.arrived.unwrap_or_else(Instant::now);
        Ok(arrived + self.timeout(cost, uploads, options.timeout)?)
    }

    fn timeout(&self, cost: CostClass, uploads: bool, wanted: Option<Duration>) -> Result<Duration, Failure> {
        let max = self.config.max_timeout;
        let (usual, most) = match cost {
            // A file takes the time that it takes: its sender's pauses and its provider's are bounded one by one.
            _ if uploads => (self.config.max_transfer, max.max(self.config.max_transfer)),
            CostClass::Tokens => (self.config.ai_timeout, max),
            CostClass::Read | CostClass::Heavy | CostClass::Write => (self.config.default_timeout, max),
        };
        match wanted {
            Some(Duration::ZERO) => Err(options::no_time()),
            Some(wanted) => Ok(wanted.min(most)),
            None => Ok(usual.min(most)),
        }
    }

    fn keyed_write(
        &self,
        entry: &'static Entry,
        input: &Value,
        caller: &Caller,
        options: &Options,
    ) -> Result<Option<idempotency::KeyedWrite>, Failure> {
        let Some(key) = options.idempotency_key.as_deref() else {
            return Ok(None);
        };
        idempotency::check_key(key)?;
        let facts = &entry.declaration.facts;
        if !facts.is_keyed() {
            return Ok(None);
        }
        if facts.streaming {
            return Err(Failure::unsupported_field(
                options::IDEMPOTENCY_KEY,
                format!(
                    "{} streams its answer and cannot be done under a key; call without it",
                    entry.name()
                ),
            ));
        }
        let Some(store) = self.config.idempotency.as_ref() else {
            return Err(Failure::unsupported_field(
                options::IDEMPOTENCY_KEY,
                "this gateway keeps no record of keyed writes; call without the key",
            ));
        };
        Ok(Some(idempotency::KeyedWrite::new(
            store.clone(),
            facts,
            key,
            input,
            caller,
            options,
        )))
    }
}

/// What a caller was not granted is refused before anything of it is looked at: also an answer that somebody else was
/// given, and that a cache or a record of keyed writes has.
fn check_granted(entry: &Entry, caller: &Caller) -> Result<(), Failure> {
    let facts = &entry.declaration.facts;
    granted::check(caller, facts, facts.action())
}

/// What an input, and the length of what comes with it, tell of a call.
fn told_by(prepared: &Prepared, upload: Option<&Upload>) -> Told {
    let uploaded = upload.and_then(|upload| upload.length).unwrap_or(0);
    Told {
        payload_bytes: prepared.payload_bytes.saturating_add(uploaded),
        model: prepared.model.clone(),
        prefix: prepared.prefix,
    }
}

/// An upload comes where one is taken, and nowhere else.
fn check_upload(entry: &Entry, upload: Option<&Upload>, options: &Options) -> Result<(), Failure> {
    let name = entry.name();
    let refuse = |sentence: String| Err(Failure::invalid(UPLOAD_FIELD, sentence).never_sent());
    match (entry.declaration.upload, upload) {
        (false, None) => Ok(()),
        (false, Some(_)) => refuse(format!("{name} takes no file")),
        (true, None) => refuse(format!("{name} takes a file as its body")),
        (true, Some(upload)) if upload.length == Some(0) && !entry.declaration.empty => {
            refuse("the body must not be empty".to_owned())
        }
        // Whether a repetition is the same write could be told only from its bytes, which pass by.
        (true, Some(_)) if options.idempotency_key.is_some() => Err(Failure::unsupported_field(
            options::IDEMPOTENCY_KEY,
            format!("{name} streams its body and cannot be done under a key; call without it"),
        )),
        (true, Some(_)) => Ok(()),
    }
}

/// A fresh request id: unique, and sorting by time to the millisecond. It keeps no secret, so its random bits need no
/// call of the system.
pub fn new_request_id() -> Arc<str> {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = u64::try_from(since_epoch.as_millis()).unwrap_or(u64::MAX);
    let mut random = [0; 10];
    fastrand::fill(&mut random);
    let id = uuid::Builder::from_unix_timestamp_millis(millis, &random).into_uuid();
    let mut buffer = uuid::Uuid::encode_buffer();
    Arc::from(&*id.hyphenated().encode_lower(&mut buffer))
}

/// Whether an operation answers with a page, and so knows `provider=all`.
pub fn is_list(entry: &Entry) -> bool {
    entry.declaration.facts.list
}

/// A call on its way to the engine.
struct Composed {
    call: Call,
    /// Several are to be made of it, a list asked of every instance; with a cursor over all, these.
    each: Option<Vec<(Place, Prepared)>>,
}

fn unlisted(name: &str) -> Failure {
    Failure::new(Kind::NotFound, format!("there is no operation {name} here")).never_sent()
}

/// A fault of the gateway itself; the cause is kept for the logs.
fn internal(sentence: &str) -> Failure {
    Failure::new(Kind::Internal, sentence)
}
