//! What a call costs and what memory is held as the gateway grows: `cargo bench --bench scale [-- --json]`.
//!
//! The engine alone, with a driver that answers at once and a real recorder, on one thread. Sizes take turns; a cost is
//! told as its ratio to that of the smallest size in the same round. Memory is the resident set of a process that does
//! nothing else: each part runs in one of its own.
//!
//! Invariant: every call that is timed succeeds.

use std::error::Error;
use std::fs;
use std::hint::black_box;
use std::process::{Command, ExitCode};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use bytes::Bytes;
use futures_util::future::join_all;
use mosaic::telemetry::Telemetry;
use mosaic_actors::call::{Answer, Body, Call, Caller, Head, Operation, Operations, Resource};
use mosaic_actors::driver::{BoxFuture, Capabilities, Driver, ready};
use mosaic_actors::error::Failure;
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::plugin::ReadyMade;
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::policy::routing::Rule;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::{System, SystemSpec};
use serde_json::{Value, json};

type Failed = Box<dyn Error + Send + Sync>;

/// The parts, each run in a process of its own.
const PARTS: [&str; 5] = ["instances", "rules", "tenants", "instance memory", "tenant memory"];
const ROUNDS: usize = 9;
/// Calls of one size in one round: some tens of milliseconds.
const CALLS: usize = 10_000;
/// A tenant that is idle for so long is retired, in the part that waits for it: long enough to open all before.
const RETIRE_AFTER: Duration = Duration::from_secs(60);
/// What opening or retiring all tenants may take.
const PATIENCE: Duration = Duration::from_secs(300);

static FETCH: Operation = Operation::read("bench", "bench.thing.fetch");
static OPERATIONS: LazyLock<Arc<Operations>> = LazyLock::new(|| Arc::new(Operations::new([&FETCH])));

/// Answers at once.
struct Instantly {
    name: Arc<str>,
}

impl Driver for Instantly {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        let answer = Answer {
            head: Head::json(self.name.clone()),
            body: Body::Bytes(Bytes::from_static(b"{}")),
            value: None,
        };
        Box::pin(std::future::ready(Ok(answer)))
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<(), Failure>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

fn instance(name: &str) -> InstanceSpec {
    let name: Arc<str> = Arc::from(name);
    InstanceSpec {
        name: name.clone(),
        kind: Arc::from("instant"),
        capabilities: Capabilities::of(&OPERATIONS, [FETCH.name]),
        factory: ready(move || Ok(Arc::new(Instantly { name: name.clone() }))),
        offers: Vec::new(),
        weight: 1,
        price: None,
        max_in_flight: 256,
        attempt_timeout: Duration::from_secs(10),
        breaker: BreakerSettings::default(),
        credential_scope: 0,
    }
}

/// A system, and the recorder that it measures with.
struct Subject {
    system: System,
    telemetry: Telemetry,
}

impl Subject {
    async fn start(instances: usize, change: impl FnOnce(&mut SystemSpec)) -> Result<Self, Failed> {
        let telemetry = Telemetry::new()?;
        let mut spec = SystemSpec::new(telemetry.recorder());
        spec.operations = OPERATIONS.clone();
        spec.instances = (0..instances).map(|index| instance(&format!("i{index}"))).collect();
        // Counted, and never reached.
        spec.limits_of = Arc::new(|_| Limits {
            rate: Rate::new(1e9, 1_000_000),
            max_in_flight: 1_000,
        });
        change(&mut spec);
        let system = System::start(spec).await?;
        Ok(Subject { system, telemetry })
    }

    async fn call(&self, call: Call) -> Result<(), Failed> {
        black_box(self.system.gateway().call(call).await?);
        Ok(())
    }

