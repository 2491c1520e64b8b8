//! The health of instances that serve: asked from time to time, and no more than that.

mod support;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::plugin::{PluginSettings, PluginSnapshot};
use mosaic_actors::policy::lifecycle::Life;
use mosaic_actors::system::{System, SystemSpec};
use support::scripted::{Script, Scripted, SharedScript, Step, plugin};
use support::{Do, WRITE, call, spec};
use tokio::time::sleep;

const EVERY: Duration = Duration::from_secs(60);
/// The longest wait: of the chances below, those are spread the most.
const WAIT: Duration = Duration::from_secs(67);

struct Stage {
    system: System,
    script: SharedScript,
}

impl Stage {
    async fn new(every: Option<Duration>) -> Self {
        let script = SharedScript::default();
        let mut plugin = plugin("a", &script);
        plugin.health_every = every;
        let system = SystemSpec {
            plugins: vec![plugin],
            loaders: vec![Arc::new(Scripted)],
            plugin_settings: PluginSettings {
                health_every: EVERY,
                chance: || 1.0,
                ..PluginSettings::default()
            },
            ..spec(vec![])
        };
        let system = System::start(system).await.expect("it starts");
        Stage { system, script }
    }

    fn script(&self, change: impl FnOnce(&mut Script)) {
        change(&mut self.script.lock().expect("no panic"));
    }

    fn checks(&self) -> usize {
        self.script.lock().expect("no panic").checks
    }

    fn seen(&self) -> PluginSnapshot {
        self.system.plugins().get("a").expect("it is there")
    }

    fn state(&self) -> (Life, &'static str) {
        let seen = self.seen();
        (seen.life, seen.health.state)
    }

    async fn ask(&self, what: Do) {
        // How it ends is not what is looked at.
        let _outcome = self.system.gateway().call(call(&WRITE, what)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_silent_provider_is_asked_from_time_to_time_and_the_answer_has_an_age() {
    let stage = Stage::new(None).await;
    assert_eq!(stage.checks(), 1, "its start asks");
    sleep(Duration::from_secs(59)).await;
    assert_eq!(stage.checks(), 1);
    sleep(Duration::from_secs(8)).await;
    assert_eq!(stage.checks(), 2, "66 s: an interval, and the whole of its spread");
    assert!(stage.seen().health.checked_ms.is_some_and(|age| age < 5_000));
    sleep(EVERY * 10).await;
    assert!((10..=12).contains(&stage.checks()), "{}", stage.checks());
}

#[tokio::test(start_paused = true)]
async fn a_check_that_fails_is_shown_and_changes_nothing_else() {
    for how in [Step::Fails, Step::Hangs, Step::Panics, Step::PanicsAtOnce] {
        let stage = Stage::new(None).await;
        let restarts = || stage.system.tree().ledger(100).len();
        let before = restarts();
        stage.script(|script| script.health = how);
        sleep(WAIT + Duration::from_secs(6)).await;
        assert_eq!(stage.state(), (Life::Running, "unhealthy"), "{how:?}");
        let health = stage.seen().health;
        assert!(health.why.is_some_and(|why| !why.is_empty()), "{how:?}");
        assert_eq!(restarts(), before, "{how:?}");

        // It is asked again sooner than one that is well.
        let asked = stage.checks();
        sleep(Duration::from_secs(25)).await;
        assert!(stage.checks() > asked, "{how:?}");

        stage.ask(Do::Answer).await;
        assert_eq!(
            stage.state(),
            (Life::Running, "healthy"),
            "a call was answered: {how:?}"
        );
        assert_eq!(stage.seen().instance.map(|instance| instance.traffic.answered), Some(1));
        stage.script(|script| script.health = Step::Works);
        sleep(WAIT).await;
        assert_eq!(stage.state(), (Life::Running, "healthy"), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_check_that_succeeds_makes_it_well_again() {
    let stage = Stage::new(None).await;
    stage.script(|script| script.health = Step::Fails);
    sleep(WAIT).await;
    assert_eq!(stage.state(), (Life::Running, "unhealthy"));
    stage.script(|script| script.health = Step::Works);
    sleep(WAIT).await;
    assert_eq!(stage.state(), (Life::Running, "healthy"));
}

#[tokio::test(start_paused = true)]
async fn answered_calls_are_checks_enough() {
    let stage = Stage::new(None).await;
    for _ in 0..20 {
        sleep(EVERY / 2).await;
        stage.ask(Do::Answer).await;
    }
    assert_eq!(stage.checks(), 1, "its start alone asked");
    assert_eq!(stage.seen().health.checked_ms, Some(0), "and the last call tells");
}

#[tokio::test(start_paused = true)]
async fn quota_that_is_scarce_is_left_to_calls() {
    let stage = Stage::new(None).await;
    let limited = Failure::new(Kind::UpstreamRateLimited, "slow down").after(EVERY * 10);
    stage.ask(Do::Fail(limited)).await;
    sleep(EVERY * 10).await;
    assert_eq!(stage.checks(), 1, "it asked to be left alone");
    sleep(WAIT).await;
    assert_eq!(stage.checks(), 2);

    stage.script(|script| script.scarce = true);
    sleep(EVERY * 10).await;
    assert_eq!(stage.checks(), 2, "little is left");
    stage.script(|script| script.scarce = false);
    sleep(WAIT).await;
    assert_eq!(stage.checks(), 3);
}

#[tokio::test(start_paused = true)]
async fn each_has_its_own_interval_and_may_have_none() {
    let off = Stage::new(Some(Duration::ZERO)).await;
    sleep(EVERY * 100).await;
    assert_eq!(off.checks(), 1);
    let often = Stage::new(Some(Duration::from_secs(10))).await;
    sleep(EVERY).await;
    assert_eq!(often.checks(), 6);
}

#[tokio::test(start_paused = true)]
async fn one_that_is_taken_away_is_asked_no_more() {
    let stage = Stage::new(None).await;
    stage.system.plugins().stop("a").await.expect("it stops");
    let asked = stage.checks();
    sleep(EVERY * 10).await;
    assert_eq!(stage.checks(), asked);
}
