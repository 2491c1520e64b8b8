//! Who has a decision record, who may read it, and that none is lost: under contention, and where there are none left.

mod support;

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::call::CacheStatus;
use mosaic_actors::decision::DecisionSettings;
use mosaic_actors::error::{Failure, Kind};
use support::recorded::{explain, named, none_is_lost};
use support::{Do, FETCH, READ, by, call, eventually, single, spawn};

#[tokio::test(start_paused = true)]
async fn hits_are_sampled_and_whoever_asks_is_told() {
    let (system, _) = single(|spec| spec.decisions.hits = 0).await;
    for _ in 0..200 {
        system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    }
    assert_eq!(system.decision_counts().kept, 1, "the miss alone");
    let answer = system.gateway().call(explain(call(&READ, Do::Answer))).await.unwrap();
    let told = answer.head.decision.expect("it was asked for");
    assert_eq!(told.cache.status, Some(CacheStatus::Hit));
    assert!(told.outcome.is_some());
    assert_eq!(system.decision_counts().kept, 2);
    let unasked = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    assert!(unasked.head.decision.is_none());

    let (system, _) = single(|spec| spec.decisions.hits = 4).await;
    for _ in 0..2_001 {
        system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    }
    let kept = system.decision_counts().kept;
    // 500 are expected; six standard deviations to both sides.
    assert!((380..620).contains(&kept), "{kept}");
}

#[tokio::test(start_paused = true)]
async fn each_refusal_has_a_record_though_memory_serves_it() {
    let (system, _) = single(|spec| spec.decisions.hits = 0).await;
    let gone = || call(&READ, Do::Fail(Failure::new(Kind::NotFound, "no such thing")));
    for id in ["asked", "remembered", "again"] {
        system.gateway().call(named(id, gone())).await.unwrap_err();
    }
    for (id, status) in [
        ("asked", None),
        ("remembered", Some(CacheStatus::Hit)),
        ("again", Some(CacheStatus::Hit)),
    ] {
        let told = system.gateway().explain(id, None);
        assert_eq!(told.len(), 1, "{id}");
        assert!(
            told[0].outcome.is_some() && told[0].limits.is_some(),
            "{id} {:?}",
            told[0]
        );
        if status.is_some() {
            assert_eq!(told[0].cache.status, status, "{id}");
        }
    }
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_tenant_is_shown_its_own_alone_and_nobody_what_a_call_carried() {
    const SECRET: &str = "hunter2-hunter2";
    let (system, _) = single(|_| {}).await;
    // The driver's sentence quotes what it was sent, as those of careless providers do.
    let told = Do::Fail(Failure::new(Kind::Conflict, SECRET));
    for tenant in ["t", "u", "t"] {
        let call = by(tenant, named("same", call(&FETCH, told.clone())));
        system.gateway().call(explain(call)).await.unwrap_err();
    }
    let of = |tenant| system.gateway().explain("same", tenant);
    assert_eq!((of(Some("t")).len(), of(Some("u")).len(), of(None).len()), (2, 1, 3));
    assert!(of(Some("nobody")).is_empty());
    assert!(of(Some("t")).iter().all(|one| &*one.call.tenant == "t"));
    assert_eq!(system.gateway().decisions(9, Some("u")).len(), 1);
    let all = serde_json::to_string(&system.gateway().decisions(9, None)).unwrap();
    assert!(
        all.contains("acme/thing") && !all.contains(SECRET) && !all.contains("tester"),
        "{all}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn under_contention_each_call_has_one_record_and_none_is_lost() {
    const CALLERS: usize = 16;
    const EACH: usize = 60;
    let (system, _) = single(|spec| {
        spec.decisions = DecisionSettings {
            kept: CALLERS * EACH,
            under_way: CALLERS,
            hits: 1,
        };
    })
    .await;
    let callers: Vec<_> = (0..CALLERS)
        .map(|caller| {
            let gateway = system.gateway().clone();
            tokio::spawn(async move {
                for turn in 0..EACH {
                    let (operation, what) = match turn % 4 {
                        0 => (&FETCH, Do::Answer),
                        1 => (&READ, Do::Answer),
                        2 => (&FETCH, Do::Hang),
                        _ => (&FETCH, Do::Fail(Failure::new(Kind::Conflict, "as told"))),
                    };
                    let call = named(&format!("{caller}-{turn}"), call(operation, what));
                    match turn % 4 {
                        // The caller leaves.
                        2 => drop(tokio::time::timeout(Duration::from_millis(1), gateway.call(call)).await),
                        _ => drop(gateway.call(call).await),
                    }
                }
            })
        })
        .collect();
    // Somebody looks meanwhile.
    while !callers.iter().all(tokio::task::JoinHandle::is_finished) {
        let looked = system.gateway().decisions(50, None);
        assert!(looked.iter().all(|one| one.outcome.is_some()));
        tokio::task::yield_now().await;
    }
    for caller in callers {
        caller.await.unwrap();
    }
    none_is_lost(&system).await;
    let mut seen: Vec<_> = system.gateway().decisions(usize::MAX, None);
    // A hit gives its record up rather than wait for who looks.
    seen.retain(|one| one.cache.status != Some(CacheStatus::Hit));
    let ids: std::collections::BTreeSet<_> = seen.iter().map(|one| one.id.clone()).collect();
    assert_eq!(ids.len(), seen.len(), "one each");
    let fetches = (0..CALLERS).flat_map(|caller| (0..EACH).map(move |turn| (caller, turn)));
    for (caller, turn) in fetches.filter(|(_, turn)| turn % 4 != 1) {
        assert!(ids.contains(&*format!("{caller}-{turn}")), "{caller}-{turn}");
    }
}

#[tokio::test(start_paused = true)]
async fn where_there_is_no_record_left_a_call_goes_without() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let counted = |what: &str, count: usize| {
        let line = format!("mosaic_decisions_{what}_total {count}\n");
        assert!(metrics.render().contains(&line), "{line} {}", metrics.render());
    };
    let recorder = Arc::new(recorder);
    let (system, _) = single(|spec| {
        spec.decisions = DecisionSettings {
            kept: 3,
            under_way: 2,
            hits: 0,
        };
        spec.recorder = recorder;
    })
    .await;
    for turn in 0..10 {
        system
            .gateway()
            .call(named(&turn.to_string(), call(&FETCH, Do::Answer)))
            .await
            .unwrap();
    }
    let kept = system.gateway().decisions(9, None);
    assert_eq!(kept.iter().map(|one| &*one.id).collect::<Vec<_>>(), ["9", "8", "7"]);
    let hanging: Vec<_> = (0..4)
        .map(|_| spawn(system.gateway(), call(&FETCH, Do::Hang)))
        .collect();
    eventually("they are under way", || system.snapshot().in_flight == 4).await;
    assert_eq!(system.decision_counts().free, 0);
    let answer = system.gateway().call(explain(call(&FETCH, Do::Answer))).await.unwrap();
    assert!(answer.head.decision.is_none(), "it is served all the same");
    counted("recorded", 10);
    counted("dropped", 3);
    for call in hanging {
        call.abort();
        let _gone = call.await;
    }
    none_is_lost(&system).await;
    let answer = system.gateway().call(explain(call(&FETCH, Do::Answer))).await.unwrap();
    assert!(answer.head.decision.is_some());

    let (system, _) = single(|spec| spec.decisions.kept = 0).await;
    let answer = system.gateway().call(explain(call(&FETCH, Do::Answer))).await.unwrap();
    assert!(answer.head.decision.is_some());
    assert!(system.gateway().decisions(9, None).is_empty());
    none_is_lost(&system).await;
}
