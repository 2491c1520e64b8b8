//! Calls that are not made: what is told of them is what becomes of the same call when it is made right after.
//!
//! Invariant: looking spends nothing, takes no place and counts nothing.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::sync::atomic::Ordering::SeqCst;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use mosaic_actors::call::{Answer, Body, CacheStatus, Call, Head, Priority};
use mosaic_actors::decision::{Awaited, Explained, RuleResult, Verdict};
use mosaic_actors::driver::{BoxFuture, Credential, Driver, ready};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::policy::balance::Basis;
use mosaic_actors::policy::routing::{Canary, Conditions, Preference, Rule};
use mosaic_actors::rate_limit::RateLimit;
use mosaic_actors::system::{System, SystemSpec};
use support::billed::{billed, credited};
use support::recorded::named;
use support::{Counts, Do, FETCH, READ, call, equivalent, eventually, instance, single, spawn, spec, text};

fn plain(name: &str) -> InstanceSpec {
    instance(name, &Arc::new(Counts::default()))
}

async fn started(instances: Vec<InstanceSpec>, rules: Vec<Rule>) -> System {
    let mut spec = spec(instances);
    spec.rules = rules;
    System::start(spec).await.expect("it starts")
}

fn fetch() -> Call {
    call(&FETCH, Do::Answer)
}

async fn dry(system: &System, call: Call) -> Explained {
    system.gateway().dry_run(call).await
}

fn code(told: &Explained) -> Option<Kind> {
    told.outcome.expect("it has ended").code
}

fn verdicts(told: &Explained) -> Vec<(&str, Verdict)> {
    let candidates = told.candidates.iter();
    candidates.map(|one| (&*one.instance, one.verdict)).collect()
}

/// Makes the call: who served it, or the code of its failure.
async fn made(system: &System, call: Call) -> Result<String, Kind> {
    let answer = system.gateway().call(call).await.map_err(|failure| failure.kind)?;
    Ok(text(&answer).trim_matches('"').to_owned())
}

/// What is told of it is what becomes of it.
#[track_caller]
fn same(told: &Explained, made: &Result<String, Kind>) {
    let told = match code(told) {
        None => Ok(told.first_choice.as_deref().unwrap_or_default().to_owned()),
        Some(kind) => Err(kind),
    };
    assert_eq!(told, *made);
}

fn on_credits(names: &[&str], credited: &str) -> Rule {
    Rule {
        prefer: vec![Preference {
            instances: vec![Arc::from(credited)],
            credits: true,
            ..Preference::default()
        }],
        ..equivalent(names)
    }
}

#[tokio::test(start_paused = true)]
async fn a_hard_limit_without_credits_left_would_refuse() {
    let system = started(vec![credited(3, true, None, plain("a"))], vec![equivalent(&["a"])]).await;
    for _ in 0..3 {
        let told = dry(&system, fetch()).await;
        assert_eq!(verdicts(&told), [("a", Verdict::Available)]);
        same(&told, &made(&system, fetch()).await);
    }
    let told = dry(&system, fetch()).await;
    assert_eq!(verdicts(&told), [("a", Verdict::NoCredits)]);
    assert_eq!((code(&told), &told.first_choice), (Some(Kind::BudgetExhausted), &None));
    same(&told, &made(&system, fetch()).await);
    assert_eq!(system.credits()[0].spent, 3, "looking spends nothing");
}

#[tokio::test(start_paused = true)]
async fn credits_that_have_to_be_leased_first_are_there() {
    // Dearer than what is leased at a time.
    let cloud = credited(100, false, Some(70), billed("cloud", Duration::ZERO, None));
    let system = started(vec![plain("own"), cloud], vec![on_credits(&["own", "cloud"], "cloud")]).await;
    let told = dry(&system, fetch()).await;
    assert_eq!(told.first_choice.as_deref(), Some("cloud"), "{told:?}");
    assert_eq!(
        verdicts(&told),
        [("cloud", Verdict::Available), ("own", Verdict::LowerTier)]
    );
    assert_eq!(told.route.basis, Basis::Tier);
    assert_eq!(told.candidates[0].expected_cost_nano_usd, Some(70));
    assert_eq!(told.candidates[1].expected_cost_nano_usd, None);
    assert_eq!(system.credits()[0].spent, 0);
    same(&told, &made(&system, fetch()).await);
    let told = dry(&system, fetch()).await;
    assert_eq!(
        verdicts(&told),
        [("cloud", Verdict::NoCredits), ("own", Verdict::Available)]
    );
    same(&told, &made(&system, fetch()).await);
    let kept = system.gateway().call(named("made", fetch())).await.unwrap();
    assert_eq!(text(&kept), "\"own\"");
    let told = &system.gateway().explain("made", None)[0];
    assert_eq!(verdicts(told), [("cloud", Verdict::NoCredits), ("own", Verdict::Asked)]);
}

