//! Keyed writes: a caller may repeat its request, the write happens at most once.
//!
//! Invariant: a write that may have reached the provider is never sent again under the same key. Its outcome is
//! recorded and replayed, be it an answer or a failure; only a write that surely did not happen frees its key.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Caller, Claim, Head, Operation};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::recover::to_arrive;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::options::IDEMPOTENCY_KEY;
use super::{Calls, Options, internal, may_be_billed, may_have_happened};

/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;
/// The longest answer kept for replay, in bytes; of a longer one only that it came is kept.
pub const LONGEST_ANSWER: usize = 4 << 20;
/// How long it is tried to record an outcome, behind its answer.
const RECORD_FOR: Duration = Duration::from_secs(60);
/// Between two tries to record: at first, and at most.
const RECORD_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Outcomes that are recorded behind their answers, at most; each may hold [`LONGEST_ANSWER`].
pub const MOST_BEHIND: usize = 64;
/// Of further ones only the outcome is recorded, without the answer: so many.
const MOST_SHORT_BEHIND: usize = 4096;
/// When to ask again while the first request is still under way.
const IN_FLIGHT_RETRY: Duration = Duration::from_secs(1);

const ANSWERED: u16 = 200;
/// It was answered; the answer was too long to keep, or came when too many were to be kept.
const ANSWERED_AT_LENGTH: u16 = 204;
const FAILED: u16 = 500;
/// It failed, and whether it was done is unknown: an operator may free its key.
pub const IN_DOUBT: u16 = 504;

/// Where keyed writes are recorded. Durable, and shared by the nodes that serve the same tenants.
pub trait IdempotencyStore: Send + Sync + 'static {
    /// Claims `key` within `scope` for a request with this fingerprint, in one atomic step.
    ///
    /// A claim that is neither completed nor abandoned is in flight for `lease`, or until its process dies; then its
    /// outcome is unknown: nobody knows whether its write arrived.
    fn begin(
        &self,
        scope: &str,
        key: &str,
        fingerprint: [u8; 32],
        lease: Duration,
    ) -> BoxFuture<Result<Begun, Failure>>;

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
    /// The same request was begun, and nobody knows what came of it.
    Unknown,
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

impl Outcome {
    /// The same without an answer.
    fn short(&self) -> Self {
        match self.status {
            ANSWERED => Outcome {
                status: ANSWERED_AT_LENGTH,
                content_type: self.content_type.clone(),
                body: Bytes::new(),
            },
            _ => self.clone(),
        }
    }
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
            IDEMPOTENCY_KEY,
            format!("an idempotency key is 1 to {LONGEST_KEY} printable ASCII characters"),
        ));
    }
    Ok(())
}

/// Whether this answer was replayed from the record of a keyed write: it took no attempt, and no cache had it.
pub fn replayed(head: &Head) -> bool {
    head.attempts == 0 && head.cache == CacheStatus::Bypass
}

/// What the writes under keys share.
pub(super) struct KeyedWrites {
    tasks: TaskTracker,
    behind: Semaphore,
    short_behind: Semaphore,
}

impl KeyedWrites {
    pub(super) fn new() -> Self {
        KeyedWrites {
            tasks: TaskTracker::new(),
            behind: Semaphore::new(MOST_BEHIND),
            short_behind: Semaphore::new(MOST_SHORT_BEHIND),
        }
    }

    /// Waits for those under way, and for their records.
    pub(super) async fn settled(&self) {
        self.tasks.close();
        self.tasks.wait().await;
    }
}

/// One write under a key.
pub(super) struct KeyedWrite {
    facts: &'static Operation,
    claim: Arc<KeyClaim>,
}

