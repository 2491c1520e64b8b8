//! Children that do not return: some can be killed, some block their thread.

use std::sync::atomic::Ordering::SeqCst;
use std::sync::mpsc;
use std::time::Duration;

use mosaic_actors::supervision::{ChildError, ChildSpec, Handle, Shutdown, State, Strategy, Tree, TreeOptions, Why};

use crate::support::{Do, Log, Script, family, generation, ping, probe, scripted, supervisor, tree, until};

const LIMIT: Duration = Duration::from_millis(200);

#[tokio::test(start_paused = true)]
async fn a_stuck_handler_is_killed_and_restarted() {
    let (log, a) = (Log::default(), Handle::new());
    let spec = probe("a", &a, &log).stuck_after(Some(LIMIT));
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    a.send(Do::Hang).expect("a runs");
    until("it is seen at work", || tree.snapshot().root.children[0].busy.is_some()).await;
    assert_eq!(ping(&a).await, 2);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, entry.during), (Why::Stuck, Some("hang")));
    assert!(entry.text.contains("200ms"), "{}", entry.text);
}

#[tokio::test(start_paused = true)]
async fn work_within_the_limit_is_left_alone() {
    let (log, a) = (Log::default(), Handle::new());
    let spec = probe("a", &a, &log).stuck_after(Some(LIMIT));
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    for _ in 0..20 {
        a.send(Do::Work(LIMIT / 2)).expect("a runs");
    }
    assert_eq!(ping(&a).await, 1);
    assert!(tree.ledger(1).is_empty());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_child_that_blocks_its_thread_is_abandoned_and_replaced() {
    let (log, a, b) = (Log::default(), Handle::new(), Handle::new());
    let spec = supervisor(Strategy::OneForOne)
        .child(probe("a", &a, &log).stuck_after(Some(LIMIT)))
        .child(probe("b", &b, &log));
    let options = TreeOptions {
        kill_grace: Duration::from_millis(100),
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    let (release, until_released) = mpsc::channel();
    a.send(Do::Block(until_released)).expect("a runs");
    // A message to the blocked incarnation would wait there until it wakes.
    until("a is replaced", || generation(&tree, "/root/a") == 2).await;
    assert_eq!(ping(&a).await, 2);
    let entry = &tree.ledger(1)[0];
    assert_eq!((entry.why, entry.during), (Why::Abandoned, Some("block")));
    // When it wakes up at last, it ends without a trace.
    release.send(()).expect("it still blocks");
    drop(release);
    assert_eq!(ping(&a).await, 2);
    assert_eq!(ping(&b).await, 1);
    assert_eq!(tree.ledger(10).len(), 1);
    tree.shutdown().await.expect("in order");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_child_that_blocks_its_thread_does_not_hold_up_a_shutdown() {
    let (handles, _, log) = family(Strategy::OneForOne, &["a", "b"]);
    let short = Shutdown::Timeout(Duration::from_millis(50));
    let spec = supervisor(Strategy::OneForOne)
        .child(probe("a", &handles[0], &log))
        .child(probe("b", &handles[1], &log).shutdown(short));
    let options = TreeOptions {
        kill_grace: Duration::from_millis(50),
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    let (release, until_released) = mpsc::channel();
    handles[1].send(Do::Block(until_released)).expect("b runs");
    let node = tree.node("/root/b").expect("b is there");
    until("b blocks", || node.mailbox() == 0).await;
    tree.shutdown().await.expect("bounded");
    assert!(log.lines().ends_with(&["stop a".to_string()]));
    let entry = &tree.ledger(1)[0];
    assert_eq!((&*entry.path, entry.why), ("/root/b", Why::Abandoned));
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_stuck_child_can_be_removed() {
    let (log, a) = (Log::default(), Handle::new());
    let spec = probe("a", &a, &log)
        .stuck_after(None)
        .shutdown(Shutdown::Timeout(Duration::from_secs(1)));
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    a.send(Do::Hang).expect("a runs");
    tree.root().remove("a").await.expect("it is killed, then removed");
    assert!(tree.node("/root/a").is_none());
    assert_eq!(tree.root().remove("a").await, Err(ChildError::Unknown("a".into())));
    assert_eq!(tree.snapshot().root.state, State::Running);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_restart_that_blocks_its_thread_is_given_up_and_never_takes_the_handle() {
    let (log, script, a) = (Log::default(), Script::default(), Handle::new());
    let spec = scripted("a", &a, &log, &script).start_timeout(Duration::from_millis(100));
    let options = TreeOptions {
        kill_grace: Duration::from_millis(50),
        ..TreeOptions::default()
    };
    let spec = supervisor(Strategy::OneForOne).child(spec);
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    let (release, until_released) = mpsc::channel();
    *script.block_start.lock().expect("no panic") = Some(until_released);
    a.send(Do::Panic).expect("a runs");
    until("its successor is up", || generation(&tree, "/root/a") == 3).await;
    assert_eq!(ping(&a).await, 3);
    assert_eq!(tree.ledger(1)[0].why, Why::StartFailed);
    release.send(()).expect("it still blocks");
    until("the blocked one is gone", || script.alive.load(SeqCst) == 1).await;
    assert_eq!(ping(&a).await, 3);
    assert_eq!(tree.ledger(10).len(), 2);
}

#[tokio::test(start_paused = true)]
async fn a_supervisor_that_is_killed_leaves_no_orphan() {
    let (log, script, a) = (Log::default(), Script::default(), Handle::new());
    script.hang_stop.store(true, SeqCst);
    let below = scripted("a", &a, &log, &script).shutdown(Shutdown::Infinity);
    let below = supervisor(Strategy::OneForOne).child(below);
    let limit = Shutdown::Timeout(Duration::from_secs(1));
    let spec = ChildSpec::supervisor("sub", below, None).shutdown(limit);
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    // Its child hangs in its stop, which ractor's kill of a supervisor's children passes over.
    tree.stop("/root/sub", "test").await.expect("bounded");
    until("a is gone", || script.alive.load(SeqCst) == 0).await;
    assert!(a.send(Do::Fail).is_err());
    for node in &tree.snapshot().root.children {
        assert!(node.walk().iter().all(|node| node.state == State::Stopped), "{node:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_killed_worker_whose_drop_panics_harms_nobody() {
    let (log, script) = (Log::default(), Script::default());
    let (a, b) = (Handle::new(), Handle::new());
    let spec = supervisor(Strategy::OneForOne)
        .child(scripted("a", &a, &log, &script).stuck_after(Some(LIMIT)))
        .child(probe("b", &b, &log));
    let tree = tree(spec).await;
    script.panic_drop.store(true, SeqCst);
    a.send(Do::Hang).expect("a runs");
    assert_eq!(ping(&a).await, 2);
    a.send(Do::Panic).expect("a runs");
    assert_eq!(ping(&a).await, 3);
    tree.stop("/root/a", "test").await.expect("it stops");
    assert_eq!(ping(&b).await, 1);
    assert_eq!(tree.snapshot().root.generation, 1);
    script.panic_drop.store(false, SeqCst);
}
