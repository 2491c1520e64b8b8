//! Writes under a key, where their record is slow, fails, or is too small for the answer.
//!
//! Invariant: whatever becomes of the record, the answer comes by the deadline and the write is sent at most once.

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use http::HeaderMap;
use mosaic::catalogue::cursor::CursorKey;
use mosaic::catalogue::find;
use mosaic::dispatch::idempotency::{Begun, LONGEST_ANSWER, Lease, MOST_BEHIND, Outcome, is_mismatch};
use mosaic::dispatch::{Dispatcher, IdempotencyStore, Invocation, Options};
use mosaic::surfaces::problem::Problem;
use mosaic::surfaces::request_id::RequestId;
use mosaic_actors::call::{Answer, Operation};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use serde_json::{Value, json};
use support::caller;
use support::fake::{FakeCalls, answer};
use support::memory_store::MemoryStore;
use tokio::sync::{Barrier, Semaphore};

const DEADLINE: Duration = Duration::from_millis(300);
/// What a reply may take beside its deadline on a machine that is busy; far less than what is waited for here.
const EASE: Duration = Duration::from_secs(3);

/// A record that answers when told to, and fails as often as told to.
struct Troubled {
    kept: Arc<MemoryStore>,
    locked: AtomicBool,
    free: Arc<Semaphore>,
    failures: AtomicUsize,
}

impl Troubled {
    fn new(locked: bool, failures: usize) -> Arc<Self> {
        Arc::new(Troubled {
            kept: Arc::default(),
            locked: AtomicBool::new(locked),
            free: Arc::new(Semaphore::new(0)),
            failures: AtomicUsize::new(failures),
        })
    }

    fn lock(&self) {
        self.locked.store(true, Ordering::SeqCst);
    }

    fn unlock(&self) {
        self.locked.store(false, Ordering::SeqCst);
        self.free.add_permits(100);
    }

    fn when_free<T: Send + 'static>(
        &self,
        work: impl FnOnce(&MemoryStore) -> BoxFuture<Result<T, Failure>> + Send + 'static,
    ) -> BoxFuture<Result<T, Failure>> {
        let (kept, free) = (self.kept.clone(), self.free.clone());
        let waits = self.locked.load(Ordering::SeqCst);
        Box::pin(async move {
            if waits {
                free.acquire().await.expect("it is never closed").forget();
            }
            work(&kept).await
        })
    }
}

impl IdempotencyStore for Troubled {
    fn begin(&self, scope: &str, key: &str, print: [u8; 32], lease: Duration) -> BoxFuture<Result<Begun, Failure>> {
        let (scope, key) = (scope.to_owned(), key.to_owned());
        self.when_free(move |kept| kept.begin(&scope, &key, print, lease))
    }

    fn complete(&self, lease: Lease, outcome: Outcome) -> BoxFuture<Result<(), Failure>> {
        let fails = |left: usize| left.checked_sub(1);
        let failed = self.failures.fetch_update(Ordering::SeqCst, Ordering::SeqCst, fails);
        if failed.is_ok() {
            return Box::pin(async { Err(Failure::new(Kind::Internal, "the disk is full")) });
        }
        self.when_free(move |kept| kept.complete(lease, outcome))
    }

    fn abandon(&self, lease: Lease) -> BoxFuture<Result<(), Failure>> {
        self.when_free(move |kept| kept.abandon(lease))
    }
}

struct Setup {
    calls: Arc<FakeCalls>,
    store: Arc<Troubled>,
    dispatcher: Arc<Dispatcher>,
}

fn setup(calls: FakeCalls, store: Arc<Troubled>) -> Setup {
    let calls = Arc::new(calls);
    let dispatcher = support::dispatcher(calls.clone(), CursorKey::random(), Some(store.clone()));
    Setup {
        calls,
        store,
        dispatcher: Arc::new(dispatcher),
    }
}

impl Setup {
    /// The reply, which comes in time.
    async fn create(&self) -> Result<Answer, Failure> {
        let input = json!({"project": "acme/api", "title": "one"});
        self.invoke("projects.issue.create", input).await
    }

    async fn invoke(&self, operation: &str, input: serde_json::Value) -> Result<Answer, Failure> {
        self.keyed("k", operation, input).await
    }

    async fn keyed(&self, key: &str, operation: &str, input: serde_json::Value) -> Result<Answer, Failure> {
        let began = Instant::now();
        let options = Options {
            idempotency_key: Some(key.to_owned()),
            timeout: Some(DEADLINE),
            ..Options::default()
        };
        let reply = self.dispatcher.invoke(Invocation {
            entry: find(operation).expect("it exists"),
            input,
            caller: caller(),
            options,
            upload: None,
        });
        let reply = reply.await;
        assert!(began.elapsed() < DEADLINE + EASE, "{:?}", began.elapsed());
        reply
    }
}

