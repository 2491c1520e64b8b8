//! Waiting for a place: a short queue, in which tenants take turns and the least urgent are turned away first.
//!
//! Invariant: no place is lost or held twice, whoever waits, gives up or is served.

mod support;

use std::sync::atomic::Ordering::SeqCst;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::call::{Call, Priority};
use mosaic_actors::error::Kind;
use mosaic_actors::gateway::CallStage;
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::stream::{BodyStream, ByteStream, Upload};
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, REPLACE, all_is_back, by, call, eventually, instance, single, spawn, spec, text};
use tokio::task::JoinHandle;
use tokio::time::Instant;

/// One instance with so many places and so long a queue.
async fn crowded(places: usize, queue: usize) -> (System, Arc<Counts>) {
    single(|spec| {
        let instance: &mut InstanceSpec = &mut spec.instances[0];
        instance.max_in_flight = places;
        instance.overload.waiting.max_waiting = queue;
        instance.overload.waiting.max_wait = Duration::from_secs(2);
    })
    .await
}

fn urgent(priority: Priority, mut call: Call) -> Call {
    call.attributes.priority = priority;
    call
}

fn waiting(system: &System) -> usize {
    system.snapshot().instances[0].waiting
}

/// Begins a call of this tenant, and returns when it waits.
async fn join(system: &System, served: &Arc<Mutex<Vec<&'static str>>>, tenant: &'static str) -> JoinHandle<()> {
    let (before, gateway, served) = (waiting(system), system.gateway().clone(), served.clone());
    let call = by(tenant, call(&FETCH, Do::AnswerAfter(Duration::from_millis(10))));
    let joined = tokio::spawn(async move {
        gateway.call(call).await.expect("its turn comes");
        served.lock().expect("no panic holds it").push(tenant);
    });
    eventually("it waits", || waiting(system) == before + 1).await;
    joined
}

