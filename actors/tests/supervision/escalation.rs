//! Restart intensity, and the way of a failure up to the root.

use std::time::Duration;

use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::supervision::{ChildSpec, Event, Handle, LedgerAction, State, Strategy, SupervisorSpec, Why};

use crate::support::{Do, Log, ping, probe, supervisor, tree, until};

fn strict(restarts: u32) -> SupervisorSpec {
    SupervisorSpec::new(Strategy::OneForOne).intensity(Intensity::new(restarts, Duration::from_secs(10)))
}

#[tokio::test(start_paused = true)]
async fn restarts_within_the_intensity_are_borne_and_old_ones_forgotten() {
    let (log, a) = (Log::default(), Handle::new());
    let tree = tree(strict(2).child(probe("a", &a, &log))).await;
    for round in 0..3 {
        for crash in 0..2 {
            a.send(Do::Panic).expect("a runs");
            assert_eq!(ping(&a).await, round * 2 + crash + 2);
        }
        let root = tree.snapshot().root.supervisor.expect("a supervisor");
        assert_eq!((root.in_window, root.budget_left), (2, 0));
        tokio::time::sleep(Duration::from_secs(11)).await;
        let root = tree.snapshot().root.supervisor.expect("a supervisor");
        assert_eq!((root.in_window, root.budget_left), (0, 2));
    }
}

#[tokio::test(start_paused = true)]
async fn one_more_and_the_root_gives_up_after_stopping_the_rest_in_reverse() {
    let log = Log::default();
    let handles: Vec<Handle<Do>> = (0..3).map(|_| Handle::new()).collect();
    let spec = strict(1)
        .child(probe("a", &handles[0], &log))
        .child(probe("b", &handles[1], &log))
        .child(probe("c", &handles[2], &log));
    let tree = tree(spec).await;
    handles[1].send(Do::Panic).expect("b runs");
    ping(&handles[1]).await;
    log.take();
    handles[1].send(Do::Panic).expect("b runs");
    let why = tree.failed().await;
    assert!(why.contains("more than 1 restarts") && why.contains("`b`"), "{why}");
    assert_eq!(log.take(), ["stop c", "stop a"]);
    let snapshot = tree.snapshot();
    assert_eq!(snapshot.root.state, State::GaveUp);
    assert_eq!(snapshot.failed, Some(why));
    for handle in &handles {
        assert!(handle.send(Do::Fail).is_err());
    }
    let told: Vec<_> = tree
        .ledger(10)
        .into_iter()
        .map(|entry| (entry.why, entry.action))
        .collect();
    let expected = [
        (Why::Escalated, LedgerAction::GaveUp),
        (Why::Panic, LedgerAction::GaveUp),
        (Why::Panic, LedgerAction::Restarted),
    ];
    assert_eq!(told, expected);
    tree.shutdown().await.expect("it has ended");
}

#[tokio::test(start_paused = true)]
async fn a_failure_climbs_two_levels_to_the_root() {
    let (log, leaf, side) = (Log::default(), Handle::new(), Handle::new());
    let low = strict(1).child(probe("leaf", &leaf, &log));
    let mid = strict(1).child(ChildSpec::supervisor("low", low, None));
    let mid = ChildSpec::supervisor("mid", mid, None);
    let spec = strict(1).child(mid).child(probe("side", &side, &log));
    let tree = tree(spec).await;
    let mut events = tree.subscribe();
    let mut crashes = 0;
    let failed = tree.failed();
    tokio::pin!(failed);
    // Each crash is answered by a restart of the leaf, of `low`, of `mid`, until nothing is left to answer.
    loop {
        if leaf.send(Do::Panic).is_ok() {
            crashes += 1;
        }
        tokio::select! {
            _ = &mut failed => break,
            () = tokio::time::sleep(Duration::from_millis(500)) => {}
        }
    }
    // Two crashes end a `low`, two of those a `mid`, two of those the root.
    assert_eq!(crashes, 8);
    assert!(side.send(Do::Fail).is_err(), "it is stopped with the rest");
    let mut escalated = Vec::new();
    while let Ok(told) = events.try_recv() {
        if let Event::Escalated { path } = told.event {
            escalated.push(path.to_string());
        }
    }
    let expected = [
        "/root/mid/low",
        "/root/mid/low",
        "/root/mid",
        "/root/mid/low",
        "/root/mid/low",
        "/root/mid",
        "/root",
    ];
    assert_eq!(escalated, expected);
    let panics = tree.ledger(1000).iter().filter(|entry| entry.why == Why::Panic).count();
    assert_eq!(panics, crashes);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_gave_up_comes_back_whole_with_its_counts() {
    let (log, a, b) = (Log::default(), Handle::new(), Handle::new());
    let below = strict(0).child(probe("a", &a, &log)).child(probe("b", &b, &log));
    let spec = supervisor(Strategy::OneForOne).child(ChildSpec::supervisor("sub", below, None));
    let tree = tree(spec).await;
    log.take();
    a.send(Do::Panic).expect("a runs");
    assert_eq!(ping(&a).await, 2);
    assert_eq!(ping(&b).await, 2);
    assert_eq!(log.take(), ["stop b", "start a", "start b"]);
    let sub = tree.node("/root/sub").expect("it is there");
    assert_eq!((sub.generation(), sub.restarts()), (2, 1));
    let crash = sub.last_crash().expect("it gave up once");
    assert_eq!(crash.why, Why::Escalated);
    until("it runs", || sub.state() == State::Running).await;
}
