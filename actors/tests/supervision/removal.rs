//! Children that are removed or stopped while they back off, and names that are used again.

use std::time::Duration;

use mosaic_actors::supervision::{ChildError, Event, Handle, State, Strategy, Tree};

use crate::support::{Do, Log, family, ping, probe, steady, supervisor, tree, until};

const DELAY: Duration = Duration::from_secs(5);

/// A tree with `a`, which is in its first back-off.
async fn backing_off(strategy: Strategy) -> (Tree, Handle<Do>, Log) {
    let (log, a) = (Log::default(), Handle::new());
    let spec = supervisor(strategy).child(probe("a", &a, &log).backoff(steady(DELAY)));
    let tree = tree(spec.max_children(1)).await;
    a.send(Do::Panic).expect("a runs");
    assert_eq!(ping(&a).await, 2);
    a.send(Do::Panic).expect("a runs");
    let node = tree.node("/root/a").expect("a is there");
    until("it backs off", || node.state() == State::BackingOff).await;
    let retry = tree.snapshot().root.children[0].next_retry_ms.expect("a retry");
    assert!(retry <= 5000 && retry > 4000, "{retry}");
    log.take();
    (tree, a, log)
}

#[tokio::test(start_paused = true)]
async fn a_child_removed_in_its_back_off_never_comes_back() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll, Strategy::RestForOne] {
        let (tree, a, log) = backing_off(strategy).await;
        let before = tokio::time::Instant::now();
        tree.root().remove("a").await.expect("it is removed");
        assert!(before.elapsed() < DELAY, "it waited for the back-off");
        assert!(tree.node("/root/a").is_none());
        tokio::time::sleep(DELAY * 4).await;
        assert_eq!(log.take(), [""; 0], "{strategy:?}");
        assert!(a.send(Do::Fail).is_err());
        assert_eq!(tree.root().start("a").await, Err(ChildError::Unknown("a".into())));
    }
}

#[tokio::test(start_paused = true)]
async fn a_child_stopped_in_its_back_off_stays_stopped_until_started() {
    for strategy in [Strategy::OneForOne, Strategy::OneForAll] {
        let (tree, a, log) = backing_off(strategy).await;
        tree.stop("/root/a", "test").await.expect("it stops");
        tokio::time::sleep(DELAY * 4).await;
        assert_eq!(log.take(), [""; 0]);
        tree.start_child("/root/a", "test").await.expect("it starts");
        assert_eq!(ping(&a).await, 3);
    }
}

#[tokio::test(start_paused = true)]
async fn starting_a_child_in_its_back_off_does_not_wait_for_it() {
    let (tree, a, _log) = backing_off(Strategy::OneForOne).await;
    let before = tokio::time::Instant::now();
    tree.start_child("/root/a", "test").await.expect("it starts");
    assert!(before.elapsed() < DELAY);
    tokio::time::sleep(DELAY * 4).await;
    assert_eq!(ping(&a).await, 3, "the old timer started it once more");
}

#[tokio::test(start_paused = true)]
async fn a_back_off_keeps_its_place_and_a_new_child_of_the_name_is_another() {
    let (tree, old, log) = backing_off(Strategy::OneForOne).await;
    let new = Handle::new();
    // The place is taken, and max_children counts it.
    let taken = tree.root().add(probe("a", &new, &log)).await;
    assert_eq!(taken, Err(ChildError::Exists("a".into())));
    let full = tree.root().add(probe("b", &new, &log)).await;
    assert_eq!(full, Err(ChildError::Full(1)));

    tree.root().remove("a").await.expect("it is removed");
    tree.root().add(probe("a", &new, &log)).await.expect("the name is free");
    tokio::time::sleep(DELAY * 4).await;
    assert_eq!(log.take(), ["start a"]);
    assert_eq!(ping(&new).await, 1);
    assert!(old.send(Do::Fail).is_err());
    let node = tree.node("/root/a").expect("the new one");
    assert_eq!((node.restarts(), node.last_crash().is_none()), (0, true));
}

#[tokio::test(start_paused = true)]
async fn a_removed_child_drains_first_and_says_so() {
    let (handles, spec, log) = family(Strategy::OneForOne, &["a", "b"]);
    let tree = tree(spec).await;
    let mut events = tree.subscribe();
    log.take();
    handles[0].send(Do::Work(Duration::from_secs(1))).expect("a runs");
    tree.root().remove("a").await.expect("it is removed");
    assert_eq!(log.take(), ["work a", "stop a"]);
    let path = || std::sync::Arc::from("/root/a");
    assert_eq!(
        events.try_recv().map(|told| told.event),
        Ok(Event::Stopped { path: path() })
    );
    assert_eq!(
        events.try_recv().map(|told| told.event),
        Ok(Event::Removed { path: path() })
    );
    assert_eq!(ping(&handles[1]).await, 1);
}

#[tokio::test(start_paused = true)]
async fn a_later_request_turns_an_earlier_one_away() {
    let (handles, spec, _log) = family(Strategy::OneForOne, &["a"]);
    let tree = tree(spec).await;
    handles[0].send(Do::Work(Duration::from_secs(2))).expect("a runs");
    let first = tokio::spawn({
        let tree = tree.clone();
        async move { tree.restart("/root/a", "first").await }
    });
    until("it stops", || {
        tree.node("/root/a").is_some_and(|a| a.state() == State::Stopping)
    })
    .await;
    tree.root().remove("a").await.expect("it is removed");
    assert_eq!(first.await.expect("no panic"), Err(ChildError::Superseded));
    assert!(tree.node("/root/a").is_none());
}