/// A provider that says what is left of its quota.
struct Quota {
    name: Arc<str>,
    left: Arc<AtomicU64>,
    reset: u64,
}

impl Driver for Quota {
    fn call(self: Arc<Self>, _call: Arc<Call>) -> BoxFuture<Result<Answer, Failure>> {
        Box::pin(async move {
            Ok(Answer {
                head: Head::json(self.name.clone()),
                body: Body::Bytes(format!("\"{}\"", self.name).into()),
                value: None,
            })
        })
    }

    fn health(self: Arc<Self>) -> BoxFuture<Result<Credential, Failure>> {
        Box::pin(async { Ok(Credential::Serves) })
    }

    fn paced_by(&self, _call: &Call) -> Option<Arc<str>> {
        Some(Arc::from("requests"))
    }

    fn rate_limits(&self) -> Vec<RateLimit> {
        vec![RateLimit {
            resource: Arc::from("requests"),
            limit: Some(1_000),
            remaining: Some(self.left.load(SeqCst)),
            used: None,
            reset_unix_ms: Some(self.reset),
            seen_unix_ms: 1,
        }]
    }
}

fn quota(name: &str, left: u64, scope: u64) -> InstanceSpec {
    let (called, left): (Arc<str>, _) = (Arc::from(name), Arc::new(AtomicU64::new(left)));
    let now = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is past 1970");
    let reset = now.as_millis() as u64 + 3_600_000;
    InstanceSpec {
        credential_scope: scope,
        factory: ready(move || {
            Ok(Arc::new(Quota {
                name: called.clone(),
                left: left.clone(),
                reset,
            }))
        }),
        ..plain(name)
    }
}

fn urgent(priority: Priority) -> Call {
    let mut call = fetch();
    call.attributes.priority = priority;
    call
}

