//! The call path with an in-process driver: what a caller sees.

mod support;

use std::collections::HashMap;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Barrier};
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::call::{Body, CacheStatus};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::system::System;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use support::{Counts, Do, FETCH, READ, STREAM, WRITE, call, eventually, force_open, instance, pair, spec, text};

#[tokio::test]
async fn a_miss_asks_a_provider_and_a_hit_does_not() {
    let (system, counts) = pair().await;
    let gateway = system.gateway();
    let first = gateway.call(call(&READ, Do::Answer)).await.unwrap();
    assert_eq!((first.head.cache, first.head.attempts), (CacheStatus::Miss, 1));
    let second = gateway.call(call(&READ, Do::Answer)).await.unwrap();
    assert_eq!((second.head.cache, second.head.attempts), (CacheStatus::Hit, 0));
    assert_eq!(text(&first), text(&second));
    assert_eq!(counts.begun.load(SeqCst), 1);

    // A write makes what it touched invalid before its caller has the reply.
    gateway.call(call(&WRITE, Do::Answer)).await.unwrap();
    assert_eq!(
        gateway.call(call(&READ, Do::Answer)).await.unwrap().head.cache,
        CacheStatus::Miss
    );
}

#[tokio::test]
async fn round_robin_takes_turns_and_a_failure_goes_elsewhere() {
    let (system, _) = pair().await;
    let gateway = system.gateway();
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(text(&gateway.call(call(&FETCH, Do::Answer)).await.unwrap()).to_owned());
    }
    assert_eq!(seen.iter().filter(|name| *name == "\"a\"").count(), 2);
    for _ in 0..2 {
        let answer = gateway
            .call(call(&FETCH, Do::FailAt(&["a"], Kind::Timeout)))
            .await
            .unwrap();
        assert_eq!(text(&answer), "\"b\"");
    }
    let refused = gateway
        .call(call(&WRITE, Do::FailAt(&["a", "b"], Kind::UpstreamFailed)))
        .await
        .unwrap_err();
    assert_eq!(refused.kind, Kind::UpstreamFailed);
}

#[tokio::test]
async fn the_turns_of_one_whose_circuit_is_open_are_shared_evenly() {
    let counts = Arc::new(Counts::default());
    let instances = ["a", "b", "c"].map(|name| instance(name, &counts));
    let system = System::start(spec(instances.to_vec())).await.expect("it starts");
    let gateway = system.gateway();
    let is_open = || system.snapshot().instances[0].breaker.state == "open";
    let failures = BreakerSettings::default().failures_to_open;
    for _ in 0..3 * failures {
        let failing = call(&FETCH, Do::FailAt(&["a"], Kind::UpstreamFailed));
        gateway.call(failing).await.expect("another serves it");
    }
    eventually("the circuit of a is open", is_open).await;
    let mut served = HashMap::new();
    for _ in 0..30 {
        let answer = gateway.call(call(&FETCH, Do::Answer)).await.expect("two are left");
        *served.entry(text(&answer).to_owned()).or_insert(0) += 1;
    }
    assert_eq!(
        served,
        HashMap::from([("\"b\"".to_owned(), 15), ("\"c\"".to_owned(), 15)])
    );
}

#[tokio::test]
async fn a_driver_that_panics_is_restarted_and_the_call_goes_elsewhere() {
    let (system, _) = pair().await;
    let answer = system.gateway().call(call(&FETCH, Do::PanicAt(&["a"]))).await.unwrap();
    let again = system.gateway().call(call(&FETCH, Do::PanicAt(&["a"]))).await.unwrap();
    assert_eq!((text(&answer), text(&again)), ("\"b\"", "\"b\""));
    let ledger = system.tree().ledger(10);
    assert!(
        ledger
            .iter()
            .any(|entry| entry.path.contains("/plugins/instances/a/provider")),
        "{ledger:?}"
    );
}

