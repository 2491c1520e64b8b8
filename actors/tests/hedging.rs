//! Hedging: a second instance is asked the same where the first is slower than nearly all of its answers were.
//!
//! Invariant: one reply, however many were asked; what loses is ended, counted, and gives back what it held.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::call::Operation;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::hedge::HedgeSettings;
use mosaic_actors::policy::retry_budget::BudgetSettings;
use mosaic_actors::stream::Upload;
use mosaic_actors::system::{System, SystemSpec};
use support::{Counts, Do, FETCH, PAID, STREAM, WAIT, WRITE, all_is_back, call, instance, spec, text};
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
    let (system, _) = known(|_| {}).await;
    let failed = Failure::new(Kind::NotFound, "as told");
    // Slow, and then nothing that is worth another try.
    let both = call(&FETCH, Do::FailAfter(USUAL * 2, failed));
    let failure = system.gateway().call(both).await.unwrap_err();
    let mut tried: Vec<_> = failure.tried().iter().map(|at| &*at.instance).collect();
    tried.sort_unstable();
    assert_eq!((failure.kind, tried), (Kind::NotFound, vec!["a", "b"]));
    all_is_back(&system).await;
}
