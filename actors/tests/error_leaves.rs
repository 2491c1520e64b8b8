//! The error-handling flow of the architecture, leaf by leaf.
//!
//! Invariant: each test carries the name of its leaf, and sees what a caller and the providers see.

mod support;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mosaic_actors::call::{Answer, Body, Call, Head};
use mosaic_actors::driver::{BoxFuture, Credential, Driver, ready};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::system::{System, SystemSpec};
use support::{Counts, Do, FETCH, PAID, WRITE, call, failing, force_open, instance, pair, single, spec, text, within};
use tokio::time::Instant;

/// The answer to a call whose first attempt fails so, and no other.
async fn met(system: &System, failure: Failure) -> Answer {
    let once = call(&FETCH, failing([failure]));
    system.gateway().call(once).await.unwrap()
}

/// Who was tried, and what came of it.
fn tried(failure: &Failure) -> Vec<(&str, Kind)> {
    let tried = failure.tried().iter();
    tried.map(|at| (&*at.instance, at.kind)).collect()
}

async fn pair_with(change: impl FnOnce(&mut SystemSpec)) -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(vec![instance("a", &counts), instance("b", &counts)]);
    change(&mut spec);
    (System::start(spec).await.expect("it starts"), counts)
}

fn limited(wait: u64) -> Failure {
    Failure::new(Kind::UpstreamRateLimited, "slow down").after(Duration::from_secs(wait))
}

#[tokio::test(start_paused = true)]
async fn network_is_retried_with_back_off_then_fails_over() {
    let (system, counts) = pair().await;
    let broken = || Failure::new(Kind::Network, "the connection broke");
    let began = Instant::now();
    let answer = met(&system, broken()).await;
    let first = text(&answer).to_owned();
    assert_eq!((answer.head.attempts, counts.begun.load(SeqCst)), (2, 2));
    assert!(
        began.elapsed() <= Duration::from_millis(50),
        "the first back-off is short"
    );
    // At one alone it never works: after one more try there, the other is asked.
    for _ in 0..2 {
        let at_a = call(&FETCH, Do::FailAt(&["a"], Kind::Network));
        let answer = system.gateway().call(at_a).await.unwrap();
        assert_eq!(text(&answer), "\"b\"");
        assert!([1, 3].contains(&answer.head.attempts), "{}", answer.head.attempts);
    }
    assert!(["\"a\"", "\"b\""].contains(&&*first));
}

/// A driver with a credential that ends, and renews it once for all who were refused.
struct Renewing {
    credential: AtomicUsize,
    wanted: Arc<AtomicUsize>,
    renewable: bool,
    renewed: tokio::sync::Mutex<()>,
    renewals: Arc<AtomicUsize>,
    asked: Arc<AtomicUsize>,
}

impl Renewing {
    /// What its server says to the credential that it has.
    fn ask(&self) -> Result<Answer, Failure> {
        self.asked.fetch_add(1, SeqCst);
        if self.credential.load(SeqCst) != self.wanted.load(SeqCst) {
            return Err(Failure::new(Kind::UpstreamAuth, "the credential was refused"));
        }
        Ok(Answer {
            head: Head::json(Arc::from("a")),
            body: Body::Bytes(bytes::Bytes::from_static(b"\"a\"")),
            value: None,
        })
    }
}

