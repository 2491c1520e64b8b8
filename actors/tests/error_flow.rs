//! The error flow through the whole path: what is asked again, where, and what the breaker and the balancer learn of it.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use bytes::Bytes;
use mosaic_actors::call::{CacheStatus, Call, Resource};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::AttemptEnd;
use mosaic_actors::stream::Upload;
use support::{
    Counts, Do, FETCH, PAID, READ, REPLACE, WAIT, WRITE, call, eventually, failing, instance, pair, scripted, single,
    spawn, tags, text, within,
};
use tokio::time::Instant;

fn upstream_failed() -> Failure {
    Failure::new(Kind::UpstreamFailed, "as told")
}

#[tokio::test(start_paused = true)]
async fn a_write_that_may_have_arrived_is_not_called_unsent_because_a_later_attempt_was_refused() {
    let (system, counts) = single(|_| {}).await;
    system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    let sent_then_refused = failing([
        Failure::new(Kind::Network, "the connection broke"),
        Failure::new(Kind::Network, "refused").never_sent(),
        Failure::new(Kind::Network, "refused").never_sent(),
    ]);
    let failure = system
        .gateway()
        .call(call(&REPLACE, sent_then_refused))
        .await
        .unwrap_err();
    assert_eq!(counts.begun.load(SeqCst), 4);
    assert!(!failure.unsent, "the first attempt may have arrived");
    let again = system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    assert_eq!(
        again.head.cache,
        CacheStatus::Miss,
        "what it may have changed is invalid"
    );

    let never = failing((0..3).map(|_| Failure::new(Kind::Network, "refused").never_sent()));
    let failure = system.gateway().call(call(&REPLACE, never)).await.unwrap_err();
    assert!(failure.unsent);
    let again = system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    assert_eq!(again.head.cache, CacheStatus::Hit, "nothing can have changed");
}

#[tokio::test(start_paused = true)]
async fn a_write_in_doubt_invalidates_once_more_when_it_cannot_arrive_any_longer() {
    let (system, counts) = single(|spec| spec.instances[0].attempt_timeout = Duration::from_secs(5)).await;
    let read = || system.gateway().call(call(&READ, Do::Answer));
    let broke = failing([Failure::new(Kind::Network, "the connection broke")]);
    system.gateway().call(call(&WRITE, broke)).await.unwrap_err();
    // Read meanwhile, perhaps from before the write.
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Hit);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Hit);
    assert_eq!(counts.begun.load(SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn an_attempt_in_doubt_is_made_good_whatever_became_of_the_later_ones() {
    let limit = Duration::from_secs(5);
    for last in [None, Some(Failure::new(Kind::Conflict, "as told"))] {
        let (system, _) = single(|spec| spec.instances[0].attempt_timeout = limit).await;
        let read = || system.gateway().call(call(&READ, Do::Answer));
        let broke = Failure::new(Kind::Network, "the connection broke");
        let write = failing([broke].into_iter().chain(last));
        let _settled = system.gateway().call(call(&REPLACE, write)).await;
        assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
        assert_eq!(read().await.unwrap().head.cache, CacheStatus::Hit);
        tokio::time::sleep(limit + Duration::from_millis(100)).await;
        assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
    }
}

#[tokio::test(start_paused = true)]
async fn writes_in_doubt_beyond_those_that_are_remembered_are_made_good_in_their_own_time() {
    let limit = Duration::from_secs(5);
    let (system, _) = single(|spec| {
        spec.instances[0].attempt_timeout = limit;
        spec.instances[0].breaker.failures_to_open = u32::MAX;
    })
    .await;
    let read = || system.gateway().call(call(&READ, Do::Answer));
    let broken = |thing: &str| {
        let mut write = call(&WRITE, Do::Fail(Failure::new(Kind::Network, "the connection broke")));
        write.tags = tags(&WRITE, thing);
        system.gateway().call(write)
    };
    // As many as are remembered, and then one more, later.
    for _ in 0..10_000 {
        broken("acme/other").await.unwrap_err();
    }
    tokio::time::sleep(limit / 2).await;
    broken("acme/thing").await.unwrap_err();
    tokio::time::sleep(limit * 3 / 4).await;
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Hit);
    tokio::time::sleep(limit / 2).await;
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Miss);
    assert_eq!(read().await.unwrap().head.cache, CacheStatus::Hit);
}

