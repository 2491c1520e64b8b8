//! Settlement: a call is written down once, at the end of its body, with how that ended.

mod support;

use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mosaic_actors::error::Kind;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, FOLLOW, STREAM, all_is_back, call, eventually, frames_of, instance, spec};
use tokio::time::Instant;

async fn measured(change: impl FnOnce(&mut mosaic_actors::system::SystemSpec)) -> (System, PrometheusHandle) {
    let recorder = PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    let mut spec = spec(vec![instance("a", &Arc::new(Counts::default()))]);
    spec.recorder = Arc::new(recorder);
    change(&mut spec);
    (System::start(spec).await.expect("it starts"), rendered)
}

/// The value of the series with this name and these labels; 0 where there is none.
fn value(metrics: &PrometheusHandle, series: &str) -> u64 {
    let text = metrics.render();
    let line = text
        .lines()
        .find(|line| line.rsplit_once(' ').is_some_and(|(name, _)| name == series));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0)
}

fn calls(metrics: &PrometheusHandle, code: &str) -> u64 {
    value(
        metrics,
        &format!("mosaic_calls_total{{operation=\"test.thing.stream\",code=\"{code}\"}}"),
    )
}

fn attempts(metrics: &PrometheusHandle, code: &str) -> u64 {
    value(
        metrics,
        &format!("mosaic_attempts_total{{provider=\"a\",code=\"{code}\"}}"),
    )
}

#[tokio::test]
async fn a_stream_counts_by_its_end_and_not_by_its_head() {
    let (system, metrics) = measured(|_| {}).await;
    for n in 0..40 {
        let what = match n % 20 {
            0..9 => Do::FramesThenFail(40, Kind::UpstreamFailed),
            _ => Do::Frames(40, Duration::ZERO),
        };
        // So many failures in a row would open the circuit.
        system.instance("a").unwrap().breaker.reset().await.unwrap();
        let answer = system.gateway().call(call(&STREAM, what)).await.unwrap();
        assert_eq!(
            (calls(&metrics, "ok") + calls(&metrics, "upstream_failed")) as usize,
            n,
            "not before its end"
        );
        let _frames = frames_of(answer).count().await;
    }
    assert_eq!((calls(&metrics, "ok"), calls(&metrics, "upstream_failed")), (22, 18));
    assert_eq!(
        (attempts(&metrics, "ok"), attempts(&metrics, "upstream_failed")),
        (22, 18)
    );
    let of = |name: &str| value(&metrics, &format!("{name}{{operation=\"test.thing.stream\"}}"));
    assert_eq!(of("mosaic_call_events_total"), 40 * 40);
    assert_eq!(of("mosaic_call_first_event_seconds_count"), 40);
    all_is_back(&system).await;
}

#[tokio::test]
async fn who_leaves_a_call_or_a_stream_is_counted_as_cancelled() {
    let (system, metrics) = measured(|_| {}).await;
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::Frames(100, Duration::from_millis(1))))
        .await;
    let mut stream = frames_of(answer.unwrap());
    stream.next().await.unwrap().unwrap();
    drop(stream);
    assert_eq!(calls(&metrics, "cancelled"), 1, "at once");
    eventually("its attempt ends", || attempts(&metrics, "cancelled") == 1).await;

    let hanging = system.gateway().call(call(&FETCH, Do::Hang));
    let _gone = tokio::time::timeout(Duration::from_millis(20), hanging).await;
    let fetches = "mosaic_calls_total{operation=\"test.thing.fetch\",code=\"cancelled\"}";
    assert_eq!(value(&metrics, fetches), 1);
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_that_nobody_reads_gives_back_every_permit_at_its_time() {
    let (system, metrics) = measured(|spec| spec.settings.stream_max = Duration::from_secs(5)).await;
    let unread = system
        .gateway()
        .call(call(&STREAM, Do::Frames(usize::MAX, Duration::from_millis(100))))
        .await;
    let unread = unread.unwrap();
    assert_eq!(system.snapshot().in_flight, 1);
    tokio::time::sleep(Duration::from_millis(5_100)).await;
    all_is_back(&system).await;
    assert_eq!(calls(&metrics, "timeout"), 1);
    // What had been sent, and the end, can still be read.
    let frames: Vec<_> = frames_of(unread).collect().await;
    assert_eq!(frames.last().unwrap().as_ref().unwrap_err().kind, Kind::Timeout);
    assert_eq!(calls(&metrics, "timeout"), 1, "settled once");
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_feed_the_idle_clock() {
    let (system, metrics) = measured(|spec| spec.settings.stream_idle = Duration::from_secs(3)).await;
    let alive = |pause| call(&STREAM, Do::AliveThenFrame(20, pause));
    let answer = system.gateway().call(alive(Duration::from_secs(2))).await.unwrap();
    let frames: Vec<_> = frames_of(answer).collect().await;
    assert_eq!(frames.len(), 1);
    assert!(frames[0].is_ok());
    let answer = system.gateway().call(alive(Duration::from_secs(4))).await.unwrap();
    let failure = frames_of(answer).next().await.unwrap().unwrap_err();
    assert!(failure.message().contains("stream_idle_timeout"), "{failure}");
    assert_eq!((calls(&metrics, "ok"), calls(&metrics, "timeout")), (1, 1));
}

#[tokio::test(start_paused = true)]
async fn signs_of_life_alone_keep_no_stream_but_one_that_follows_something() {
    let (system, _) = measured(|spec| {
        spec.settings.stream_idle = Duration::from_secs(3);
        spec.settings.stream_silence = Duration::from_secs(30);
    })
    .await;
    let alive = |operation, signs| call(operation, Do::AliveThenFrame(signs, Duration::from_secs(2)));
    let answer = system.gateway().call(alive(&STREAM, 12)).await.unwrap();
    assert!(frames_of(answer).next().await.unwrap().is_ok(), "within it");
    let started = Instant::now();
    let answer = system.gateway().call(alive(&STREAM, 100)).await.unwrap();
    let failure = frames_of(answer).next().await.unwrap().unwrap_err();
    assert_eq!(failure.kind, Kind::Timeout);
    assert!(failure.message().contains("max_silence"), "{failure}");
    assert_eq!(started.elapsed().as_secs(), 30);
    let answer = system.gateway().call(alive(&FOLLOW, 100)).await.unwrap();
    assert!(frames_of(answer).next().await.unwrap().is_ok());
}
