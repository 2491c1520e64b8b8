//! Panics at every kind of actor and in a driver's future, at random moments, under load.
//!
//! Invariant: every call has exactly one reply in time, siblings are untouched, and the ledger tells each panic once.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::time::Duration;

use fastrand::Rng;
use futures_util::StreamExt;
use mosaic_actors::call::{Body, Call};
use mosaic_actors::error::Kind;
use mosaic_actors::policy::backoff::Backoff;
use mosaic_actors::policy::hedge::HedgeSettings;
use mosaic_actors::policy::intensity::Intensity;
use mosaic_actors::supervision::Why;
use mosaic_actors::system::System;
use support::{
    Counts, Do, FETCH, READ, STREAM, WRITE, all_is_back, by, call, eventually, instance, spec, text, within,
};

const CALLERS: u64 = 64;
const TENANTS: u64 = 4;
/// A call's deadline: far longer than any of them needs, so that one that is lost shows as a timeout.
const DEADLINE: Duration = Duration::from_secs(20);

/// Who is made to panic. Each injector has its own actors, so that each panic meets an incarnation of its own.
const TARGETS: [&[&str]; 4] = [
    &[
        "/root/gateway",
        "/root/plugins/instances/a/breaker",
        "/root/tenants/quotas/t0",
    ],
    &["/root/router", "/root/cache/l1", "/root/plugins/instances/b/breaker"],
    &["/root/plugins/instances/a/provider", "driver of a"],
    &[
        "/root/tenants/owner",
        "/root/plugins/instances/b/provider",
        "/root/tenants/quotas/t1",
    ],
];
/// Actors that nobody touches.
const BYSTANDERS: [&str; 8] = [
    "/root",
    "/root/cache",
    "/root/tenants",
    "/root/tenants/quotas",
    "/root/tenants/quotas/t2",
    "/root/plugins",
    "/root/plugins/instances/a",
    "/root/plugins/instances/c/provider",
];

fn panics_per_injector() -> usize {
    match std::env::var("MOSAIC_TEST_TIER").as_deref() {
        Ok("full") => 1_000,
        _ => 100,
    }
}

/// Every read that takes longer than half of them is asked of another, too.
fn eager() -> HedgeSettings {
    HedgeSettings {
        enabled: true,
        quantile: 0.5,
        share: 1.0,
        min_delay: Duration::ZERO,
        min_samples: 1,
        ..HedgeSettings::default()
    }
}

async fn start() -> (System, Arc<Counts>) {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(["a", "b", "c"].map(|name| instance(name, &counts)).into());
    // What is tested is each single restart; the bounds on restarts have their own tests.
    spec.intensity = Intensity {
        restarts: u32::MAX,
        period: Duration::from_secs(1),
    };
    spec.backoff = Backoff::NONE;
    spec.settings.hedge = eager();
    spec.settings.recover.budget.share = 1.0;
    spec.ledger_capacity = 100_000;
    (System::start(spec).await.expect("it starts"), counts)
}

