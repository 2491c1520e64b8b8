//! Outlier ejection, the panic threshold and slow start, as callers and operators meet them.

mod support;

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mosaic_actors::call::Call;
use mosaic_actors::error::Kind;
use mosaic_actors::plugin::{PluginSettings, ReadyMade};
use mosaic_actors::policy::breaker::BreakerMode;
use mosaic_actors::policy::outlier::{FailurePercentage, OutlierSettings, SuccessRate};
use mosaic_actors::policy::slow_start::SlowStart;
use mosaic_actors::supervision::{Event, State, Told};
use mosaic_actors::system::{System, SystemSpec};
use support::scripted::{Scripted, SharedScript, Step, plugin};
use support::{Counts, Do, FETCH, call, equivalent, eventually, instance, spec, text};
use tokio::sync::broadcast::Receiver;
use tokio::time::sleep;

const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "f"];

/// What one call meets, and no other instance is asked for.
struct Stage {
    system: System,
    metrics: PrometheusHandle,
    events: Receiver<Told>,
}

/// Equivalent instances whose breakers never open: what keeps calls from them is ejection.
async fn stage(count: usize, change: impl FnOnce(&mut SystemSpec)) -> Stage {
    let counts = Arc::new(Counts::default());
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let mut system = spec(NAMES[..count].iter().map(|name| instance(name, &counts)).collect());
    system.recorder = Arc::new(recorder);
    system.settings.recover.max_attempts = 1;
    // Only where a test says so: a check that finds one well lets it back.
    system.plugin_settings.health_every = Duration::ZERO;
    for instance in &mut system.instances {
        instance.breaker.mode = BreakerMode::Disabled;
    }
    change(&mut system);
    let system = System::start(system).await.expect("it starts");
    let events = system.events().subscribe();
    Stage {
        system,
        metrics,
        events,
    }
}

impl Stage {
    /// Who answered, or what failed.
    async fn ask(&self, what: Do) -> Result<String, Kind> {
        self.call(call(&FETCH, what)).await
    }

    async fn call(&self, call: Call) -> Result<String, Kind> {
        let answer = self.system.gateway().call(call).await;
        answer
            .map(|answer| text(&answer).trim_matches('"').to_owned())
            .map_err(|failure| failure.kind)
    }

    /// Asks one of them so often, and no other.
    async fn ask_of(&self, name: &str, what: Do, times: usize) {
        for _ in 0..times {
            let mut pinned = call(&FETCH, what.clone());
            pinned.provider = Some(Arc::from(name));
            let _outcome = self.call(pinned).await;
        }
    }

    /// All of them, so often, by turns: who answered how often.
    async fn turns(&self, count: usize) -> HashMap<String, usize> {
        let mut answered = HashMap::new();
        for _ in 0..count {
            let who = self.ask(Do::Answer).await.expect("somebody answers");
            *answered.entry(who).or_default() += 1;
        }
        answered
    }

    fn ejected_for(&self, name: &str) -> Option<u64> {
        let instances = self.system.snapshot().instances;
        let found = instances.into_iter().find(|instance| *instance.name == *name);
        found.expect("it is there").ejected_for_ms
    }

    fn share(&self, name: &str) -> f32 {
        let instances = self.system.snapshot().instances;
        let found = instances.into_iter().find(|instance| *instance.name == *name);
        found.expect("it is there").share
    }

    async fn is_ejected(&self, name: &str) {
        eventually("it is ejected", || self.ejected_for(name).is_some()).await;
    }

    fn metric(&self, line: &str) -> Option<f64> {
        let text = self.metrics.render();
        let found = text.lines().find_map(|found| found.strip_prefix(line));
        found.map(|value| value.trim().parse().expect("a number"))
    }

    fn told(&mut self) -> Vec<(String, &'static str, Option<u64>)> {
        std::iter::from_fn(|| self.events.try_recv().ok())
            .filter_map(|told| match told.event {
                Event::Ejection {
                    name, state, for_ms, ..
                } => Some((name.to_string(), state, for_ms)),
                _ => None,
            })
            .collect()
    }

