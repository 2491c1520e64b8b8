//! Handles follow their actor, and give back what nobody can take.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Strategy, Unavailable, Worker};
use tokio::sync::oneshot;

use crate::support::{Do, Log, ping, probe, supervisor, tree, until};

#[tokio::test(start_paused = true)]
async fn a_message_that_nobody_takes_comes_back() {
    let (log, a) = (Log::default(), Handle::new());
    let (reply, _answer) = oneshot::channel();
    let Err(Unavailable(Do::Ping(reply))) = a.send(Do::Ping(reply)) else {
        panic!("nobody was there to take it");
    };
    let tree = tree(supervisor(Strategy::OneForOne).child(probe("a", &a, &log))).await;
    a.send(Do::Ping(reply)).expect("a runs");
    tree.stop("/root/a", "test").await.expect("a stops");
    assert!(a.send(Do::Fail).is_err());
    assert_eq!(a.mailbox(), 0);
}

#[tokio::test(start_paused = true)]
async fn the_mailbox_is_counted_and_forgotten_with_its_incarnation() {
    let (log, a) = (Log::default(), Handle::new());
    let tree = tree(supervisor(Strategy::OneForOne).child(probe("a", &a, &log))).await;
    let node = tree.node("/root/a").expect("a is there");
    a.send(Do::Panic).expect("a runs");
    for _ in 0..9 {
        a.send(Do::Fail).expect("a runs");
    }
    assert_eq!((a.mailbox(), node.mailbox()), (10, 10));
    // Nine messages are lost with the crash; their senders' reply ports would tell them.
    assert_eq!(ping(&a).await, 2);
    // Ten, and the first ping behind them.
    assert_eq!((a.mailbox(), node.mailbox(), node.high_water()), (0, 0, 11));
    assert_eq!((tree.ledger(10).len(), node.handled()), (1, 1));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn handles_survive_restarts_under_64_senders() {
    const CRASHES: u64 = 100;
    let (log, a) = (Log::default(), Handle::new());
    let tree = tree(supervisor(Strategy::OneForOne).child(probe("a", &a, &log))).await;
    let answered = Arc::new(AtomicU64::new(0));
    let node = tree.node("/root/a").expect("a is there");
    let senders: Vec<_> = (0..64)
        .map(|_| {
            let (a, answered, node) = (a.clone(), answered.clone(), node.clone());
            tokio::spawn(async move {
                let mut newest = 0;
                while node.restarts() < CRASHES {
                    let generation = ping(&a).await;
                    assert!(generation >= newest, "answered by a predecessor");
                    newest = generation;
                    answered.fetch_add(1, Relaxed);
                }
            })
        })
        .collect();
    for crash in 1..=CRASHES {
        while a.send(Do::Panic).is_err() {
            tokio::task::yield_now().await;
        }
        until("the restart", || node.restarts() >= crash).await;
        ping(&a).await;
    }
    for sender in senders {
        sender.await.expect("no sender saw an older incarnation");
    }
    assert!(answered.load(Relaxed) >= 64);
    assert_eq!(tree.ledger(1000).len() as u64, CRASHES);
    assert_eq!(ping(&a).await, CRASHES + 1);
}

struct Tick(u64);

impl Message for Tick {
    fn label(&self) -> &'static str {
        "tick"
    }
}

struct Clockwork(Arc<AtomicU64>);

impl Worker for Clockwork {
    type Msg = Tick;

    async fn start(&mut self, cx: &Context<Tick>) -> Result<(), Fault> {
        let generation = cx.generation();
        cx.every(Duration::from_secs(1), move || Tick(generation));
        cx.send_self(Tick(generation)).map_err(|refused| refused.to_string())?;
        Ok(())
    }

    async fn handle(&mut self, tick: Tick, cx: &Context<Tick>) -> Result<(), Fault> {
        assert_eq!(tick.0, cx.generation(), "a tick of a predecessor");
        let ticks = self.0.fetch_add(1, Relaxed) + 1;
        if ticks == 5 {
            return Err(Fault::from("enough for now"));
        }
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn an_interval_lives_as_long_as_its_incarnation() {
    let (handle, ticks) = (Handle::new(), Arc::new(AtomicU64::new(0)));
    let counter = ticks.clone();
    let spec = ChildSpec::worker("clock", &handle, move || Ok(Clockwork(counter.clone())));
    let tree = tree(supervisor(Strategy::OneForOne).child(spec)).await;
    tokio::time::sleep(Duration::from_millis(4500)).await;
    // The first by itself, four by the interval; then a new incarnation with its own first.
    assert_eq!(ticks.load(Relaxed), 6);
    tokio::time::sleep(Duration::from_secs(3)).await;
    assert_eq!(ticks.load(Relaxed), 9, "two intervals run");
    tree.stop("/root/clock", "test").await.expect("it stops");
    tokio::time::sleep(Duration::from_secs(30)).await;
    assert_eq!(ticks.load(Relaxed), 9, "its interval goes on");
    assert_eq!(tree.ledger(10).len(), 2);
}
