//! Overload at each bound, deadlines, callers that go away: nothing queues, nothing leaks.

mod support;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::quota::Limits;
use mosaic_actors::system::System;
use support::{
    Do, FETCH, READ, STREAM, WRITE, all_is_back, by, call, eventually, frames_of, single, spawn, text, within,
};
use tokio::time::Instant;

/// A refusal at a bound comes at once and says when to come back.
#[track_caller]
fn assert_overloaded(refused: Failure) {
    assert_eq!(refused.kind, Kind::Overloaded, "{refused:?}");
    assert!(
        refused.retryable && refused.retry_after.is_some_and(|wait| !wait.is_zero()),
        "{refused:?}"
    );
}

/// Fills the bound with calls that hang, is refused, lets them go, and is served.
async fn overload(system: &System, bound: usize) {
    let gateway = system.gateway();
    let hanging: Vec<_> = (0..bound).map(|_| spawn(gateway, call(&FETCH, Do::Hang))).collect();
    eventually("the bound is reached", || {
        system.snapshot().instances[0].in_flight == bound
    })
    .await;
    let before = Instant::now();
    for _ in 0..3 {
        assert_overloaded(gateway.call(call(&FETCH, Do::Answer)).await.unwrap_err());
    }
    assert_eq!(Instant::now(), before, "a refusal waits for nothing");
    for call in hanging {
        call.abort();
    }
    all_is_back(system).await;
    assert_eq!(text(&gateway.call(call(&FETCH, Do::Answer)).await.unwrap()), "\"a\"");
}

#[tokio::test(start_paused = true)]
async fn the_gateways_places_are_bounded() {
    let (system, _) = single(|spec| spec.settings.max_in_flight = 3).await;
    overload(&system, 3).await;
}

