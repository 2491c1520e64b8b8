//! Each leaf of the decision tree, through a whole system with all of the tree's rules in it.

mod support;

use std::sync::Arc;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::call::{Call, CostClass, Performance, Resource};
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::instance::InstanceSpec;
use mosaic_actors::policy::routing::{CandidateSet, Conditions, Preference, Reason, RouteTrace, Rule, Window};
use mosaic_actors::system::{System, SystemSpec};
use support::billed::{billed, credited, label, labelled, set_wall};
use support::{Counts, Do, FETCH, PAID, call, equivalent, eventually, force_open, instance, spec, text};

/// 2024-01-01 00:00 UTC, a Monday.
const MONDAY: u64 = 1_704_067_200;
/// Calls that the cloud serves for nothing each day.
const CREDITS: u64 = 3;

fn prefer(name: &str, value: &str, credits: bool) -> Preference {
    Preference {
        labels: vec![label(name, value)],
        credits,
        ..Preference::default()
    }
}

fn organisation(pattern: &str, forge: &str) -> Rule {
    Rule {
        name: Arc::from(pattern),
        resource: Some(Arc::from(pattern)),
        prefer: vec![Preference {
            instances: vec![Arc::from(forge)],
            ..Preference::default()
        }],
        ..equivalent(&["mirror", forge])
    }
}

fn needs(performance: Performance, rule: Rule) -> Rule {
    Rule {
        when: Conditions {
            performance: vec![performance],
            ..Conditions::default()
        },
        ..rule
    }
}

/// The whole tree: organisation pattern, then what the call needs most, then what it costs.
fn tree() -> Vec<Rule> {
    let regions = ["eu-fast", "eu-slow", "us"];
    let hosts = ["self-hosted", "cloud"];
    vec![
        organisation("internal-*", "forge-1"),
        organisation("public-*", "forge-2"),
        organisation("client-*", "forge-3"),
        needs(
            Performance::LowLatency,
            Rule {
                prefer: vec![prefer("region", "eu-1", false), prefer("region", "us-1", false)],
                nearest: true,
                ..equivalent(&regions)
            },
        ),
        needs(Performance::HighThroughput, equivalent(&regions)),
        needs(Performance::BestEffort, equivalent(&regions)),
        Rule {
            name: Arc::from("costly"),
            when: Conditions {
                costs: vec![CostClass::Tokens, CostClass::Heavy],
                ..Conditions::default()
            },
            prefer: vec![prefer("hosting", "self", false)],
            ..equivalent(&hosts)
        },
        Rule {
            name: Arc::from("cheap"),
            prefer: vec![prefer("hosting", "cloud", true), prefer("hosting", "self", false)],
            ..equivalent(&hosts)
        },
    ]
}

fn instances() -> Vec<InstanceSpec> {
    let counts = Arc::new(Counts::default());
    let plain = |name: &str| instance(name, &counts);
    let in_region = |name: &str, region: &str, takes: u64| {
        labelled(&[("region", region)], billed(name, Duration::from_millis(takes), None))
    };
    vec![
        plain("forge-1"),
        plain("forge-2"),
        plain("forge-3"),
        plain("mirror"),
        in_region("eu-slow", "eu-1", 80),
        in_region("eu-fast", "eu-1", 20),
        in_region("us", "us-1", 1),
        labelled(&[("hosting", "self")], plain("self-hosted")),
        credited(CREDITS, false, None, labelled(&[("hosting", "cloud")], plain("cloud"))),
    ]
}

async fn started(change: impl FnOnce(&mut SystemSpec)) -> System {
    let mut spec = spec(instances());
    spec.rules = tree();
    change(&mut spec);
    System::start(spec).await.expect("it starts")
}

async fn system() -> System {
    started(|_| {}).await
}

fn about(resource: &str, what: Do) -> Call {
    Call {
        resource: Resource::parse(resource),
        ..call(&FETCH, what)
    }
}

fn needing(performance: Performance) -> Call {
    let mut call = call(&FETCH, Do::Answer);
    call.attributes.performance = Some(performance);
    call
}

async fn served(system: &System, call: Call) -> String {
    let answer = system.gateway().call(call).await.expect("it is served");
    text(&answer).trim_matches('"').to_owned()
}

