//! Tenants' limits: exact, followed, and kept by actors that come and go.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicU32;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::call::{Answer, Claim};
use mosaic_actors::driver::BoxFuture;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::{System, SystemSpec};
use support::{Do, FETCH, all_is_back, by, call, eventually, single, spawn};

fn rate(spec: &mut SystemSpec, per_second: f64, burst: u32) {
    let limits = Limits {
        rate: Rate::new(per_second, burst),
        ..Limits::default()
    };
    spec.limits_of = Arc::new(move |_| limits);
}

async fn has_actor(system: &System, tenant: &str, expected: bool) {
    let path = format!("/root/tenants/quotas/{tenant}");
    eventually("the tenant's actor is as expected", || {
        system.tree().node(&path).is_some() == expected
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_rate_is_exact_under_contention() {
    // A bucket that does not refill while the test runs.
    let (system, _) = single(|spec| rate(spec, 0.000_001, 500)).await;
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let gateway = system.gateway().clone();
            tokio::spawn(async move {
                let mut passed = 0;
                for _ in 0..20 {
                    match gateway.call(call(&FETCH, Do::Answer)).await {
                        Ok(_) => passed += 1,
                        Err(refused) => assert_eq!(refused.kind, Kind::RateLimited),
                    }
                }
                passed
            })
        })
        .collect();
    let mut passed = 0;
    for caller in callers {
        passed += caller.await.unwrap();
    }
    assert_eq!(passed, 500);
    let quota = &system.quotas()[0];
    assert_eq!(
        (quota.admitted, quota.refused, quota.remaining),
        (500, 64 * 20 - 500, Some(0))
    );
    all_is_back(&system).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn places_are_exact_under_contention() {
    let (system, counts) = single(|spec| {
        spec.limits_of = Arc::new(|_| Limits {
            max_in_flight: 10,
            ..Limits::default()
        });
    })
    .await;
    let calls: Vec<_> = (0..64)
        .map(|_| spawn(system.gateway(), call(&FETCH, Do::Hang)))
        .collect();
    eventually("ten are in", || counts.begun.load(SeqCst) == 10).await;
    eventually("the others are refused", || system.quotas()[0].refused == 54).await;
    let quota = &system.quotas()[0];
    assert_eq!((quota.in_flight, counts.begun.load(SeqCst)), (10, 10));
    assert_eq!((quota.admitted, quota.refused), (10, 54), "a call is counted once");
    for call in calls {
        call.abort();
    }
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_refusal_says_exactly_when_to_come_back() {
    let (system, _) = single(|spec| rate(spec, 2.0, 3)).await;
    let ask = async || system.gateway().call(call(&FETCH, Do::Answer)).await;
    for _ in 0..3 {
        ask().await.unwrap();
    }
    let refused = ask().await.unwrap_err();
    assert_eq!(refused.kind, Kind::RateLimited);
    let wait = refused.retry_after.expect("when to come back");
    assert!(
        wait > Duration::from_millis(490) && wait <= Duration::from_millis(500),
        "{wait:?}"
    );
    // Another tenant has its own bucket.
    system
        .gateway()
        .call(by("other", call(&FETCH, Do::Answer)))
        .await
        .unwrap();
    tokio::time::sleep(wait - Duration::from_millis(2)).await;
    assert!(ask().await.is_err(), "not a moment earlier");
    tokio::time::sleep(Duration::from_millis(2)).await;
    ask().await.expect("and then it passes");
}

#[tokio::test(start_paused = true)]
async fn an_idle_tenant_is_forgotten_and_may_return() {
    let (system, _) = single(|spec| {
        rate(spec, 1.0, 5);
        spec.tenants.retire_after = Duration::from_secs(60);
    })
    .await;
    for round in 0..3 {
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        has_actor(&system, "t", true).await;
        assert_eq!(
            (system.snapshot().tenants, system.quotas()[0].admitted),
            (1, 1),
            "round {round}"
        );
        tokio::time::sleep(Duration::from_secs(30)).await;
        assert_eq!(system.snapshot().tenants, 1, "too early");
        tokio::time::sleep(Duration::from_secs(60)).await;
        assert_eq!(system.snapshot().tenants, 0);
        has_actor(&system, "t", false).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_tenant_with_a_call_in_flight_is_not_forgotten() {
    let (system, _) = single(|spec| {
        spec.instances[0].attempt_timeout = Duration::from_secs(1_000);
        spec.tenants.retire_after = Duration::from_secs(10);
    })
    .await;
    let long = support::within(Duration::from_secs(1_000), call(&FETCH, Do::Hang));
    let long = spawn(system.gateway(), long);
    has_actor(&system, "t", true).await;
    tokio::time::sleep(Duration::from_secs(100)).await;
    assert_eq!(system.snapshot().tenants, 1);
    long.abort();
    tokio::time::sleep(Duration::from_secs(20)).await;
    assert_eq!(system.snapshot().tenants, 0);
}

#[tokio::test(start_paused = true)]
async fn actors_come_back_whoever_of_the_tenants_crashes() {
    for path in [
        "/root/tenants/quotas/t",
        "/root/tenants/owner",
        "/root/tenants/quotas",
        "/root/tenants",
    ] {
        let (system, _) = single(|spec| {
            rate(spec, 0.000_001, 2);
            spec.tenants.retire_after = Duration::from_secs(60);
        })
        .await;
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        has_actor(&system, "t", true).await;
        let node = system.tree().node(path).expect(path);
        system.tree().crash(path, "rehearsal").await.unwrap();
        eventually("it is up again", || {
            system
                .tree()
                .node(path)
                .is_some_and(|now| now.generation() == 2 || !Arc::ptr_eq(&now, &node))
        })
        .await;
        has_actor(&system, "t", true).await;
        // The limits outlive it: one of two calls was spent before.
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        let refused = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::RateLimited, "{path}");
    }
}

#[tokio::test(start_paused = true)]
async fn changed_limits_are_followed() {
    let allowed = Arc::new(AtomicU32::new(1));
    let told = allowed.clone();
    let (system, counts) = single(move |spec| {
        spec.limits_of = Arc::new(move |_| Limits {
            max_in_flight: told.load(SeqCst),
            ..Limits::default()
        });
    })
    .await;
    let hang = || spawn(system.gateway(), call(&FETCH, Do::Hang));
    let mut hanging = vec![hang()];
    eventually("one is in", || counts.begun.load(SeqCst) == 1).await;
    let full = async || {
        system
            .gateway()
            .call(call(&FETCH, Do::Answer))
            .await
            .err()
            .map(|failure| failure.kind)
    };
    assert_eq!(full().await, Some(Kind::Overloaded));

    // Raised, and told at once.
    allowed.store(3, SeqCst);
    system.limits_changed();
    eventually("it is followed", || system.quotas()[0].max_in_flight == 3).await;
    hanging.extend([hang(), hang()]);
    eventually("three are in", || counts.begun.load(SeqCst) == 3).await;
    assert_eq!(full().await, Some(Kind::Overloaded));

    // Lowered, and found by the tenant's actor itself: those in flight stay, nobody takes their places.
    allowed.store(2, SeqCst);
    tokio::time::sleep(Duration::from_secs(9)).await;
    system.limits_changed();
    eventually("it is followed", || system.quotas()[0].max_in_flight == 2).await;
    hanging.pop().expect("three hang").abort();
    eventually("two are left", || system.quotas()[0].in_flight == 2).await;
    assert_eq!(full().await, Some(Kind::Overloaded));
    hanging.pop().expect("two hang").abort();
    eventually("one is left", || system.quotas()[0].in_flight == 1).await;
    assert_eq!(full().await, None);
}

#[tokio::test(start_paused = true)]
async fn a_tenants_actor_looks_for_new_limits_by_itself() {
    let burst = Arc::new(AtomicU32::new(1));
    let told = burst.clone();
    let (system, _) = single(move |spec| {
        spec.tenants.retire_after = Duration::from_secs(60);
        spec.limits_of = Arc::new(move |_| Limits {
            rate: Rate::new(0.000_001, told.load(SeqCst)),
            ..Limits::default()
        });
    })
    .await;
    system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    assert!(system.gateway().call(call(&FETCH, Do::Answer)).await.is_err());
    burst.store(3, SeqCst);
    tokio::time::sleep(Duration::from_secs(16)).await;
    system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
}

/// A claim that is counted, and made.
#[derive(Default)]
struct Counted(std::sync::atomic::AtomicUsize);

impl Claim for Counted {
    fn take(self: Arc<Self>, _deadline: tokio::time::Instant) -> BoxFuture<Result<Option<Answer>, Failure>> {
        self.0.fetch_add(1, SeqCst);
        Box::pin(async { Ok(None) })
    }
}

#[tokio::test(start_paused = true)]
async fn what_is_refused_claims_nothing_and_what_claims_holds_its_places() {
    let (system, counts) = single(|spec| {
        spec.limits_of = Arc::new(|_| Limits {
            max_in_flight: 1,
            ..Limits::default()
        });
    })
    .await;
    let claims = Arc::new(Counted::default());
    let claiming = |act| {
        let mut call = call(&FETCH, act);
        call.claim = Some(claims.clone());
        call
    };
    let first = spawn(system.gateway(), claiming(Do::Hang));
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    for _ in 0..10 {
        let refused = system.gateway().call(claiming(Do::Answer)).await.unwrap_err();
        assert_eq!(refused.kind, Kind::Overloaded);
    }
    assert_eq!((claims.0.load(SeqCst), system.quotas()[0].in_flight), (1, 1));
    first.abort();
    all_is_back(&system).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_stays_without_a_call_is_among_its_tenants_calls() {
    let (system, _) = single(|spec| {
        spec.limits_of = Arc::new(|_| Limits {
            rate: Rate::new(0.000_001, 3),
            max_in_flight: 1,
        });
    })
    .await;
    let (gateway, tenant) = (system.gateway(), Arc::from("listener"));
    let there = gateway.attend(&tenant).expect("one place");
    assert_eq!(system.quotas()[0].in_flight, 1);
    let full = gateway.attend(&tenant).err().expect("it is taken");
    assert_eq!((full.kind, full.retry_after.is_some()), (Kind::Overloaded, true));
    drop(there);
    assert_eq!(system.quotas()[0].in_flight, 0);
    gateway.attend(&tenant).expect("it is given back");
    let fast = gateway.attend(&tenant).err().expect("its rate is spent");
    assert_eq!((fast.kind, fast.retry_after.is_some()), (Kind::RateLimited, true));
    gateway.attend(&Arc::from("other")).expect("another tenant's place");
    gateway.drain(Duration::from_secs(1)).await;
    let late = gateway.attend(&Arc::from("late")).err().expect("nobody is let in");
    assert_eq!(late.kind, Kind::Overloaded);
}
