//! A breaker's life in its system: probes that come back late or never, crashes, orders.

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::Event;
use mosaic_actors::system::System;
use tokio::sync::Semaphore;

use crate::support::{self, Counts, Do, FETCH, PAID, WRITE, all_is_back, call, eventually, spawn};
use crate::{ask, down, is, open, shown, system};

#[tokio::test(start_paused = true)]
async fn it_opens_refuses_probes_and_closes() {
    let (system, counts) = system().await;
    open(&system).await;
    let begun = counts.begun.load(SeqCst);
    let refused = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::CircuitOpen);
    assert!(refused.message().contains("; it met last: "), "{refused}");
    let wait = refused.retry_after.expect("when to come back");
    assert!(
        wait > Duration::from_secs(9) && wait <= Duration::from_secs(10),
        "{wait:?}"
    );
    assert!(
        refused.unsent && counts.begun.load(SeqCst) == begun,
        "the provider is left alone"
    );

    tokio::time::sleep(wait).await;
    is(&system, "half_open").await;
    let let_go = Arc::new(Semaphore::new(0));
    let probe = spawn(
        system.gateway(),
        call(&FETCH, Do::NumberWhenLet(Arc::new(AtomicUsize::new(1)), let_go.clone())),
    );
    eventually("the probe is out", || counts.begun.load(SeqCst) == begun + 1).await;
    assert_eq!(
        ask(&system, Do::Answer).await,
        Some(Kind::CircuitOpen),
        "one probe at a time"
    );
    let_go.add_permits(1);
    assert!(probe.await.unwrap().is_ok());
    is(&system, "closed").await;
    assert_eq!(ask(&system, Do::Answer).await, None);
    assert_eq!(shown(&system).consecutive_failures, 0);
}

