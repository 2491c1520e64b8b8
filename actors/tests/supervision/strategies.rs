//! Who is restarted, and in which order.

use std::time::Duration;

use mosaic_actors::supervision::{LedgerAction, Restart, State, Strategy, Why};

use crate::support::{Do, family, generation, lines, ping, probe, steady, supervisor, tree, until};

#[tokio::test(start_paused = true)]
async fn one_for_one_touches_only_the_child_that_failed() {
    let (handles, spec, log) = family(Strategy::OneForOne, &["a", "b", "c"]);
    let tree = tree(spec).await;
    assert_eq!(log.take(), ["start a", "start b", "start c"]);
    handles[1].send(Do::Panic).expect("b runs");
    assert_eq!(lines(&log, 1).await, ["start b"]);
    assert_eq!(ping(&handles[1]).await, 2);
    assert_eq!(ping(&handles[0]).await, 1);
    assert_eq!(ping(&handles[2]).await, 1);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, entry.during), (Why::Panic, Some("panic")));
    assert_eq!(&*entry.text, "injected");
    assert!(entry.siblings.is_empty());
}

#[tokio::test(start_paused = true)]
async fn one_for_all_stops_right_to_left_and_starts_left_to_right() {
    let (handles, spec, log) = family(Strategy::OneForAll, &["a", "b", "c"]);
    let tree = tree(spec).await;
    log.take();
    handles[1].send(Do::Fail).expect("b runs");
    let order = lines(&log, 5).await;
    assert_eq!(order, ["stop c", "stop a", "start a", "start b", "start c"]);
    for handle in &handles {
        assert_eq!(ping(handle).await, 2);
    }
    let entry = &tree.ledger(1)[0];
    let siblings: Vec<&str> = entry.siblings.iter().map(|name| &**name).collect();
    assert_eq!((entry.why, siblings), (Why::Error, vec!["a", "c"]));
}

#[tokio::test(start_paused = true)]
async fn rest_for_one_touches_those_started_later() {
    let (handles, spec, log) = family(Strategy::RestForOne, &["a", "b", "c", "d"]);
    let tree = tree(spec).await;
    log.take();
    handles[1].send(Do::Panic).expect("b runs");
    let order = lines(&log, 5).await;
    assert_eq!(order, ["stop d", "stop c", "start b", "start c", "start d"]);
    assert_eq!(ping(&handles[3]).await, 2);
    assert_eq!(generation(&tree, "/root/a"), 1);
}

#[tokio::test(start_paused = true)]
async fn a_sibling_is_drained_before_a_group_restarts() {
    let (handles, spec, log) = family(Strategy::OneForAll, &["a", "b"]);
    let _tree = tree(spec).await;
    log.take();
    handles[1].send(Do::Work(Duration::from_millis(50))).expect("b runs");
    handles[1].send(Do::Work(Duration::from_millis(50))).expect("b runs");
    handles[0].send(Do::Panic).expect("a runs");
    let order = lines(&log, 5).await;
    assert_eq!(order, ["work b", "work b", "stop b", "start a", "start b"]);
}

#[tokio::test(start_paused = true)]
async fn a_failure_on_the_left_widens_a_group_restart_under_way() {
    let (handles, spec, log) = family(Strategy::RestForOne, &["a", "b", "c"]);
    let tree = tree(spec).await;
    log.take();
    // c takes a second to drain; meanwhile b fails, then a.
    handles[2].send(Do::Work(Duration::from_secs(1))).expect("c runs");
    tokio::time::sleep(Duration::from_millis(10)).await;
    handles[1].send(Do::Panic).expect("b runs");
    let b = tree.node("/root/b").expect("b is there");
    until("b is down", || b.state() != State::Running).await;
    handles[0].send(Do::Panic).expect("a runs");
    let order = lines(&log, 5).await;
    assert_eq!(order, ["work c", "stop c", "start a", "start b", "start c"]);
    for handle in &handles {
        assert_eq!(ping(handle).await, 2);
    }
}

