//! Decision records through the whole path: what was decided for a call, and why; who may read it; that none is lost.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::time::Duration;

use futures_util::StreamExt;
use mosaic_actors::call::CacheStatus;
use mosaic_actors::decision::{AttemptResult, Explained, RoutedBy, Verdict, Why};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::policy::limit::Rate;
use mosaic_actors::quota::Limits;
use mosaic_actors::system::System;
use support::recorded::{explain, named, none_is_lost};
use support::{
    Counts, Do, FETCH, READ, STREAM, all_is_back, call, eventually, failing, force_open, frames_of, instance, pair,
    scripted, single, spawn, spec, within,
};
use tokio::sync::Semaphore;

/// The one record of the call with this id.
#[track_caller]
fn record(system: &System, id: &str) -> Explained {
    let mut found = system.gateway().explain(id, Some("t"));
    assert_eq!(found.len(), 1, "{id}: {found:?}");
    found.remove(0)
}

fn verdicts(explained: &Explained) -> Vec<(&str, Verdict, u8)> {
    let candidates = explained.candidates.iter();
    candidates.map(|one| (&*one.instance, one.verdict, one.asked)).collect()
}

fn code(explained: &Explained) -> Option<Kind> {
    explained.outcome.expect("it has ended").code
}

async fn every_hit() -> (System, Arc<Counts>) {
    single(|spec| spec.decisions.hits = 1).await
}