impl Driver for Renewing {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            let used = self.credential.load(SeqCst);
            let refused = match self.ask() {
                Err(refused) if refused.kind == Kind::UpstreamAuth => refused,
                served => return served,
            };
            {
                let _one_for_all = self.renewed.lock().await;
                if self.credential.load(SeqCst) == used {
                    tokio::time::sleep(Duration::from_millis(20)).await;
                    self.renewals.fetch_add(1, SeqCst);
                    if !self.renewable {
                        return Err(refused);
                    }
                    self.credential.store(self.wanted.load(SeqCst), SeqCst);
                }
            }
            self.ask()
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

#[tokio::test(start_paused = true)]
async fn auth_is_refreshed_then_retried_else_an_error() {
    for renewable in [true, false] {
        let counts = Arc::new(Counts::default());
        let (wanted, renewals, asked) = (Arc::new(AtomicUsize::new(0)), Arc::default(), Arc::default());
        let renewing = InstanceSpec {
            factory: ready({
                let (wanted, renewals, asked) = (wanted.clone(), Arc::clone(&renewals), Arc::clone(&asked));
                move || {
                    Ok(Arc::new(Renewing {
                        credential: AtomicUsize::new(0),
                        wanted: wanted.clone(),
                        renewable,
                        renewed: tokio::sync::Mutex::default(),
                        renewals: Arc::clone(&renewals),
                        asked: Arc::clone(&asked),
                    }))
                }
            }),
            ..instance("a", &counts)
        };
        let mut spec = spec(vec![renewing, instance("b", &counts)]);
        spec.rules.clear();
        let system = System::start(spec).await.expect("it starts");
        let at_a = || {
            let mut at_a = call(&FETCH, Do::Answer);
            at_a.provider = Some(Arc::from("a"));
            at_a
        };
        system.gateway().call(at_a()).await.expect("its credential serves");
        wanted.store(1, SeqCst);
        let calls: Vec<_> = (0..8).map(|_| support::spawn(system.gateway(), at_a())).collect();
        for call in calls {
            let outcome = call.await.expect("no panic");
            match renewable {
                true => assert_eq!(
                    outcome.expect("it was renewed").head.attempts,
                    1,
                    "the driver's own affair"
                ),
                false => {
                    let failure = outcome.expect_err("it was not");
                    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamAuth, false));
                    assert_eq!(tried(&failure), [("a", Kind::UpstreamAuth)]);
                }
            }
        }
        if renewable {
            assert_eq!(Arc::clone(&renewals).load(SeqCst), 1, "once for all");
            assert_eq!(asked.load(SeqCst), 1 + 8 + 8);
        }
        assert_eq!(
            counts.begun.load(SeqCst),
            0,
            "who refuses us is no reason to ask another"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn rate_limit_waits_then_retries() {
    let (system, counts) = pair().await;
    let began = Instant::now();
    let answer = met(&system, limited(1)).await;
    assert_eq!((answer.head.attempts, counts.begun.load(SeqCst)), (2, 2));
    assert_eq!(began.elapsed(), Duration::from_secs(1), "as told");
}

#[tokio::test(start_paused = true)]
async fn rate_limit_beyond_the_wait_fails_over_where_an_equivalent_exists() {
    let (system, _) = pair().await;
    let began = Instant::now();
    let answer = met(&system, limited(4)).await;
    assert_eq!((answer.head.attempts, began.elapsed()), (2, Duration::ZERO));
}

#[tokio::test(start_paused = true)]
async fn rate_limit_beyond_the_wait_is_waited_for_where_none_exists_and_the_deadline_allows() {
    let (system, _) = single(|_| {}).await;
    let began = Instant::now();
    let answer = met(&system, limited(4)).await;
    assert_eq!((answer.head.attempts, began.elapsed()), (2, Duration::from_secs(4)));
    let hurried = within(Duration::from_secs(7), call(&FETCH, failing([limited(4)])));
    let failure = system.gateway().call(hurried).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retry_after),
        (Kind::UpstreamRateLimited, Some(Duration::from_secs(4)))
    );
}

#[tokio::test(start_paused = true)]
async fn rate_limit_is_waited_for_where_the_equivalent_cannot_be_asked() {
    let (system, _) = pair().await;
    force_open(&system, "b").await;
    let began = Instant::now();
    let answer = met(&system, limited(4)).await;
    assert_eq!((text(&answer), began.elapsed()), ("\"a\"", Duration::from_secs(4)));
}

#[tokio::test(start_paused = true)]
async fn provider_with_a_closed_circuit_is_retried() {
    let (system, _) = pair().await;
    let failed = Failure::new(Kind::UpstreamFailed, "as told");
    let answer = met(&system, failed).await;
    let served = answer.head.provider.clone();
    let traffic = |name: &str| {
        system
            .snapshot()
            .instances
            .into_iter()
            .find(|one| *one.name == *name)
            .unwrap()
            .traffic
    };
    assert_eq!((traffic(&served).failed, traffic(&served).answered), (1, 1), "the same");
}

