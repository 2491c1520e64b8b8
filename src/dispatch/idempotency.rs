//! Keyed writes: a caller may repeat its request, the write happens at most once.
//!
//! Invariant: a write that may have reached the provider is never sent again under the same key. Its outcome is
//! recorded and replayed, be it an answer or a failure; only a write that surely did not happen frees its key.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Caller, Head, Operation};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio_util::task::TaskTracker;

use super::{Calls, Options, internal, may_have_happened};

/// The name of the option in failures.
pub const FIELD: &str = "idempotency_key";
/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;
/// How long an outcome is remembered: a day, as payment APIs have taught clients to expect.
pub const RETENTION: Duration = Duration::from_secs(24 * 60 * 60);
/// When to ask again while the first request is still under way.
const IN_FLIGHT_RETRY: Duration = Duration::from_secs(1);

const ANSWERED: u16 = 200;
const FAILED: u16 = 500;

/// Where keyed writes are recorded. Durable, and shared by the nodes that serve the same tenants.
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Claims `key` within `scope` for a request with this fingerprint, in one atomic step.
    ///
    /// A claim that is neither completed nor abandoned (the process died) stays in flight until `ttl` has passed:
    /// nobody knows whether its write arrived.
    fn begin(&self, scope: &str, key: &str, fingerprint: [u8; 32], ttl: Duration) -> BoxFuture<Result<Begun, Failure>>;

    /// Records the outcome of a claim. A lease that is no longer the key's changes nothing.
    fn complete(&self, lease: Lease, outcome: Outcome) -> BoxFuture<Result<(), Failure>>;

    /// Frees the key of a write that surely did not happen. A lease that is no longer the key's changes nothing.
    fn abandon(&self, lease: Lease) -> BoxFuture<Result<(), Failure>>;
}

/// What a claim met.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Begun {
    /// The key is ours: do the write, then complete or abandon.
    New(Lease),
    /// The same request is being carried out.
    InFlight,
    /// The same request was carried out; this came of it.
    Replay(Outcome),
    /// The key belongs to another request.
    Mismatch,
}

/// The right to complete or abandon one claim.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Lease {
    /// As given to `begin`.
    pub scope: Arc<str>,
    /// As given to `begin`.
    pub key: Arc<str>,
    /// The store's own mark of this claim, so that an expired lease cannot touch its successor.
    pub token: Arc<str>,
}

/// What came of a write. Opaque to the store.
#[derive(Clone, PartialEq, Eq)]
pub struct Outcome {
    /// 200: the body is the answer; anything else: the body is a recorded failure.
    pub status: u16,
    /// The media type of the body.
    pub content_type: String,
    /// The bytes.
    pub body: Bytes,
}

// The body is a payload and stays out of logs.
impl std::fmt::Debug for Outcome {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Outcome({}, {} B)", self.status, self.body.len())
    }
}

/// Refuses keys that a header or a database column could change on the way.
///
/// # Errors
/// `invalid_input` on `idempotency_key`.
pub fn check_key(key: &str) -> Result<(), Failure> {
    let printable = key.bytes().all(|byte| (0x20..=0x7e).contains(&byte));
    if key.is_empty() || key.len() > LONGEST_KEY || !printable {
        return Err(Failure::invalid(
            FIELD,
            format!("an idempotency key is 1 to {LONGEST_KEY} printable ASCII characters"),
        ));
    }
    Ok(())
}

/// Whether this answer was replayed from the record of a keyed write: it took no attempt, and no cache had it.
pub fn replayed(head: &Head) -> bool {
    head.attempts == 0 && head.cache == CacheStatus::Bypass
}

/// One write under a key.
pub(super) struct KeyedWrite {
    store: Arc<dyn IdempotencyStore>,
    facts: &'static Operation,
    scope: String,
    key: String,
    fingerprint: [u8; 32],
}

impl KeyedWrite {
    pub(super) fn new(
        store: Arc<dyn IdempotencyStore>,
        facts: &'static Operation,
        key: &str,
        input: &Value,
        caller: &Caller,
        options: &Options,
    ) -> Self {
        KeyedWrite {
            store,
            facts,
            scope: format!("{}/{}", caller.tenant, facts.name),
            key: key.to_owned(),
            fingerprint: fingerprint(input, options),
        }
    }

