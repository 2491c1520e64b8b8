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
        Self::starting(every, Step::Works).await
    }

    /// Its first check goes so.
    async fn starting(every: Option<Duration>, health: Step) -> Self {
        let script = SharedScript::default();
        script.lock().expect("no panic").health = health;
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

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test(start_paused = true)]
async fn a_check_that_is_told_to_wait_is_not_sent_again_until_then() {
    for (how, state, limited) in [
        (Step::Busy, "healthy", true),
        (Step::Spent, "unhealthy", true),
        (Step::Away, "unhealthy", false),
    ] {
        let stage = Stage::new(None).await;
        stage.script(|script| script.health = how);
        sleep(WAIT).await;
        assert_eq!(stage.checks(), 2, "{how:?}");
        assert_eq!(stage.state(), (Life::Running, state), "{how:?}");
        let instance = stage.seen().instance.expect("it runs");
        assert_eq!(
            instance.limited_for_ms.is_some(),
            limited,
            "calls are kept from it: {how:?}"
        );
        sleep(HOUR - WAIT).await;
        assert_eq!(stage.checks(), 2, "{how:?}");
        stage.script(|script| script.health = Step::Works);
        sleep(WAIT * 2).await;
        assert_eq!(stage.checks(), 3, "{how:?}");
        assert_eq!(stage.state(), (Life::Running, "healthy"), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_list_that_could_not_be_had_is_asked_for_again_when_its_provider_says() {
    for (how, at_most) in [(Step::Busy, 2), (Step::Fails, 1_000)] {
        let stage = Stage::new(None).await;
        stage.script(|script| script.list = how);
        // The next time that it is asked for is an interval away.
        let lists = || stage.script.lock().expect("no panic").lists;
        while lists() < 2 {
            sleep(EVERY).await;
        }
        sleep(HOUR - EVERY).await;
        assert!(
            lists() <= at_most && (lists() > 2) == (at_most > 2),
            "{how:?} {}",
            lists()
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_meets_a_rate_limit_is_none_that_fails() {
    for (how, life, state) in [
        (Step::Busy, Life::Running, "healthy"),
        (Step::Spent, Life::Failed, "unhealthy"),
    ] {
        let stage = Stage::starting(None, how).await;
        sleep(HOUR - WAIT).await;
        assert_eq!(stage.state(), (life, state), "{how:?}");
        assert_eq!(stage.checks(), 1, "it is left alone: {how:?}");
        stage.script(|script| script.health = Step::Works);
        sleep(WAIT * 3).await;
        assert_eq!(stage.state(), (Life::Running, "healthy"), "{how:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refused_credential_is_cleared_by_what_proves_it_alone() {
    let refused = || Do::Fail(Failure::new(Kind::UpstreamAuth, "it has expired"));
    // It was a call that found it, or a check.
    for by_check in [false, true] {
        let stage = Stage::new(None).await;
        match by_check {
            true => {
                stage.script(|script| script.health = Step::Refused);
                sleep(WAIT).await;
            }
            false => stage.ask(refused()).await,
        }
        for how in [Step::ProvesNothing, Step::Busy] {
            stage.script(|script| script.health = how);
            let asked = stage.checks();
            sleep(WAIT).await;
            assert!(stage.checks() > asked, "{how:?}");
            assert_eq!(stage.state().1, "unhealthy", "{how:?} {by_check}");
        }
        stage.ask(Do::Fail(Failure::new(Kind::NotFound, "no such thing"))).await;
        assert_eq!(stage.state().1, "unhealthy", "a refusal proves nothing: {by_check}");
        stage.script(|script| script.health = Step::Works);
        sleep(HOUR + WAIT).await;
        assert_eq!(stage.state().1, "healthy", "{by_check}");

        stage.script(|script| script.health = Step::ProvesNothing);
        stage.ask(refused()).await;
        stage.ask(Do::Answer).await;
        assert_eq!(stage.state().1, "healthy", "a served call proves it");
    }
}

#[tokio::test(start_paused = true)]
async fn a_refusal_is_a_word_of_a_live_provider_and_a_failure_takes_none_back() {
    let stage = Stage::new(None).await;
    let missing = || Do::Fail(Failure::new(Kind::NotFound, "no such thing"));
    let failed = || Do::Fail(Failure::new(Kind::UpstreamFailed, "it broke"));
    for answer in [Do::Answer, missing()] {
        let asked = stage.checks();
        sleep(EVERY / 2).await;
        stage.ask(answer).await;
        assert_eq!(stage.seen().health.checked_ms, Some(0));
        sleep(Duration::from_secs(10)).await;
        stage.ask(failed()).await;
        assert_eq!(stage.seen().health.checked_ms, Some(10_000));
        sleep(EVERY * 3 / 4).await;
        assert_eq!(stage.checks(), asked, "it showed how it is within its interval");
        stage.ask(missing()).await;
    }

    stage.script(|script| script.health = Step::Fails);
    sleep(WAIT).await;
    assert_eq!(stage.state().1, "unhealthy");
    stage.ask(missing()).await;
    assert_eq!(stage.state().1, "healthy", "it answers");
    // What was never sent tells nothing.
    sleep(EVERY / 2).await;
    stage
        .ask(Do::Fail(Failure::new(Kind::Unsupported, "not by it").never_sent()))
        .await;
    assert_eq!(stage.seen().health.checked_ms, Some(30_000));
}

#[tokio::test(start_paused = true)]
async fn the_time_of_a_state_is_that_of_its_last_change() {
    let stage = Stage::new(None).await;
    let refused = || Do::Fail(Failure::new(Kind::UpstreamAuth, "it has expired"));
    let for_ms = || stage.seen().health.for_ms;
    sleep(EVERY * 10).await;
    for ill in [Step::Fails, Step::ProvesNothing] {
        stage.script(|script| script.health = ill);
        match ill {
            Step::Fails => sleep(WAIT).await,
            _ => {
                stage.ask(refused()).await;
                sleep(Duration::from_secs(20)).await;
                stage.ask(refused()).await;
                assert_eq!(for_ms(), 20_000, "since the first refusal");
            }
        }
        assert_eq!(stage.state().1, "unhealthy");
        stage.script(|script| script.health = Step::Works);
        sleep(WAIT).await;
        assert_eq!(stage.state().1, "healthy");
        assert!(for_ms() <= 67_000, "{} since it recovered", for_ms());
    }
    stage.ask(refused()).await;
    sleep(Duration::from_secs(5)).await;
    stage.ask(Do::Answer).await;
    sleep(Duration::from_secs(5)).await;
    assert_eq!((stage.state().1, for_ms()), ("healthy", 5_000));
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