#[tokio::test(start_paused = true)]
async fn who_finds_no_place_waits_for_a_short_time_and_is_served() {
    let (system, counts) = crowded(1, 4).await;
    let first = spawn(
        system.gateway(),
        call(&FETCH, Do::AnswerAfter(Duration::from_millis(500))),
    );
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let began = Instant::now();
    let second = spawn(system.gateway(), call(&FETCH, Do::Answer));
    eventually("it waits", || waiting(&system) == 1).await;
    let stages: Vec<_> = system.gateway().calls(9).iter().map(|call| call.phase).collect();
    assert!(stages.contains(&CallStage::Wait), "{stages:?}");
    let answer = second.await.unwrap().expect("a place came");
    assert_eq!(answer.head.attempts, 1, "waiting is no attempt");
    assert!(began.elapsed() >= Duration::from_millis(490));
    first.await.unwrap().unwrap();
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn who_waits_in_vain_is_told_when_to_come_back() {
    let (system, counts) = crowded(1, 4).await;
    let hanging = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let began = Instant::now();
    let failure = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!((failure.kind, failure.unsent), (Kind::Overloaded, true));
    assert!(
        failure
            .retry_after
            .is_some_and(|wait| wait >= Duration::from_millis(100))
    );
    assert_eq!(began.elapsed(), Duration::from_secs(2), "no longer than anybody waits");
    // And no longer than leaves half of its time to its attempt.
    let began = Instant::now();
    let hurried = support::within(Duration::from_secs(1), call(&FETCH, Do::Answer));
    system.gateway().call(hurried).await.unwrap_err();
    assert_eq!(began.elapsed(), Duration::from_millis(500));
    hanging.abort();
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn tenants_take_turns_however_many_of_one_wait() {
    let (system, counts) = crowded(1, 16).await;
    let first = spawn(
        system.gateway(),
        call(&FETCH, Do::AnswerAfter(Duration::from_millis(500))),
    );
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let served = Arc::default();
    let mut joined = Vec::new();
    for tenant in ["flood", "flood", "flood", "flood", "other", "other", "third"] {
        joined.push(join(&system, &served, tenant).await);
    }
    for joined in joined {
        joined.await.expect("it is served");
    }
    first.await.unwrap().unwrap();
    let order = served.lock().unwrap().clone();
    assert_eq!(order, ["flood", "other", "third", "flood", "other", "flood", "flood"]);
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn the_least_urgent_are_turned_away_before_the_queue_is_long() {
    let (system, counts) = crowded(1, 8).await;
    let hanging = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let mut waiters = Vec::new();
    let mut told = Vec::new();
    for priority in [Priority::Low, Priority::Normal, Priority::High] {
        let began = Instant::now();
        for tenant in ["t1", "t2", "t3", "t4"] {
            waiters.push(spawn(
                system.gateway(),
                urgent(priority, by(tenant, call(&FETCH, Do::Answer))),
            ));
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
        told.push((waiting(&system), began.elapsed()));
    }
    assert_eq!(told.iter().map(|(waiting, _)| *waiting).collect::<Vec<_>>(), [2, 6, 8]);
    hanging.abort();
    let mut served = 0;
    for waiter in waiters {
        match waiter.await.unwrap() {
            Ok(_) => served += 1,
            Err(failure) => assert_eq!(failure.kind, Kind::Overloaded),
        }
    }
    assert_eq!(served, 8);
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn who_goes_away_leaves_the_queue() {
    let (system, counts) = crowded(1, 4).await;
    let hanging = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let leaver = spawn(system.gateway(), call(&FETCH, Do::Answer));
    eventually("it waits", || waiting(&system) == 1).await;
    let stayer = spawn(system.gateway(), by("other", call(&FETCH, Do::Answer)));
    eventually("it waits", || waiting(&system) == 2).await;
    leaver.abort();
    eventually("it has left", || waiting(&system) == 1).await;
    hanging.abort();
    stayer.await.unwrap().expect("its turn comes");
    all_is_back(&system).await;
}

#[tokio::test(start_paused = true)]
async fn an_equivalent_with_a_place_is_asked_before_anybody_waits() {
    let counts = Arc::new(Counts::default());
    let mut two = vec![instance("a", &counts), instance("b", &counts)];
    two[0].max_in_flight = 1;
    let system = System::start(spec(two)).await.expect("it starts");
    let mut pinned = call(&FETCH, Do::Hang);
    pinned.provider = Some(Arc::from("a"));
    let hanging = spawn(system.gateway(), pinned);
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    for _ in 0..4 {
        let began = Instant::now();
        let answer = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        assert_eq!((text(&answer), began.elapsed()), ("\"b\"", Duration::ZERO));
    }
    hanging.abort();
}

#[tokio::test(start_paused = true)]
async fn what_waits_and_is_turned_away_is_measured() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let shown = recorder.handle();
    let (system, counts) = single(|spec| {
        spec.recorder = Arc::new(recorder);
        spec.instances[0].max_in_flight = 1;
        spec.instances[0].overload.waiting.max_waiting = 4;
    })
    .await;
    let has = |sample: &str| shown.render().lines().any(|line| line == sample);
    assert!(has("mosaic_attempts_limit{provider=\"a\"} 1"));
    let hanging = spawn(system.gateway(), call(&FETCH, Do::Hang));
    eventually("it is in", || counts.begun.load(SeqCst) == 1).await;
    let waiter = spawn(system.gateway(), urgent(Priority::Low, call(&FETCH, Do::Answer)));
    eventually("it waits", || has("mosaic_attempts_waiting{provider=\"a\"} 1")).await;
    waiter.await.unwrap().expect_err("in vain");
    assert!(has("mosaic_attempts_waiting{provider=\"a\"} 0"));
    assert!(has("mosaic_attempts_shed_total{provider=\"a\",priority=\"low\"} 1"));
    assert!(has("mosaic_attempts_shed_total{provider=\"a\",priority=\"high\"} 0"));
    assert!(shown.render().contains("mosaic_attempt_wait_seconds"));
    hanging.abort();
}

/// An upload of which a byte comes every ten seconds.
fn dripping() -> Upload {
    let bytes = futures_util::stream::unfold((), |()| async {
        tokio::time::sleep(Duration::from_secs(10)).await;
        Some((Ok(Bytes::from_static(b".")), ()))
    });
    Upload::once(ByteStream {
        media_type: "text/plain".into(),
        length: None,
        name: None,
        bytes: BodyStream::from_items(bytes),
    })
}

#[tokio::test(start_paused = true)]
async fn one_tenants_dripping_uploads_leave_places_for_others() {
    let (system, _) = single(|_| {}).await;
    let mut uploads = Vec::new();
    for _ in 0..256 {
        let mut upload = support::within(Duration::from_secs(600), by("dripper", call(&REPLACE, Do::Hang)));
        upload.upload = Some(Arc::new(dripping()));
        uploads.push(spawn(system.gateway(), upload));
    }
    let in_flight = || system.snapshot().instances[0].in_flight;
    eventually("they have their part", || in_flight() == 128).await;
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(in_flight(), 128, "and no more");
    // Others come at once, many of them.
    for round in 0..100 {
        let began = Instant::now();
        let answer = system.gateway().call(by("other", call(&FETCH, Do::Answer))).await;
        answer.expect("there is a place");
        assert_eq!(began.elapsed(), Duration::ZERO, "{round}");
    }
    let hanging: Vec<_> = (0..128)
        .map(|_| spawn(system.gateway(), by("other", call(&FETCH, Do::Hang))))
        .collect();
    eventually("the rest is theirs", || in_flight() == 256).await;
    // Nor does the tenant's own reading suffer while nobody else needs the places.
    for hanging in hanging {
        hanging.abort();
    }
    eventually("they are gone", || in_flight() == 128).await;
    system
        .gateway()
        .call(by("dripper", call(&FETCH, Do::Answer)))
        .await
        .expect("it may read");
    for upload in uploads {
        upload.abort();
    }
    all_is_back(&system).await;
}

/// Many callers, few places, leavers among them: real contention.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_place_is_lost_under_contention() {
    let (system, _) = crowded(3, 12).await;
    let callers: Vec<_> = (0..24u64)
        .map(|caller| {
            let system = system.clone();
            tokio::spawn(async move {
                let mut rng = fastrand::Rng::with_seed(caller);
                for _ in 0..100 {
                    let tenant = format!("t{}", rng.u8(..3));
                    let took = Duration::from_micros(rng.u64(..300));
                    let call = by(&tenant, call(&FETCH, Do::AnswerAfter(took)));
                    let patience = Duration::from_micros(if rng.u8(..4) == 0 { rng.u64(..2_000) } else { 10_000_000 });
                    let reply = tokio::time::timeout(patience, system.gateway().call(call)).await;
                    if let Ok(Err(failure)) = reply {
                        assert_eq!(failure.kind, Kind::Overloaded, "{failure}");
                    }
                    let seen = system.snapshot().instances[0].in_flight;
                    assert!(seen <= 3, "{seen} in flight");
                }
            })
        })
        .collect();
    for caller in callers {
        caller.await.expect("no caller fails");
    }
    all_is_back(&system).await;
    assert_eq!(waiting(&system), 0);
}