    /// Does the write in a task of its own, because a caller that goes away must find its outcome when it returns.
    pub(super) async fn run(self, calls: Arc<dyn Calls>, call: Call, tasks: &TaskTracker) -> Result<Answer, Failure> {
        tasks
            .spawn(self.carry(calls, call))
            .await
            .unwrap_or_else(|error| Err(internal("a keyed write died before its outcome was known").because(error)))
    }

    async fn carry(self, calls: Arc<dyn Calls>, call: Call) -> Result<Answer, Failure> {
        let begun = self.store.begin(&self.scope, &self.key, self.fingerprint, RETENTION);
        let lease = match begun.await? {
            Begun::New(lease) => lease,
            Begun::InFlight => return Err(in_flight()),
            Begun::Mismatch => return Err(mismatch()),
            Begun::Replay(outcome) => return replay(&outcome),
        };
        // Only now: an engine may begin a call when it is made, not when it is first polled.
        let mut result = calls.call(call).await;
        let recorded = match &mut result {
            Err(failure) if self.did_not_happen(failure) => self.store.abandon(lease).await,
            Err(failure) => {
                // The same key gives this same failure from now on: saying "try again" would be untrue.
                failure.retryable = false;
                failure.retry_after = None;
                self.store.complete(lease, recorded_failure(failure)).await
            }
            Ok(answer) => match recorded_answer(answer) {
                Ok(outcome) => self.store.complete(lease, outcome).await,
                Err(failure) => Err(failure),
            },
        };
        if let Err(failure) = recorded {
            // The write is what it is; the key stays in flight until its time is over, and sends nothing meanwhile.
            tracing::warn!(scope = %self.scope, %failure, "the outcome of a keyed write could not be recorded");
        }
        result
    }

    fn did_not_happen(&self, failure: &Failure) -> bool {
        failure.unsent || (failure.retryable && !may_have_happened(self.facts, failure))
    }
}

fn fingerprint(input: &Value, options: &Options) -> [u8; 32] {
    let mut request = json!([input, options.provider, options.include_raw]);
    // The order of an object's fields is the client's whim.
    request.sort_all_objects();
    *blake3::hash(request.to_string().as_bytes()).as_bytes()
}

fn in_flight() -> Failure {
    let mut failure = Failure::new(Kind::Conflict, "a request with this idempotency key is under way");
    failure.field = Some(Arc::from(FIELD));
    failure.retryable = true;
    failure.after(IN_FLIGHT_RETRY).never_sent()
}

/// Surfaces know it by its kind, its field, and that no retry helps.
fn mismatch() -> Failure {
    let mut failure = Failure::new(Kind::Conflict, "this idempotency key was used for another request");
    failure.field = Some(Arc::from(FIELD));
    failure.never_sent()
}

/// Whether a failure is a key used for another request.
pub fn is_mismatch(failure: &Failure) -> bool {
    failure.kind == Kind::Conflict && !failure.retryable && failure.field.as_deref() == Some(FIELD)
}

#[derive(Serialize, Deserialize)]
struct Recorded {
    kind: Kind,
    message: String,
    provider: Option<String>,
    field: Option<String>,
}

fn recorded_answer(answer: &Answer) -> Result<Outcome, Failure> {
    let Body::Bytes(body) = &answer.body else {
        return Err(internal("a keyed write answered with a stream"));
    };
    Ok(Outcome {
        status: ANSWERED,
        content_type: answer.head.content_type.to_owned(),
        body: body.clone(),
    })
}

fn recorded_failure(failure: &Failure) -> Outcome {
    let recorded = json!(Recorded {
        kind: failure.kind,
        message: failure.message().to_owned(),
        provider: failure.provider.as_deref().map(str::to_owned),
        field: failure.field.as_deref().map(str::to_owned),
    });
    Outcome {
        status: FAILED,
        content_type: "application/json".to_owned(),
        body: Bytes::from(recorded.to_string()),
    }
}

fn replay(outcome: &Outcome) -> Result<Answer, Failure> {
    if outcome.status != ANSWERED {
        let recorded: Recorded = serde_json::from_slice(&outcome.body)
            .map_err(|error| internal("the record of a keyed write cannot be read").because(error))?;
        let mut failure = Failure::new(recorded.kind, recorded.message);
        failure.retryable = false;
        failure.provider = recorded.provider.map(Arc::from);
        failure.field = recorded.field.map(Arc::from);
        return Err(failure);
    }
    Ok(Answer {
        // Who answered then is not recorded; the ids in the body name it.
        head: Head {
            attempts: 0,
            ..Head::json(Arc::from(""))
        },
        body: Body::Bytes(outcome.body.clone()),
        value: None,
    })
}
