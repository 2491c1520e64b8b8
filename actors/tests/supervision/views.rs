//! What a tree shows: snapshots, events, metrics, and that two trees share nothing.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use metrics::{Counter, CounterFn, Gauge, GaugeFn, Histogram, Key, KeyName, Metadata, Recorder, SharedString, Unit};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::supervision::{ChildSpec, Event, Fault, Handle, State, Strategy, Tree, TreeOptions, Why};

use crate::support::{Do, Log, family, ping, probe, steady, supervisor, tree, until};

#[tokio::test(start_paused = true)]
async fn two_trees_with_the_same_names_live_in_one_process() {
    let (one, spec, _log) = family(Strategy::OneForOne, &["a"]);
    let first = tree(spec).await;
    let (two, spec, _log) = family(Strategy::OneForOne, &["a"]);
    let second = tree(spec).await;
    one[0].send(Do::Panic).expect("it runs");
    assert_eq!(ping(&one[0]).await, 2);
    assert_eq!(ping(&two[0]).await, 1);
    assert_eq!((first.ledger(9).len(), second.ledger(9).len()), (1, 0));
    first.shutdown().await.expect("in order");
    assert_eq!(ping(&two[0]).await, 1);
    assert_eq!(second.snapshot().root.children[0].restarts, 0);
}