async fn organisation_goes_to(resource: &str, forge: &str) {
    let system = system().await;
    for _ in 0..3 {
        assert_eq!(served(&system, about(resource, Do::Answer)).await, forge);
    }
}

#[tokio::test(start_paused = true)]
async fn internal_goes_to_its_forge() {
    organisation_goes_to("internal-tools/api", "forge-1").await;
}

#[tokio::test(start_paused = true)]
async fn public_goes_to_its_forge() {
    organisation_goes_to("public-site/web", "forge-2").await;
}

#[tokio::test(start_paused = true)]
async fn client_goes_to_its_forge() {
    organisation_goes_to("client-acme/app", "forge-3").await;
}

#[tokio::test(start_paused = true)]
async fn a_costly_operation_goes_to_self_hosted() {
    let system = system().await;
    for _ in 0..3 {
        assert_eq!(served(&system, call(&PAID, Do::Answer)).await, "self-hosted");
    }
    assert_eq!(system.credits()[0].spent, 0);
}

#[tokio::test(start_paused = true)]
async fn a_cheap_one_goes_to_the_cloud_while_credits_last() {
    let system = system().await;
    for _ in 0..CREDITS {
        assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "cloud");
    }
    let credits = &system.credits()[0];
    assert_eq!((credits.left, credits.spent, credits.unit), (0, CREDITS, "calls"));
}

#[tokio::test(start_paused = true)]
async fn a_cheap_one_goes_to_self_hosted_when_credits_are_spent_until_there_are_new_ones() {
    let (day, wall) = set_wall(MONDAY);
    let system = started(|spec| spec.wall = wall).await;
    for _ in 0..CREDITS {
        served(&system, call(&FETCH, Do::Answer)).await;
    }
    for _ in 0..3 {
        assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "self-hosted");
    }
    day.store(MONDAY + 86_400, SeqCst);
    assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "cloud");
}

#[tokio::test(start_paused = true)]
async fn an_expected_cost_above_the_threshold_goes_to_self_hosted() {
    let system = started(|spec| {
        let cloud = spec.instances.last_mut().expect("the cloud");
        *cloud = credited(1_000, false, Some(10), cloud.clone());
        let dear = |spec: &mut SystemSpec, cost_min| {
            let costly = spec
                .rules
                .iter_mut()
                .find(|rule| *rule.name == *"costly")
                .expect("it is there");
            costly.when = Conditions {
                cost_min: Some(cost_min),
                ..Conditions::default()
            };
        };
        dear(spec, 10);
    })
    .await;
    assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "self-hosted");
}

#[tokio::test(start_paused = true)]
async fn low_latency_goes_to_the_nearest() {
    let system = system().await;
    // Both of the nearest region are measured once; the other is nearer by its time, and farther by its region.
    for _ in 0..2 {
        served(&system, needing(Performance::LowLatency)).await;
    }
    for _ in 0..10 {
        assert_eq!(served(&system, needing(Performance::LowLatency)).await, "eu-fast");
    }
}