    /// Each of `names` is asked so often, and fails as often as its number says.
    async fn interval(&self, met: &[(&'static str, usize)], each: usize) {
        for (name, failures) in met {
            // Never five in a row: that is another rule.
            for number in 0..each {
                let fails = number * failures / each != (number + 1) * failures / each;
                self.ask_of(name, if fails { down() } else { Do::Answer }, 1).await;
            }
        }
    }
}

fn down() -> Do {
    Do::FailAt(&NAMES, Kind::UpstreamFailed)
}

/// Rules by rates alone, for few attempts.
fn by_rates(system: &mut SystemSpec) {
    system.settings.outlier = OutlierSettings {
        consecutive_failures: 0,
        success_rate: Some(SuccessRate {
            minimum_attempts: 20,
            ..SuccessRate::default()
        }),
        ..OutlierSettings::default()
    };
}

#[tokio::test(start_paused = true)]
async fn five_failures_in_a_row_eject_and_its_time_lets_it_back() {
    let mut stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    assert_eq!(stage.metric("mosaic_provider_ejected{provider=\"a\"}"), Some(0.0));
    stage.ask_of("a", down(), 4).await;
    sleep(Duration::from_millis(5)).await;
    assert_eq!(stage.ejected_for("a"), None, "four are not five");
    stage.ask_of("a", down(), 1).await;
    stage.is_ejected("a").await;
    let answered = stage.turns(20).await;
    assert!(!answered.contains_key("a") && answered.len() == 2, "{answered:?}");
    assert_eq!(stage.metric("mosaic_provider_ejected{provider=\"a\"}"), Some(1.0));
    assert_eq!(
        stage.metric("mosaic_provider_ejections_total{provider=\"a\"}"),
        Some(1.0)
    );
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(0.0));
    let left = stage.ejected_for("a").expect("it is ejected");
    assert!(left > 29_000 && left <= 30_000, "{left}");
    sleep(Duration::from_millis(left + 5)).await;
    assert_eq!(stage.turns(9).await["a"], 3);
    eventually("it is told", || {
        stage.metric("mosaic_provider_ejected{provider=\"a\"}") == Some(0.0)
    })
    .await;
    assert_eq!(
        stage.told(),
        [
            ("a".to_owned(), "ejected", Some(30_000)),
            ("a".to_owned(), "returned", None)
        ]
    );
}

#[tokio::test(start_paused = true)]
async fn a_success_ends_the_row() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    for _ in 0..5 {
        stage.ask_of("a", down(), 4).await;
        stage.ask_of("a", Do::Answer, 1).await;
    }
    sleep(Duration::from_millis(5)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

#[tokio::test(start_paused = true)]
async fn each_ejection_is_longer_and_quiet_intervals_make_them_shorter() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    let eject = async || {
        stage.ask_of("a", down(), 5).await;
        stage.is_ejected("a").await;
        let left = stage.ejected_for("a").expect("it is ejected");
        sleep(Duration::from_millis(left + 5)).await;
        left.div_ceil(1_000)
    };
    assert_eq!([eject().await, eject().await, eject().await], [30, 60, 90]);
    // Whole intervals without an ejection: at least three, and no more than four.
    sleep(Duration::from_secs(35)).await;
    let after = eject().await;
    assert!(after == 30 || after == 60, "{after}");
}

#[tokio::test(start_paused = true)]
async fn no_more_than_the_share_is_ejected_and_one_always_may() {
    for (share, expected) in [(0.1, 1), (0.5, 3), (1.0, 6)] {
        let stage = stage(6, |spec| spec.settings.outlier.max_ejected_share = share).await;
        stage.turns(6).await;
        for name in NAMES {
            stage.ask_of(name, down(), 5).await;
        }
        let ejected = || NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).count();
        eventually("as many as may be", || ejected() == expected).await;
        sleep(Duration::from_secs(1)).await;
        assert_eq!(ejected(), expected, "{share}");
    }
}

#[tokio::test(start_paused = true)]
async fn one_without_an_equivalent_is_never_ejected() {
    let stage = stage(1, |_| {}).await;
    stage.ask_of("a", down(), 50).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(stage.ejected_for("a"), None);
    assert_eq!(stage.ask(Do::Answer).await.as_deref(), Ok("a"));
}