#[tokio::test]
async fn a_record_that_hangs_holds_no_answer_back_and_is_kept_behind_it() {
    let store = Troubled::new(false, 0);
    let locked = store.clone();
    // Locked between the claim and the record.
    let calls = FakeCalls::new(move |_| {
        locked.lock();
        async { Ok(answer("a", "{}")) }
    });
    let setup = setup(calls, store);
    setup.create().await.expect("it was done");
    let meanwhile = setup.create().await.expect_err("it is not recorded yet");
    assert!(meanwhile.unsent, "{meanwhile}");
    setup.store.unlock();
    setup.dispatcher.settled().await;
    let replayed = setup.create().await.expect("it is recorded now");
    assert!(mosaic::dispatch::idempotency::replayed(&replayed.head));
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn of_more_answers_than_can_wait_for_their_record_the_outcomes_do() {
    const ALL: usize = MOST_BEHIND + 8;
    let store = Troubled::new(false, 0);
    let (locked, together) = (store.clone(), Arc::new(Barrier::new(ALL)));
    let calls = FakeCalls::new(move |_| {
        let (locked, together) = (locked.clone(), together.clone());
        async move {
            // When all keys are claimed. On a machine so slow that one is not, fewer wait than there could.
            let _all = tokio::time::timeout(EASE, together.wait()).await;
            locked.lock();
            Ok(answer("a", "{}"))
        }
    });
    let setup = setup(calls, store);
    let input = || json!({"project": "acme/api", "title": "one"});
    let keys: Vec<_> = (0..ALL).map(|number| format!("k{number}")).collect();
    let all = || {
        join_all(
            keys.iter()
                .map(|key| setup.keyed(key, "projects.issue.create", input())),
        )
    };
    assert!(all().await.iter().all(Result::is_ok));
    setup.store.unlock();
    setup.dispatcher.settled().await;
    let replayed = all().await;
    let shortened = replayed.iter().filter_map(|replay| replay.as_ref().err());
    let told: Vec<_> = shortened.map(Failure::message).collect();
    assert_eq!(told.len(), ALL - MOST_BEHIND);
    assert!(told.iter().all(|told| told.contains("succeeded")), "{told:?}");
    assert_eq!(setup.calls.seen().len(), ALL);
}

#[tokio::test]
async fn a_claim_that_hangs_is_given_up_at_the_deadline_and_nothing_is_sent() {
    let setup = setup(FakeCalls::json("{}"), Troubled::new(true, 0));
    let refused = setup.create().await.expect_err("no claim");
    assert_eq!((refused.kind, refused.unsent), (Kind::Timeout, true));
    assert!(setup.calls.seen().is_empty());
    // What it claims late is given back.
    setup.store.unlock();
    let mut done = None;
    for _ in 0..100 {
        match setup.create().await {
            Ok(answer) => {
                done = Some(answer);
                break;
            }
            Err(failure) => assert!(failure.unsent && failure.retryable, "{failure}"),
        }
        tokio::task::yield_now().await;
    }
    assert!(done.is_some(), "the key is free");
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn a_record_that_fails_is_tried_again() {
    let setup = setup(FakeCalls::json("{}"), Troubled::new(false, 3));
    setup.create().await.expect("it was done");
    setup.dispatcher.settled().await;
    assert_eq!(setup.store.failures.load(Ordering::SeqCst), 0);
    setup.create().await.expect("it is replayed");
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn of_an_answer_too_long_to_keep_its_outcome_is() {
    let calls = FakeCalls::new(|_| async { Ok(answer("a", &" ".repeat(LONGEST_ANSWER + 1))) });
    let setup = setup(calls, Troubled::new(false, 0));
    setup.create().await.expect("it was done");
    let told = setup.create().await.expect_err("it is not kept");
    assert_eq!(
        (told.kind, told.field.as_deref()),
        (Kind::Conflict, Some("idempotency_key"))
    );
    assert!(
        !told.retryable && !is_mismatch(&told) && told.message().contains("succeeded"),
        "{told}"
    );
    assert_eq!(setup.calls.seen().len(), 1);
}

#[tokio::test]
async fn what_may_have_been_billed_is_not_asked_for_again_under_its_key() {
    let ask = json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]});
    for (failure, sent) in [
        (Failure::new(Kind::Timeout, "no answer"), 1),
        (Failure::new(Kind::UpstreamFailed, "half an answer"), 1),
        (Failure::new(Kind::UpstreamFailed, "refused").never_billed(), 2),
        (Failure::new(Kind::Network, "refused").never_sent(), 2),
    ] {
        let setup = setup(FakeCalls::failing(failure.clone()), Troubled::new(false, 0));
        for _ in 0..2 {
            let told = setup
                .invoke("ai.chat.complete", ask.clone())
                .await
                .expect_err("as told");
            assert_eq!((told.kind, told.retryable), (failure.kind, sent == 2), "{failure}");
        }
        assert_eq!(setup.calls.seen().len(), sent, "{failure}");
    }
}