#[tokio::test(start_paused = true)]
async fn high_throughput_is_load_balanced() {
    let system = system().await;
    let mut names = Vec::new();
    for _ in 0..6 {
        names.push(served(&system, needing(Performance::HighThroughput)).await);
    }
    for name in ["eu-fast", "eu-slow", "us"] {
        assert_eq!(names.iter().filter(|known| *known == name).count(), 2, "{names:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn best_effort_goes_to_any_available_one() {
    let system = system().await;
    let name = served(&system, needing(Performance::BestEffort)).await;
    assert!(["eu-fast", "eu-slow", "us"].contains(&&*name), "{name}");
    for name in ["eu-fast", "eu-slow"] {
        force_open(&system, name).await;
    }
    assert_eq!(served(&system, needing(Performance::BestEffort)).await, "us");
}

#[tokio::test(start_paused = true)]
async fn a_healthy_one_executes_the_request() {
    let system = system().await;
    let answer = system
        .gateway()
        .call(about("internal-tools/api", Do::Answer))
        .await
        .unwrap();
    assert_eq!(answer.head.attempts, 1);
}

#[tokio::test(start_paused = true)]
async fn an_unhealthy_one_fails_over_to_an_alternative() {
    let system = system().await;
    let failing = || about("internal-tools/api", Do::FailAt(&["forge-1"], Kind::UpstreamFailed));
    for _ in 0..4 {
        assert_eq!(served(&system, failing()).await, "mirror");
    }
    // Of a later tier, where the preferred one is away.
    force_open(&system, "self-hosted").await;
    assert_eq!(served(&system, call(&PAID, Do::Answer)).await, "cloud");
}

#[tokio::test(start_paused = true)]
async fn no_alternative_is_an_error_and_nobody_else_is_asked() {
    let system = system().await;
    for name in ["forge-1", "mirror"] {
        force_open(&system, name).await;
    }
    let failure = system
        .gateway()
        .call(about("internal-tools/api", Do::Answer))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, Kind::CircuitOpen);
    assert!(failure.unsent);
    // Where all that are equivalent fail, it is their failure.
    let failed = Do::Fail(Failure::new(Kind::UpstreamFailed, "as told"));
    let failure = system
        .gateway()
        .call(about("public-site/web", failed))
        .await
        .unwrap_err();
    assert_eq!(failure.kind, Kind::UpstreamFailed);
}

#[tokio::test(start_paused = true)]
async fn without_credits_and_with_self_hosted_away_it_is_an_error_that_says_when_there_are_new_ones() {
    let (_, wall) = set_wall(MONDAY + 3_600);
    let system = started(|spec| spec.wall = wall).await;
    for _ in 0..CREDITS {
        served(&system, call(&FETCH, Do::Answer)).await;
    }
    system.plugins().stop("self-hosted").await.expect("it stops");
    let failure = system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap_err();
    assert_eq!(failure.kind, Kind::BudgetExhausted, "{failure:?}");
    assert_eq!(failure.retry_after, Some(Duration::from_secs(23 * 3_600)));
}

#[tokio::test(start_paused = true)]
async fn a_rule_may_hold_at_some_hours_only() {
    let (time, wall) = set_wall(MONDAY);
    let nightly = Rule {
        priority: 1,
        when: Conditions {
            hours: vec![Window {
                days: Window::EVERY_DAY,
                from: 22 * 60,
                to: 6 * 60,
            }],
            ..Conditions::default()
        },
        ..equivalent(&["self-hosted"])
    };
    let system = started(|spec| {
        spec.wall = wall;
        spec.rules.push(nightly);
    })
    .await;
    assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "self-hosted");
    time.store(MONDAY + 12 * 3_600, SeqCst);
    assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "cloud");
}

#[derive(Default)]
struct Why(Vec<(usize, &'static str)>);

impl RouteTrace for Why {
    fn passed_over(&mut self, number: usize, _rule: &Rule, why: Reason) {
        self.0.push((number, why.as_str()));
    }

    fn matched(&mut self, number: usize, _rule: &Rule, _set: Option<&CandidateSet>) {
        self.0.push((number, "matched"));
    }
}

#[tokio::test(start_paused = true)]
async fn a_rule_in_shadow_decides_nothing_and_is_reported_and_a_decision_can_be_explained() {
    let system = started(|spec| {
        let shadow = Rule {
            shadow: true,
            ..equivalent(&["self-hosted"])
        };
        spec.rules.insert(7, shadow);
    })
    .await;
    assert_eq!(served(&system, call(&FETCH, Do::Answer)).await, "cloud");
    assert_eq!(served(&system, call(&PAID, Do::Answer)).await, "self-hosted");
    let report = &system.shadows()[..];
    assert_eq!(
        report
            .iter()
            .map(|one| (one.rule, one.same, one.different))
            .collect::<Vec<_>>(),
        [(7, 0, 1)]
    );

    let mut why = Why::default();
    let set = system.route(&call(&FETCH, Do::Answer), &mut why).unwrap();
    assert_eq!((&*set.instances[0], set.tiers.len()), ("cloud", 2));
    let expected = [
        (0, "resource"),
        (1, "resource"),
        (2, "resource"),
        (3, "performance"),
        (4, "performance"),
        (5, "performance"),
        (6, "cost_class"),
        (8, "matched"),
    ];
    assert_eq!(why.0, expected);
    assert_eq!(system.shadows()[0].different, 1, "nobody made that call");
    eventually("nothing is in flight", || system.gateway().in_flight() == 0).await;
}
