//! Drain and shutdown: what is in flight finishes, what is new is refused, what is late is cancelled.

mod support;

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::error::Kind;
use mosaic_actors::gateway::Drained;
use mosaic_actors::supervision::{Event, State};
use support::{Do, FETCH, READ, STREAM, call, eventually, frames_of, pair, single, spawn};
use tokio::time::Instant;

#[tokio::test(start_paused = true)]
async fn a_drain_lets_calls_and_streams_finish_and_refuses_new_ones() {
    let (system, _) = single(|_| {}).await;
    let gateway = system.gateway().clone();
    gateway.call(call(&READ, Do::Answer)).await.unwrap();
    let slow = spawn(&gateway, call(&FETCH, Do::AnswerAfter(Duration::from_secs(2))));
    let streaming = gateway
        .call(call(&STREAM, Do::Frames(30, Duration::from_millis(100))))
        .await
        .unwrap();
    let reading = tokio::spawn(frames_of(streaming).collect::<Vec<_>>());
    eventually("both are in flight", || gateway.in_flight() == 2).await;

    let draining = tokio::spawn({
        let gateway = gateway.clone();
        async move { gateway.drain(Duration::from_secs(60)).await }
    });
    eventually("the drain began", || !gateway.accepting()).await;
    for operation in [&FETCH, &READ] {
        // Not even from memory: a balancer in front must see that this one goes.
        let refused = gateway.call(call(operation, Do::Answer)).await.unwrap_err();
        assert!(refused.kind == Kind::Overloaded && refused.retry_after.is_some());
    }
    assert!(slow.await.unwrap().is_ok());
    let frames = reading.await.unwrap();
    assert_eq!(
        (frames.len(), frames.iter().filter(|frame| frame.is_ok()).count()),
        (30, 30)
    );
    assert_eq!(draining.await.unwrap(), Drained::Finished);
}

#[tokio::test(start_paused = true)]
async fn at_the_limit_the_rest_is_cancelled_with_one_reply_each() {
    let (system, counts) = single(|_| {}).await;
    let gateway = system.gateway().clone();
    let hanging: Vec<_> = (0..5).map(|_| spawn(&gateway, call(&FETCH, Do::Hang))).collect();
    let endless = || call(&STREAM, Do::Frames(usize::MAX, Duration::from_millis(10)));
    let read = frames_of(gateway.call(endless()).await.unwrap());
    let reading = tokio::spawn(read.collect::<Vec<_>>());
    // Nobody reads this one: its end must find its way all the same.
    let unread = frames_of(gateway.call(endless()).await.unwrap());
    eventually("all are in flight", || counts.begun.load(SeqCst) == 7).await;

    let reading_late = tokio::spawn(async move {
        tokio::time::sleep(Duration::from_millis(1_500)).await;
        unread.collect::<Vec<_>>().await
    });
    let started = Instant::now();
    assert_eq!(gateway.drain(Duration::from_secs(1)).await, Drained::Cancelled);
    assert!(
        started.elapsed() < Duration::from_millis(2_100),
        "{:?}",
        started.elapsed()
    );
    for call in hanging {
        assert_eq!(call.await.unwrap().unwrap_err().kind, Kind::Cancelled);
    }
    for stream in [reading.await.unwrap(), reading_late.await.unwrap()] {
        let (last, before) = stream.split_last().expect("it had frames");
        assert_eq!(last.as_ref().unwrap_err().kind, Kind::Cancelled);
        assert!(before.iter().all(Result::is_ok));
    }
    assert_eq!(counts.dropped.load(SeqCst), 5, "the drivers' futures are dropped");
    eventually("the drivers' streams are dropped", || counts.streams.load(SeqCst) == 0).await;
    support::all_is_back(&system).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_call_slips_past_a_drain() {
    for _ in 0..20 {
        let (system, counts) = single(|_| {}).await;
        let calls: Vec<_> = (0..16)
            .map(|_| spawn(system.gateway(), call(&FETCH, Do::Answer)))
            .collect();
        tokio::task::yield_now().await;
        assert_eq!(system.gateway().drain(Duration::from_secs(5)).await, Drained::Finished);
        let begun = counts.begun.load(SeqCst);
        for call in calls {
            // Served before the drain's end, or refused.
            if let Err(refused) = call.await.unwrap() {
                assert_eq!(refused.kind, Kind::Overloaded);
            }
        }
        assert_eq!(
            counts.begun.load(SeqCst),
            begun,
            "a call began after the drain had finished"
        );
    }
}

#[tokio::test]
async fn the_tree_stops_from_right_to_left() {
    let (system, _) = pair().await;
    system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    eventually("the tenant's actor is there", || {
        system.tree().node("/root/tenants/quotas/t").is_some()
    })
    .await;
    // Plugins come up all at once; whichever was first is the left one.
    let snapshot = system.tree().snapshot();
    let instances = snapshot
        .root
        .walk()
        .into_iter()
        .find(|node| &*node.path == "/root/plugins/instances")
        .unwrap();
    let started: Vec<String> = instances.children.iter().map(|child| child.path.to_string()).collect();
    assert_eq!(started.len(), 2);
    let mut events = system.tree().subscribe();
    assert_eq!(system.shutdown(Duration::from_secs(5)).await, Drained::Finished);
    let mut stopped = Vec::new();
    while let Ok(told) = events.try_recv() {
        if let Event::Stopped { path } = told.event {
            stopped.push(path);
        }
    }
    let mut expected = vec![
        "/root/gateway".to_owned(),
        "/root/router".to_owned(),
        "/root/plugins/manager".to_owned(),
    ];
    for instance in started.iter().rev() {
        expected.extend([
            format!("{instance}/provider"),
            format!("{instance}/breaker"),
            instance.clone(),
        ]);
    }
    let rest = [
        "/root/plugins/instances",
        "/root/plugins",
        "/root/credits",
        "/root/tenants/owner",
        "/root/tenants/quotas/t",
        "/root/tenants/quotas",
        "/root/tenants",
        "/root/cache/l1",
        "/root/cache",
    ];
    expected.extend(rest.map(str::to_owned));
    assert_eq!(
        stopped.iter().map(|path| path.to_string()).collect::<Vec<_>>(),
        expected
    );
    assert_eq!(system.tree().node("/root").unwrap().state(), State::Stopped);
    let refused = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!(refused.kind, Kind::Overloaded);
}