#[tokio::test]
async fn a_write_in_doubt_says_so_whenever_its_key_is_used() {
    for (failure, in_doubt) in [
        (Failure::new(Kind::Timeout, "no answer"), true),
        (Failure::new(Kind::Network, "the connection was lost"), true),
        (Failure::new(Kind::UpstreamFailed, "half an answer"), true),
        (Failure::new(Kind::Cancelled, "by order"), true),
        (Failure::new(Kind::InvalidInput, "refused"), false),
        (Failure::new(Kind::PreconditionFailed, "refused"), false),
    ] {
        let setup = setup(FakeCalls::failing(failure.clone()), Troubled::new(false, 0));
        for _ in 0..3 {
            let told = setup.create().await.expect_err("as told");
            assert_eq!(
                (told.kind, told.in_doubt, told.retryable),
                (failure.kind, in_doubt, false),
                "{told}"
            );
            let problem = Problem::from(told).json(&RequestId::of(&HeaderMap::new()));
            let problem: Value = serde_json::from_str(&problem).expect("JSON");
            let detail = problem["detail"].as_str().expect("a sentence");
            assert_eq!(detail.contains("whether it was done is unknown"), in_doubt, "{problem}");
            assert_eq!(
                problem.get("outcome"),
                in_doubt.then_some(&json!("unknown")),
                "{problem}"
            );
        }
        assert_eq!(setup.calls.seen().len(), 1, "{failure}");
    }
}

#[tokio::test]
async fn a_write_without_a_key_says_too_that_it_is_in_doubt() {
    for (failure, in_doubt) in [
        (Failure::new(Kind::Timeout, "no answer"), true),
        (Failure::new(Kind::Cancelled, "cancelled by order"), true),
        (Failure::new(Kind::Internal, "the driver died"), true),
        (Failure::new(Kind::Cancelled, "cancelled early").never_sent(), false),
        (Failure::new(Kind::Network, "no connection").never_sent(), false),
        (Failure::new(Kind::NotFound, "refused"), false),
    ] {
        let setup = setup(FakeCalls::failing(failure.clone()), Troubled::new(false, 0));
        let told = setup.dispatcher.invoke(Invocation {
            entry: find("projects.issue.create").expect("it exists"),
            input: json!({"project": "acme/api", "title": "one"}),
            caller: caller(),
            options: Options::default(),
            upload: None,
        });
        assert_eq!(told.await.expect_err("as told").in_doubt, in_doubt, "{failure}");
    }
}

/// Whether a failure of this kind, of a request that was sent, is what its key stands for from then on.
fn is_kept(kind: Kind, operation: &Operation) -> bool {
    match kind {
        // The provider has judged the request itself.
        Kind::InvalidInput | Kind::Unsupported | Kind::Conflict | Kind::PreconditionFailed => true,
        // What stood in the way may go: nothing was done.
        Kind::Unauthenticated
        | Kind::Forbidden
        | Kind::NotFound
        | Kind::RateLimited
        | Kind::QuotaExceeded
        | Kind::BudgetExhausted
        | Kind::Overloaded
        | Kind::CircuitOpen
        | Kind::NoProvider
        | Kind::UpstreamAuth
        | Kind::UpstreamRateLimited => false,
        // It may have been done, or paid for: kept unless a repetition does no harm.
        Kind::Network | Kind::Timeout | Kind::UpstreamFailed | Kind::Cancelled | Kind::Internal => {
            !operation.idempotent || operation.paid
        }
    }
}

#[tokio::test]
async fn of_every_kind_it_is_decided_whether_its_key_is_free() {
    let asked = [
        ("projects.issue.create", json!({"project": "acme/api", "title": "one"})),
        (
            "ai.chat.complete",
            json!({"model": "m", "messages": [{"role": "user", "content": "hello"}]}),
        ),
    ];
    let mut cells = 0;
    for (operation, input) in asked {
        let facts = &find(operation).expect("it exists").declaration.facts;
        for (kind, sent, retryable) in Kind::ALL
            .into_iter()
            .flat_map(|kind| [(true, true), (true, false), (false, true)].map(|(sent, again)| (kind, sent, again)))
        {
            let mut failure = Failure::new(kind, "as told");
            failure.retryable = retryable;
            failure.unsent = !sent;
            let passes = retryable
                && matches!(
                    kind,
                    Kind::Conflict | Kind::PreconditionFailed | Kind::InvalidInput | Kind::Unsupported
                );
            let kept = sent && !passes && is_kept(kind, facts);
            let setup = setup(FakeCalls::failing(failure.clone()), Troubled::new(false, 0));
            let what = format!("{operation} {kind} sent: {sent} retryable: {retryable}");
            for replayed in [false, kept] {
                let told = setup.invoke(operation, input.clone()).await.expect_err("as told");
                assert_eq!((told.kind, told.replayed), (kind, replayed), "{what}");
                assert_eq!(told.retryable, failure.retryable && !kept, "{what}");
            }
            assert_eq!(setup.calls.seen().len(), if kept { 1 } else { 2 }, "{what}");
            cells += 1;
        }
    }
    assert_eq!(cells, 2 * 3 * Kind::ALL.len());
}
