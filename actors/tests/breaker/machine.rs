//! Each transition of the architecture's circuit breaker, by its name.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::error::Kind;
use mosaic_actors::policy::breaker::BreakerMode;
use mosaic_actors::supervision::Event;
use mosaic_actors::system::System;
use tokio::sync::Semaphore;
use tokio::time::sleep;

use crate::support::{Do, FETCH, call, eventually, spawn};
use crate::{ask, down, is, open, shown, with};

/// Past the first opening of [`crate::system`].
const TIMER: Duration = Duration::from_secs(10);

async fn failures(system: &System, count: u32) {
    eventually("they are counted", || shown(system).consecutive_failures == count).await;
}

async fn successes(system: &System, count: usize) {
    for _ in 0..count {
        assert_eq!(ask(system, Do::Answer).await, None);
    }
}

/// Opens after three failures, closes after three successes.
async fn three_and_three() -> System {
    let (system, _) = with(|breaker| {
        breaker.failures_to_open = 3;
        breaker.open_for = TIMER;
        breaker.successes_to_close = 3;
    })
    .await;
    system
}

/// Has it open, and waits for its timer.
async fn half_open(system: &System) {
    open(system).await;
    sleep(TIMER).await;
    is(system, "half_open").await;
}

#[tokio::test(start_paused = true)]
async fn it_begins_closed_and_monitors() {
    let system = three_and_three().await;
    let shown = shown(&system);
    assert_eq!(
        (shown.state, shown.consecutive_failures, shown.openings),
        ("closed", 0, 0)
    );
    assert!(shown.retry_in_ms.is_none() && shown.why.is_none() && shown.part.is_none());
}

#[tokio::test(start_paused = true)]
async fn closed_monitors_on_at_a_success() {
    let system = three_and_three().await;
    successes(&system, 10).await;
    assert_eq!(
        (shown(&system).state, shown(&system).consecutive_failures),
        ("closed", 0)
    );
}

#[tokio::test(start_paused = true)]
async fn closed_begins_to_count_at_a_failure() {
    let system = three_and_three().await;
    ask(&system, down()).await;
    failures(&system, 1).await;
    assert_eq!(shown(&system).state, "closed");
    // A success ends the row.
    successes(&system, 1).await;
    failures(&system, 0).await;
}

#[tokio::test(start_paused = true)]
async fn closed_counts_on_below_the_threshold() {
    let system = three_and_three().await;
    for count in 1..3 {
        ask(&system, down()).await;
        failures(&system, count).await;
        assert_eq!(shown(&system).state, "closed");
    }
}

#[tokio::test(start_paused = true)]
async fn closed_counts_to_the_threshold_and_opens() {
    let system = three_and_three().await;
    let mut events = system.events().subscribe();
    open(&system).await;
    assert_eq!((shown(&system).consecutive_failures, shown(&system).openings), (3, 1));
    let told = || loop {
        match events.try_recv().ok()?.event {
            Event::Breaker { state, openings, .. } => return Some((state, openings)),
            _ => continue,
        }
    };
    let mut told = told;
    assert_eq!((told(), told()), (Some(("open", 1)), None));
}

#[tokio::test(start_paused = true)]
async fn open_rejects_all_until_its_timer() {
    let (system, counts) = with(|breaker| {
        breaker.failures_to_open = 3;
        breaker.open_for = TIMER;
    })
    .await;
    open(&system).await;
    let begun = counts.begun.load(SeqCst);
    for second in 0..9 {
        let refused = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
        assert!(refused.kind == Kind::CircuitOpen && refused.unsent, "{refused}");
        let wait = refused.retry_after.expect("when to come back");
        assert!(wait <= TIMER - Duration::from_secs(second), "{wait:?} after {second} s");
        sleep(Duration::from_secs(1)).await;
    }
    assert_eq!(counts.begun.load(SeqCst), begun, "the provider is left alone");
}

#[tokio::test(start_paused = true)]
async fn open_starts_a_timer_and_becomes_half_open_at_its_end() {
    let system = three_and_three().await;
    open(&system).await;
    let left = Duration::from_millis(shown(&system).retry_in_ms.expect("a timer runs"));
    assert!(left > TIMER - Duration::from_secs(1) && left <= TIMER, "{left:?}");
    sleep(left - Duration::from_millis(5)).await;
    assert_eq!(shown(&system).state, "open");
    sleep(Duration::from_millis(10)).await;
    assert_eq!(shown(&system).state, "half_open");
}