#[tokio::test(start_paused = true)]
async fn a_quota_that_is_spared_or_used_up_would_refuse_and_another_would_be_asked() {
    let system = started(vec![quota("a", 0, 1)], vec![equivalent(&["a"])]).await;
    let told = dry(&system, urgent(Priority::High)).await;
    assert_eq!(verdicts(&told), [("a", Verdict::Paced)]);
    assert_eq!(code(&told), Some(Kind::UpstreamRateLimited));
    same(&told, &made(&system, urgent(Priority::High)).await);

    let system = started(vec![quota("a", 20, 1)], vec![equivalent(&["a"])]).await;
    let mut low = Ok(());
    for _ in 0..40 {
        let told = dry(&system, urgent(Priority::Low)).await;
        let made = made(&system, urgent(Priority::Low)).await;
        same(&told, &made);
        low = made.map(drop);
    }
    assert_eq!(low, Err(Kind::Overloaded), "what is left is spared");
    let told = dry(&system, urgent(Priority::High)).await;
    same(&told, &made(&system, urgent(Priority::High)).await);

    let both = started(vec![quota("a", 0, 1), plain("b")], vec![equivalent(&["a", "b"])]).await;
    let told = dry(&both, fetch()).await;
    assert_eq!(verdicts(&told), [("a", Verdict::Paced), ("b", Verdict::Available)]);
    same(&told, &made(&both, fetch()).await);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_full_would_be_waited_for_where_there_is_a_queue() {
    let full = |waiting: usize| {
        single(move |spec: &mut SystemSpec| {
            spec.instances[0].max_in_flight = 1;
            spec.instances[0].overload.waiting.max_waiting = waiting;
        })
    };
    for waiting in [4, 0] {
        let (system, _) = full(waiting).await;
        let slow = spawn(
            system.gateway(),
            call(&FETCH, Do::AnswerAfter(Duration::from_millis(20))),
        );
        eventually("it is asked", || system.snapshot().instances[0].in_flight == 1).await;
        let told = dry(&system, fetch()).await;
        let outcome = told.outcome.unwrap();
        assert_eq!(verdicts(&told), [("a", Verdict::Full)]);
        let awaited = (waiting > 0).then_some(Awaited::Place);
        assert_eq!((outcome.waits, outcome.code.is_none()), (awaited, waiting > 0));
        same(&told, &made(&system, fetch()).await);
        slow.await.unwrap().unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn all_rules_are_told_with_what_they_look_at() {
    let mut rules: Vec<Rule> = (0..12)
        .map(|number| Rule {
            resource: Some(Arc::from(format!("other-{number}"))),
            ..equivalent(&["a"])
        })
        .collect();
    let dear = |cost_min| Rule {
        when: Conditions {
            cost_min: Some(cost_min),
            ..Conditions::default()
        },
        ..equivalent(&["a"])
    };
    rules.extend([dear(71), dear(70)]);
    let system = started(vec![credited(1_000, false, Some(70), plain("a"))], rules).await;
    let told = dry(&system, fetch()).await;
    assert_eq!((told.route.rules.len(), told.route.rules_left_out), (14, 0));
    let judged = |number: usize| {
        (
            told.route.rules[number].result,
            told.route.rules[number].expected_cost_nano_usd,
        )
    };
    assert_eq!(judged(11), (RuleResult::Resource, None));
    assert_eq!(judged(12), (RuleResult::Cost, Some(70)));
    assert_eq!(judged(13), (RuleResult::Matched, Some(70)));
    system.gateway().call(named("made", fetch())).await.unwrap();
    let kept = &system.gateway().explain("made", None)[0];
    let last = kept.route.rules.last().unwrap();
    assert_eq!((kept.route.rules.len(), kept.route.rules_left_out), (8, 6));
    assert_eq!(
        (last.rule, last.result, last.expected_cost_nano_usd),
        (13, RuleResult::Matched, Some(70))
    );
}

#[tokio::test(start_paused = true)]
async fn what_a_choice_went_by_is_told() {
    let basis = async |rule: Rule, repeat: usize| {
        let instances = ["a", "b"].map(|name| billed(name, Duration::from_millis(20), None));
        let system = started(instances.into(), vec![rule]).await;
        for _ in 0..repeat {
            system.gateway().call(fetch()).await.unwrap();
        }
        system.gateway().call(named("last", fetch())).await.unwrap();
        system.gateway().explain("last", None)[0].clone()
    };
    let nearest = || Rule {
        nearest: true,
        ..equivalent(&["a", "b"])
    };
    let told = basis(nearest(), 4).await;
    assert_eq!(told.route.basis, Basis::Nearest);
    let scores: Vec<_> = told.candidates.iter().map(|one| one.score.is_some()).collect();
    assert_eq!(scores, [true, true], "{told:?}");
    assert!((told.candidates[0].score.unwrap() - 0.02).abs() < 0.01);
    assert_eq!(basis(nearest(), 0).await.route.basis, Basis::Explored);
    let canary = Rule {
        canaries: vec![Canary {
            instance: Arc::from("b"),
            parts: 1_000_000,
        }],
        ..equivalent(&["a", "b"])
    };
    assert_eq!(basis(canary, 0).await.route.basis, Basis::Canary);
    let preferred = Rule {
        prefer: vec![Preference {
            instances: vec![Arc::from("b")],
            ..Preference::default()
        }],
        ..equivalent(&["a", "b"])
    };
    let told = basis(preferred, 0).await;
    assert_eq!(told.route.basis, Basis::Tier);
    assert_eq!(verdicts(&told), [("b", Verdict::Asked), ("a", Verdict::LowerTier)]);
    assert_eq!(basis(equivalent(&["a", "b"]), 0).await.route.basis, Basis::Turn);
    assert_eq!(basis(equivalent(&["a"]), 0).await.route.basis, Basis::Only);

    let (system, _) = support::pair().await;
    let once = support::failing([Failure::new(Kind::UpstreamFailed, "as told")]);
    system.gateway().call(named("again", call(&FETCH, once))).await.unwrap();
    assert_eq!(system.gateway().explain("again", None)[0].route.basis, Basis::Again);
}

#[tokio::test(start_paused = true)]
async fn one_that_was_never_measured_would_be_the_nearest_to_ask() {
    let instances = ["a", "b"].map(|name| billed(name, Duration::from_millis(20), None));
    let nearest = Rule {
        nearest: true,
        ..equivalent(&["a", "b"])
    };
    let system = started(instances.into(), vec![nearest]).await;
    for basis in [Basis::Explored, Basis::Explored, Basis::Nearest] {
        let told = dry(&system, fetch()).await;
        assert_eq!(told.route.basis, basis);
        same(&told, &made(&system, fetch()).await);
    }
}

#[tokio::test(start_paused = true)]
async fn what_memory_was_asked_is_told_of_a_call_that_failed() {
    let (system, _) = single(|_| {}).await;
    let failed = async |id: &str, no_cache: bool| {
        let mut call = named(id, call(&READ, Do::Fail(Failure::new(Kind::Forbidden, "as told"))));
        call.no_cache = no_cache;
        system.gateway().call(call).await.unwrap_err();
        system.gateway().explain(id, None)[0].cache.status
    };
    assert_eq!(failed("bypass", true).await, Some(CacheStatus::Bypass));
    assert_eq!(failed("miss", false).await, Some(CacheStatus::Miss));
}
