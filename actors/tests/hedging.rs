//! Hedging: a second instance is asked the same where the first is slower than nearly all of its answers were.
//!
//! Invariant: one reply, however many were asked; what loses is ended, counted, and gives back what it held.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::call::{Call, Operation};
use mosaic_actors::decision::AttemptResult;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::balance::{Balance, Weights};
use mosaic_actors::policy::estimate::Class;
use mosaic_actors::policy::hedge::HedgeSettings;
use mosaic_actors::policy::retry_budget::BudgetSettings;
use mosaic_actors::stream::Upload;
use mosaic_actors::system::{System, SystemSpec};
use support::recorded::named;
use support::{Counts, Do, FETCH, PAID, STREAM, WAIT, WRITE, all_is_back, call, eventually, instance, spec, text};
use tokio::time::Instant;

const USUAL: Duration = Duration::from_millis(10);

/// Two instances of which it is known how long they usually take.
async fn known(change: impl FnOnce(&mut SystemSpec)) -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(vec![instance("a", &counts), instance("b", &counts)]);
    spec.settings.hedge = HedgeSettings {
        enabled: true,
        ..HedgeSettings::default()
    };
    change(&mut spec);
    let system = System::start(spec).await.expect("it starts");
    for _ in 0..60 {
        system
            .gateway()
            .call(call(&FETCH, Do::AnswerAfter(USUAL)))
            .await
            .expect("it is served");
    }
    counts.begun.store(0, SeqCst);
    (system, counts)
}

/// Abandoned, answered, failed.
fn met(system: &System, name: &str) -> (u64, u64, u64) {
    let traffic = system
        .snapshot()
        .instances
        .into_iter()
        .find(|one| *one.name == *name)
        .unwrap()
        .traffic;
    (traffic.abandoned, traffic.answered, traffic.failed)
}