#[tokio::test(start_paused = true)]
async fn a_failed_probe_opens_it_for_longer_up_to_a_bound() {
    let (system, _) = system().await;
    open(&system).await;
    for expected in [20, 40, 60, 60] {
        let wait = Duration::from_millis(shown(&system).retry_in_ms.expect("it is open") + 1);
        tokio::time::sleep(wait).await;
        let openings = shown(&system).openings;
        assert_eq!(ask(&system, down()).await, Some(Kind::UpstreamFailed));
        eventually("it opens again", || shown(&system).openings == openings + 1).await;
        let seconds = shown(&system).retry_in_ms.expect("it is open").div_ceil(1_000);
        assert_eq!(seconds, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn a_callers_mistake_never_counts() {
    let (system, _) = system().await;
    for kind in [
        Kind::InvalidInput,
        Kind::Unauthenticated,
        Kind::Forbidden,
        Kind::NotFound,
        Kind::Conflict,
        Kind::PreconditionFailed,
        Kind::Unsupported,
        Kind::UpstreamAuth,
        Kind::UpstreamRateLimited,
    ] {
        for _ in 0..5 {
            let refused = Do::Fail(Failure::new(kind, "as told"));
            assert_eq!(ask(&system, refused).await, Some(kind));
        }
        assert_eq!(
            (shown(&system).state, shown(&system).consecutive_failures),
            ("closed", 0),
            "{kind}"
        );
    }
    // They even end a row of failures: the provider answers.
    for _ in 0..2 {
        ask(&system, down()).await;
    }
    eventually("two failures", || shown(&system).consecutive_failures == 2).await;
    ask(&system, Do::Fail(Failure::new(Kind::NotFound, "as told"))).await;
    eventually("none", || shown(&system).consecutive_failures == 0).await;
}

#[tokio::test(start_paused = true)]
async fn a_silence_counts_unless_the_caller_was_in_a_hurry() {
    let (system, _) = system().await;
    for _ in 0..5 {
        let hurried = support::within(Duration::from_secs(1), call(&FETCH, Do::Hang));
        assert_eq!(system.gateway().call(hurried).await.unwrap_err().kind, Kind::Timeout);
    }
    all_is_back(&system).await;
    assert_eq!(shown(&system).consecutive_failures, 0);
    // Nor does one who alone says how long it may take.
    for _ in 0..5 {
        let model = support::within(Duration::from_secs(20), call(&PAID, Do::Hang));
        assert_eq!(system.gateway().call(model).await.unwrap_err().kind, Kind::Timeout);
    }
    assert_eq!(shown(&system).consecutive_failures, 0);
    for _ in 0..3 {
        assert_eq!(ask(&system, Do::Hang).await, Some(Kind::Timeout));
    }
    is(&system, "open").await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_whose_caller_leaves_is_given_back() {
    let (system, counts) = system().await;
    open(&system).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let begun = counts.begun.load(SeqCst);
    let probe = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("the probe is out", || counts.begun.load(SeqCst) == begun + 1).await;
    assert_eq!(ask(&system, Do::Answer).await, Some(Kind::CircuitOpen));
    probe.abort();
    all_is_back(&system).await;
    assert_eq!(ask(&system, Do::Answer).await, None, "the next one probes");
    is(&system, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_was_never_sent_is_given_back() {
    let (system, _) = system().await;
    open(&system).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    for kind in [Kind::InvalidInput, Kind::Unsupported, Kind::Internal] {
        assert_eq!(ask(&system, Do::FailUnsentAt(&["a"], kind)).await, Some(kind));
        assert_eq!(shown(&system).state, "half_open", "{kind}");
    }
    assert_eq!(ask(&system, Do::Answer).await, None);
    is(&system, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn its_state_outlives_every_crash() {
    let (system, counts) = system().await;
    ask(&system, down()).await;
    ask(&system, down()).await;
    eventually("two failures", || shown(&system).consecutive_failures == 2).await;
    let crash = async |path: &str| {
        let node = system.tree().node(path).expect(path);
        let before = node.generation();
        system.tree().crash(path, "rehearsal").await.unwrap();
        eventually("it is up again", || {
            node.generation() == before + 1 && node.state() == mosaic_actors::supervision::State::Running
        })
        .await;
    };
    for path in [
        "/root/plugins/instances/a/breaker",
        "/root/plugins/instances/a/provider",
        "/root/plugins/instances/a",
    ] {
        crash(path).await;
        assert_eq!(shown(&system).consecutive_failures, 2, "{path}");
    }
    ask(&system, down()).await;
    is(&system, "open").await;
    let openings = shown(&system).openings;
    for path in [
        "/root/plugins/instances/a/breaker",
        "/root/plugins/instances/a/provider",
        "/root/plugins/instances/a",
    ] {
        crash(path).await;
        assert_eq!(
            (shown(&system).state, shown(&system).openings),
            ("open", openings),
            "{path}"
        );
        assert_eq!(ask(&system, Do::Answer).await, Some(Kind::CircuitOpen));
    }

    // A probe whose outcome is lost with the breaker's mailbox does not hold the circuit for ever.
    tokio::time::sleep(Duration::from_secs(11)).await;
    let begun = counts.begun.load(SeqCst);
    let lost = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("the probe is out", || counts.begun.load(SeqCst) == begun + 1).await;
    crash("/root/plugins/instances/a/breaker").await;
    assert_eq!(ask(&system, Do::Answer).await, None, "another probe may pass");
    is(&system, "closed").await;
    lost.abort();
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn an_administrator_forces_it_open_and_resets_it() {
    let (system, _) = system().await;
    let breaker = system.instance("a").unwrap().breaker.clone();
    breaker.force_open("a rehearsal", None).await.expect("its actor runs");
    is(&system, "forced_open").await;
    assert_eq!(shown(&system).consecutive_failures, 0, "an order is no failure");
    tokio::time::sleep(Duration::from_secs(3_600)).await;
    let refused = system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap_err();
    assert!(refused.kind == Kind::CircuitOpen && refused.retry_after.is_some());
    breaker.reset().await.expect("its actor runs");
    is(&system, "closed").await;
    assert_eq!(ask(&system, Do::Answer).await, None);
}

#[tokio::test(start_paused = true)]
async fn forced_open_for_a_time_it_closes_by_itself_and_says_why_to_operators_alone() {
    let (system, _) = system().await;
    let breaker = system.instance("a").unwrap().breaker.clone();
    let mut events = system.events().subscribe();
    let minute = Duration::from_secs(60);
    let five = Some(Duration::from_secs(5));
    breaker.force_open("alone", five).await.expect("its actor runs");
    tokio::time::sleep(Duration::from_secs(6)).await;
    assert_eq!(shown(&system).state, "closed");
    // A later order counts, over a crash of who keeps it.
    breaker.force_open("earlier", five).await.expect("its actor runs");
    let later = breaker.force_open("disk swap", Some(minute));
    later.await.expect("its actor runs");
    let crashed = system.tree().crash("/root/plugins/instances/a/breaker", "a rehearsal");
    crashed.await.expect("it runs");
    tokio::time::sleep(Duration::from_secs(10)).await;
    let forced = shown(&system);
    assert_eq!(
        (forced.state, forced.why.as_deref()),
        ("forced_open", Some("forced open by order (disk swap)"))
    );
    assert!((49_000..=50_000).contains(&forced.retry_in_ms.unwrap()), "{forced:?}");
    let refused = system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap_err();
    assert_eq!(
        (refused.message(), refused.provider.as_deref()),
        ("a is forced open by order", Some("a"))
    );
    assert!(
        refused.retry_after.unwrap() > Duration::from_secs(45),
        "as long as it lasts"
    );
    tokio::time::sleep(minute).await;
    assert_eq!((shown(&system).state, shown(&system).why), ("closed", None));
    assert_eq!(ask(&system, Do::Answer).await, None);
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        if let Event::Breaker { state, why, .. } = event.event {
            told.push((state, why.is_some()));
        }
    }
    let (forced, closed) = (("forced_open", true), ("closed", false));
    assert_eq!(told, [forced, closed, forced, forced, closed]);
}

#[tokio::test(start_paused = true)]
async fn a_late_probe_of_an_earlier_opening_decides_nothing() {
    let (system, counts) = system().await;
    open(&system).await;
    tokio::time::sleep(Duration::from_secs(11)).await;
    let (begun, let_go) = (counts.begun.load(SeqCst), Arc::new(Semaphore::new(0)));
    let late = spawn(
        system.gateway(),
        call(&FETCH, Do::NumberWhenLet(Arc::new(AtomicUsize::new(1)), let_go.clone())),
    );
    eventually("the probe is out", || counts.begun.load(SeqCst) == begun + 1).await;
    system
        .instance("a")
        .unwrap()
        .breaker
        .reset()
        .await
        .expect("its actor runs");
    is(&system, "closed").await;
    open(&system).await;
    let_go.add_permits(1);
    assert!(late.await.unwrap().is_ok());
    all_is_back(&system).await;
    assert_eq!(
        ask(&system, Do::Answer).await,
        Some(Kind::CircuitOpen),
        "it knew nothing of this opening"
    );
}

#[tokio::test(start_paused = true)]
async fn an_open_circuit_sends_calls_elsewhere() {
    let counts = Arc::new(Counts::default());
    let mut spec = support::spec(vec![support::instance("a", &counts), support::instance("b", &counts)]);
    spec.instances[0].breaker.failures_to_open = 1;
    let system = System::start(spec).await.unwrap();
    let failing = Arc::new(AtomicBool::new(true));
    let mut pinned = call(&WRITE, Do::FailWhile(failing));
    pinned.provider = Some(Arc::from("a"));
    assert_eq!(
        system.gateway().call(pinned).await.unwrap_err().kind,
        Kind::UpstreamFailed
    );
    is(&system, "open").await;
    for _ in 0..4 {
        let answer = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        assert_eq!((support::text(&answer), answer.head.attempts), ("\"b\"", 1));
    }
}

#[tokio::test(start_paused = true)]
async fn a_probe_that_is_refused_for_a_while_or_for_our_credential_proves_nothing() {
    let (system, _) = system().await;
    open(&system).await;
    let wait = shown(&system).retry_in_ms.expect("it is open");
    tokio::time::sleep(Duration::from_millis(wait + 1)).await;
    let refused = |kind| Do::Fail(Failure::new(kind, "as told"));
    // It is asked again each time: the place of the probe comes back.
    for kind in [Kind::UpstreamRateLimited, Kind::UpstreamAuth, Kind::UpstreamRateLimited] {
        assert_eq!(ask(&system, refused(kind)).await, Some(kind));
        tokio::time::sleep(Duration::from_millis(5)).await;
        assert_eq!(
            (shown(&system).state, shown(&system).openings),
            ("half_open", 1),
            "{kind:?}"
        );
    }
    // A refusal for what the call is shows that it serves.
    assert_eq!(ask(&system, refused(Kind::NotFound)).await, Some(Kind::NotFound));
    is(&system, "closed").await;
    all_is_back(&system).await;
}