/// Panics are the test's business here; their reports would bury its own.
fn hush() {
    let told = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |panic| {
        let text = panic.payload_as_str().unwrap_or_default();
        if !text.contains("rehearsal") && !text.contains("as told") {
            told(panic);
        }
    }));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_call_has_its_reply_whoever_panics() {
    hush();
    let seed = std::env::var("MOSAIC_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("MOSAIC_TEST_SEED={seed}");
    let (system, _) = start().await;
    for tenant in 0..TENANTS {
        let first = by(&format!("t{tenant}"), call(&FETCH, Do::Answer));
        system.gateway().call(first).await.unwrap();
        let path = format!("/root/tenants/quotas/t{tenant}");
        eventually("the tenant's actor is there", || {
            system.tree().node(&path).is_some_and(|node| node.generation() == 1)
        })
        .await;
    }
    let over = Arc::new(AtomicBool::new(false));
    let replies: Vec<_> = (0..CALLERS)
        .map(|caller| {
            tokio::spawn(keep_calling(
                system.clone(),
                Rng::with_seed(seed ^ caller),
                over.clone(),
            ))
        })
        .collect();
    let injectors: Vec<_> = TARGETS
        .into_iter()
        .zip(1u64..)
        .map(|(targets, n)| tokio::spawn(inject(system.clone(), Rng::with_seed(seed ^ (n << 32)), targets)))
        .collect();
    let mut injected: HashMap<&str, u64> = HashMap::new();
    for injector in injectors {
        for (target, count) in injector.await.expect("no injector fails") {
            *injected.entry(target).or_default() += count;
        }
    }
    over.store(true, SeqCst);
    let mut outcomes: HashMap<&str, usize> = HashMap::new();
    for replies in replies {
        for (code, count) in replies.await.expect("every call has its reply in time") {
            *outcomes.entry(code).or_default() += count;
        }
    }
    println!("injected {injected:?}; replies {outcomes:?}");
    let calls: usize = outcomes.values().sum();
    let served = outcomes.get("ok").copied().unwrap_or_default();
    assert!(
        served * 10 > calls * 9,
        "nine of ten calls are served all the same: {outcomes:?}"
    );
    assert_eq!(outcomes.get(Kind::Timeout.code()), None, "no call was lost");

    // The driver's panics are its provider's ends.
    let drivers = injected.remove("driver of a").unwrap_or_default();
    *injected.entry("/root/plugins/instances/a/provider").or_default() += drivers;
    let tree = system.tree();
    assert_eq!(
        tree.snapshot().ledger_written,
        injected.values().sum::<u64>(),
        "the ledger tells each panic once"
    );
    for (path, count) in &injected {
        eventually("it is up again", || {
            tree.node(path).is_some_and(|node| node.generation() == 1 + count)
        })
        .await;
    }
    for path in BYSTANDERS {
        assert_eq!(tree.node(path).expect(path).generation(), 1, "{path} was touched");
    }
    all_is_back(&system).await;
}

/// Calls until it is over; counts the replies by their code.
async fn keep_calling(system: System, mut rng: Rng, over: Arc<AtomicBool>) -> HashMap<&'static str, usize> {
    let mut outcomes = HashMap::new();
    while !over.load(SeqCst) {
        let tenant = format!("t{}", rng.u64(..TENANTS));
        let call = within(DEADLINE, by(&tenant, random_call(&mut rng)));
        if rng.u8(..10) == 0 {
            // This caller goes away.
            let patience = Duration::from_micros(rng.u64(..500));
            let _gone = tokio::time::timeout(patience, system.gateway().call(call)).await;
            continue;
        }
        let reply = tokio::time::timeout(DEADLINE + Duration::from_secs(2), system.gateway().call(call));
        let code = match reply.await.expect("a reply in time") {
            Err(failure) => failure.kind.code(),
            Ok(answer) => match answer.body {
                Body::Bytes(_) | Body::Raw(_) => "ok",
                Body::Stream(stream) => match stream.collect::<Vec<_>>().await.last() {
                    Some(Err(failure)) => failure.kind.code(),
                    _ => "ok",
                },
            },
        };
        *outcomes.entry(code).or_default() += 1;
    }
    outcomes
}

fn random_call(rng: &mut Rng) -> Call {
    match rng.u8(..10) {
        0..3 => {
            let mut read = call(&READ, Do::AnswerAfter(Duration::from_micros(rng.u64(..2_000))));
            read.request_key = Some([rng.u8(..8); 32]);
            read
        }
        3..6 => call(&FETCH, Do::AnswerAfter(Duration::from_micros(rng.u64(..2_000)))),
        6..8 => call(&WRITE, Do::Answer),
        _ => call(&STREAM, Do::Frames(rng.usize(..40), Duration::ZERO)),
    }
}

