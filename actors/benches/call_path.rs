//! What the call path costs, beside the same shape without actors.
//!
//! Each pair is measured interleaved, round by round, so that a busy machine slows both; what is reported is the ratio
//! of the medians. Timing decides no test.

use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use criterion::{Criterion, criterion_group};
use mosaic_actors::breaker::BreakerPer;
use mosaic_actors::call::{Answer, Body, CacheTimes, Call, Caller, Head, Operation, Operations, Resource};
use mosaic_actors::credits::Billing;
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver, ready};
use mosaic_actors::error::Failure;
use mosaic_actors::gateway::Gateway;
use mosaic_actors::instance::{InstanceSpec, OverloadSettings};
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::policy::slow_start::SlowStart;
use mosaic_actors::system::{System, SystemSpec};
use tokio::runtime::Runtime;
use tokio::sync::{mpsc, oneshot};

static FETCH: Operation = Operation::read("bench", "bench.thing.fetch");
static READ: Operation = Operation {
    cache: Some(CacheTimes {
        fresh: Duration::from_secs(3_600),
        stale: Duration::from_secs(3_600),
        negative: Duration::from_secs(1),
    }),
    ..Operation::read("bench", "bench.thing.get")
};

static OPERATIONS: LazyLock<Arc<Operations>> = LazyLock::new(|| Arc::new(Operations::new([&FETCH, &READ])));

/// Answers at once.
struct Instantly {
    name: Arc<str>,
}

impl Driver for Instantly {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            Ok(Answer {
                head: Head::json(self.name.clone()),
                body: Body::Bytes(Bytes::from_static(b"{}")),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Unproven) })
    }
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts")
}

async fn system() -> System {
    let name: Arc<str> = Arc::from("a");
    let called = name.clone();
    let instance = InstanceSpec {
        name,
        kind: Arc::from("bench"),
        capabilities: Capabilities::of(&OPERATIONS, [FETCH.name, READ.name]),
        factory: ready(move || Ok(Arc::new(Instantly { name: called.clone() }))),
        max_in_flight: 1_000,
        attempt_timeout: Duration::from_secs(10),
        overload: OverloadSettings::default(),
        breaker: BreakerSettings::default(),
        breaker_per: BreakerPer::default(),
        slow_start: SlowStart::default(),
        credential_scope: 0,
        offers: Vec::new(),
        weight: 1,
        labels: Vec::new(),
        billing: Billing::default(),
    };
    let mut spec = SystemSpec::new(Arc::new(metrics::NoopRecorder));
    spec.operations = OPERATIONS.clone();
    spec.instances = vec![instance];
    System::start(spec).await.expect("it starts")
}

/// What a surface holds when it calls.
struct Template {
    caller: Caller,
    resource: Resource,
    input: Arc<()>,
}

impl Template {
    fn new() -> Self {
        Template {
            caller: Caller::new("t", "bench"),
            resource: Resource::parse("acme/thing"),
            input: Arc::new(()),
        }
    }

    fn call(&self, operation: &'static Operation) -> Call {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
        let mut call = Call::new(
            OPERATIONS.get(operation.name).expect("declared above"),
            self.resource.clone(),
            self.caller.clone(),
            self.input.clone(),
            deadline,
        );
        call.request_key = operation.cache.map(|_| [7; 32]);
        call
    }
}

/// The shape without actors: a task per call, three channels in a row, and a way back.
#[derive(Clone)]
struct Channels(mpsc::UnboundedSender<oneshot::Sender<u64>>);

impl Channels {
    fn start() -> Self {
        let (gateway, mut at_gateway) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
        let (router, mut at_router) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
        let (provider, mut at_provider) = mpsc::unbounded_channel::<oneshot::Sender<u64>>();
        tokio::spawn(async move {
            while let Some(reply) = at_gateway.recv().await {
                let router = router.clone();
                tokio::spawn(async move {
                    let (port, outcome) = oneshot::channel();
                    router.send(port).expect("the router lives");
                    let outcome = outcome.await.expect("it answers");
                    reply.send(outcome).expect("the caller waits");
                });
            }
        });
        tokio::spawn(async move {
            while let Some(port) = at_router.recv().await {
                provider.send(port).expect("the provider lives");
            }
        });
        tokio::spawn(async move {
            while let Some(port) = at_provider.recv().await {
                tokio::spawn(async move { port.send(7).expect("the task waits") });
            }
        });
        Channels(gateway)
    }

    async fn call(&self) -> u64 {
        let (reply, outcome) = oneshot::channel();
        self.0.send(reply).expect("the gateway lives");
        outcome.await.expect("it answers")
    }
}