#[tokio::test(start_paused = true)]
async fn a_miss_and_a_hit() {
    let (system, _) = every_hit().await;
    system
        .gateway()
        .call(named("miss", call(&READ, Do::Answer)))
        .await
        .unwrap();
    let miss = record(&system, "miss");
    assert_eq!((&*miss.call.tenant, &*miss.call.operation), ("t", READ.name));
    assert_eq!((&*miss.call.resource, miss.call.resource_cut), ("acme/thing", false));
    assert_eq!((miss.route.by, miss.route.rule), (RoutedBy::Rule, Some(0)));
    assert_eq!(verdicts(&miss), [("a", Verdict::Asked, 1)]);
    let [attempt] = &miss.attempts[..] else {
        panic!("{miss:?}")
    };
    assert_eq!((attempt.instance.as_deref(), attempt.why), (Some("a"), Why::First));
    assert_eq!((attempt.result, attempt.code), (AttemptResult::Answered, None));
    assert_eq!(miss.cache.status, Some(CacheStatus::Miss));
    let limits = miss.limits.unwrap();
    assert_eq!((limits.remaining, limits.max_in_flight), (None, None));
    assert_eq!((code(&miss), miss.outcome.unwrap().bytes), (None, 3));
    assert!(miss.phases.looked_up_us.is_some() && miss.at_unix_ms > 0);

    system
        .gateway()
        .call(named("hit", call(&READ, Do::Answer)))
        .await
        .unwrap();
    let hit = record(&system, "hit");
    assert_eq!(
        (hit.cache.status, hit.cache.tier.as_deref()),
        (Some(CacheStatus::Hit), Some("l1"))
    );
    assert_eq!(verdicts(&hit), [("a", Verdict::NotLookedAt, 0)]);
    assert!(hit.attempts.is_empty() && hit.phases.admitted_us.is_some());
    assert_eq!(system.gateway().decisions(9, None)[0].id, hit.id, "the newest first");
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_retry_and_a_failover() {
    let (system, _) = pair().await;
    let twice = failing((0..2).map(|_| Failure::new(Kind::UpstreamFailed, "as told")));
    let answer = system
        .gateway()
        .call(explain(named("both", call(&FETCH, twice))))
        .await
        .unwrap();
    let told = record(&system, "both");
    assert_eq!(answer.head.decision.as_deref(), Some(&told));
    let why: Vec<_> = told
        .attempts
        .iter()
        .map(|one| (one.why, one.result, one.code))
        .collect();
    let failed = |why| (why, AttemptResult::Failed, Some(Kind::UpstreamFailed));
    assert_eq!(
        why,
        [
            failed(Why::First),
            failed(Why::Retry),
            (Why::Failover, AttemptResult::Answered, None)
        ]
    );
    assert_eq!(told.attempts[0].instance, told.attempts[1].instance);
    let wait = told.attempts[1].began_us - told.attempts[0].ended_us.unwrap();
    assert!(told.attempts[1].waited_us <= wait && wait <= 51_000, "{wait}");
    let (first, second) = (told.attempts[0].instance.clone(), told.attempts[2].instance.clone());
    assert_ne!(first, second);
    assert_eq!(told.first_choice, first);
    let of = |name: &Option<Arc<str>>| {
        let found = told.candidates.iter().find(|one| Some(&one.instance) == name.as_ref());
        found.map(|one| (one.verdict, one.asked)).unwrap()
    };
    assert_eq!(of(&first), (Verdict::ExcludedAfterFailure, 2));
    assert_eq!(of(&second), (Verdict::Asked, 1));

    let everywhere = Do::Fail(Failure::new(Kind::UpstreamFailed, "as told"));
    let failure = system
        .gateway()
        .call(explain(call(&FETCH, everywhere)))
        .await
        .unwrap_err();
    let told = failure.decision.expect("it was asked for");
    assert_eq!((code(&told), told.attempts.len()), (Some(Kind::UpstreamFailed), 3));
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn coalesced_and_stale() {
    let (system, _) = every_hit().await;
    let (number, let_go) = (Arc::new(AtomicUsize::new(1)), Arc::new(Semaphore::new(0)));
    let read = |id: &str| named(id, call(&READ, Do::NumberWhenLet(number.clone(), let_go.clone())));
    let calls = ["one", "two"].map(|id| spawn(system.gateway(), read(id)));
    eventually("both are under way", || system.snapshot().in_flight == 2).await;
    tokio::time::sleep(Duration::from_millis(1)).await;
    let_go.add_permits(1);
    for call in calls {
        call.await.unwrap().unwrap();
    }
    let both = [record(&system, "one"), record(&system, "two")];
    let shared: Vec<_> = both.iter().filter(|one| one.cache.coalesced).collect();
    assert_eq!(shared.len(), 1, "one of the two was asked for");
    assert_eq!(shared[0].cache.status, Some(CacheStatus::Collapsed));
    assert!(shared[0].attempts.is_empty());

    tokio::time::sleep(Duration::from_secs(31)).await;
    let down = Do::Fail(Failure::new(Kind::UpstreamFailed, "as told"));
    system.gateway().call(named("stale", call(&READ, down))).await.unwrap();
    let stale = record(&system, "stale");
    assert_eq!(
        (stale.cache.status, stale.cache.tier.as_deref()),
        (Some(CacheStatus::Stale), Some("l1"))
    );
    assert_eq!(stale.attempts.len(), 3);
    assert!(stale.attempts.iter().all(|one| one.code == Some(Kind::UpstreamFailed)));
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn why_candidates_could_not_be_asked() {
    let counts = Arc::new(Counts::default());
    let names = ["broken", "forced", "full", "limited", "well"];
    let mut five = spec(names.map(|name| instance(name, &counts)).into());
    five.instances[0].breaker.failures_to_open = 1;
    five.instances[2].max_in_flight = 1;
    let system = System::start(five).await.unwrap();
    let at = |name: &str, what: Do| {
        let mut call = call(&FETCH, what);
        call.provider = Some(Arc::from(name));
        call
    };
    system
        .gateway()
        .call(at("broken", Do::Fail(Failure::new(Kind::UpstreamFailed, "as told"))))
        .await
        .unwrap_err();
    force_open(&system, "forced").await;
    let hanging = spawn(system.gateway(), at("full", Do::Hang));
    let slow = Failure::new(Kind::UpstreamRateLimited, "as told").after(Duration::from_secs(60));
    system.gateway().call(at("limited", Do::Fail(slow))).await.unwrap_err();
    eventually("all are as they are to be", || {
        let instances = system.snapshot().instances;
        let open = |name: &str| {
            instances
                .iter()
                .any(|one| *one.name == *name && one.breaker.state == "open")
        };
        open("broken") && instances.iter().any(|one| &*one.name == "full" && one.in_flight == 1)
    })
    .await;
    let expected = [
        ("broken", Verdict::CircuitOpen, 0),
        ("forced", Verdict::ForcedOpen, 0),
        ("full", Verdict::Full, 0),
        ("limited", Verdict::Limited, 0),
        ("well", Verdict::Asked, 1),
    ];
    let answer = system.gateway().call(explain(call(&FETCH, Do::Answer))).await.unwrap();
    let told = answer.head.decision.unwrap();
    assert_eq!(verdicts(&told), expected);
    assert_eq!(told.candidates[2].in_flight, 1);

    let refused = system
        .gateway()
        .call(explain(at("broken", Do::Answer)))
        .await
        .unwrap_err();
    let told = refused.decision.unwrap();
    assert_eq!(
        (code(&told), told.route.by),
        (Some(Kind::CircuitOpen), RoutedBy::Provider)
    );
    assert_eq!(verdicts(&told), [("broken", Verdict::CircuitOpen, 0)]);
    assert!(told.attempts.iter().all(|one| one.instance.is_none()));
    assert_eq!(told.attempts[0].code, Some(Kind::CircuitOpen));
    hanging.abort();
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn what_is_left_of_a_providers_limits_is_told() {
    let system = scripted::system(vec![scripted::with("a", |script| script.left = Some(7))]).await;
    system
        .gateway()
        .call(named("one", call(&FETCH, Do::Answer)))
        .await
        .unwrap();
    assert_eq!(record(&system, "one").attempts[0].upstream_remaining, Some(7));
}

#[tokio::test(start_paused = true)]
async fn refusals_before_anybody_is_asked() {
    let (system, _) = single(|spec| {
        spec.limits_of = Arc::new(|_| Limits {
            rate: Rate::new(0.001, 2),
            max_in_flight: 5,
        });
    })
    .await;
    let mut nowhere = named("nowhere", call(&FETCH, Do::Answer));
    nowhere.provider = Some(Arc::from("nobody"));
    system.gateway().call(nowhere).await.unwrap_err();
    let told = record(&system, "nowhere");
    assert_eq!(
        (told.route.by, code(&told)),
        (RoutedBy::Refused, Some(Kind::InvalidInput))
    );
    assert!(told.candidates.is_empty() && told.call.provider.as_deref() == Some("nobody"));

    system
        .gateway()
        .call(named("last", call(&FETCH, Do::Answer)))
        .await
        .unwrap();
    let limits = record(&system, "last").limits.unwrap();
    assert_eq!(
        (limits.remaining, limits.in_flight, limits.max_in_flight),
        (Some(0), 0, Some(5))
    );
    system
        .gateway()
        .call(named("more", call(&FETCH, Do::Answer)))
        .await
        .unwrap_err();
    let told = record(&system, "more");
    assert_eq!(
        (told.route.by, code(&told)),
        (RoutedBy::NotRouted, Some(Kind::RateLimited))
    );
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_stream_and_those_who_leave() {
    let (system, _) = single(|_| {}).await;
    let frames = Do::Frames(3, Duration::from_millis(5));
    let answer = system
        .gateway()
        .call(explain(named("stream", call(&STREAM, frames))))
        .await
        .unwrap();
    let at_its_head = answer.head.decision.clone().expect("what is known by then");
    assert!(at_its_head.outcome.is_none());
    assert_eq!(at_its_head.attempts[0].result, AttemptResult::Answered);
    assert!(system.gateway().explain("stream", None).is_empty(), "it has not ended");
    assert_eq!(frames_of(answer).count().await, 3);
    let told = record(&system, "stream");
    let outcome = told.outcome.unwrap();
    assert_eq!(outcome.code, None);
    assert!(
        outcome.first_event_us.unwrap() >= 5_000 && outcome.took_us >= 15_000 && outcome.bytes > 0,
        "{outcome:?}"
    );

    let endless = Do::Frames(100, Duration::from_millis(5));
    let answer = system
        .gateway()
        .call(named("left", call(&STREAM, endless)))
        .await
        .unwrap();
    drop(answer);
    assert_eq!(code(&record(&system, "left")), Some(Kind::Cancelled));

    all_is_back(&system).await;
    let hanging = spawn(system.gateway(), named("cancelled", call(&FETCH, Do::Hang)));
    eventually("it is asked", || system.snapshot().instances[0].in_flight == 1).await;
    assert_eq!(system.gateway().cancel("cancelled"), 1);
    hanging.await.unwrap().unwrap_err();
    let told = record(&system, "cancelled");
    assert_eq!(code(&told), Some(Kind::Cancelled));
    assert_eq!(
        (told.attempts[0].result, told.attempts[0].ended_us),
        (AttemptResult::Unfinished, None)
    );

    let late = within(Duration::from_millis(50), named("late", call(&FETCH, Do::Hang)));
    system.gateway().call(late).await.unwrap_err();
    let told = record(&system, "late");
    assert_eq!(code(&told), Some(Kind::Timeout));
    none_is_lost(&system).await;
}

#[tokio::test(start_paused = true)]
async fn a_dry_run_changes_nothing() {
    let (system, counts) = pair().await;
    let gateway = system.gateway();
    let dry = || gateway.dry_run(call(&READ, Do::Answer));
    let first = dry().await;
    assert!(first.dry_run);
    assert_eq!((first.cache.status, code(&first)), (Some(CacheStatus::Miss), None));
    assert_eq!(first.first_choice.as_deref(), Some("a"));
    assert!(
        first
            .candidates
            .iter()
            .all(|one| one.verdict == Verdict::Available && one.asked == 0)
    );
    for _ in 0..5 {
        assert_eq!(dry().await.first_choice, first.first_choice, "no turn is spent");
    }
    assert_eq!(counts.begun.load(std::sync::atomic::Ordering::SeqCst), 0);
    let (kept, quotas) = (system.decision_counts().kept, system.quotas());
    assert_eq!((kept, quotas.len(), system.snapshot().l1.entries), (0, 0, 0));

    let answer = gateway.call(call(&READ, Do::Answer)).await.unwrap();
    assert_eq!(answer.head.cache, CacheStatus::Miss);
    assert_eq!(&*answer.head.provider, "a");
    let hit = dry().await;
    assert_eq!(
        (hit.cache.status, hit.cache.tier.as_deref()),
        (Some(CacheStatus::Hit), Some("l1"))
    );
    assert_eq!(
        hit.first_choice.as_deref(),
        Some("b"),
        "who would be asked if it were not for the cache"
    );
    tokio::time::sleep(Duration::from_secs(31)).await;
    assert_eq!(dry().await.cache.status, Some(CacheStatus::Stale));

    for name in ["a", "b"] {
        force_open(&system, name).await;
    }
    let refused = gateway.dry_run(call(&FETCH, Do::Answer)).await;
    assert_eq!((code(&refused), refused.first_choice), (Some(Kind::CircuitOpen), None));
    let mut nowhere = call(&FETCH, Do::Answer);
    nowhere.provider = Some(Arc::from("nobody"));
    let refused = gateway.dry_run(nowhere).await;
    assert_eq!(
        (refused.route.by, code(&refused)),
        (RoutedBy::Refused, Some(Kind::InvalidInput))
    );
    none_is_lost(&system).await;
}