    /// Histograms keep their samples until somebody looks; what they hold is not what is measured.
    fn resident(&self) -> Result<f64, Failed> {
        self.telemetry.upkeep();
        resident()
    }
}

fn call(tenant: &Arc<str>, resource: &Resource) -> Call {
    let caller = Caller {
        tenant: tenant.clone(),
        identity: tenant.clone(),
    };
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let fetch = OPERATIONS.get(FETCH.name).expect("it is listed");
    Call::new(fetch, resource.clone(), caller, Arc::new(()), deadline)
}

/// Bytes of this process in memory.
fn resident() -> Result<f64, Failed> {
    let status = fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    let kib: f64 = line
        .and_then(|line| line.split_whitespace().next())
        .ok_or("no VmRSS")?
        .parse()?;
    Ok(kib * 1024.0)
}

/// One size of a part: its system, and its n-th call.
struct Case {
    size: usize,
    subject: Subject,
    call: Box<dyn Fn(usize) -> Call>,
}

/// Times the cases in turns.
async fn compare(what: &str, cases: Vec<Case>) -> Result<Value, Failed> {
    let mut nanos: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    for round in 0..ROUNDS {
        for (case, nanos) in cases.iter().zip(&mut nanos) {
            let started = Instant::now();
            for index in 0..CALLS {
                case.subject.call((case.call)(round * CALLS + index)).await?;
            }
            nanos.push(started.elapsed().as_nanos() as f64 / CALLS as f64);
            case.subject.telemetry.upkeep();
        }
    }
    let smallest = nanos[0].clone();
    let rows = cases.iter().zip(&nanos).map(|(case, nanos)| {
        let ratio = median(nanos.iter().zip(&smallest).map(|(here, least)| here / least));
        json!({ "size": case.size, "us_per_call": median(nanos.iter().copied()) / 1e3, "ratio_to_smallest": ratio })
    });
    let rows: Vec<Value> = rows.collect();
    for case in cases {
        case.subject.system.shutdown(Duration::from_secs(1)).await;
    }
    Ok(json!({ "what": what, "rows": rows }))
}

fn median(values: impl IntoIterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.into_iter().collect();
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// All instances are equivalent, and take turns; each is asked for by its name in turn; always the same one is. The
/// difference between the last two is what it costs that a thousand actors' memory is no longer near.
async fn instances(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
    let tenant: Arc<str> = Arc::from("t");
    let thing = Resource::parse("acme/thing");
    let (mut equivalent, mut named, mut same) = (Vec::new(), Vec::new(), Vec::new());
    for &size in sizes {
        let names = (0..size).map(|index| Resource::parse(&format!("i{index}~acme/thing")));
        let names: Vec<Resource> = names.collect();
        let first = names[0].clone();
        let (a, b, c, thing) = (tenant.clone(), tenant.clone(), tenant.clone(), thing.clone());
        let calls: [Box<dyn Fn(usize) -> Call>; 3] = [
            Box::new(move |_| call(&a, &thing)),
            Box::new(move |index| call(&b, &names[index % size])),
            Box::new(move |_| call(&c, &first)),
        ];
        for (cases, call) in [&mut equivalent, &mut named, &mut same].into_iter().zip(calls) {
            let subject = Subject::start(size, |_| {}).await?;
            cases.push(Case { size, subject, call });
        }
    }
    Ok(vec![
        compare("a call, by equivalent instances that take turns", equivalent).await?,
        compare("a call, by instances that are named in turn", named).await?,
        compare("a call to the same one, by instances", same).await?,
    ])
}

/// As many rules as instances, each for the resources of one.
async fn rules(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
    let mut cases = Vec::new();
    for &size in sizes {
        let tenant: Arc<str> = Arc::from("t");
        let things: Vec<Resource> = (0..size)
            .map(|index| Resource::parse(&format!("org{index}/thing")))
            .collect();
        let rule = |index: usize| Rule {
            resource: Some(Arc::from(format!("org{index}/*"))),
            instances: vec![Arc::from(format!("i{index}"))],
            ..Rule::default()
        };
        let subject = Subject::start(size, |spec| spec.rules = (0..size).map(rule).collect()).await?;
        cases.push(Case {
            size,
            subject,
            call: Box::new(move |index| call(&tenant, &things[index % size])),
        });
    }
    Ok(vec![compare("a call, by rules", cases).await?])
}

fn tenant_names(generation: usize, count: usize) -> Vec<Arc<str>> {
    (0..count)
        .map(|index| Arc::from(format!("tenant-{generation}-{index}")))
        .collect()
}

/// Every tenant calls once, and then has its actor. Tells the seconds that it took.
async fn open(subject: &Subject, tenants: &[Arc<str>]) -> Result<f64, Failed> {
    let thing = Resource::parse("acme/thing");
    let started = Instant::now();
    for tenant in tenants {
        subject.call(call(tenant, &thing)).await?;
    }
    settled(subject, tenants.len()).await?;
    Ok(started.elapsed().as_secs_f64())
}

/// Waits until so many tenants are active, with an actor each.
async fn settled(subject: &Subject, count: usize) -> Result<(), Failed> {
    let quotas = subject
        .system
        .tree()
        .node("/root/tenants/quotas")
        .ok_or("the tree has no quotas")?;
    let until = Instant::now() + PATIENCE;
    while subject.system.snapshot().tenants != count || quotas.children().len() != count {
        if Instant::now() > until {
            let (gates, actors) = (subject.system.snapshot().tenants, quotas.children().len());
            return Err(format!("{gates} gates and {actors} actors instead of {count} after {PATIENCE:?}").into());
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    Ok(())
}

async fn tenants(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
    let mut cases = Vec::new();
    for &size in sizes {
        let subject = Subject::start(1, |_| {}).await?;
        let names = tenant_names(0, size);
        open(&subject, &names).await?;
        let thing = Resource::parse("acme/thing");
        cases.push(Case {
            size,
            subject,
            call: Box::new(move |index| call(&names[index % size], &thing)),
        });
    }
    Ok(vec![compare("a call, by active tenants", cases).await?])
}

/// Three generations of instances: what a later one adds to the first is what a retired one leaves behind.
async fn instance_memory(count: usize) -> Result<Vec<Value>, Failed> {
    let subject = Subject::start(0, |_| {}).await?;
    let plugins = subject.system.plugins();
    let mut rows = Vec::new();
    let before = subject.resident()?;
    for generation in 0..3 {
        let names: Vec<String> = (0..count).map(|index| format!("g{generation}-{index}")).collect();
        let started = Instant::now();
        for added in join_all(names.iter().map(|name| plugins.add(ReadyMade::spec(instance(name))))).await {
            added?;
        }
        let seconds = started.elapsed().as_secs_f64();
        let active = subject.resident()?;
        for removed in join_all(names.iter().map(|name| plugins.remove(name))).await {
            removed?;
        }
        rows.push(memory_row(
            generation,
            count,
            seconds,
            active - before,
            subject.resident()? - before,
        ));
    }
    Ok(vec![json!({ "what": "memory of instances", "rows": rows })])
}

/// Two generations of tenants, likewise.
async fn tenant_memory(count: usize) -> Result<Vec<Value>, Failed> {
    let subject = Subject::start(1, |spec| spec.tenants.retire_after = RETIRE_AFTER).await?;
    let mut rows = Vec::new();
    let before = subject.resident()?;
    for generation in 0..2 {
        let names = tenant_names(generation, count);
        let seconds = open(&subject, &names).await?;
        let active = subject.resident()?;
        drop(names);
        settled(&subject, 0).await?;
        rows.push(memory_row(
            generation,
            count,
            seconds,
            active - before,
            subject.resident()? - before,
        ));
    }
    Ok(vec![json!({ "what": "memory of tenants", "rows": rows })])
}

fn memory_row(generation: usize, count: usize, seconds: f64, active: f64, retired: f64) -> Value {
    json!({
        "generation": generation + 1,
        "count": count,
        "us_to_open": seconds * 1e6 / count as f64,
        "bytes_active": active / count as f64,
        "bytes_after_retirement": retired / count as f64,
    })
}

fn run(part: &str, full: bool) -> Result<Vec<Value>, Failed> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (few, many): (&[usize], &[usize]) = match full {
        true => (&[1, 10, 100, 1_000], &[1, 10, 100, 1_000, 10_000, 100_000]),
        false => (&[1, 4], &[1, 4]),
    };
    runtime.block_on(async {
        match part {
            "instances" => instances(few).await,
            "rules" => rules(few).await,
            "tenants" => tenants(many).await,
            "instance memory" => instance_memory(few[few.len() - 1]).await,
            "tenant memory" if full => tenant_memory(many[many.len() - 1]).await,
            "tenant memory" => Ok(vec![]),
            other => Err(format!("there is no part called {other}").into()),
        }
    })
}

/// Numbers in columns; the names of the columns are those of the first row.
fn table(part: &Value) -> String {
    let rows: Vec<_> = part["rows"]
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_object)
        .collect();
    let heading: Vec<String> = rows
        .first()
        .into_iter()
        .flat_map(|row| row.keys())
        .map(|key| format!("{key:>24}"))
        .collect();
    let mut text = format!("{}\n{}\n", part["what"].as_str().unwrap_or_default(), heading.concat());
    for row in rows {
        let cells: Vec<String> = row
            .values()
            .map(|value| format!("{:>24.2}", value.as_f64().unwrap_or(f64::NAN)))
            .collect();
        text += &cells.concat();
        text.push('\n');
    }
    text
}

fn told() -> Result<(), Failed> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let has = |flag: &str| args.iter().any(|arg| arg == flag);
    let part = args
        .iter()
        .position(|arg| arg == "--part")
        .and_then(|at| args.get(at + 1));
    let Some(part) = part else {
        for part in PARTS {
            let status = Command::new(std::env::current_exe()?)
                .args(&args)
                .args(["--part", part])
                .status()?;
            if !status.success() {
                return Err(format!("{part} failed").into());
            }
        }
        return Ok(());
    };
    // Without `--bench`, as `cargo test` runs it, only to see that it works.
    for result in run(part, has("--bench"))? {
        match has("--json") {
            true => println!("{result}"),
            false => println!("{}", table(&result)),
        }
    }
    Ok(())
}

fn main() -> ExitCode {
    match told() {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("scale: {error}");
            ExitCode::FAILURE
        }
    }
}
