//! Answers past their time: their instance is asked whether they have changed, and nobody else is.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::cache::purge::Purge;
use mosaic_actors::call::{Answer, CacheStatus};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::system::System;
use support::{Do, Versioned, WRITE, call, eventually, pair, single, spawn, text};
use tokio::time::sleep;

/// Past the time of a read, and within that of its use for want of another.
const PAST: Duration = Duration::from_secs(31);

async fn read(system: &System, thing: &Arc<Versioned>) -> Answer {
    system.gateway().call(thing.read()).await.expect("an answer")
}

fn how(answer: &Answer) -> (CacheStatus, &str) {
    (answer.head.cache, text(answer))
}

fn with(name: &str, validator: Option<&str>) -> (String, Option<String>) {
    (name.to_owned(), validator.map(str::to_owned))
}

#[tokio::test(start_paused = true)]
async fn what_has_not_changed_is_fresh_again_with_the_same_bytes() {
    let (system, _) = single(|_| {}).await;
    let thing = Arc::<Versioned>::default();
    assert_eq!(how(&read(&system, &thing).await), (CacheStatus::Miss, "\"a v1\""));
    assert_eq!(thing.asked(), [with("a", None)]);
    for _ in 0..3 {
        sleep(PAST).await;
        let renewed = read(&system, &thing).await;
        assert_eq!(how(&renewed), (CacheStatus::Revalidated, "\"a v1\""));
        let head = &renewed.head;
        assert_eq!((head.attempts, head.age, head.unchanged), (1, Duration::ZERO, false));
        assert_eq!(head.upstream_request_id.as_deref(), Some("the second"));
        assert_eq!(thing.asked(), [with("a", Some("a v1"))]);
        sleep(PAST / 2).await;
        let hit = read(&system, &thing).await;
        assert_eq!(
            how(&hit),
            (CacheStatus::Hit, "\"a v1\""),
            "it is fresh for as long as a new one"
        );
        assert_eq!(thing.asked(), []);
    }
    thing.number.store(2, SeqCst);
    sleep(PAST).await;
    assert_eq!(how(&read(&system, &thing).await), (CacheStatus::Miss, "\"a v2\""));
    assert_eq!(thing.asked(), [with("a", Some("a v1"))]);
}

#[tokio::test(start_paused = true)]
async fn equal_callers_ask_once_whether_it_has_changed() {
    let (system, _) = single(|_| {}).await;
    let thing = Arc::<Versioned>::default();
    read(&system, &thing).await;
    sleep(PAST).await;
    thing.let_go.forget_permits(1_000);
    let calls: Vec<_> = (0..10).map(|_| spawn(system.gateway(), thing.read())).collect();
    eventually("all are in flight", || system.snapshot().in_flight == 10).await;
    thing.let_go.add_permits(10);
    let mut renewed = 0;
    for call in calls {
        let answer = call.await.expect("no panic").expect("an answer");
        assert_eq!(text(&answer), "\"a v1\"");
        renewed += usize::from(answer.head.cache == CacheStatus::Revalidated);
    }
    assert_eq!((renewed, thing.asked().len()), (1, 2));
}

#[tokio::test(start_paused = true)]
async fn who_refuses_the_cache_and_whoever_comes_after_a_write_gets_all_of_it() {
    let (system, _) = single(|_| {}).await;
    let thing = Arc::<Versioned>::default();
    read(&system, &thing).await;
    sleep(PAST).await;
    let mut refusing = thing.read();
    refusing.no_cache = true;
    let answer = system.gateway().call(refusing).await.expect("an answer");
    assert_eq!(how(&answer), (CacheStatus::Bypass, "\"a v1\""));
    sleep(PAST).await;
    system
        .gateway()
        .call(call(&WRITE, Do::Answer))
        .await
        .expect("it is done");
    assert_eq!(how(&read(&system, &thing).await), (CacheStatus::Miss, "\"a v1\""));
    assert_eq!(thing.asked(), [with("a", None), with("a", None), with("a", None)]);
}

#[tokio::test(start_paused = true)]
async fn an_instance_is_asked_about_its_own_answer_alone() {
    let (system, _) = pair().await;
    let thing = Arc::<Versioned>::default();
    let first = read(&system, &thing).await;
    let (here, there) = match &*first.head.provider {
        "a" => ("a", "b"),
        _ => ("b", "a"),
    };
    let (known, asked) = (format!("{here} v1"), thing.asked());
    assert_eq!(asked, [with(here, None)]);
    // Whose turn it is does not matter: who gave it knows whether it has changed.
    for _ in 0..3 {
        sleep(PAST).await;
        assert_eq!(read(&system, &thing).await.head.cache, CacheStatus::Revalidated);
        assert_eq!(thing.asked(), [with(here, Some(&known))]);
    }
    // It wants to be left alone: another is asked, for all of it.
    sleep(PAST).await;
    let names: &'static [&'static str] = if here == "a" { &["a"] } else { &["b"] };
    let busy = Failure::new(Kind::UpstreamRateLimited, "as told").after(Duration::from_secs(3600));
    for _ in 0..2 {
        let limited = call(&WRITE, Do::FailWith(names, busy.clone()));
        // Either was asked; one of them was the busy one.
        let _outcome = system.gateway().call(limited).await;
    }
    let elsewhere = read(&system, &thing).await;
    assert_eq!(
        (&*elsewhere.head.provider, elsewhere.head.cache),
        (there, CacheStatus::Miss)
    );
    assert_eq!(thing.asked(), [with(there, None)]);
}

#[tokio::test(start_paused = true)]
async fn who_says_unasked_that_nothing_has_changed_has_failed() {
    let (system, counts) = single(|_| {}).await;
    let thing = Arc::<Versioned>::default();
    thing.stubborn.store(true, SeqCst);
    let failure = system
        .gateway()
        .call(thing.read())
        .await
        .expect_err("there is no answer");
    assert_eq!((failure.kind, failure.retryable), (Kind::UpstreamFailed, false));
    assert_eq!(counts.begun.load(SeqCst), 1);
    let mut refusing = thing.read();
    refusing.no_cache = true;
    assert!(system.gateway().call(refusing).await.is_err());
}

#[tokio::test(start_paused = true)]
async fn what_was_purged_while_it_was_asked_about_is_asked_for_again() {
    let (system, _) = single(|_| {}).await;
    let thing = Arc::<Versioned>::default();
    read(&system, &thing).await;
    let key = system.gateway().finished(1)[0]
        .cache_key
        .clone()
        .expect("it is cacheable");
    sleep(PAST).await;
    thing.asked();
    thing.let_go.forget_permits(1_000);
    let under_way = spawn(system.gateway(), thing.read());
    eventually("it is asked", || !thing.asked.lock().expect("no panic").is_empty()).await;
    system.purge(&Purge::Key(key)).await.expect("it is done");
    thing.let_go.add_permits(10);
    let answer = under_way.await.expect("no panic").expect("an answer");
    assert_eq!(how(&answer), (CacheStatus::Miss, "\"a v1\""));
    assert_eq!(answer.head.attempts, 2);
    assert_eq!(thing.asked(), [with("a", Some("a v1")), with("a", None)]);
}
