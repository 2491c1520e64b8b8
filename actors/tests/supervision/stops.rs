//! Stops: their order, their time, and what happens at its end.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::supervision::{ChildError, ChildSpec, Handle, Shutdown, State, Strategy, Tree, TreeOptions, Why};

use crate::support::{Do, Log, Script, family, lines, ping, probe, scripted, supervisor, tree, until};

#[tokio::test(start_paused = true)]
async fn a_tree_stops_right_to_left_down_to_its_leaves() {
    let (_outer, spec, log) = family(Strategy::OneForOne, &["a"]);
    let (inner, last) = (Handle::new(), Handle::new());
    let below = supervisor(Strategy::OneForOne)
        .child(probe("m", &inner, &log))
        .child(probe("n", &last, &log));
    let b = Handle::new();
    let spec = spec
        .child(ChildSpec::supervisor("sub", below, None))
        .child(probe("b", &b, &log));
    let tree = tree(spec).await;
    assert_eq!(log.take(), ["start a", "start m", "start n", "start b"]);
    inner.send(Do::Work(Duration::from_secs(1))).expect("m runs");
    tree.shutdown().await.expect("in order");
    assert_eq!(log.take(), ["stop b", "stop n", "work m", "stop m", "stop a"]);
    for node in tree.snapshot().root.walk() {
        assert_eq!(node.state, State::Stopped, "{}", node.path);
    }
    assert!(inner.send(Do::Fail).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_child_that_overruns_its_shutdown_time_is_killed() {
    let (log, script) = (Log::default(), Script::default());
    script.hang_stop.store(true, SeqCst);
    let (a, b) = (Handle::new(), Handle::new());
    let limit = Duration::from_secs(2);
    let slow = scripted("b", &b, &log, &script).shutdown(Shutdown::Timeout(limit));
    let spec = supervisor(Strategy::OneForOne).child(probe("a", &a, &log)).child(slow);
    let tree = tree(spec).await;
    log.take();
    let before = tokio::time::Instant::now();
    tree.shutdown().await.expect("bounded");
    assert!(before.elapsed() >= limit && before.elapsed() < limit * 2);
    // The one to its left is stopped after it, in order.
    assert_eq!(log.take(), ["stop b", "stop a"]);
    let entry = &tree.ledger(1)[0];
    assert_eq!((&*entry.path, entry.why), ("/root/b", Why::Killed));
}

#[tokio::test(start_paused = true)]
async fn a_brutal_stop_neither_drains_nor_stops_in_order() {
    let log = Log::default();
    let a = Handle::new();
    let spec = probe("a", &a, &log).shutdown(Shutdown::Brutal);
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    a.send(Do::Work(Duration::from_secs(100))).expect("a runs");
    tree.stop("/root/a", "test").await.expect("a stops");
    assert_eq!(log.take(), ["start a"]);
    // It was asked for; nothing crashed.
    assert!(tree.ledger(10).iter().all(|entry| entry.why == Why::Requested));
}

#[tokio::test(start_paused = true)]
async fn a_panic_while_stopping_is_written_down_and_stops_nothing_else() {
    let (handles, spec, log) = family(Strategy::OneForOne, &["a", "b"]);
    let tree = tree(spec).await;
    log.take();
    handles[1].send(Do::PanicAtStop).expect("b runs");
    tree.shutdown().await.expect("in order");
    assert_eq!(log.take(), ["stop b", "stop a"]);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, entry.during), (Why::Panic, Some("stop")));
}

#[tokio::test(start_paused = true)]
async fn a_tree_that_does_not_stop_in_time_is_killed() {
    let (log, script) = (Log::default(), Script::default());
    script.hang_stop.store(true, SeqCst);
    let a = Handle::new();
    let spec = scripted("a", &a, &log, &script).shutdown(Shutdown::Infinity);
    let spec = supervisor(Strategy::OneForOne).child(spec);
    let options = TreeOptions {
        shutdown_timeout: Duration::from_secs(3),
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    assert_eq!(tree.shutdown().await, Err(ChildError::Timeout));
    until("all are gone", || tree.snapshot().root.state == State::Stopped).await;
    assert!(a.send(Do::Fail).is_err());
}

#[tokio::test(start_paused = true)]
async fn a_requested_restart_drains_and_costs_no_budget() {
    let (handles, spec, log) = family(Strategy::OneForAll, &["a", "b"]);
    let none = mosaic_actors::policy::intensity::Intensity::new(0, Duration::from_secs(10));
    let tree = tree(spec.intensity(none)).await;
    log.take();
    handles[0].send(Do::Work(Duration::from_millis(5))).expect("a runs");
    tree.restart("/root/a", "new credentials").await.expect("a restarts");
    assert_eq!(lines(&log, 3).await, ["work a", "stop a", "start a"]);
    assert_eq!(ping(&handles[0]).await, 2);
    assert_eq!(ping(&handles[1]).await, 1);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, &*entry.text), (Why::Requested, "new credentials"));
    assert!(tree.node("/root/a").is_some_and(|a| a.last_crash().is_none()));
}

#[tokio::test(start_paused = true)]
async fn the_root_is_no_child() {
    let (_handles, spec, _log) = family(Strategy::OneForOne, &["a"]);
    let tree = tree(spec).await;
    assert_eq!(tree.stop("/root", "x").await, Err(ChildError::Root));
    let unknown = ChildError::Unknown("/root/a/b".into());
    assert_eq!(tree.restart("/root/a/b", "x").await, Err(unknown));
}