#[tokio::test(start_paused = true)]
async fn provider_with_an_open_circuit_fails_over() {
    let (system, _) = pair_with(|spec| spec.instances[0].breaker.failures_to_open = 1).await;
    let mut served = BTreeMap::new();
    for _ in 0..4 {
        let at_a = call(&FETCH, Do::FailAt(&["a"], Kind::UpstreamFailed));
        let answer = system.gateway().call(at_a).await.unwrap();
        *served
            .entry((text(&answer).to_owned(), answer.head.attempts))
            .or_insert(0) += 1;
    }
    // Found out by one failure, without a second try there.
    let expected = [(("\"b\"".to_owned(), 1), 3), (("\"b\"".to_owned(), 2), 1)];
    assert_eq!(served, expected.into());
    let met = &system.snapshot().instances[0];
    assert_eq!((&*met.name, met.traffic.failed), ("a", 1));
}

#[tokio::test(start_paused = true)]
async fn no_alternative_is_an_error_logged_and_told() {
    let (system, counts) = pair().await;
    let down = call(&FETCH, Do::Fail(Failure::new(Kind::Network, "refused").never_sent()));
    let failure = system.gateway().call(down).await.unwrap_err();
    assert_eq!(
        (failure.kind, failure.retryable, failure.settled),
        (Kind::Network, true, true)
    );
    let told = tried(&failure);
    assert_eq!(told.len(), counts.begun.load(SeqCst));
    let words = failure.tried_in_words().expect("several were tried");
    assert!(words.contains("a network, ") || words.ends_with("a network"), "{words}");
    assert!(
        told.iter().any(|at| at.0 == "a") && told.iter().any(|at| at.0 == "b"),
        "{told:?}"
    );
    assert_eq!(system.gateway().finished(1)[0].code, "network", "it is listed");

    for (operation, kind) in [(&WRITE, Kind::Network), (&PAID, Kind::UpstreamFailed)] {
        let doubtful = call(operation, Do::Fail(Failure::new(kind, "as told")));
        let failure = system.gateway().call(doubtful).await.unwrap_err();
        assert_eq!(failure.tried().len(), 1, "never again: {failure}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_failure_tells_of_is_bounded() {
    let (system, _) = pair_with(|spec| {
        spec.settings.recover.max_attempts = 50;
        for instance in &mut spec.instances {
            instance.breaker.failures_to_open = u32::MAX;
        }
    })
    .await;
    let patient = within(
        Duration::from_secs(600),
        call(&FETCH, Do::Fail(Failure::new(Kind::Network, "refused"))),
    );
    let failure = system.gateway().call(patient).await.unwrap_err();
    assert_eq!(failure.tried().len(), mosaic_actors::error::MOST_TRIED);
}

/// Notes how much time each attempt has.
struct Timed(Arc<Mutex<Vec<Duration>>>);

impl Driver for Timed {
    fn call(self: Arc<Self>, call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        self.0
            .lock()
            .expect("no panic holds it")
            .push(call.time_left(Instant::now()));
        Box::pin(async { Err(Failure::new(Kind::Timeout, "as told")) })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }
}

#[tokio::test(start_paused = true)]
async fn one_attempt_may_not_eat_the_deadline_and_is_told_what_it_has() {
    let counts = Arc::new(Counts::default());
    let left: Arc<Mutex<Vec<Duration>>> = Arc::default();
    let timed = |name: &str| InstanceSpec {
        factory: ready({
            let left = left.clone();
            move || Ok(Arc::new(Timed(left.clone())))
        }),
        attempt_timeout: Duration::from_secs(20),
        ..instance(name, &counts)
    };
    let system = System::start(spec(vec![timed("a"), timed("b")]))
        .await
        .expect("it starts");
    let take = || std::mem::take(&mut *left.lock().expect("no panic holds it"));
    let within_30 = || within(Duration::from_secs(30), call(&FETCH, Do::Answer));
    system.gateway().call(within_30()).await.unwrap_err();
    // Two thirds where another could follow, and its instance's bound.
    assert_eq!(take(), [Duration::from_secs(20), Duration::from_secs(20)]);
    system
        .gateway()
        .call(within(Duration::from_secs(9), within_30()))
        .await
        .unwrap_err();
    assert_eq!(take(), [Duration::from_secs(6), Duration::from_millis(8_950)]);
}