#[tokio::test(start_paused = true)]
async fn a_snapshot_shows_the_tree_in_start_order() {
    let (log, a, b) = (Log::default(), Handle::new(), Handle::new());
    let below = supervisor(Strategy::RestForOne).child(probe("b", &b, &log).kind("breaker"));
    let gauges = Arc::new(|| vec![("in_flight", 7)]);
    let spec = supervisor(Strategy::OneForOne)
        .child(ChildSpec::supervisor("sub", below, None))
        .child(probe("a", &a, &log).gauges(gauges));
    let tree = tree(spec).await;
    b.send(Do::Panic).expect("b runs");
    ping(&b).await;
    a.send(Do::Work(Duration::from_secs(9))).expect("a runs");
    tokio::time::sleep(Duration::from_secs(4)).await;

    let snapshot = tree.snapshot();
    let paths: Vec<&str> = snapshot.root.walk().iter().map(|node| &*node.path).collect();
    assert_eq!(paths, ["/root", "/root/sub", "/root/sub/b", "/root/a"]);
    let (sub, a) = (&snapshot.root.children[0], &snapshot.root.children[1]);
    let b = &sub.children[0];
    assert_eq!((b.kind, b.generation, b.restarts, b.handled), ("breaker", 2, 1, 1));
    let crash = b.last_crash.as_ref().expect("b crashed");
    assert_eq!((crash.why, crash.during), (Why::Panic, Some("panic")));
    assert_eq!(sub.supervisor.expect("a supervisor").in_window, 1);
    let busy = a.busy.expect("a works");
    assert_eq!(
        (busy.label, a.gauges.as_slice()),
        ("work", [("in_flight", 7)].as_slice())
    );
    assert!((3990..=4010).contains(&busy.for_ms), "{}", busy.for_ms);
    assert_eq!((a.state, a.mailbox, a.mailbox_high_water), (State::Running, 0, 1));
    assert!(a.uptime_ms.is_some_and(|ms| ms >= 4000));
    assert!(b.supervisor.is_none());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_snapshot_answers_while_an_actor_blocks() {
    let (handles, spec, _log) = family(Strategy::OneForOne, &["a"]);
    let tree = tree(spec).await;
    let (release, until_released) = std::sync::mpsc::channel();
    handles[0].send(Do::Block(until_released)).expect("a runs");
    until("it blocks", || {
        tree.snapshot().root.children[0]
            .busy
            .is_some_and(|busy| busy.label == "block")
    })
    .await;
    drop(release);
    tree.shutdown().await.expect("in order");
}

#[tokio::test(start_paused = true)]
async fn events_tell_a_life_in_order() {
    let (log, a) = (Log::default(), Handle::new());
    let tree = tree(supervisor(Strategy::OneForOne)).await;
    let mut events = tree.subscribe();
    let spec = probe("a", &a, &log).backoff(steady(Duration::from_secs(1)));
    tree.root().add(spec).await.expect("it starts");
    for generation in 2..4 {
        a.send(Do::Fail).expect("a runs");
        assert_eq!(ping(&a).await, generation);
    }
    tree.stop("/root/a", "test").await.expect("it stops");
    let path: Arc<str> = Arc::from("/root/a");
    let failed = |generation| Event::Failed {
        path: path.clone(),
        generation,
        why: Why::Error,
    };
    let restarted = |generation| Event::Restarted {
        path: path.clone(),
        generation,
    };
    let expected = [
        Event::Started { path: path.clone() },
        failed(1),
        restarted(2),
        failed(2),
        Event::BackingOff {
            path: path.clone(),
            delay_ms: 1000,
        },
        restarted(3),
        Event::Stopped { path: path.clone() },
    ];
    for event in expected {
        assert_eq!(events.try_recv().map(|told| told.event), Ok(event));
    }
    assert!(events.try_recv().is_err());
}

/// A recorder that remembers every value by name and labels.
#[derive(Clone, Default)]
struct Book(Arc<Mutex<BTreeMap<String, f64>>>);

struct MeterCell(Book, String);

impl MeterCell {
    fn change(&self, change: impl FnOnce(f64) -> f64) {
        let mut book = self.0.0.lock().unwrap();
        let value = book.entry(self.1.clone()).or_default();
        *value = change(*value);
    }
}

impl CounterFn for MeterCell {
    fn increment(&self, value: u64) {
        self.change(|now| now + value as f64);
    }
    fn absolute(&self, value: u64) {
        self.change(|_| value as f64);
    }
}

impl GaugeFn for MeterCell {
    fn increment(&self, value: f64) {
        self.change(|now| now + value);
    }
    fn decrement(&self, value: f64) {
        self.change(|now| now - value);
    }
    fn set(&self, value: f64) {
        self.change(|_| value);
    }
}

impl Book {
    fn entry(&self, key: &Key) -> Arc<MeterCell> {
        let labels: Vec<_> = key.labels().map(|l| format!("{}={}", l.key(), l.value())).collect();
        let name = format!("{}{{{}}}", key.name(), labels.join(","));
        let entry = MeterCell(self.clone(), name);
        entry.change(|now| now);
        Arc::new(entry)
    }

    fn read(&self, name: &str) -> f64 {
        *self
            .0
            .lock()
            .unwrap()
            .get(name)
            .unwrap_or_else(|| panic!("no metric {name}"))
    }
}

impl Recorder for Book {
    fn describe_counter(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_gauge(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn describe_histogram(&self, _: KeyName, _: Option<Unit>, _: SharedString) {}
    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.entry(key))
    }
    fn register_gauge(&self, key: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::from_arc(self.entry(key))
    }
    fn register_histogram(&self, _: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::noop()
    }
}

#[tokio::test(start_paused = true)]
async fn metrics_go_to_the_recorder_that_was_given() {
    let book = Book::default();
    let (log, a, b) = (Log::default(), Handle::new(), Handle::new());
    let spec = supervisor(Strategy::OneForAll)
        .child(probe("a", &a, &log).kind("router"))
        .child(probe("b", &b, &log).kind("provider"));
    let options = TreeOptions {
        recorder: Arc::new(book.clone()),
        ..TreeOptions::default()
    };
    let tree = Tree::start("root", spec, options).await.expect("it starts");
    a.send(Do::Panic).expect("a runs");
    assert_eq!(ping(&a).await, 2);
    assert_eq!(ping(&b).await, 2);
    tree.restart("/root/b", "test").await.expect("b restarts");
    a.send(Do::Work(Duration::from_secs(1))).expect("a runs");
    a.send(Do::Work(Duration::from_secs(1))).expect("a runs");
    tokio::time::sleep(Duration::from_millis(1)).await;
    tree.refresh_gauges();
    let restarts = |kind, reason| book.read(&format!("mosaic_actor_restarts_total{{kind={kind},reason={reason}}}"));
    assert_eq!(restarts("router", "panic"), 1.0);
    assert_eq!(restarts("provider", "sibling"), 1.0);
    assert_eq!(restarts("provider", "requested"), 1.0);
    assert_eq!(restarts("provider", "panic"), 0.0);
    assert_eq!(book.read("mosaic_actors{kind=router,state=running}"), 1.0);
    assert_eq!(book.read("mosaic_actors{kind=supervisor,state=running}"), 1.0);
    assert_eq!(book.read("mosaic_actor_mailbox_depth{kind=router}"), 1.0);
    assert_eq!(book.read("mosaic_supervisor_gave_up_total{}"), 0.0);
    tree.shutdown().await.expect("in order");
    tree.refresh_gauges();
    assert_eq!(book.read("mosaic_actors{kind=router,state=stopped}"), 1.0);
}

#[test]
fn a_fault_keeps_its_text_short() {
    let long = Fault::from("é".repeat(1000));
    assert_eq!(long.to_string().chars().count(), 300);
    let failure = Failure::new(Kind::UpstreamFailed, "no answer");
    assert_eq!(Fault::from(failure).to_string(), "upstream_failed: no answer");
}

#[test]
fn what_is_shown_can_be_served() {
    fn served<T: serde::Serialize>() {}
    served::<mosaic_actors::supervision::TreeSnapshot>();
    served::<mosaic_actors::supervision::LedgerEntry>();
    served::<Event>();
}
