//! What memory instances and tenants hold, and leave behind.
//!
//! Invariant: a part runs in a process that does nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::future::join_all;
use mosaic_actors::call::Resource;
use mosaic_actors::plugin::ReadyMade;
use serde_json::{Value, json};

use super::Failed;
use super::subject::{Subject, call, instance};

/// A tenant that is idle for so long is retired, in the part that waits for it: long enough to open all before.
const RETIRE_AFTER: Duration = Duration::from_secs(60);
/// What opening or retiring all tenants may take.
const PATIENCE: Duration = Duration::from_secs(300);

pub fn tenant_names(generation: usize, count: usize) -> Vec<Arc<str>> {
    (0..count)
        .map(|index| Arc::from(format!("tenant-{generation}-{index}")))
        .collect()
}

/// Every tenant calls once, and then has its actor. Tells the seconds that it took.
pub async fn open(subject: &Subject, tenants: &[Arc<str>]) -> Result<f64, Failed> {
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

/// Three generations of instances: what a later one adds to the first is what a retired one leaves behind.
pub async fn instance_memory(count: usize) -> Result<Vec<Value>, Failed> {
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
pub async fn tenant_memory(count: usize) -> Result<Vec<Value>, Failed> {
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