#[tokio::test]
async fn what_was_billed_is_not_asked_for_again() {
    let (system, counts) = pair().await;
    for kind in [Kind::Network, Kind::UpstreamFailed, Kind::Timeout] {
        let before = counts.begun.load(SeqCst);
        let failure = failing([Failure::new(kind, "as told")]);
        system.gateway().call(call(&PAID, failure)).await.unwrap_err();
        assert_eq!(counts.begun.load(SeqCst), before + 1, "{kind}");
    }
    let refused = failing([upstream_failed().never_billed()]);
    system
        .gateway()
        .call(call(&PAID, refused))
        .await
        .expect("a refusal costs nothing");
}

#[tokio::test]
async fn what_cannot_succeed_is_sent_once_to_each_and_a_write_of_it_to_one() {
    let (system, counts) = pair().await;
    let unusable = || call_of(&FETCH, failing([upstream_failed().not_usable()]));
    let answer = system.gateway().call(unusable()).await.expect("the other one can");
    assert_eq!((answer.head.attempts, counts.begun.load(SeqCst)), (2, 2));
    let write = failing([upstream_failed().not_usable()]);
    system.gateway().call(call(&REPLACE, write)).await.unwrap_err();
    assert_eq!(counts.begun.load(SeqCst), 3);

    let (system, counts) = single(|_| {}).await;
    let mut told_not_to = upstream_failed();
    told_not_to.retryable = false;
    system
        .gateway()
        .call(call(&FETCH, failing([told_not_to])))
        .await
        .unwrap_err();
    assert_eq!(counts.begun.load(SeqCst), 1);
}

fn call_of(operation: &'static mosaic_actors::call::Operation, what: Do) -> Call {
    call(operation, what)
}

#[tokio::test]
async fn one_odd_resource_opens_no_circuit_and_garbage_for_everybody_does() {
    let (system, _) = single(|_| {}).await;
    let ask = async |name: &str| {
        let mut odd = call(&FETCH, failing([upstream_failed().not_usable()]));
        odd.resource = Resource::parse(name);
        system.gateway().call(odd).await.unwrap_err().kind
    };
    for _ in 0..20 {
        assert_eq!(ask("acme/odd").await, Kind::UpstreamFailed);
    }
    // What is sound and not for us, too large or elsewhere, says nothing of the provider, however often it comes.
    for n in 0..20 {
        let mut elsewhere = call(&FETCH, failing([upstream_failed().not_usable().but_sound()]));
        elsewhere.resource = Resource::parse(&format!("acme/moved-{n}"));
        system.gateway().call(elsewhere).await.unwrap_err();
    }
    let breaker = || system.snapshot().instances[0].breaker.clone();
    assert_eq!((breaker().state, breaker().consecutive_failures), ("closed", 0));
    for n in 0..4 {
        assert_eq!(ask(&format!("acme/thing-{n}")).await, Kind::UpstreamFailed);
    }
    eventually("the circuit opens", || breaker().state == "open").await;
}

#[tokio::test]
async fn a_spent_account_fails_over_to_an_idle_equivalent() {
    let (system, _) = pair().await;
    let mut spent = Failure::new(Kind::UpstreamRateLimited, "no quota is left");
    spent.retryable = false;
    let answer = system
        .gateway()
        .call(call(&FETCH, failing([spent])))
        .await
        .expect("the other has quota");
    assert_eq!(answer.head.attempts, 2);
}