#[tokio::test(start_paused = true)]
async fn who_succeeds_far_less_than_the_rest_is_ejected_after_the_interval() {
    let stage = stage(6, by_rates).await;
    stage.turns(6).await;
    let met = [("a", 0), ("b", 1), ("c", 0), ("d", 2), ("e", 1), ("f", 30)];
    stage.interval(&met, 50).await;
    assert_eq!(stage.ejected_for("f"), None, "the interval has not ended");
    sleep(Duration::from_secs(10)).await;
    stage.is_ejected("f").await;
    assert!(NAMES[..5].iter().all(|name| stage.ejected_for(name).is_none()));
    // What was before is not held against it again.
    sleep(Duration::from_secs(41)).await;
    assert_eq!(stage.ejected_for("f"), None);
}

#[tokio::test(start_paused = true)]
async fn few_hosts_or_few_attempts_are_not_compared() {
    let few_hosts = stage(4, by_rates).await;
    few_hosts.turns(4).await;
    few_hosts.interval(&[("a", 0), ("b", 0), ("c", 0), ("d", 40)], 50).await;
    let few_attempts = stage(6, by_rates).await;
    few_attempts.turns(6).await;
    let met = [("a", 0), ("b", 0), ("c", 0), ("d", 0), ("e", 0), ("f", 15)];
    few_attempts.interval(&met, 18).await;
    sleep(Duration::from_secs(11)).await;
    assert_eq!(
        (few_hosts.ejected_for("d"), few_attempts.ejected_for("f")),
        (None, None)
    );
}

#[tokio::test(start_paused = true)]
async fn a_failure_percentage_ejects_where_it_is_on_though_all_are_alike() {
    let percentage = |system: &mut SystemSpec| {
        by_rates(system);
        system.settings.outlier.max_ejected_share = 0.5;
        system.settings.outlier.success_rate = None;
        system.settings.outlier.failure_percentage = Some(FailurePercentage {
            minimum_attempts: 20,
            ..FailurePercentage::default()
        });
    };
    let stage = stage(6, percentage).await;
    stage.turns(6).await;
    stage.interval(&NAMES.map(|name| (name, 27)), 30).await;
    sleep(Duration::from_secs(11)).await;
    let ejected = NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).count();
    assert_eq!(ejected, 3, "as many as may be");
}

#[tokio::test(start_paused = true)]
async fn a_callers_mistakes_eject_nobody() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    for kind in [
        Kind::NotFound,
        Kind::Forbidden,
        Kind::InvalidInput,
        Kind::UpstreamRateLimited,
    ] {
        stage.ask_of("a", Do::FailAt(&["a"], kind), 10).await;
    }
    sleep(Duration::from_secs(11)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

#[tokio::test(start_paused = true)]
async fn where_too_few_are_healthy_ejection_is_ignored_and_counted() {
    let stage = stage(4, |spec| spec.settings.outlier.max_ejected_share = 1.0).await;
    stage.turns(4).await;
    for name in ["a", "b"] {
        stage.ask_of(name, down(), 5).await;
        stage.is_ejected(name).await;
    }
    // Half of them is not less than half.
    let answered = stage.turns(20).await;
    assert!(
        answered.len() == 2 && answered.contains_key("c") && answered.contains_key("d"),
        "{answered:?}"
    );
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(0.0));
    stage.ask_of("c", down(), 5).await;
    stage.is_ejected("c").await;
    let answered = stage.turns(20).await;
    assert_eq!(answered.len(), 4, "all are tried: {answered:?}");
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(20.0));
}

#[tokio::test(start_paused = true)]
async fn in_a_panic_open_circuits_stay_out_and_count_as_unhealthy() {
    let stage = stage(3, |spec| {
        spec.settings.outlier.max_ejected_share = 1.0;
    })
    .await;
    stage.turns(3).await;
    let open = stage.system.instance("a").unwrap().breaker.clone();
    open.force_open("a rehearsal", None).await.expect("its actor runs");
    stage.ask_of("b", down(), 5).await;
    stage.is_ejected("b").await;
    // One of three is healthy: the ejected one is tried, the open one is not.
    let answered = stage.turns(20).await;
    assert!(answered.len() == 2 && !answered.contains_key("a"), "{answered:?}");
}