/// Makes its targets panic, one after the other, and checks each panic's entry.
async fn inject(system: System, mut rng: Rng, targets: &'static [&'static str]) -> HashMap<&'static str, u64> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let mut injected = HashMap::new();
    for _ in 0..panics_per_injector() {
        let target = *rng.choice(targets).expect("every injector has targets");
        let text = format!("rehearsal {}.", NEXT.fetch_add(1, SeqCst));
        let (path, why, text) = if target == "driver of a" {
            panic_in_the_driver(&system).await;
            let ended = system
                .tree()
                .node("/root/plugins/instances/a/provider")
                .expect("it is in the tree");
            let generation = injected.values().sum::<u64>() + 1;
            eventually("the provider ended", || ended.generation() > generation).await;
            (
                "/root/plugins/instances/a/provider",
                Why::Error,
                "the driver panicked in test.thing.put: as told".to_owned(),
            )
        } else {
            crash(&system, target, &text).await;
            (target, Why::Panic, text)
        };
        *injected.entry(target).or_default() += 1;
        let entry = || {
            system
                .tree()
                .ledger(200)
                .into_iter()
                .find(|entry| *entry.text == text && *entry.path == *path)
        };
        eventually("the ledger has it", || entry().is_some()).await;
        assert_eq!(entry().expect("just seen").why, why);
        tokio::time::sleep(Duration::from_micros(rng.u64(..5_000))).await;
    }
    injected
}

/// Orders a panic, as soon as an incarnation is there.
async fn crash(system: &System, path: &str, reason: &str) {
    let limit = tokio::time::Instant::now() + Duration::from_secs(5);
    while let Err(error) = system.tree().crash(path, reason).await {
        assert!(tokio::time::Instant::now() < limit, "{path}: {error}");
        tokio::time::sleep(Duration::from_micros(200)).await;
    }
}

/// A write is never repeated, so it panics once; what never began is sent again.
async fn panic_in_the_driver(system: &System) {
    let panics = || system.instance("a").expect("it is configured").panics();
    let before = panics();
    while panics() == before {
        let mut deadly = within(DEADLINE, call(&WRITE, Do::PanicAt(&["a"])));
        deadly.provider = Some(Arc::from("a"));
        let refused = system.gateway().call(deadly).await.unwrap_err();
        assert!(panics() == before + 1 || refused.unsent, "{refused:?}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn supervisors_come_back_with_their_children() {
    hush();
    let (system, _) = start().await;
    system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    let quota = "/root/tenants/quotas/t";
    eventually("the quota actor is there", || system.tree().node(quota).is_some()).await;
    for path in [
        "/root/plugins/instances/a",
        "/root/cache",
        "/root/tenants/quotas",
        "/root/plugins",
        "/root/tenants",
    ] {
        crash(&system, path, &format!("rehearsal of {path}")).await;
        let node = system.tree().node(path).expect(path);
        eventually("it is up again", || node.generation() == 2).await;
        let answer = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        assert!(["\"a\"", "\"b\"", "\"c\""].contains(&text(&answer)));
    }
    eventually("the quota actor is back", || system.tree().node(quota).is_some()).await;
    assert_eq!(
        system.tree().crash("/root", "rehearsal").await.unwrap_err().to_string(),
        "the root cannot be stopped or restarted by itself"
    );
    assert!(system.tree().crash("/root/nobody", "rehearsal").await.is_err());
    all_is_back(&system).await;
}

/// Two are asked for each slow read, and drivers panic at random: one reply each, and everything is given back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hedged_calls_have_one_reply_whoever_panics() {
    hush();
    let seed = std::env::var("MOSAIC_TEST_SEED").map_or_else(|_| fastrand::u64(..), |text| text.parse().unwrap());
    println!("MOSAIC_TEST_SEED={seed}");
    let (system, counts) = start().await;
    let callers: Vec<_> = (0..16u64)
        .map(|caller| {
            let (gateway, mut rng) = (system.gateway().clone(), Rng::with_seed(seed ^ caller));
            tokio::spawn(async move {
                for _ in 0..100 {
                    let what = match rng.u8(..20) {
                        0 => Do::PanicAt(&["a"]),
                        1 => Do::PanicAt(&["b", "c"]),
                        _ => Do::AnswerAfter(Duration::from_micros(rng.u64(..3_000))),
                    };
                    let reply = gateway.call(within(DEADLINE, call(&FETCH, what))).await;
                    if let Err(failure) = reply {
                        assert_ne!(failure.kind, Kind::Timeout, "lost: {failure}");
                    }
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("every call has its reply");
    }
    assert!(counts.dropped.load(SeqCst) > 0, "some were asked twice");
    all_is_back(&system).await;
}