#[tokio::test(start_paused = true)]
async fn who_asked_not_to_be_asked_is_left_alone_for_that_time() {
    let (system, _) = pair().await;
    let limited = Failure::new(Kind::UpstreamRateLimited, "slow down").after(Duration::from_secs(60));
    let limited = |names: &'static [&'static str]| {
        let what = Do::FailWith(names, limited.clone());
        system.gateway().call(call(&FETCH, what))
    };
    // Found out once, at the cost of one failover.
    let first = limited(&["a"]).await.unwrap();
    assert_eq!((text(&first), first.head.attempts), ("\"b\"", 2));
    for _ in 0..100 {
        let answer = limited(&["a"]).await.unwrap();
        assert_eq!((text(&answer), answer.head.attempts), ("\"b\"", 1));
    }
    tokio::time::advance(Duration::from_secs(61)).await;
    let mut served = std::collections::BTreeSet::new();
    for _ in 0..4 {
        served.insert(text(&limited(&[]).await.unwrap()).to_owned());
    }
    assert_eq!(served.len(), 2, "it takes its turns again");
}

#[tokio::test]
async fn a_failover_does_not_send_the_next_call_to_the_same_sick_candidate() {
    let (system, _) = pair().await;
    let mut attempts = 0;
    for _ in 0..8 {
        let failing = call(&FETCH, Do::FailAt(&["a"], Kind::Timeout));
        attempts += system.gateway().call(failing).await.unwrap().head.attempts;
    }
    assert_eq!(attempts, 12, "every other call begins at the sick one");
}

#[tokio::test(start_paused = true)]
async fn who_waits_or_writes_may_take_its_calls_deadline_and_others_their_attempts_time() {
    let (system, _) = single(|spec| spec.instances[0].attempt_timeout = Duration::from_secs(2)).await;
    let slow = || Do::AnswerAfter(Duration::from_secs(8));
    for patient in [&PAID, &WAIT] {
        let answer = system.gateway().call(call(patient, slow())).await;
        answer.expect("within the deadline");
    }
    let failure = system.gateway().call(call(&FETCH, slow())).await.unwrap_err();
    assert_eq!(failure.kind, Kind::Timeout);
    assert!(failure.message().contains("attempt_timeout"), "{failure}");
    let hurried = within(Duration::from_secs(1), call(&PAID, slow()));
    let failure = system.gateway().call(hurried).await.unwrap_err();
    assert!(failure.message().contains("deadline"), "{failure}");
}

#[tokio::test]
async fn an_upload_that_is_used_up_is_not_sent_again() {
    let (system, counts) = single(|_| {}).await;
    let upload = || {
        Upload::replayable(Arc::from("text/plain"), None, Bytes::from_static(b"abc"))
            .take()
            .expect("it can be read")
    };
    let with = |upload: Upload, failure: Failure| {
        let upload = Arc::new(upload);
        let mut replace = call(&REPLACE, failing([failure]));
        replace.upload = Some(upload.clone());
        (replace, upload)
    };
    // Read before it failed.
    let (replace, read) = with(Upload::once(upload()), upstream_failed());
    drop(read.take().expect("it is there"));
    system.gateway().call(replace).await.unwrap_err();
    assert_eq!(counts.begun.load(SeqCst), 1);
    // Not read so far: nothing was sent of it.
    let (replace, _unread) = with(Upload::once(upload()), upstream_failed());
    system.gateway().call(replace).await.expect("the second attempt has it");
    let (replace, kept) = with(
        Upload::replayable(Arc::from("text/plain"), None, Bytes::from_static(b"abc")),
        upstream_failed(),
    );
    drop(kept.take().expect("it is there"));
    system.gateway().call(replace).await.expect("it can be read again");
}