#[tokio::test(start_paused = true)]
async fn what_is_slow_is_asked_of_another_and_the_first_answer_wins() {
    let (system, counts) = known(|_| {}).await;
    let before = (met(&system, "a"), met(&system, "b"));
    let mut hedged = 0;
    // One of the two begins at a.
    for _ in 0..2 {
        let began = Instant::now();
        let answer = system
            .gateway()
            .call(call(&FETCH, Do::HangAt(&["a"])))
            .await
            .expect("b answers");
        assert_eq!(text(&answer), "\"b\"");
        if answer.head.attempts == 2 {
            hedged += 1;
            let took = began.elapsed();
            assert!(
                (USUAL..USUAL * 5 / 4).contains(&took),
                "after its 95th percentile: {took:?}"
            );
        }
    }
    assert_eq!(
        (hedged, counts.begun.load(SeqCst), counts.dropped.load(SeqCst)),
        (1, 3, 1)
    );
    let (a, b) = (met(&system, "a"), met(&system, "b"));
    assert_eq!(
        (a.0, a.1, a.2),
        (before.0.0 + 1, before.0.1, before.0.2),
        "the loser is abandoned"
    );
    assert_eq!((b.0, b.1), (before.1.0, before.1.1 + 2));
    assert_eq!(
        system.snapshot().instances[0].breaker.consecutive_failures,
        0,
        "it proves nothing"
    );
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn the_first_may_still_win_and_the_second_is_ended() {
    let (system, counts) = known(|_| {}).await;
    let answer = system
        .gateway()
        .call(call(&FETCH, Do::AnswerAfter(USUAL * 3 / 2)))
        .await
        .expect("it answers");
    assert_eq!(
        (
            answer.head.attempts,
            counts.begun.load(SeqCst),
            counts.dropped.load(SeqCst)
        ),
        (2, 2, 1)
    );
    let other = if text(&answer) == "\"a\"" { "b" } else { "a" };
    assert_eq!(met(&system, other).0, 1);
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn only_what_is_safe_free_and_whole_is_asked_twice() {
    let (system, counts) = known(|_| {}).await;
    let slow = || Do::AnswerAfter(USUAL * 10);
    let ask = async |operation: &'static Operation| {
        let before = counts.begun.load(SeqCst);
        system
            .gateway()
            .call(call(operation, slow()))
            .await
            .expect("it is served");
        counts.begun.load(SeqCst) - before
    };
    assert_eq!(ask(&FETCH).await, 2);
    for operation in [&WRITE, &PAID, &STREAM, &WAIT] {
        assert_eq!(ask(operation).await, 1, "{}", operation.name);
    }
    let mut sends = call(&FETCH, slow());
    let bytes = bytes::Bytes::from_static(b"abc");
    sends.upload = Some(Arc::new(Upload::replayable(Arc::from("text/plain"), None, bytes)));
    let answer = system.gateway().call(sends).await.expect("it is served");
    assert_eq!(answer.head.attempts, 1);
    let mut pinned = call(&FETCH, slow());
    pinned.provider = Some(Arc::from("a"));
    assert_eq!(
        system.gateway().call(pinned).await.expect("it is served").head.attempts,
        1
    );
}

#[tokio::test(start_paused = true)]
async fn no_more_than_its_share_is_asked_twice_and_retries_have_a_part_in_it() {
    let (system, counts) = known(|spec| spec.settings.hedge.share = 0.01).await;
    tokio::time::sleep(Duration::from_secs(61)).await;
    for asked in 1..=600u64 {
        // So few are slow that their time is not the usual one.
        let took = if asked % 25 == 0 { USUAL * 3 } else { USUAL };
        system
            .gateway()
            .call(call(&FETCH, Do::AnswerAfter(took)))
            .await
            .expect("it is served");
        let extra = counts.begun.load(SeqCst) as u64 - asked;
        assert!(extra <= asked / 100, "{extra} for {asked}");
    }
    assert!(counts.begun.load(SeqCst) > 602, "some were");

    let (system, counts) = known(|spec| {
        spec.settings.recover.budget = BudgetSettings {
            share: 0.0,
            floor_per_second: 0,
            ..BudgetSettings::default()
        };
    })
    .await;
    system
        .gateway()
        .call(call(&FETCH, Do::AnswerAfter(USUAL * 3 / 2)))
        .await
        .expect("it is served");
    assert_eq!(counts.begun.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn it_is_off_unless_it_is_turned_on() {
    let (system, counts) = known(|spec| spec.settings.hedge = HedgeSettings::default()).await;
    system
        .gateway()
        .call(call(&FETCH, Do::AnswerAfter(USUAL * 10)))
        .await
        .expect("it is served");
    assert_eq!(counts.begun.load(SeqCst), 1);
}

#[tokio::test(start_paused = true)]
async fn where_both_fail_the_caller_is_told_of_both() {
    let (system, _) = known(|spec| spec.settings.recover.max_attempts = 2).await;
    let failed = Failure::new(Kind::UpstreamFailed, "as told");
    // Slow, and then what another may do better.
    let both = call(&FETCH, Do::FailAfter(USUAL * 2, failed));
    let failure = system.gateway().call(both).await.unwrap_err();
    let mut tried: Vec<_> = failure.tried().iter().map(|at| &*at.instance).collect();
    tried.sort_unstable();
    assert_eq!((failure.kind, tried), (Kind::UpstreamFailed, vec!["a", "b"]));
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_failure_that_is_final_waits_for_no_other() {
    for kind in [Kind::NotFound, Kind::Forbidden, Kind::PreconditionFailed] {
        let (system, counts) = known(|_| {}).await;
        let began = Instant::now();
        // The second began one delay later, and would fail as much later.
        let slow = named(
            "once",
            call(&FETCH, Do::FailAfter(USUAL * 2, Failure::new(kind, "as told"))),
        );
        let failure = system.gateway().call(slow).await.unwrap_err();
        let took = began.elapsed();
        assert!((USUAL * 2..USUAL * 5 / 2).contains(&took), "{kind:?} after {took:?}");
        assert_eq!((failure.kind, failure.tried().len(), failure.unsent), (kind, 1, false));
        assert_eq!((counts.begun.load(SeqCst), counts.dropped.load(SeqCst)), (2, 1));
        assert_eq!(results(&system, "once"), [AttemptResult::Failed, AttemptResult::Outrun]);
        all_is_back(&system).await;
    }
}

/// How the attempts of the call with this id ended.
fn results(system: &System, id: &str) -> Vec<AttemptResult> {
    let explained = system.gateway().explain(id, Some("t")).remove(0);
    explained.attempts.iter().map(|attempt| attempt.result).collect()
}

/// Where `a` was the fastest, and `b` still faster than what is usual.
async fn favourite(balance: Balance) -> System {
    let (system, _) = known(|spec| spec.rules[0].balance = balance).await;
    for (name, takes) in [("a", Duration::ZERO), ("b", USUAL / 10)].repeat(100) {
        let mut quick = call(&FETCH, Do::AnswerAfter(takes));
        quick.provider = Some(Arc::from(name));
        system.gateway().call(quick).await.expect("it answers");
    }
    assert!(expected(&system, "a") < expected(&system, "b"));
    system
}

/// What an attempt there is expected to take.
fn expected(system: &System, name: &str) -> Duration {
    let instance = system.instance(name).expect("it is there");
    let estimate = instance.latency(Class::of(&FETCH), u64::MAX);
    estimate.expect("it was measured").expected
}

fn hangs_at_a(id: &str) -> Call {
    named(id, call(&FETCH, Do::HangAt(&["a"])))
}

#[tokio::test(start_paused = true)]
async fn what_is_outrun_is_known_to_be_slow_and_the_favourite_no_more() {
    let system = favourite(Balance::ResponseTime).await;
    let began = Instant::now();
    let answer = system.gateway().call(hangs_at_a("outrun")).await.expect("b answers");
    assert_eq!((text(&answer), answer.head.attempts), ("\"b\"", 2));
    assert_eq!(
        results(&system, "outrun"),
        [AttemptResult::Outrun, AttemptResult::Answered]
    );
    let (took, at_least) = (began.elapsed(), expected(&system, "a"));
    assert!(at_least >= took - Duration::from_millis(1), "{at_least:?} of {took:?}");
    let answer = system.gateway().call(hangs_at_a("next")).await.expect("b answers");
    assert_eq!((text(&answer), answer.head.attempts), ("\"b\"", 1));
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_balancer_that_learns_is_told_of_what_was_outrun() {
    let system = favourite(Balance::Adaptive(Weights::DEFAULT)).await;
    let told = || system.tree().node("/root/router").expect("it is there").handled();
    // It looks at the other one, too, now and then.
    for _ in 0..20 {
        let before = told();
        let answer = system.gateway().call(hangs_at_a("call")).await.expect("b answers");
        // As many were asked for as it was told of.
        let messages = u64::from(answer.head.attempts) * 2;
        eventually("it is told", || told() == before + messages).await;
        if answer.head.attempts == 2 {
            return;
        }
    }
    panic!("the favourite was never asked");
}

#[tokio::test(start_paused = true)]
async fn where_nobody_is_free_nothing_is_spent_on_a_hedge() {
    let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
    // One hedge for those that were asked of an instance so far.
    let (system, counts) = known(|spec| {
        spec.recorder = recorder.clone();
        spec.settings.hedge.share = 0.04;
    })
    .await;
    let hedges = |name: &str| {
        let line = format!("mosaic_hedges_total{{provider=\"{name}\"}} ");
        let text = recorder.handle().render();
        let value = text
            .lines()
            .find_map(|text| text.strip_prefix(&line).map(str::to_owned));
        value.unwrap_or_else(|| panic!("{line} in {text}"))
    };
    support::force_open(&system, "b").await;
    for _ in 0..3 {
        let slow = call(&FETCH, Do::AnswerAfter(USUAL * 2));
        assert_eq!(system.gateway().call(slow).await.expect("a answers").head.attempts, 1);
    }
    assert_eq!((counts.begun.load(SeqCst), &*hedges("a")), (3, "0"));
    let breaker = system.instance("b").expect("it is there").breaker.clone();
    breaker.reset().await.expect("its actor runs");
    for _ in 0..20 {
        let began = Instant::now();
        let answer = system.gateway().call(call(&FETCH, Do::HangAt(&["a"]))).await;
        assert!(answer.is_ok() && began.elapsed() < USUAL * 10, "{:?}", began.elapsed());
        if hedges("a") == "1" {
            return;
        }
    }
    panic!("none was asked of a first");
}

#[tokio::test(start_paused = true)]
async fn a_hedge_is_an_attempt_among_those_that_a_call_may_have() {
    for (most, asked) in [(1, 1), (2, 2)] {
        let (system, counts) = known(|spec| spec.settings.recover.max_attempts = most).await;
        let slow = call(&FETCH, Do::AnswerAfter(Duration::from_secs(1)));
        system.gateway().call(slow).await.expect("it is served");
        assert_eq!(counts.begun.load(SeqCst), asked);
        all_is_back(&system).await;
    }
}