#[tokio::test]
async fn a_stream_arrives_whole_or_ends_in_a_typed_failure() {
    let (system, _) = pair().await;
    let frames = async |what| {
        let answer = system.gateway().call(call(&STREAM, what)).await.unwrap();
        let Body::Stream(stream) = answer.body else {
            panic!("a stream was expected")
        };
        stream.collect::<Vec<_>>().await
    };
    let whole = frames(Do::Frames(40, Duration::ZERO)).await;
    assert_eq!(whole.len(), 40);
    assert!(whole.iter().all(Result::is_ok));
    let kind_of_last = |frames: Vec<Result<_, Failure>>| frames.last().unwrap().as_ref().err().map(|f| f.kind);
    assert_eq!(
        kind_of_last(frames(Do::FramesThenFail(3, Kind::UpstreamFailed)).await),
        Some(Kind::UpstreamFailed)
    );
    assert_eq!(kind_of_last(frames(Do::FramesThenPanic(3)).await), Some(Kind::Internal));
}

#[tokio::test]
async fn a_write_is_repeated_only_when_it_was_not_sent() {
    let (system, counts) = pair().await;
    let gateway = system.gateway();
    for kind in [Kind::Network, Kind::Timeout, Kind::UpstreamFailed, Kind::Internal] {
        let before = counts.begun.load(SeqCst);
        let failed = gateway
            .call(call(&WRITE, Do::FailAt(&["a", "b"], kind)))
            .await
            .unwrap_err();
        assert_eq!(
            (failed.kind, counts.begun.load(SeqCst)),
            (kind, before + 1),
            "sent once, asked once"
        );
    }
    let before = counts.begun.load(SeqCst);
    gateway.call(call(&WRITE, Do::PanicAt(&["a", "b"]))).await.unwrap_err();
    assert_eq!(
        counts.begun.load(SeqCst),
        before + 1,
        "a panic may have come after the sending"
    );

    // Proven unsent, it is repeated; so it is under an idempotency key.
    for _ in 0..2 {
        let answer = gateway
            .call(call(&WRITE, Do::FailUnsentAt(&["a"], Kind::Network)))
            .await
            .unwrap();
        assert_eq!(text(&answer), "\"b\"");
    }
    let (system, counts) = pair().await;
    let mut keyed = call(&WRITE, Do::FailAt(&["a", "b"], Kind::UpstreamFailed));
    keyed.repeatable = true;
    system.gateway().call(keyed).await.unwrap_err();
    assert_eq!(counts.begun.load(SeqCst), 3, "as often as the error flow allows");
}

#[tokio::test]
async fn a_refusal_is_not_repeated() {
    let (system, counts) = pair().await;
    for kind in [Kind::InvalidInput, Kind::Forbidden, Kind::NotFound, Kind::Conflict] {
        let before = counts.begun.load(SeqCst);
        let refused = system
            .gateway()
            .call(call(&FETCH, Do::FailAt(&["a", "b"], kind)))
            .await
            .unwrap_err();
        assert_eq!((refused.kind, counts.begun.load(SeqCst)), (kind, before + 1));
    }
}

#[tokio::test]
async fn what_a_provider_said_outweighs_that_no_other_could_be_asked() {
    let (system, _) = pair().await;
    force_open(&system, "b").await;
    support::eventually("b is open", || {
        system.snapshot().instances[1].breaker.state == "forced_open"
    })
    .await;
    let failed = system
        .gateway()
        .call(call(&FETCH, Do::FailAt(&["a"], Kind::Timeout)))
        .await
        .unwrap_err();
    assert_eq!((failed.kind, failed.provider.as_deref()), (Kind::Timeout, Some("a")));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 3)]
async fn a_passed_deadline_names_who_was_asked_though_the_attempt_does_not_come_to_tell() {
    let (system, _) = pair().await;
    let (entered, leave) = (Arc::new(Semaphore::new(0)), Arc::new(Barrier::new(2)));
    let mut stuck = call(&WRITE, Do::Block(entered.clone(), leave.clone()));
    stuck.deadline = Instant::now() + Duration::from_millis(200);
    let gateway = system.gateway().clone();
    let asked = tokio::spawn(async move { gateway.call(stuck).await });
    entered.acquire().await.unwrap().forget();
    let told = asked.await;
    // The driver holds its thread until here: whatever was told, it was not by the attempt.
    leave.wait();
    let failure = told.unwrap().expect_err("nothing came");
    assert_eq!(failure.kind, Kind::Timeout);
    assert!(matches!(failure.provider.as_deref(), Some("a" | "b")), "{failure}");
    assert!(failure.message().contains("before the call's deadline"), "{failure}");
}