#[tokio::test(start_paused = true)]
async fn back_off_delays_the_whole_group() {
    let (handles, spec, log) = family(Strategy::OneForAll, &["a"]);
    let b = mosaic_actors::supervision::Handle::new();
    let delay = Duration::from_secs(5);
    let spec = spec.child(probe("b", &b, &log).backoff(steady(delay)));
    let tree = tree(spec).await;
    b.send(Do::Panic).expect("b runs");
    assert_eq!(ping(&b).await, 2);
    let before = tokio::time::Instant::now();
    b.send(Do::Panic).expect("b runs");
    assert_eq!(ping(&handles[0]).await, 2);
    until("a waits with b", || {
        tree.node("/root/a").is_some_and(|a| a.state() == State::BackingOff)
    })
    .await;
    assert_eq!(ping(&handles[0]).await, 3);
    assert!(before.elapsed() >= delay, "{:?}", before.elapsed());
    assert_eq!(tree.ledger(1)[0].backoff_ms, 5000);
}

#[tokio::test(start_paused = true)]
async fn restart_types_are_those_of_otp() {
    let (handles, _, log) = family(Strategy::OneForOne, &["p", "t", "x"]);
    let spec = supervisor(Strategy::OneForOne)
        .child(probe("p", &handles[0], &log))
        .child(probe("t", &handles[1], &log).restart(Restart::Transient))
        .child(probe("x", &handles[2], &log).restart(Restart::Temporary));
    let tree = tree(spec).await;

    // A normal exit: the permanent one comes back, the transient one rests, the temporary one is forgotten.
    for handle in &handles {
        handle.send(Do::Exit).expect("it runs");
    }
    until("p is back", || generation(&tree, "/root/p") == 2).await;
    let state = |name: &str| tree.node(&format!("/root/{name}")).map(|node| node.state());
    until("t rests", || state("t") == Some(State::Stopped)).await;
    until("x is forgotten", || state("x").is_none()).await;
    assert!(handles[1].send(Do::Exit).is_err());

    // A failure: the transient one comes back, too.
    tree.start_child("/root/t", "test").await.expect("t starts");
    handles[1].send(Do::Panic).expect("t runs");
    assert_eq!(ping(&handles[1]).await, 3);
    tree.root()
        .add(probe("x", &handles[2], &log).restart(Restart::Temporary))
        .await
        .expect("x is added again");
    handles[2].send(Do::Panic).expect("x runs");
    until("x is forgotten", || state("x").is_none()).await;
    let entry = &tree.ledger(1)[0];
    assert_eq!((&*entry.path, entry.action), ("/root/x", LedgerAction::Left));
}

#[tokio::test(start_paused = true)]
async fn a_child_that_was_stopped_stays_stopped_when_its_group_restarts() {
    let (handles, spec, _log) = family(Strategy::OneForAll, &["a", "b"]);
    let tree = tree(spec).await;
    tree.stop("/root/b", "maintenance").await.expect("b stops");
    handles[0].send(Do::Panic).expect("a runs");
    assert_eq!(ping(&handles[0]).await, 2);
    let b = tree.node("/root/b").expect("b keeps its place");
    assert_eq!((b.state(), b.generation()), (State::Stopped, 1));
    tree.start_child("/root/b", "done").await.expect("b starts");
    assert_eq!(ping(&handles[1]).await, 2);
}

#[tokio::test(start_paused = true)]
async fn siblings_that_crash_in_the_same_blow_count_once() {
    let (handles, spec, _log) = family(Strategy::OneForAll, &["a", "b", "c"]);
    let once = mosaic_actors::policy::intensity::Intensity::new(1, Duration::from_secs(60));
    let tree = tree(spec.intensity(once)).await;
    // All three crash before their supervisor, on the same thread, runs at all.
    for handle in &handles {
        handle.send(Do::Panic).expect("it runs");
    }
    for handle in &handles {
        assert_eq!(ping(handle).await, 2);
    }
    let panics = tree.ledger(10).iter().filter(|entry| entry.why == Why::Panic).count();
    assert_eq!(panics, 3);
}
