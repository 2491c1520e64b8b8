//! Many failures at once, and the ledger's truth about them.

use std::time::Duration;

use mosaic_actors::supervision::{Handle, Strategy, Tree, TreeOptions, Why};

use crate::support::{Do, Log, family, ping, probe, supervisor, tree, until};

/// Names for probes; static, as real children's kinds are.
fn names(count: usize) -> Vec<&'static str> {
    (0..count)
        .map(|n| &*Box::leak(format!("child-{n}").into_boxed_str()))
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_simultaneous_failures_recover_quickly_and_touch_nobody_else() {
    let (handles, spec, _log) = family(Strategy::OneForOne, &names(120));
    let tree = tree(spec).await;
    let (crashing, bystanders) = handles.split_at(100);
    let before = std::time::Instant::now();
    for handle in crashing {
        handle.send(Do::Panic).expect("it runs");
    }
    for handle in crashing {
        assert_eq!(ping(handle).await, 2);
    }
    let took = before.elapsed();
    // A bound on the order of magnitude, for a machine under load: serial waits of 10 ms would take longer.
    assert!(took < Duration::from_secs(1), "{took:?}");
    for handle in bystanders {
        assert_eq!(ping(handle).await, 1);
    }
    assert_eq!(tree.ledger(1000).len(), 100);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_has_every_injected_failure_once_under_load() {
    let (handles, spec, _log) = family(Strategy::OneForOne, &names(8));
    let options = TreeOptions {
        ledger_capacity: 100_000,
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    let traffic: Vec<_> = handles
        .iter()
        .cloned()
        .map(|handle| tokio::spawn(async move { while ping(&handle).await < 51 {} }))
        .collect();
    let injectors: Vec<_> = handles
        .iter()
        .cloned()
        .enumerate()
        .map(|(index, handle)| {
            tokio::spawn(async move {
                for round in 0..50_u64 {
                    let failure = if (index + round as usize).is_multiple_of(2) {
                        Do::Panic
                    } else {
                        Do::Fail
                    };
                    // Only into the incarnation that answers, so that none is lost behind another.
                    assert_eq!(ping(&handle).await, round + 1);
                    handle.send(failure).expect("it runs");
                    while ping(&handle).await == round + 1 {}
                }
            })
        })
        .collect();
    for task in injectors.into_iter().chain(traffic) {
        task.await.expect("no assertion failed");
    }
    let ledger = tree.ledger(usize::MAX);
    let count = |why: Why| ledger.iter().filter(|entry| entry.why == why).count();
    assert_eq!((count(Why::Panic), count(Why::Error), ledger.len()), (200, 200, 400));
    for (entry, seq) in ledger.iter().zip((1..=400).rev()) {
        assert_eq!(entry.seq, seq);
        let during = if entry.why == Why::Panic { "panic" } else { "fail" };
        assert_eq!(entry.during, Some(during));
    }
    for handle in &handles {
        let node = tree.node(&handle.path()).expect("it is there");
        assert_eq!((node.restarts(), node.generation()), (50, 51));
    }
}

#[tokio::test(start_paused = true)]
async fn the_ledger_is_bounded_and_counts_what_it_drops() {
    let (log, a) = (Log::default(), Handle::new());
    let spec = supervisor(Strategy::OneForOne).child(probe("a", &a, &log));
    let options = TreeOptions {
        ledger_capacity: 10,
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    for crash in 0..25 {
        a.send(Do::Panic).expect("a runs");
        assert_eq!(ping(&a).await, crash + 2);
    }
    let snapshot = tree.snapshot();
    assert_eq!((snapshot.ledger_written, snapshot.ledger_dropped), (25, 15));
    let seqs: Vec<u64> = tree.ledger(3).iter().map(|entry| entry.seq).collect();
    assert_eq!((seqs, tree.ledger(100).len()), (vec![25, 24, 23], 10));
}

#[tokio::test(start_paused = true)]
async fn children_come_and_go_by_the_thousand() {
    let log = Log::default();
    let tree = tree(supervisor(Strategy::OneForOne).max_children(2000)).await;
    let (names, mut handles) = (names(1000), Vec::new());
    for name in &names {
        let handle = Handle::new();
        tree.root().add(probe(name, &handle, &log)).await.expect("it starts");
        handles.push(handle);
    }
    for handle in handles.iter().step_by(2) {
        handle.send(Do::Panic).expect("it runs");
    }
    for (index, handle) in handles.iter().enumerate() {
        assert_eq!(ping(handle).await, if index % 2 == 0 { 2 } else { 1 });
    }
    for name in &names[..500] {
        tree.root().remove(name).await.expect("it is removed");
    }
    let root = tree.node("/root").expect("the root");
    until("half are left", || root.children().len() == 500).await;
    tree.shutdown().await.expect("in order");
}