#[tokio::test(start_paused = true)]
async fn an_ejected_one_is_asked_where_no_other_can_be() {
    let stage = stage(4, |spec| {
        spec.settings.recover.max_attempts = 10;
        spec.settings.outlier.consecutive_failures = 3;
    })
    .await;
    stage.turns(4).await;
    stage.ask_of("d", down(), 3).await;
    stage.is_ejected("d").await;
    // The others fail this call; the one that is ejected would answer it.
    let answered = stage.ask(Do::FailAt(&["a", "b", "c"], Kind::UpstreamFailed)).await;
    assert_eq!(answered.as_deref(), Ok("d"));
}

#[tokio::test(start_paused = true)]
async fn a_check_that_finds_it_well_lets_it_back() {
    let script = SharedScript::default();
    let mut watched = plugin("a", &script);
    watched.health_every = Some(Duration::from_secs(15));
    let counts = Arc::new(Counts::default());
    let rule = equivalent(&["a", "b", "c"]);
    let mut stage = stage(0, |spec| {
        spec.instances = vec![instance("b", &counts), instance("c", &counts)];
        spec.plugins = vec![watched];
        spec.loaders = vec![Arc::new(Scripted)];
        spec.rules = vec![rule];
        spec.settings.outlier.base_ejection = Duration::from_secs(300);
        spec.plugin_settings = PluginSettings {
            chance: || 0.0,
            ..PluginSettings::default()
        };
    })
    .await;
    stage.turns(3).await;
    script.lock().expect("no panic").health = Step::Fails;
    stage.ask_of("a", down(), 5).await;
    stage.is_ejected("a").await;
    sleep(Duration::from_secs(40)).await;
    assert!(stage.ejected_for("a").is_some(), "a check that fails changes nothing");
    script.lock().expect("no panic").health = Step::Works;
    sleep(Duration::from_secs(16)).await;
    eventually("it is back", || stage.ejected_for("a").is_none()).await;
    let states: Vec<_> = stage.told().into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, ["ejected", "returned"]);
    assert!(stage.turns(9).await.contains_key("a"));
}

#[tokio::test(start_paused = true)]
async fn an_ejection_outlives_a_crash_of_the_router() {
    let mut stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    stage.ask_of("a", down(), 5).await;
    stage.is_ejected("a").await;
    stage
        .system
        .tree()
        .crash("/root/router", "rehearsal")
        .await
        .expect("it runs");
    let node = stage.system.tree().node("/root/router").expect("it is in the tree");
    eventually("it is up again", || {
        node.generation() == 2 && node.state() == State::Running
    })
    .await;
    assert!(!stage.turns(10).await.contains_key("a"));
    let left = stage.ejected_for("a").expect("it is ejected");
    sleep(Duration::from_millis(left + 5)).await;
    assert!(stage.turns(6).await.contains_key("a"));
    let states: Vec<_> = stage.told().into_iter().map(|(_, state, _)| state).collect();
    assert_eq!(states, ["ejected", "returned"]);
}

#[tokio::test(start_paused = true)]
async fn a_successor_is_not_ejected_for_what_its_predecessor_did() {
    let stage = stage(3, |_| {}).await;
    stage.turns(3).await;
    stage.ask_of("a", down(), 5).await;
    stage.is_ejected("a").await;
    let spec = instance("a", &Arc::new(Counts::default()));
    let updated = stage.system.plugins().update(ReadyMade::spec(spec)).await;
    updated.expect("it is well");
    assert_eq!(stage.ejected_for("a"), None);
    assert!(stage.turns(9).await.contains_key("a"));
    assert_eq!(stage.metric("mosaic_provider_ejected{provider=\"a\"}"), Some(0.0));
}

