//! Keyed writes: a caller may repeat its request, the write happens at most once.
//!
//! Invariant: a write that may have reached the provider is never sent again under the same key. Its outcome is
//! recorded and replayed, be it an answer or a failure; only a write that surely did not happen frees its key.

mod outcome;
mod store;

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use mosaic_actors::call::{Answer, Caller, Claim, Operation};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::recover::to_arrive;
use serde_json::{Value, json};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::Instant;
use tokio_util::task::TaskTracker;

use super::options::IDEMPOTENCY_KEY;
use super::{Options, internal};
use outcome::{in_flight, mismatch, recorded_answer, recorded_failure, replay, unknown};

pub use outcome::{IN_DOUBT, LONGEST_ANSWER, is_mismatch, replayed};
pub use store::{Begun, IdempotencyStore, Lease, Outcome};

/// The longest key, in bytes.
pub const LONGEST_KEY: usize = 255;
/// How long it is tried to record an outcome, behind its answer.
const RECORD_FOR: Duration = Duration::from_secs(60);
/// Between two tries to record: at first, and at most.
const RECORD_AGAIN: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// Outcomes that are recorded behind their answers, at most; each may hold [`LONGEST_ANSWER`].
pub const MOST_BEHIND: usize = 64;
/// Of further ones only the outcome is recorded, without the answer: so many.
const MOST_SHORT_BEHIND: usize = 4096;

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

    /// Does the write in a task of its own, because a caller that goes away must find its outcome when it returns. Its calls
    /// hold their places in the engine all the while, so that such writes are bounded and shown as any others.
    ///
    /// `work` makes them, under the claim, one after another: the first to be admitted takes it for all of them.
    pub(super) async fn run<F>(
        self,
        deadline: Instant,
        work: impl FnOnce(Arc<dyn Claim>) -> F,
        writes: &Arc<KeyedWrites>,
    ) -> Result<Answer, Failure>
    where
        F: Future<Output = Result<Answer, Failure>> + Send + 'static,
    {
        let work = work(self.claim.clone());
        let (reply, replied) = oneshot::channel();
        writes.tasks.spawn(self.carry(deadline, work, reply, writes.clone()));
        replied
            .await
            .unwrap_or_else(|error| Err(internal("a keyed write died before its outcome was known").because(error)))
    }

    async fn carry(
        self,
        deadline: Instant,
        work: impl Future<Output = Result<Answer, Failure>>,
        reply: oneshot::Sender<Result<Answer, Failure>>,
        writes: Arc<KeyedWrites>,
    ) {
        let mut result = work.await;
        let Some(lease) = self.claim.lease() else {
            // Refused, or replayed.
            let _gone = reply.send(result);
            return;
        };
        let outcome = match &mut result {
            Err(failure) if !outcome::is_final(self.facts, failure) => None,
            Err(failure) => {
                // The same key gives this same failure from now on: saying "try again" would be untrue.
                failure.retryable = false;
                failure.retry_after = None;
                failure.in_doubt = failure.kind.leaves_in_doubt();
                Some(recorded_failure(failure))
            }
            Ok(answer) => Some(recorded_answer(answer)),
        };
        let short = outcome.as_ref().map(outcome::short);
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
            if self.lease().is_some() {
                // By the call before this one, which did nothing.
                return Ok(None);
            }
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