/// `callers` tasks make `each` calls one after the other.
async fn calls_of(gateway: &Gateway, operation: &'static Operation, callers: usize, each: usize) -> Duration {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let gateway = gateway.clone();
            tokio::spawn(async move {
                let template = Template::new();
                for _ in 0..each {
                    black_box(gateway.call(template.call(operation)).await.expect("it is served"));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no caller panics");
    }
    started.elapsed()
}

async fn channel_calls(channels: &Channels, callers: usize, each: usize) -> Duration {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let channels = channels.clone();
            tokio::spawn(async move {
                for _ in 0..each {
                    black_box(channels.call().await);
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no caller panics");
    }
    started.elapsed()
}

type Bare = moka::sync::Cache<(Arc<str>, u64, [u8; 32]), Arc<Answered>>;

/// What a bare cache would hold for the same answer.
struct Answered {
    head: Head,
    body: Bytes,
}

fn bare() -> Bare {
    let cache = moka::sync::Cache::builder()
        .max_capacity(64 << 20)
        .weigher(|_, _| 514)
        .time_to_live(Duration::from_secs(3_600))
        .build();
    let answered = Answered {
        head: Head::json(Arc::from("a")),
        body: Bytes::from_static(b"{}"),
    };
    cache.insert((Arc::from("t"), 1, [7; 32]), Arc::new(answered));
    cache
}

async fn bare_gets(cache: &Bare, callers: usize, each: usize) -> Duration {
    let started = Instant::now();
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let cache = cache.clone();
            tokio::spawn(async move {
                let key = (Arc::from("t"), 1, [7; 32]);
                for _ in 0..each {
                    let found = cache.get(&key).expect("it is there");
                    black_box((&found.head, found.body.clone()));
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.expect("no caller panics");
    }
    started.elapsed()
}

fn median(mut of: Vec<Duration>) -> Duration {
    of.sort_unstable();
    of[of.len() / 2]
}

fn row(what: &str, calls: usize, ours: Vec<Duration>, theirs: Vec<Duration>) {
    let per = |total: Duration| total.as_secs_f64() * 1e9 / calls as f64;
    let (ours, theirs) = (per(median(ours)), per(median(theirs)));
    println!(
        "{what:<34} {ours:>9.0} ns {:>8.2} M/s   bare {theirs:>9.0} ns   ratio {:>5.2}",
        1e3 / ours,
        ours / theirs
    );
}

/// Rounds, and the part of the calls that is made in each: all of them only where it is measured, and not where
/// `cargo test` looks whether it works.
fn effort() -> (usize, usize) {
    match std::env::args().any(|arg| arg == "--bench") {
        true => (11, 1),
        false => (1, 100),
    }
}

/// The table at the end: ours beside the bare shape, interleaved.
fn ratios() {
    let runtime = runtime();
    runtime.block_on(async {
        let system = system().await;
        let gateway = system.gateway();
        let (channels, cache) = (Channels::start(), bare());
        calls_of(gateway, &READ, 1, 1).await;
        let (rounds, part) = effort();
        println!("\nfor one call, medians of {rounds} interleaved rounds, two threads");
        for (callers, each) in [(1, 5_000 / part), (64, 300 / part)] {
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                ours.push(calls_of(gateway, &FETCH, callers, each).await);
                theirs.push(channel_calls(&channels, callers, each).await);
            }
            row(&format!("three hops, {callers} callers"), callers * each, ours, theirs);
        }
        for callers in [1, 2] {
            let each = 200_000 / part;
            let (mut ours, mut theirs) = (Vec::new(), Vec::new());
            for _ in 0..rounds {
                ours.push(calls_of(gateway, &READ, callers, each).await);
                theirs.push(bare_gets(&cache, callers, each).await);
            }
            row(&format!("hit, {callers} callers"), callers * each, ours, theirs);
        }
    });
}

fn call_path(criterion: &mut Criterion) {
    let runtime = runtime();
    let system = runtime.block_on(system());
    let (gateway, template) = (system.gateway(), Template::new());
    let channels = runtime.block_on(async { Channels::start() });
    criterion.bench_function("three hops", |bencher| {
        bencher.to_async(&runtime).iter(|| gateway.call(template.call(&FETCH)));
    });
    criterion.bench_function("three hops over bare channels", |bencher| {
        bencher.to_async(&runtime).iter(|| channels.call());
    });
    criterion.bench_function("hit", |bencher| {
        bencher.to_async(&runtime).iter(|| gateway.call(template.call(&READ)));
    });
    let (cache, key) = (bare(), (Arc::from("t"), 1, [7; 32]));
    criterion.bench_function("hit of a bare cache", |bencher| bencher.iter(|| cache.get(&key)));
}

criterion_group!(benches, call_path);

fn main() {
    // The ratios alone, for a profiler: `MOSAIC_BENCH_RATIOS=1`.
    if std::env::var_os("MOSAIC_BENCH_RATIOS").is_none() {
        benches();
        Criterion::default().configure_from_args().final_summary();
    }
    ratios();
}
