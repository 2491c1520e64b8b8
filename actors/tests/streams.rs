//! Streams: back-pressure, silences, lengths, readers that leave, and what a breaker learns of them.

mod support;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::call::{Answer, Body};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::FRAMES_IN_FLIGHT;
use support::{Counts, Do, STREAM, all_is_back, call, eventually, frames_of, json, single};
use tokio::time::Instant;

async fn collect(answer: Answer) -> (usize, Option<Kind>) {
    let frames = frames_of(answer).collect::<Vec<_>>().await;
    let failed = frames
        .last()
        .and_then(|frame| frame.as_ref().err())
        .map(|failure: &Failure| failure.kind);
    (frames.iter().filter(|frame| frame.is_ok()).count(), failed)
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_slows_the_driver() {
    let (system, counts) = single(|_| {}).await;
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::Frames(200, Duration::ZERO)))
        .await
        .unwrap();
    let mut stream = frames_of(answer);
    for read in 0..200 {
        tokio::time::sleep(Duration::from_millis(50)).await;
        let ahead = counts.frames.load(SeqCst) - read;
        assert!(ahead <= FRAMES_IN_FLIGHT + 1, "{ahead} frames ahead of the reader");
        assert_eq!(json(&stream.next().await.unwrap().unwrap()), read.to_string());
    }
    assert!(stream.next().await.is_none());
    assert!(counts.frames.load(SeqCst) > 200, "it was produced to its end");
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_silent_stream_fails() {
    let (system, counts) = single(|spec| spec.settings.stream_idle = Duration::from_secs(1)).await;
    let started = Instant::now();
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::Frames(3, Duration::from_secs(2))))
        .await
        .unwrap();
    assert_eq!(collect(answer).await, (0, Some(Kind::Timeout)));
    assert_eq!(started.elapsed().as_secs(), 1);
    eventually("the driver's stream is dropped", || counts.streams.load(SeqCst) == 0).await;
    assert_eq!(
        system.snapshot().instances[0].traffic.failed,
        1,
        "a silence is evidence"
    );
    all_is_back(&system).await;
}

/// The kilobytes of a file that came, and how it broke off.
async fn kilobytes(answer: Answer) -> (usize, Option<Failure>) {
    let Body::Raw(file) = answer.body else {
        panic!("a file was expected");
    };
    let pieces = file.bytes.collect::<Vec<_>>().await;
    let failed = pieces.last().and_then(|piece| piece.as_ref().err()).cloned();
    (pieces.iter().filter(|piece| piece.is_ok()).count(), failed)
}