#[tokio::test(start_paused = true)]
async fn half_open_tests_with_as_many_probes_as_may_be_out() {
    let (system, counts) = with(|breaker| {
        breaker.failures_to_open = 3;
        breaker.open_for = TIMER;
        breaker.probes = 2;
        breaker.successes_to_close = 2;
    })
    .await;
    half_open(&system).await;
    let (begun, let_go) = (counts.begun.load(SeqCst), Arc::new(Semaphore::new(0)));
    let number = Arc::new(AtomicUsize::new(1));
    let probe = || call(&FETCH, Do::NumberWhenLet(number.clone(), let_go.clone()));
    let probes = [spawn(system.gateway(), probe()), spawn(system.gateway(), probe())];
    eventually("both are out", || counts.begun.load(SeqCst) == begun + 2).await;
    assert_eq!(ask(&system, Do::Answer).await, Some(Kind::CircuitOpen), "no third");
    let_go.add_permits(2);
    for probe in probes {
        assert!(probe.await.unwrap().is_ok());
    }
    is(&system, "closed").await;
}

#[tokio::test(start_paused = true)]
async fn half_open_counts_successes_below_what_it_needs() {
    let system = three_and_three().await;
    half_open(&system).await;
    for _ in 0..2 {
        // The place of the one before is given back once its success is counted.
        eventually("a probe may pass", || shown(&system).retry_in_ms == Some(0)).await;
        while ask(&system, Do::Answer).await.is_some() {
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(shown(&system).state, "half_open");
    }
}

#[tokio::test(start_paused = true)]
async fn half_open_closes_after_the_successes_it_needs() {
    let system = three_and_three().await;
    half_open(&system).await;
    let mut succeeded = 0;
    while shown(&system).state != "closed" {
        succeeded += usize::from(ask(&system, Do::Answer).await.is_none());
        sleep(Duration::from_millis(1)).await;
    }
    assert_eq!(succeeded, 3);
    assert_eq!((shown(&system).consecutive_failures, shown(&system).openings), (0, 0));
    // It counts from the beginning.
    ask(&system, down()).await;
    failures(&system, 1).await;
    assert_eq!(shown(&system).state, "closed");
}

#[tokio::test(start_paused = true)]
async fn half_open_opens_at_any_failure() {
    for before in 0..3 {
        let system = three_and_three().await;
        half_open(&system).await;
        let mut succeeded = 0;
        while succeeded < before {
            succeeded += usize::from(ask(&system, Do::Answer).await.is_none());
            sleep(Duration::from_millis(1)).await;
        }
        assert_eq!(ask(&system, down()).await, Some(Kind::UpstreamFailed));
        is(&system, "open").await;
        assert_eq!(shown(&system).openings, 2);
        let left = shown(&system).retry_in_ms.expect("its timer runs");
        assert!(left > 19_000 && left <= 20_000, "twice as long: {left}");
        // What had succeeded before counts no more.
        sleep(TIMER * 2).await;
        assert_eq!(ask(&system, Do::Answer).await, None);
        sleep(Duration::from_millis(1)).await;
        assert_eq!(shown(&system).state, "half_open", "after {before} successes");
    }
}

#[tokio::test(start_paused = true)]
async fn chance_takes_off_no_more_than_its_share_of_the_timer() {
    let (system, _) = with(|breaker| {
        breaker.failures_to_open = 3;
        breaker.open_for = TIMER;
        breaker.jitter = 0.5;
    })
    .await;
    open(&system).await;
    let left = shown(&system).retry_in_ms.expect("its timer runs");
    assert!((4_900..=10_000).contains(&left), "{left}");
}

#[tokio::test(start_paused = true)]
async fn disabled_never_opens_and_still_counts() {
    let (system, _) = with(|breaker| {
        breaker.mode = BreakerMode::Disabled;
        breaker.failures_to_open = 3;
    })
    .await;
    for count in 1..=10 {
        assert_eq!(ask(&system, down()).await, Some(Kind::UpstreamFailed));
        failures(&system, count).await;
    }
    assert_eq!(shown(&system).state, "closed");
    // An order is obeyed all the same.
    let breaker = system.instance("a").unwrap().breaker.clone();
    breaker.force_open("a rehearsal", None).await.expect("its actor runs");
    assert_eq!(ask(&system, Do::Answer).await, Some(Kind::CircuitOpen));
    breaker.reset().await.expect("its actor runs");
    assert_eq!((ask(&system, Do::Answer).await, shown(&system).state), (None, "closed"));
}

#[tokio::test(start_paused = true)]
async fn where_failures_in_a_row_are_off_none_open_it() {
    let (system, _) = with(|breaker| breaker.failures_to_open = 0).await;
    for count in 1..=20 {
        ask(&system, down()).await;
        failures(&system, count).await;
    }
    assert_eq!(shown(&system).state, "closed");
}