/// The claim on its key, taken when the call is admitted.
struct KeyClaim {
    store: Arc<dyn IdempotencyStore>,
    scope: String,
    key: String,
    fingerprint: [u8; 32],
    taken: Mutex<Option<Lease>>,
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
        let claim = Arc::new(KeyClaim {
            store,
            scope: scope(&caller.tenant, facts.name),
            key: key.to_owned(),
            fingerprint: fingerprint(input, options),
            taken: Mutex::default(),
        });
        KeyedWrite { facts, claim }
    }

    /// Does the write in a task of its own, because a caller that goes away must find its outcome when it returns. The
    /// call holds its places in the engine all the while, so that such writes are bounded and shown as any others.
    pub(super) async fn run(
        self,
        calls: Arc<dyn Calls>,
        mut call: Call,
        writes: &Arc<KeyedWrites>,
    ) -> Result<Answer, Failure> {
        call.claim = Some(self.claim.clone());
        let (reply, replied) = oneshot::channel();
        writes.tasks.spawn(self.carry(calls, call, reply, writes.clone()));
        replied
            .await
            .unwrap_or_else(|error| Err(internal("a keyed write died before its outcome was known").because(error)))
    }

    async fn carry(
        self,
        calls: Arc<dyn Calls>,
        call: Call,
        reply: oneshot::Sender<Result<Answer, Failure>>,
        writes: Arc<KeyedWrites>,
    ) {
        let deadline = call.deadline;
        // Only now: an engine may begin a call when it is made, not when it is first polled.
        let mut result = calls.call(call).await;
        let Some(lease) = self.claim.lease() else {
            // Refused, or replayed.
            let _gone = reply.send(result);
            return;
        };
        let outcome = match &mut result {
            Err(failure) if self.did_not_happen(failure) => None,
            Err(failure) => {
                // The same key gives this same failure from now on: saying "try again" would be untrue.
                failure.retryable = false;
                failure.retry_after = None;
                failure.in_doubt = failure.kind.leaves_in_doubt();
                Some(recorded_failure(failure))
            }
            Ok(answer) => Some(recorded_answer(answer)),
        };
        let short = outcome.as_ref().map(Outcome::short);
        let mut recording = Box::pin(self.claim.record(lease.clone(), outcome));
        let remaining = deadline.saturating_duration_since(Instant::now());
        if tokio::time::timeout(remaining - to_arrive(remaining), &mut recording)
            .await
            .is_ok()
        {
            let _gone = reply.send(result);
            return;
        }
        // With an answer in hand, the record holds nobody up.
        let _gone = reply.send(result);
        if let Ok(_place) = writes.behind.try_acquire() {
            return recording.await;
        }
        // What was answered is let go of, and what came of it is not.
        drop(recording);
        match writes.short_behind.try_acquire() {
            Ok(_place) => self.claim.record(lease, short).await,
            Err(_) => {
                tracing::error!(scope = %self.claim.scope, "the outcome of a keyed write is not recorded: too many wait")
            }
        }
    }

    fn did_not_happen(&self, failure: &Failure) -> bool {
        failure.unsent
            || (failure.retryable && !may_have_happened(self.facts, failure) && !may_be_billed(self.facts, failure))
    }
}