#[tokio::test(start_paused = true)]
async fn where_it_is_off_nobody_is_ejected() {
    let stage = stage(3, |spec| spec.settings.outlier = OutlierSettings::OFF).await;
    stage.turns(3).await;
    stage.ask_of("a", down(), 50).await;
    sleep(Duration::from_secs(21)).await;
    assert_eq!(stage.ejected_for("a"), None);
}

/// Grows from a tenth to all of its weight in 100 seconds.
const SLOWLY: SlowStart = SlowStart {
    window: Duration::from_secs(100),
    least: 0.1,
    aggression: 1.0,
};

fn near(share: f32, expected: f32) {
    assert!((share - expected).abs() < 0.02, "{share} is not about {expected}");
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_from_an_ejection_starts_slowly() {
    let stage = stage(3, |spec| spec.instances[0].slow_start = SLOWLY).await;
    // So it does after its start, too.
    near(stage.share("a"), 0.1);
    near(stage.share("b"), 1.0);
    sleep(Duration::from_secs(50)).await;
    near(stage.share("a"), 0.5);
    sleep(Duration::from_secs(50)).await;
    near(stage.share("a"), 1.0);
    stage.turns(3).await;
    stage.ask_of("a", down(), 5).await;
    stage.is_ejected("a").await;
    let left = stage.ejected_for("a").expect("it is ejected");
    sleep(Duration::from_millis(left)).await;
    near(stage.share("a"), 0.1);
    sleep(Duration::from_secs(70)).await;
    near(stage.share("a"), 0.7);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_from_an_open_circuit_starts_slowly() {
    let stage = stage(2, |spec| spec.instances[0].slow_start = SLOWLY).await;
    sleep(Duration::from_secs(100)).await;
    near(stage.share("a"), 1.0);
    let breaker = stage.system.instance("a").unwrap().breaker.clone();
    breaker.force_open("a rehearsal", None).await.expect("its actor runs");
    sleep(Duration::from_secs(10)).await;
    breaker.reset().await.expect("its actor runs");
    near(stage.share("a"), 0.1);
    sleep(Duration::from_secs(60)).await;
    near(stage.share("a"), 0.6);
}

#[tokio::test(start_paused = true)]
async fn who_comes_back_from_a_crash_starts_slowly() {
    let stage = stage(2, |spec| spec.instances[0].slow_start = SLOWLY).await;
    sleep(Duration::from_secs(100)).await;
    near(stage.share("a"), 1.0);
    let path = "/root/plugins/instances/a/provider";
    stage.system.tree().crash(path, "rehearsal").await.expect("it runs");
    let node = stage.system.tree().node(path).expect("it is in the tree");
    eventually("it is up again", || {
        node.generation() == 2 && node.state() == State::Running
    })
    .await;
    near(stage.share("a"), 0.1);
}

/// What must hold of any history of failures, through a whole system: of equivalents never more than the share is ejected,
/// and somebody is always asked.
#[tokio::test(start_paused = true)]
async fn whatever_happens_the_share_holds_and_somebody_answers() {
    let seed = fastrand::u64(..);
    println!("seed {seed}");
    let mut random = fastrand::Rng::with_seed(seed);
    for share in [0.1, 0.34, 0.5] {
        let stage = stage(6, |spec| spec.settings.outlier.max_ejected_share = share).await;
        let most = ((6.0 * share) as usize).max(1);
        stage.turns(6).await;
        for _ in 0..120 {
            match random.u8(..10) {
                0..6 => stage.ask_of(NAMES[random.usize(..6)], down(), random.usize(1..6)).await,
                6..8 => stage.ask_of(NAMES[random.usize(..6)], Do::Answer, 1).await,
                _ => sleep(Duration::from_millis(random.u64(..20_000))).await,
            }
            let ejected: Vec<_> = NAMES.iter().filter(|name| stage.ejected_for(name).is_some()).collect();
            assert!(ejected.len() <= most, "{ejected:?} with {share}, seed {seed}");
            let who = stage.ask(Do::Answer).await.expect("somebody answers");
            let spared = ejected.len() * 2 <= 6;
            let still = stage.ejected_for(&who).is_some();
            assert!(
                !(spared && still && ejected.iter().any(|name| **name == who)),
                "{who}, seed {seed}"
            );
        }
    }
}
