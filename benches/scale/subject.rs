//! What is measured: the engine with a driver that answers at once.
//!
//! Invariant: nothing in it waits.

use std::fs;
use std::hint::black_box;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use bytes::Bytes;
use mosaic::telemetry::Telemetry;
use mosaic_actors::breaker::BreakerPer;
use mosaic_actors::call::{Answer, Body, Call, Caller, Head, Operation, Operations, Resource};
use mosaic_actors::driver::{BoxFuture, Capabilities, Credential, Driver, ready};
use mosaic_actors::error::Failure;
use mosaic_actors::instance::{InstanceSpec, OverloadSettings};
use mosaic_actors::policy::breaker::BreakerSettings;
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::policy::slow_start::SlowStart;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::{System, SystemSpec};

use super::Failed;

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

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(std::future::ready(Ok(Credential::Unproven)))
    }
}

pub fn instance(name: &str) -> InstanceSpec {
    let name: Arc<str> = Arc::from(name);
    InstanceSpec {
        name: name.clone(),
        kind: Arc::from("instant"),
        capabilities: Capabilities::of(&OPERATIONS, [FETCH.name]),
        factory: ready(move || Ok(Arc::new(Instantly { name: name.clone() }))),
        max_in_flight: 256,
        attempt_timeout: Duration::from_secs(10),
        overload: OverloadSettings::default(),
        breaker: BreakerSettings::default(),
        breaker_per: BreakerPer::default(),
        slow_start: SlowStart::default(),
        labels: Vec::new(),
        billing: mosaic_actors::credits::Billing::default(),
        credential_scope: 0,
        offers: Vec::new(),
        weight: 1,
    }
}

/// A system, and the recorder that it measures with.
pub struct Subject {
    pub system: System,
    pub telemetry: Telemetry,
}

impl Subject {
    pub async fn start(instances: usize, change: impl FnOnce(&mut SystemSpec)) -> Result<Self, Failed> {
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

    pub async fn call(&self, call: Call) -> Result<(), Failed> {
        black_box(self.system.gateway().call(call).await?);
        Ok(())
    }

    /// Histograms keep their samples until somebody looks; what they hold is not what is measured.
    pub fn resident(&self) -> Result<f64, Failed> {
        self.telemetry.upkeep();
        resident()
    }
}

pub fn call(tenant: &Arc<str>, resource: &Resource) -> Call {
    let caller = Caller::new(tenant.clone(), tenant.clone());
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    let operation = OPERATIONS.get(FETCH.name).expect("it is declared above");
    Call::new(operation, resource.clone(), caller, Arc::new(()), deadline)
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
