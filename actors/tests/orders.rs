//! What operators order of calls and of the memory tier, and what is told of the calls that ended.

mod support;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::cache::purge::Purge;
use mosaic_actors::call::{CacheStatus, Call};
use mosaic_actors::error::{Kind, Source};
use mosaic_actors::supervision::Event;
use support::{Do, FETCH, READ, STREAM, all_is_back, by, call, eventually, failing, frames_of, single, spawn};

fn named(id: &str, call: Call) -> Call {
    Call { id: id.into(), ..call }
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_cancelled_by_its_id_ends_in_cancelled_and_no_other_does() {
    let (system, counts) = single(|_| {}).await;
    let (one, two) = (
        named("one", call(&FETCH, Do::Hang)),
        named("two", call(&FETCH, Do::Hang)),
    );
    let (one, two) = (spawn(system.gateway(), one), spawn(system.gateway(), two));
    eventually("both are asked", || counts.begun.load(SeqCst) == 2).await;
    assert_eq!(
        (system.gateway().cancel("none"), system.gateway().cancel("one")),
        (0, 1)
    );
    let told = one.await.unwrap().unwrap_err();
    assert_eq!((told.kind, told.source), (Kind::Cancelled, Source::Gateway));
    assert_eq!(system.gateway().named("two").len(), 1);

    // A stream ends in its failure, not in a clean end.
    let frames = call(&STREAM, Do::Frames(1_000, Duration::from_secs(1)));
    let mut stream = frames_of(system.gateway().call(named("stream", frames)).await.unwrap());
    stream.next().await.unwrap().expect("a first frame");
    assert_eq!(system.gateway().cancel("stream"), 1);
    let frames: Vec<_> = stream.collect().await;
    let last = frames.last().expect("its failure").as_ref().expect_err("it was cut");
    assert_eq!(last.kind, Kind::Cancelled);

    two.abort();
    all_is_back(&system).await;
    let ended = system.gateway().finished(10);
    let told: Vec<_> = ended.iter().map(|call| (&*call.id, call.code, call.attempts)).collect();
    assert_eq!(
        told,
        [
            ("two", "cancelled", 1),
            ("stream", "cancelled", 1),
            ("one", "cancelled", 1)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn the_last_calls_are_told_save_those_that_memory_served() {
    let (system, _) = single(|spec| spec.settings.recover.max_attempts = 1).await;
    for _ in 0..3 {
        system
            .gateway()
            .call(named("read", call(&READ, Do::Answer)))
            .await
            .expect("an answer");
        eventually("it is kept", || {
            system.snapshot().l1.entries == 1 || system.gateway().in_flight() == 0
        })
        .await;
    }
    let failed = call(
        &FETCH,
        failing([mosaic_actors::error::Failure::new(Kind::UpstreamFailed, "no")]),
    );
    system
        .gateway()
        .call(named("failed", by("other", failed)))
        .await
        .unwrap_err();
    let ended = system.gateway().finished(10);
    assert_eq!(
        ended
            .iter()
            .filter(|call| &*call.id == "read" && call.cache == Some("miss"))
            .count(),
        1
    );
    assert!(ended.iter().all(|call| call.cache != Some("hit")), "{ended:?}");
    let failed = &ended[0];
    assert_eq!(
        (&*failed.tenant, failed.code, failed.attempts),
        ("other", "upstream_failed", 1)
    );
    assert_eq!(failed.provider.as_deref(), Some("a"));
    for _ in 0..1_100 {
        system
            .gateway()
            .call(call(&FETCH, Do::Answer))
            .await
            .expect("an answer");
    }
    assert_eq!(system.gateway().finished(usize::MAX).len(), 1_000, "a ring");
}

#[tokio::test]
async fn a_purged_answer_is_asked_for_anew() {
    let (system, counts) = single(|_| {}).await;
    let read = async || {
        let head = system
            .gateway()
            .call(call(&READ, Do::Answer))
            .await
            .expect("an answer")
            .head;
        head.cache
    };
    let mut asked = 0;
    for round in ["key", "tag", "tier"] {
        assert_eq!(read().await, CacheStatus::Miss, "{round}");
        asked += 1;
        eventually("it is kept", || {
            system.gateway().finished(1)[0]
                .cache_key
                .as_ref()
                .is_some_and(|key| system.cached(key))
        })
        .await;
        assert_eq!(read().await, CacheStatus::Hit, "{round}");
        let key = system.gateway().finished(1)[0]
            .cache_key
            .clone()
            .expect("it is cacheable");
        let purge = match round {
            "key" => Purge::Key(key.to_string().parse().expect("its own text")),
            "tag" => Purge::Tag(call(&READ, Do::Answer).tags.carries[0].clone()),
            _ => Purge::Tier("l1".into()),
        };
        let purged = system.purge(&purge).await.expect("it is done");
        assert_eq!((purged[0].tier, purged[0].outcome), ("l1", "purged"));
        assert!(round == "tier" || purged[0].dropped == Some(1), "{purged:?}");
        assert!(!system.cached(&key));
        assert_eq!(counts.begun.load(SeqCst), asked);
    }
    let wrong = system.purge(&Purge::Tier("l9".into())).await.unwrap_err();
    assert_eq!((wrong.kind, wrong.field.as_deref()), (Kind::InvalidInput, Some("tier")));
    assert!("t.00.zz".parse::<mosaic_actors::cache::CacheKey>().is_err());
}

#[tokio::test]
async fn an_answer_that_was_asked_for_before_a_purge_is_not_kept_after_it() {
    let (system, counts) = single(|_| {}).await;
    system.gateway().call(call(&READ, Do::Answer)).await.expect("an answer");
    let key = system.gateway().finished(1)[0]
        .cache_key
        .clone()
        .expect("it is cacheable");
    eventually("it is kept", || system.cached(&key)).await;
    system.purge(&Purge::Key(key.clone())).await.expect("it is done");
    let slow = spawn(
        system.gateway(),
        call(&READ, Do::AnswerAfter(Duration::from_millis(50))),
    );
    eventually("it is asked", || counts.begun.load(SeqCst) == 2).await;
    system.purge(&Purge::Key(key.clone())).await.expect("it is done");
    slow.await.unwrap().expect("an answer");
    let head = system
        .gateway()
        .call(call(&READ, Do::Answer))
        .await
        .expect("an answer")
        .head;
    assert_eq!(head.cache, CacheStatus::Miss);
}

#[tokio::test(start_paused = true)]
async fn what_becomes_of_a_plugin_is_told() {
    let (system, _) = single(|_| {}).await;
    let mut events = system.events().subscribe();
    system.plugins().stop("a").await.expect("it stops");
    system.plugins().remove("a").await.expect("it goes");
    let mut told = Vec::new();
    while let Ok(event) = events.try_recv() {
        match event.event {
            Event::Life { life, .. } => told.push(life),
            Event::ConfigChanged { change, .. } => told.push(change),
            _ => {}
        }
    }
    assert!(told.ends_with(&["stopped", "removed"]), "{told:?}");
}
