//! What supervision costs: the time from a panic to the next answer, and a send through a handle against a bare
//! tokio channel and a bare ractor cast.
//!
//! Invariant: every measured message is received, so nothing is timed that was not done.

use std::hint::black_box;
use std::time::{Duration, Instant};

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::supervision::{
    ChildSpec, Context, Fault, Handle, Message, Strategy, SupervisorSpec, Tree, TreeOptions, Worker,
};
use ractor::{Actor, ActorProcessingErr, ActorRef};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

/// Messages per cast measurement: enough to hide the last one's answer.
const BATCH: u64 = 10_000;

enum Job {
    Count(u64),
    Ask(oneshot::Sender<u64>),
    Panic,
}

impl Message for Job {
    fn label(&self) -> &'static str {
        match self {
            Job::Count(_) => "count",
            Job::Ask(_) => "ask",
            Job::Panic => "panic",
        }
    }
}

struct Counter(u64);

impl Counter {
    fn take(&mut self, job: Job) {
        match job {
            Job::Count(n) => self.0 = self.0.wrapping_add(black_box(n)),
            // One who no longer waits needs no answer.
            Job::Ask(reply) => drop(reply.send(self.0)),
            Job::Panic => panic!("injected"),
        }
    }
}

impl Worker for Counter {
    type Msg = Job;

    async fn handle(&mut self, job: Job, _cx: &Context<Job>) -> Result<(), Fault> {
        self.take(job);
        Ok(())
    }
}

struct Bare;

impl Actor for Bare {
    type Msg = Job;
    type State = Counter;
    type Arguments = ();

    async fn pre_start(&self, _: ActorRef<Job>, (): ()) -> Result<Counter, ActorProcessingErr> {
        Ok(Counter(0))
    }

    async fn handle(&self, _: ActorRef<Job>, job: Job, state: &mut Counter) -> Result<(), ActorProcessingErr> {
        state.take(job);
        Ok(())
    }
}

fn runtime(threads: usize) -> Runtime {
    let mut builder = tokio::runtime::Builder::new_multi_thread();
    builder
        .worker_threads(threads)
        .enable_time()
        .build()
        .expect("a runtime")
}

async fn counter() -> (Tree, Handle<Job>) {
    let handle = Handle::new();
    let child = ChildSpec::worker("counter", &handle, || Ok(Counter(0))).backoff(Backoff::NONE);
    let spec = SupervisorSpec::new(Strategy::OneForOne)
        .intensity(Intensity::new(u32::MAX, Duration::from_millis(10)))
        .child(child);
    let tree = Tree::start("bench", spec, TreeOptions::default())
        .await
        .expect("it starts");
    (tree, handle)
}

/// Asks until an incarnation answers.
async fn ask(handle: &Handle<Job>) -> u64 {
    loop {
        let (reply, answer) = oneshot::channel();
        if handle.send(Job::Ask(reply)).is_ok()
            && let Ok(count) = answer.await
        {
            return count;
        }
        tokio::task::yield_now().await;
    }
}

async fn crash(handle: &Handle<Job>) -> Duration {
    let begun = Instant::now();
    handle
        .send(Job::Panic)
        .unwrap_or_else(|_| unreachable!("it has just answered"));
    ask(handle).await;
    begun.elapsed()
}

fn restart(c: &mut Criterion) {
    // The injected panics would fill the screen, and writing them would be what is measured.
    std::panic::set_hook(Box::new(|_| {}));
    let runtime = runtime(2);
    let (tree, handle) = runtime.block_on(counter());
    c.bench_function("panic to the next answer", |bencher| {
        bencher.to_async(&runtime).iter_custom(|rounds| {
            let handle = handle.clone();
            async move {
                ask(&handle).await;
                let mut total = Duration::ZERO;
                for _ in 0..rounds {
                    total += crash(&handle).await;
                }
                total
            }
        });
    });
    // Only to see that it works, as `cargo test` runs it, a few are enough.
    let rounds = if std::env::args().any(|arg| arg == "--bench") {
        2_000
    } else {
        20
    };
    let mut times = runtime.block_on(async {
        let mut times = Vec::new();
        for _ in 0..rounds {
            times.push(crash(&handle).await);
        }
        times
    });
    times.sort_unstable();
    let (median, p99) = (times[times.len() / 2], times[times.len() * 99 / 100]);
    println!(
        "panic to the next answer: median {median:?}, p99 {p99:?} of {}",
        times.len()
    );
    runtime.block_on(tree.shutdown()).expect("in order");
    // Back to the default hook, so that a failure below is seen.
    drop(std::panic::take_hook());
}

fn cast(c: &mut Criterion) {
    let runtime = runtime(2);
    let mut group = c.benchmark_group("cast");
    group.throughput(Throughput::Elements(BATCH));

    let (tree, handle) = runtime.block_on(counter());
    group.bench_function("handle", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            for n in 0..BATCH {
                handle
                    .send(Job::Count(n))
                    .unwrap_or_else(|_| unreachable!("nothing stops it"));
            }
            ask(&handle).await
        });
    });
    runtime.block_on(tree.shutdown()).expect("in order");

    let (bare, _) = runtime.block_on(Bare::spawn(None, Bare, ())).expect("it starts");
    group.bench_function("bare ractor", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            for n in 0..BATCH {
                bare.send_message(Job::Count(n))
                    .unwrap_or_else(|_| unreachable!("nothing stops it"));
            }
            let (reply, answer) = oneshot::channel();
            bare.send_message(Job::Ask(reply))
                .unwrap_or_else(|_| unreachable!("nothing stops it"));
            answer.await.expect("it answers")
        });
    });
    bare.stop(None);

    let (sender, mut jobs) = mpsc::unbounded_channel();
    runtime.spawn(async move {
        let mut counter = Counter(0);
        while let Some(job) = jobs.recv().await {
            counter.take(job);
        }
    });
    group.bench_function("bare tokio mpsc", |bencher| {
        bencher.to_async(&runtime).iter(|| async {
            for n in 0..BATCH {
                sender.send(Job::Count(n)).unwrap_or_else(|_| unreachable!("it runs"));
            }
            let (reply, answer) = oneshot::channel();
            sender.send(Job::Ask(reply)).unwrap_or_else(|_| unreachable!("it runs"));
            answer.await.expect("it answers")
        });
    });
    group.finish();
}

criterion_group!(benches, restart, cast);
criterion_main!(benches);
