//! Starts that fail, panic or hang: the first one, a restart, and one that is asked for.

use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::supervision::{
    ChildError, ChildSpec, Handle, State, Strategy, SupervisorHandle, Tree, TreeOptions, Why,
};

use crate::support::{Do, Log, Script, family, ping, probe, scripted, steady, supervisor, tree, until};

#[tokio::test(start_paused = true)]
async fn a_failed_first_start_stops_those_before_it_in_reverse() {
    let (_handles, spec, log) = family(Strategy::OneForOne, &["a", "b"]);
    let script = Script::default();
    script.fail_start.store(true, SeqCst);
    let (c, d) = (Handle::new(), Handle::new());
    let spec = spec.child(scripted("c", &c, &log, &script)).child(probe("d", &d, &log));
    let error = Tree::start("root", spec, TreeOptions::default())
        .await
        .expect_err("c fails");
    assert!(error.to_string().contains("`c`") && error.to_string().contains("cannot start"));
    assert_eq!(log.take(), ["start a", "start b", "start c", "stop b", "stop a"]);
}

#[tokio::test(start_paused = true)]
async fn a_first_start_that_panics_or_hangs_fails_the_tree_in_time() {
    for hang in [false, true] {
        let (log, script, a) = (Log::default(), Script::default(), Handle::new());
        script.hang_start.store(hang, SeqCst);
        script.panic_start.store(!hang, SeqCst);
        let spec = scripted("a", &a, &log, &script).start_timeout(Duration::from_secs(3));
        let spec = supervisor(Strategy::OneForOne).child(spec);
        let started = Tree::start("root", spec, TreeOptions::default()).await;
        assert!(started.is_err(), "hang: {hang}");
        assert!(a.send(Do::Fail).is_err());
    }
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_fails_is_a_failure_like_another() {
    let (log, script) = (Log::default(), Script::default());
    let (a, b) = (Handle::new(), Handle::new());
    let backoff = steady(Duration::from_secs(1));
    let spec = supervisor(Strategy::OneForOne)
        .child(scripted("a", &a, &log, &script).backoff(backoff))
        .child(probe("b", &b, &log));
    let tree = tree(spec).await;
    script.fail_start.store(true, SeqCst);
    a.send(Do::Panic).expect("a runs");
    let failed = |why: Why| tree.ledger(100).iter().filter(|entry| entry.why == why).count();
    until("three failed starts", || failed(Why::StartFailed) == 3).await;
    script.fail_start.store(false, SeqCst);
    assert_eq!(ping(&a).await, 5);
    assert_eq!(ping(&b).await, 1);
    assert_eq!(failed(Why::Panic), 1);
}

#[tokio::test(start_paused = true)]
async fn a_restart_that_hangs_is_killed_at_its_timeout_and_tried_again() {
    let (log, script, a) = (Log::default(), Script::default(), Handle::new());
    let spec = scripted("a", &a, &log, &script).start_timeout(Duration::from_secs(3));
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    script.hang_start.store(true, SeqCst);
    a.send(Do::Panic).expect("a runs");
    until("it hangs", || {
        tree.node("/root/a").is_some_and(|a| a.state() == State::Starting)
    })
    .await;
    script.hang_start.store(false, SeqCst);
    assert_eq!(ping(&a).await, 3);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, entry.during), (Why::StartFailed, Some("start")));
}

#[tokio::test(start_paused = true)]
async fn a_failed_restart_in_the_middle_of_a_group_begins_the_group_again() {
    let (log, script) = (Log::default(), Script::default());
    let handles: Vec<Handle<Do>> = (0..3).map(|_| Handle::new()).collect();
    let spec = supervisor(Strategy::OneForAll)
        .child(probe("a", &handles[0], &log))
        .child(scripted("b", &handles[1], &log, &script).backoff(steady(Duration::from_secs(1))))
        .child(probe("c", &handles[2], &log));
    let tree = tree(spec).await;
    log.take();
    script.fail_start.store(true, SeqCst);
    handles[0].send(Do::Panic).expect("a runs");
    until("b failed twice", || tree.ledger(10).len() == 3).await;
    script.fail_start.store(false, SeqCst);
    for handle in &handles {
        ping(handle).await;
    }
    let twice = ["start a", "start b", "stop a"];
    let mut expected = vec!["stop c", "stop b"];
    expected.extend(twice.iter().chain(&twice));
    expected.extend(["start a", "start b", "start c"]);
    assert_eq!(log.take(), expected);
}

#[tokio::test(start_paused = true)]
async fn what_is_added_and_does_not_start_is_not_there() {
    let (_handles, spec, log) = family(Strategy::OneForOne, &["a"]);
    let tree = tree(spec.max_children(2)).await;
    let (script, b, c) = (Script::default(), Handle::new(), Handle::new());
    script.fail_start.store(true, SeqCst);
    let refused = tree.root().add(scripted("b", &b, &log, &script)).await;
    assert_eq!(refused, Err(ChildError::StartFailed("cannot start".into())));
    assert!(tree.node("/root/b").is_none());
    script.fail_start.store(false, SeqCst);
    tree.root()
        .add(scripted("b", &b, &log, &script))
        .await
        .expect("now it starts");
    assert_eq!(ping(&b).await, 1);
    let full = tree.root().add(probe("c", &c, &log)).await;
    assert_eq!(full, Err(ChildError::Full(2)));
    let twice = tree.root().add(probe("b", &c, &log)).await;
    assert_eq!(twice, Err(ChildError::Exists("b".into())));
    let slash = tree.root().add(probe("b/c", &c, &log)).await;
    assert_eq!(slash, Err(ChildError::Name("b/c".into())));
}

#[tokio::test(start_paused = true)]
async fn a_stopped_child_that_does_not_start_stays_stopped() {
    let (log, script, a) = (Log::default(), Script::default(), Handle::new());
    let tree = tree(supervisor(Strategy::OneForOne).child(scripted("a", &a, &log, &script))).await;
    tree.stop("/root/a", "test").await.expect("a stops");
    script.fail_start.store(true, SeqCst);
    let refused = tree.start_child("/root/a", "test").await;
    assert_eq!(refused, Err(ChildError::StartFailed("cannot start".into())));
    assert!(tree.node("/root/a").is_some_and(|a| a.state() == State::Stopped));
    script.fail_start.store(false, SeqCst);
    tree.start_child("/root/a", "test").await.expect("a starts");
    assert_eq!(ping(&a).await, 3);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_handle_reaches_nobody_before_its_supervisor_is_up() {
    let handle = SupervisorHandle::new();
    let (log, a) = (Log::default(), Handle::new());
    assert_eq!(handle.add(probe("a", &a, &log)).await, Err(ChildError::Unavailable));
    let below = ChildSpec::supervisor("sub", supervisor(Strategy::OneForOne), Some(&handle));
    let tree = tree(supervisor(Strategy::OneForOne).child(below)).await;
    handle.add(probe("a", &a, &log)).await.expect("it is up");
    assert_eq!(&*a.path(), "/root/sub/a");
    assert_eq!(&*handle.path(), "/root/sub");
    tree.shutdown().await.expect("in order");
    assert_eq!(handle.remove("a").await, Err(ChildError::Unavailable));
}