#[tokio::test(start_paused = true)]
async fn a_transfer_has_bounds_of_its_own() {
    let (system, _) = single(|spec| {
        spec.settings.stream_max = Duration::from_secs(5);
        spec.settings.transfer_max = Duration::from_secs(60);
        spec.settings.transfer_bytes = 600 << 10;
    })
    .await;
    let second = Duration::from_secs(1);
    let file = |pieces, pause, length| system.gateway().call(call(&STREAM, Do::File(pieces, pause, length)));
    let (came, failed) = kilobytes(file(50, second, None).await.unwrap()).await;
    assert!(
        came == 50 && failed.is_none(),
        "longer than a stream, and than a call: {failed:?}"
    );

    let (came, failed) = kilobytes(file(100, second, None).await.unwrap()).await;
    let failed = failed.expect("it took too long");
    assert_eq!((came / 10, failed.kind), (5, Kind::Timeout));
    assert!(failed.message().contains("max_transfer"), "{failed}");

    let said = file(601, second, Some(601 << 10))
        .await
        .expect_err("it is said to be too large");
    let (came, found) = kilobytes(file(601, Duration::ZERO, None).await.unwrap()).await;
    let found = found.expect("it is too large");
    assert_eq!(
        (came, said.kind, found.kind),
        (600, Kind::Unsupported, Kind::Unsupported)
    );
    assert_eq!((said.message(), found.message()), (said.message(), said.message()));
    let whole = kilobytes(file(600, Duration::ZERO, Some(600 << 10)).await.unwrap()).await;
    assert!(whole.0 == 600 && whole.1.is_none(), "{whole:?}");
    assert_eq!(
        system.snapshot().instances[0].traffic.failed,
        0,
        "none of it is the provider's fault"
    );
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_a_longest_time_whether_it_is_read_or_not() {
    let (system, counts) = single(|spec| spec.settings.stream_max = Duration::from_secs(5)).await;
    let endless = || call(&STREAM, Do::Frames(usize::MAX, Duration::from_millis(100)));
    let started = Instant::now();
    let (frames, failed) = collect(system.gateway().call(endless()).await.unwrap()).await;
    assert!((45..=50).contains(&frames), "{frames}");
    assert_eq!((failed, started.elapsed().as_secs()), (Some(Kind::Timeout), 5));

    let unread = system.gateway().call(endless()).await.unwrap();
    tokio::time::sleep(Duration::from_millis(5_010)).await;
    assert_eq!(counts.streams.load(SeqCst), 0, "the driver's stream is dropped");
    assert_eq!(
        system.snapshot().instances[0].in_flight,
        0,
        "the instance has its place back"
    );
    assert_eq!(collect(unread).await, (FRAMES_IN_FLIGHT, Some(Kind::Timeout)));
    assert_eq!(
        system.snapshot().instances[0].traffic.failed,
        0,
        "a long stream is not an ill one"
    );
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_reader_that_leaves_cancels_the_driver() {
    let (system, counts) = single(|_| {}).await;
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::Frames(usize::MAX, Duration::from_millis(10))))
        .await;
    let mut stream = frames_of(answer.unwrap());
    stream.next().await.unwrap().unwrap();
    assert_eq!(
        (system.snapshot().in_flight, system.snapshot().instances[0].in_flight),
        (1, 1)
    );
    drop(stream);
    eventually("the driver's stream is dropped", || counts.streams.load(SeqCst) == 0).await;
    all_is_back(&system).await;
    let instance = &system.snapshot().instances[0];
    let met = &instance.traffic;
    assert_eq!(
        (met.answered, met.failed, met.abandoned),
        (0, 0, 1),
        "who left proves nothing"
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_after_the_first_frame_is_typed_and_not_repeated() {
    let (system, counts) = single(|_| {}).await;
    for (what, expected) in [
        (Do::FramesThenFail(3, Kind::UpstreamFailed), Kind::UpstreamFailed),
        (Do::FramesThenFail(3, Kind::Network), Kind::Network),
        (Do::FramesThenPanic(3), Kind::Internal),
    ] {
        let before = counts.begun.load(SeqCst);
        let answer = system.gateway().call(call(&STREAM, what)).await.unwrap();
        assert_eq!(collect(answer).await, (3, Some(expected)));
        assert_eq!(counts.begun.load(SeqCst), before + 1);
    }
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_breaker_learns_a_streams_outcome_at_its_end() {
    let (system, _) = single(|spec| spec.instances[0].breaker.failures_to_open = 1).await;
    let state = || system.snapshot().instances[0].breaker.state;
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::FramesThenFail(1, Kind::UpstreamFailed)))
        .await
        .unwrap();
    let mut stream = frames_of(answer);
    stream.next().await.unwrap().unwrap();
    assert!(stream.next().await.unwrap().is_err());
    eventually("the breaker is open", || state() == "open").await;

    // Half open: the stream is the probe, and closes the circuit at its end, not at its first frame.
    tokio::time::sleep(Duration::from_secs(31)).await;
    let answer = system
        .gateway()
        .call(call(&STREAM, Do::Frames(3, Duration::from_secs(1))))
        .await
        .unwrap();
    let mut stream = frames_of(answer);
    stream.next().await.unwrap().unwrap();
    assert_eq!(state(), "half_open");
    assert_eq!(stream.count().await, 2);
    eventually("the breaker is closed", || state() == "closed").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_streams_arrive_whole() {
    let (system, counts): (_, std::sync::Arc<Counts>) = single(|_| {}).await;
    let readers: Vec<_> = (0..64)
        .map(|n| {
            let gateway = system.gateway().clone();
            tokio::spawn(async move {
                let answer = gateway
                    .call(call(&STREAM, Do::Frames(n * 5, Duration::ZERO)))
                    .await
                    .unwrap();
                assert_eq!(collect(answer).await, (n * 5, None));
            })
        })
        .collect();
    for reader in readers {
        reader.await.unwrap();
    }
    eventually("no stream is left", || counts.streams.load(SeqCst) == 0).await;
    all_is_back(&system).await;
}
