//! What a call costs, by sizes that take turns.
//!
//! Invariant: every call that is timed succeeds.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mosaic_actors::call::{Call, Resource};
use mosaic_actors::policy::routing::Rule;
use serde_json::{Value, json};

use super::Failed;
use super::memory::{open, tenant_names};
use super::subject::{Subject, call};

const ROUNDS: usize = 9;
/// Calls of one size in one round: some tens of milliseconds.
const CALLS: usize = 10_000;
/// The same where it is only to be seen that it works.
const FEW_CALLS: usize = 20;

/// One size of a part: its system, and its n-th call.
struct Case {
    size: usize,
    subject: Subject,
    call: Box<dyn Fn(usize) -> Call>,
}

/// Times the cases in turns.
async fn compare(what: &str, cases: Vec<Case>) -> Result<Value, Failed> {
    let mut nanos: Vec<Vec<f64>> = vec![Vec::new(); cases.len()];
    let (rounds, calls) = match super::is_measured() {
        true => (ROUNDS, CALLS),
        false => (1, FEW_CALLS),
    };
    for round in 0..rounds {
        for (case, nanos) in cases.iter().zip(&mut nanos) {
            let started = Instant::now();
            for index in 0..calls {
                case.subject.call((case.call)(round * calls + index)).await?;
            }
            nanos.push(started.elapsed().as_nanos() as f64 / calls as f64);
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
pub async fn instances(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
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
            let all = Rule {
                instances: (0..size).map(|index| Arc::from(format!("i{index}"))).collect(),
                ..Rule::default()
            };
            let subject = Subject::start(size, |spec| spec.rules = vec![all]).await?;
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
pub async fn rules(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
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

pub async fn tenants(sizes: &[usize]) -> Result<Vec<Value>, Failed> {
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