#[tokio::test(start_paused = true)]
async fn a_memory_tier_that_is_away_delays_no_reply() {
    let counts = Arc::new(Counts::default());
    let system = mosaic_actors::system::System::start(support::spec(vec![instance("a", &counts)]))
        .await
        .expect("it starts");
    // Stopped by order, the tier has no actor to store anything.
    let tree = system.tree();
    tree.stop("/root/cache/l1", "a rehearsal").await.expect("it runs");
    let began = Instant::now();
    let calls: Vec<_> = (0..20)
        .map(|_| spawn(system.gateway(), call(&READ, Do::Answer)))
        .collect();
    for call in calls {
        call.await.expect("no panic").expect("it is served");
    }
    // The clock stands still but where somebody waits.
    assert!(began.elapsed() < Duration::from_millis(1), "{:?}", began.elapsed());
    tree.start_child("/root/cache/l1", "over").await.expect("it is stopped");
    let kept = || async {
        let answer = system
            .gateway()
            .call(call(&READ, Do::Answer))
            .await
            .expect("it is served");
        answer.head.cache == CacheStatus::Hit
    };
    kept().await;
    assert!(kept().await, "it stores again");
}

#[tokio::test(start_paused = true)]
async fn what_an_instance_met_is_told_apart_and_a_refused_credential_is_no_health() {
    let system = scripted::system(vec![scripted::sound("a")]).await;
    let ask = |what| system.gateway().call(call(&WRITE, what));
    let plugin = || system.plugins().get("a").expect("it is there");
    let met = || plugin().instance.expect("it runs").traffic;
    ask(Do::Answer).await.unwrap();
    let refused = |kind| Do::Fail(Failure::new(kind, "as told"));
    ask(refused(Kind::NotFound)).await.unwrap_err();
    let hurried = within(Duration::from_secs(1), call(&WRITE, Do::Hang));
    system.gateway().call(hurried).await.unwrap_err();
    assert_eq!(
        (met().answered, met().refused, met().failed, met().abandoned),
        (1, 1, 0, 1)
    );
    assert_eq!((plugin().health.state, met().last_failure), ("healthy", None));

    let mut spent = Failure::new(Kind::UpstreamRateLimited, "the account is spent");
    spent.retryable = false;
    for failure in [Failure::new(Kind::UpstreamAuth, "the credential is refused"), spent] {
        let before = met().failed;
        ask(Do::Fail(failure.clone())).await.unwrap_err();
        assert_eq!(met().failed, before + 1);
        let told = met().last_failure.expect("it failed");
        assert_eq!((told.code, &*told.message), (failure.kind.code(), failure.message()));
        assert_eq!(
            (plugin().health.state, plugin().health.why.as_deref()),
            ("unhealthy", Some(failure.message()))
        );
        ask(refused(Kind::Forbidden)).await.unwrap_err();
        assert_eq!(plugin().health.state, "unhealthy", "a refusal proves nothing");
        ask(Do::Answer).await.unwrap();
        assert_eq!(plugin().health.state, "healthy");
    }
    assert_eq!(met().last.map(|last| last.end), Some(AttemptEnd::Answered));
}

#[tokio::test(start_paused = true)]
async fn who_refused_our_credential_is_passed_over_while_another_can_serve() {
    let (system, _) = pair().await;
    let refused = || call(&FETCH, Do::FailAt(&["a"], Kind::UpstreamAuth));
    let met = || async {
        let mut met = Vec::new();
        for _ in 0..10 {
            met.extend(system.gateway().call(refused()).await.err().map(|failure| failure.kind));
        }
        met
    };
    assert_eq!(met().await, [Kind::UpstreamAuth], "it is asked once");
    // It is not forgotten: its credential may have been renewed.
    tokio::time::sleep(Duration::from_secs(301)).await;
    assert_eq!(met().await, [Kind::UpstreamAuth], "it is asked once more");
    // Nor is it shut out where there is no other.
    let mut pinned = call(&FETCH, Do::Answer);
    pinned.provider = Some(Arc::from("a"));
    system.gateway().call(pinned).await.expect("it serves again");
    let answers = (0..10).map(|_| system.gateway().call(call(&FETCH, Do::Answer)));
    let mut asked = 0;
    for answer in answers {
        asked += usize::from(&*answer.await.expect("both serve").head.provider == "a");
    }
    assert_eq!(asked, 5, "it has its turn again");
}