#[tokio::test(start_paused = true)]
async fn an_instances_places_are_bounded() {
    let (system, _) = single(|spec| {
        spec.instances[0].max_in_flight = 3;
        // How it is waited for has tests of its own.
        spec.instances[0].overload.waiting.max_waiting = 0;
    })
    .await;
    overload(&system, 3).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenants_places_are_bounded_and_leave_others_theirs() {
    let (system, _) = single(|spec| {
        spec.limits_of = std::sync::Arc::new(|_| Limits {
            max_in_flight: 3,
            ..Limits::default()
        });
    })
    .await;
    overload(&system, 3).await;
    let hanging: Vec<_> = (0..3)
        .map(|_| spawn(system.gateway(), call(&FETCH, Do::Hang)))
        .collect();
    eventually("the bound is reached", || system.snapshot().in_flight == 3).await;
    assert!(
        system
            .gateway()
            .call(by("other", call(&FETCH, Do::Answer)))
            .await
            .is_ok()
    );
    // A hit needs no place.
    for call in hanging {
        call.abort();
    }
}

#[tokio::test(start_paused = true)]
async fn a_hit_needs_no_place() {
    let (system, _) = single(|spec| spec.settings.max_in_flight = 1).await;
    let gateway = system.gateway();
    gateway.call(call(&READ, Do::Answer)).await.unwrap();
    let hanging = spawn(gateway, call(&FETCH, Do::Hang));
    eventually("the bound is reached", || system.snapshot().in_flight == 1).await;
    assert_eq!(gateway.call(call(&READ, Do::Answer)).await.unwrap().head.attempts, 0);
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn the_tenants_table_is_bounded() {
    let (system, _) = single(|spec| spec.tenants.max_tenants = 2).await;
    let gateway = system.gateway();
    for tenant in ["one", "two"] {
        gateway.call(by(tenant, call(&FETCH, Do::Answer))).await.unwrap();
    }
    assert_overloaded(gateway.call(by("three", call(&FETCH, Do::Answer))).await.unwrap_err());
    gateway.call(by("two", call(&FETCH, Do::Answer))).await.unwrap();
    assert_eq!(system.snapshot().tenants, 2);
}

#[tokio::test]
async fn a_tenants_name_must_fit_its_actor() {
    let (system, _) = single(|_| {}).await;
    for name in ["", "a/b", &"x".repeat(129)] {
        let refused = system
            .gateway()
            .call(by(name, call(&FETCH, Do::Answer)))
            .await
            .unwrap_err();
        assert_eq!(
            (refused.kind, refused.field.as_deref()),
            (Kind::InvalidInput, Some("tenant"))
        );
    }
    assert_eq!(system.snapshot().tenants, 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_has_a_reply_finds_every_place_free() {
    let (system, _) = single(|spec| {
        spec.settings.max_in_flight = 1;
        spec.instances[0].max_in_flight = 1;
        spec.limits_of = std::sync::Arc::new(|_| Limits {
            max_in_flight: 1,
            ..Limits::default()
        });
    })
    .await;
    for _ in 0..500 {
        system
            .gateway()
            .call(call(&FETCH, Do::Answer))
            .await
            .expect("one after the other fits");
    }
}

#[tokio::test(start_paused = true)]
async fn a_call_has_its_reply_by_its_deadline() {
    let (system, counts) = single(|spec| spec.instances[0].attempt_timeout = Duration::from_secs(60)).await;
    let gateway = system.gateway();
    for limit in [
        Duration::from_millis(20),
        Duration::from_secs(3),
        Duration::from_secs(200),
    ] {
        let started = Instant::now();
        let late = gateway.call(within(limit, call(&FETCH, Do::Hang))).await.unwrap_err();
        assert_eq!(late.kind, Kind::Timeout);
        // Timers have a grain of one millisecond.
        assert!(
            started.elapsed() <= limit + Duration::from_millis(1),
            "{:?}",
            started.elapsed()
        );
    }
    let begun = counts.begun.load(SeqCst);
    let late = gateway
        .call(within(Duration::ZERO, call(&FETCH, Do::Answer)))
        .await
        .unwrap_err();
    assert!(late.kind == Kind::Timeout && late.unsent);
    assert_eq!(
        counts.begun.load(SeqCst),
        begun,
        "a call that comes too late is not begun"
    );
    assert_eq!(counts.dropped.load(SeqCst), begun, "the work of each was cancelled");
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_deadline_holds_while_an_actor_is_away() {
    for path in ["/root/gateway", "/root/router", "/root/plugins/instances/a/provider"] {
        let (system, _) = single(|_| {}).await;
        system.tree().stop(path, "away").await.unwrap();
        let started = Instant::now();
        let limit = Duration::from_millis(100);
        let failed = system
            .gateway()
            .call(within(limit, call(&WRITE, Do::Answer)))
            .await
            .unwrap_err();
        assert!(failed.retryable && failed.unsent, "{path}: {failed:?}");
        assert!(
            started.elapsed() <= limit + Duration::from_millis(1),
            "{path}: {:?}",
            started.elapsed()
        );
        all_is_back(&system).await;
        system.tree().start_child(path, "back").await.unwrap();
        system.gateway().call(call(&WRITE, Do::Answer)).await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn one_attempt_leaves_time_for_another() {
    let (system, _) = support::pair().await;
    for instance in ["a", "b"] {
        // Round robin: one of the two calls asks the silent instance first.
        let answer = system
            .gateway()
            .call(within(Duration::from_secs(3), call(&FETCH, Do::HangAt(&["a"]))))
            .await;
        assert_eq!(text(&answer.unwrap()), "\"b\"", "{instance}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_caller_that_goes_away_cancels_the_work() {
    let (system, counts) = single(|_| {}).await;
    for operation in [&FETCH, &READ, &WRITE, &STREAM] {
        let (begun, dropped) = (counts.begun.load(SeqCst), counts.dropped.load(SeqCst));
        let leaving = spawn(system.gateway(), call(operation, Do::Hang));
        eventually("the driver has it", || counts.begun.load(SeqCst) == begun + 1).await;
        leaving.abort();
        eventually("the driver's future is dropped", || {
            counts.dropped.load(SeqCst) == dropped + 1
        })
        .await;
        all_is_back(&system).await;
    }
    assert_eq!(
        system.snapshot().instances[0].traffic.failed,
        0,
        "who left proves nothing against the provider"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_any_mix_every_permit_is_back() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut rng = fastrand::Rng::with_seed(seed);
    let (system, _) = single(|spec| {
        spec.settings.max_in_flight = 24;
        spec.instances[0].max_in_flight = 16;
        spec.instances[0].attempt_timeout = Duration::from_millis(5);
        spec.settings.stream_idle = Duration::from_millis(5);
        spec.limits_of = std::sync::Arc::new(|_| Limits {
            max_in_flight: 20,
            ..Limits::default()
        });
    })
    .await;
    let mut calls = Vec::new();
    for _ in 0..600 {
        let (operation, what) = match rng.u8(..8) {
            0 => (&FETCH, Do::Hang),
            1 => (&READ, Do::Fail(Failure::new(Kind::NotFound, "as told"))),
            2 => (&WRITE, Do::PanicAt(&["a"])),
            3 => (&STREAM, Do::FramesThenFail(20, Kind::UpstreamFailed)),
            4 => (&STREAM, Do::FramesThenPanic(3)),
            5 => (&STREAM, Do::Frames(100, Duration::from_micros(10))),
            6 => (&READ, Do::AnswerAfter(Duration::from_micros(100))),
            _ => (&FETCH, Do::Answer),
        };
        let gateway = system.gateway().clone();
        let (patience, read) = (Duration::from_micros(rng.u64(..8_000)), rng.usize(..30));
        calls.push(tokio::spawn(async move {
            let limit = Duration::from_millis(50);
            let reply = tokio::time::timeout(patience, gateway.call(within(limit, call(operation, what)))).await;
            if let Ok(Ok(answer)) = reply
                && operation.streaming
            {
                use futures_util::StreamExt;
                let read: Vec<_> = frames_of(answer).take(read).collect().await;
                assert!(read.len() <= 100);
            }
        }));
        tokio::time::sleep(Duration::from_micros(rng.u64(..200))).await;
    }
    for call in calls {
        call.await.expect("no caller panics");
    }
    all_is_back(&system).await;
}