impl KeyClaim {
    fn lease(&self) -> Option<Lease> {
        // Nothing panics while it is held.
        self.taken.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Records what came of it; of nothing, that the key is free. Again and again, since a store that is full or locked
    /// may be well again soon; a claim without a record is unknown, and sends nothing.
    async fn record(&self, lease: Lease, outcome: Option<Outcome>) {
        let until = Instant::now() + RECORD_FOR;
        let (mut wait, longest) = RECORD_AGAIN;
        loop {
            let recorded = match &outcome {
                Some(outcome) => self.store.complete(lease.clone(), outcome.clone()).await,
                None => self.store.abandon(lease.clone()).await,
            };
            let Err(failure) = recorded else { return };
            let lost = failure.kind == Kind::Conflict;
            if lost || Instant::now() + wait > until {
                tracing::error!(scope = %self.scope, %failure, "the outcome of a keyed write could not be recorded");
                return;
            }
            tracing::warn!(scope = %self.scope, %failure, "the outcome of a keyed write is not recorded yet");
            tokio::time::sleep(wait).await;
            wait = (wait * 2).min(longest);
        }
    }
}

impl Claim for KeyClaim {
    fn take(self: Arc<Self>, deadline: Instant) -> BoxFuture<Result<Option<Answer>, Failure>> {
        Box::pin(async move {
            let lease = deadline.saturating_duration_since(Instant::now()) + RECORD_FOR * 2;
            let mut begun = tokio::spawn(self.store.begin(&self.scope, &self.key, self.fingerprint, lease));
            let begun = match tokio::time::timeout_at(deadline, &mut begun).await {
                Ok(begun) => begun.map_err(|error| internal("a claim was lost").because(error))?,
                Err(_) => {
                    // What it may yet claim is given back: nothing is sent under it.
                    tokio::spawn(async move {
                        if let Ok(Ok(Begun::New(lease))) = begun.await {
                            self.record(lease, None).await;
                        }
                    });
                    let sentence = "the state store did not answer before the call's deadline; nothing was sent";
                    return Err(Failure::new(Kind::Timeout, sentence).never_sent());
                }
            };
            match begun.map_err(Failure::never_sent)? {
                Begun::New(lease) => {
                    *self.taken.lock().unwrap_or_else(PoisonError::into_inner) = Some(lease);
                    Ok(None)
                }
                Begun::InFlight => Err(in_flight()),
                Begun::Unknown => Err(unknown()),
                Begun::Mismatch => Err(mismatch()),
                Begun::Replay(outcome) => replay(&outcome).map(Some),
            }
        })
    }
}

/// Whose keys are told apart from whose: those of a tenant and an operation.
pub fn scope(tenant: &str, operation: &str) -> String {
    format!("{tenant}/{operation}")
}

fn fingerprint(input: &Value, options: &Options) -> [u8; 32] {
    let mut request = json!([input, options.provider, options.include_raw]);
    // The order of an object's fields is the client's whim.
    request.sort_all_objects();
    *blake3::hash(request.to_string().as_bytes()).as_bytes()
}

fn in_flight() -> Failure {
    let mut failure = Failure::new(Kind::Conflict, "a request with this idempotency key is under way");
    failure.field = Some(Arc::from(IDEMPOTENCY_KEY));
    failure.retryable = true;
    failure.after(IN_FLIGHT_RETRY).never_sent()
}

/// Final, for this key: only who looks at the provider can know whether the write is there.
fn unknown() -> Failure {
    let mut failure = final_conflict("the first request with this idempotency key came to no known end");
    failure.in_doubt = true;
    failure
}

fn final_conflict(sentence: &str) -> Failure {
    let mut failure = Failure::new(Kind::Conflict, sentence);
    failure.field = Some(Arc::from(IDEMPOTENCY_KEY));
    failure.never_sent()
}

/// Surfaces know it by its sentence: a key whose outcome is unknown, or not kept, is another matter.
fn mismatch() -> Failure {
    final_conflict(MISMATCH)
}

const MISMATCH: &str = "this idempotency key was used for another request";

/// Whether a failure is a key used for another request.
pub fn is_mismatch(failure: &Failure) -> bool {
    failure.kind == Kind::Conflict && failure.field.as_deref() == Some(IDEMPOTENCY_KEY) && failure.message() == MISMATCH
}

#[derive(Serialize, Deserialize)]
struct Recorded {
    kind: Kind,
    message: String,
    provider: Option<String>,
    field: Option<String>,
}

fn recorded_answer(answer: &Answer) -> Outcome {
    let (status, body) = match &answer.body {
        Body::Bytes(body) if body.len() <= LONGEST_ANSWER => (ANSWERED, body.clone()),
        // Keyed operations do not stream; what cannot be kept is told as such.
        Body::Bytes(_) | Body::Stream(_) | Body::Raw(_) => (ANSWERED_AT_LENGTH, Bytes::new()),
    };
    Outcome {
        status,
        content_type: answer.head.content_type.to_owned(),
        body,
    }
}

fn recorded_failure(failure: &Failure) -> Outcome {
    let recorded = json!(Recorded {
        kind: failure.kind,
        message: failure.message().to_owned(),
        provider: failure.provider.as_deref().map(str::to_owned),
        field: failure.field.as_deref().map(str::to_owned),
    });
    Outcome {
        status: if failure.in_doubt { IN_DOUBT } else { FAILED },
        content_type: "application/json".to_owned(),
        body: Bytes::from(recorded.to_string()),
    }
}

fn replay(outcome: &Outcome) -> Result<Answer, Failure> {
    if outcome.status == ANSWERED_AT_LENGTH {
        return Err(final_conflict(
            "the first request with this idempotency key succeeded; its answer could not be kept, so only this is known",
        ));
    }
    if outcome.status != ANSWERED {
        let recorded: Recorded = serde_json::from_slice(&outcome.body)
            .map_err(|error| internal("the record of a keyed write cannot be read").because(error))?;
        let mut failure = Failure::new(recorded.kind, recorded.message);
        failure.retryable = false;
        failure.provider = recorded.provider.map(Arc::from);
        failure.field = recorded.field.map(Arc::from);
        failure.in_doubt = failure.kind.leaves_in_doubt();
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
