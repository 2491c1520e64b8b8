//! The lives of plugins: changes under load, illegal steps, failures at each step, flapping, hanging stops, and a manager
//! that crashes.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::plugin::PluginSnapshot;
use mosaic_actors::policy::lifecycle::Life;
use mosaic_actors::supervision::State;
use mosaic_actors::system::System;
use support::scripted::{Script, SharedScript, Step, plugin, sound, system, with};
use support::{Do, FETCH, call, text};

fn shown(system: &System, name: &str) -> PluginSnapshot {
    system.plugins().get(name).expect("it is registered")
}

fn life(system: &System, name: &str) -> Life {
    shown(system, name).life
}

fn provider_of(system: &System, name: &str) -> String {
    format!("{}/provider", shown(system, name).path.expect("it has a place"))
}

/// The children of the instances' supervisor.
fn instances(system: &System) -> usize {
    let node = system.tree().node("/root/plugins/instances").expect("it is there");
    node.children().len()
}

async fn eventually(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = tokio::time::timeout(Duration::from_secs(120), async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    waited.await.unwrap_or_else(|_| panic!("not in time: {what}"));
}

async fn fetch(system: &System, what: Do) -> Result<String, Failure> {
    let answer = system.gateway().call(call(&FETCH, what)).await?;
    Ok(text(&answer).to_owned())
}

/// Callers that call until they are told to stop, and count what they got; the first failure ends them.
struct Load {
    over: Arc<AtomicBool>,
    callers: Vec<tokio::task::JoinHandle<Result<usize, Failure>>>,
}

impl Load {
    fn on(system: &System) -> Load {
        let over = Arc::new(AtomicBool::new(false));
        let caller = |_| {
            let (system, over) = (system.clone(), over.clone());
            tokio::spawn(async move {
                let mut served = 0;
                while !over.load(SeqCst) {
                    fetch(&system, Do::AnswerAfter(Duration::from_millis(1))).await?;
                    served += 1;
                }
                Ok(served)
            })
        };
        Load {
            callers: (0..8).map(caller).collect(),
            over,
        }
    }

    async fn served(self) -> usize {
        self.over.store(true, SeqCst);
        let mut served = 0;
        for caller in self.callers {
            served += caller.await.expect("no panic").expect("no failed call");
        }
        served
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_replacements_of_the_only_instance_fail_no_call() {
    let system = system(vec![sound("a")]).await;
    let load = Load::on(&system);
    for _ in 0..100 {
        system.plugins().update(sound("a")).await.expect("it is well");
    }
    assert!(load.served().await > 100, "the load went on meanwhile");
    assert_eq!(shown(&system, "a").revision, 101);
    assert_eq!(instances(&system), 1, "no predecessor is left behind");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_hundred_restarts_and_stops_and_starts_fail_no_call() {
    let system = system(vec![sound("a"), sound("b")]).await;
    let load = Load::on(&system);
    for round in 0..100 {
        let name = if round % 2 == 0 { "a" } else { "b" };
        let path = provider_of(&system, name);
        system.tree().restart(&path, "a rehearsal").await.expect("it is back");
        system.plugins().stop(name).await.expect("it runs");
        system.plugins().start(name).await.expect("it is stopped");
    }
    assert!(load.served().await > 100, "the load went on meanwhile");
}

#[tokio::test(start_paused = true)]
async fn every_illegal_step_is_refused() {
    let hangs = with("hangs", |script| script.load = Step::Hangs);
    let system = system(vec![sound("runs"), sound("stopped")]).await;
    let plugins = system.plugins();
    plugins.stop("stopped").await.expect("it runs");
    plugins
        .add(with("failed", |script| script.load = Step::Fails))
        .await
        .expect_err("as told");
    let loading = tokio::spawn({
        let plugins = plugins.clone();
        async move { plugins.add(hangs).await }
    });
    eventually("it loads", || {
        plugins.get("hangs").is_some_and(|p| p.life == Life::Validated)
    })
    .await;

    for name in ["runs", "stopped", "failed", "hangs"] {
        assert_eq!(
            plugins.add(sound(name)).await.unwrap_err().kind,
            Kind::Conflict,
            "{name}"
        );
    }
    let before: Vec<_> = plugins.snapshot().iter().map(|plugin| plugin.life).collect();
    let refused = [
        plugins.start("runs").await,
        plugins.stop("stopped").await,
        plugins.update(sound("stopped")).await,
        plugins.start("hangs").await,
        plugins.stop("hangs").await,
        plugins.update(sound("hangs")).await,
        plugins.remove("hangs").await,
    ];
    for (index, refused) in refused.into_iter().enumerate() {
        assert_eq!(refused.unwrap_err().kind, Kind::Conflict, "the {index}th");
    }
    let after: Vec<_> = plugins.snapshot().iter().map(|plugin| plugin.life).collect();
    assert_eq!(before, after, "nothing moved");
    for unknown in [
        plugins.start("unknown").await,
        plugins.stop("unknown").await,
        plugins.update(sound("unknown")).await,
        plugins.remove("unknown").await,
    ] {
        assert_eq!(unknown.unwrap_err().kind, Kind::NotFound);
    }
    let late = loading.await.expect("no panic").unwrap_err();
    assert_eq!((late.kind, life(&system, "hangs")), (Kind::Timeout, Life::Failed));
}

#[tokio::test(start_paused = true)]
async fn a_failure_at_each_step_of_the_start_is_told_and_leaves_nothing_that_serves() {
    type Break = fn(&mut Script, Step);
    let steps: [(Life, Break, &[Step]); 4] = [
        (
            Life::Discovered,
            |s, how| s.validate = how,
            &[Step::Fails, Step::Panics],
        ),
        (
            Life::Validated,
            |s, how| s.load = how,
            &[Step::Fails, Step::Panics, Step::Hangs],
        ),
        (Life::Initialized, |s, how| s.make = how, &[Step::Fails, Step::Panics]),
        (
            Life::Started,
            |s, how| s.health = how,
            &[Step::Fails, Step::Panics, Step::Hangs],
        ),
    ];
    for (reached, break_it, hows) in steps {
        for how in hows {
            let system = system(vec![]).await;
            let plugins = system.plugins();
            let broken = with("a", |script| break_it(script, *how));
            plugins.add(broken).await.expect_err("as told");
            let failed = shown(&system, "a");
            let last: Vec<_> = failed.history.iter().map(|step| step.life).rev().take(2).collect();
            assert_eq!(last, [Life::Failed, reached], "{how:?}");
            assert_eq!(failed.health.state, "unhealthy", "{reached} {how:?}");
            assert!(failed.problem.is_some() && failed.busy.is_none(), "{reached} {how:?}");
            let refused = fetch(&system, Do::Answer).await.unwrap_err();
            assert_eq!(refused.kind, Kind::NoProvider, "{reached} {how:?}");
            // Why, without the words of a panic.
            let told = refused.message();
            assert!(
                told.contains("; its ") && !told.contains("panic"),
                "{reached} {how:?}: {told}"
            );

            plugins.update(sound("a")).await.expect("it is sound now");
            assert_eq!(fetch(&system, Do::Answer).await.expect("it serves"), "\"a\"");
            assert_eq!(instances(&system), 1, "{reached} {how:?}");
            let well = shown(&system, "a");
            assert_eq!(
                (well.life, well.health.state, well.problem),
                (Life::Running, "healthy", None)
            );
            plugins.remove("a").await.expect("it runs");
            assert_eq!((plugins.get("a").is_none(), instances(&system)), (true, 0));
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_failed_update_leaves_the_old_one_serving() {
    let system = system(vec![sound("a")]).await;
    type Break = fn(&mut Script);
    let breaks: [Break; 5] = [
        |s| s.validate = Step::Fails,
        |s| s.load = Step::Hangs,
        |s| s.make = Step::Panics,
        |s| s.health = Step::Fails,
        |s| s.health = Step::Panics,
    ];
    for break_it in breaks {
        system.plugins().update(with("a", break_it)).await.expect_err("as told");
        let old = shown(&system, "a");
        assert_eq!((old.life, old.revision, instances(&system)), (Life::Running, 1, 1));
        assert!(old.problem.is_some_and(|problem| problem.contains("rolled back")));
        assert_eq!(fetch(&system, Do::Answer).await.expect("it serves"), "\"a\"");
    }
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_is_unwell_at_first_comes_up_by_itself() {
    let script = SharedScript::default();
    script.lock().expect("no panic").health = Step::Fails;
    let system = system(vec![plugin("a", &script)]).await;
    assert_eq!(life(&system, "a"), Life::Failed);
    script.lock().expect("no panic").health = Step::Works;
    eventually("it is looked at again", || life(&system, "a") == Life::Running).await;
    assert_eq!(fetch(&system, Do::Answer).await.expect("it serves"), "\"a\"");
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_flaps_harms_nobody_else() {
    let system = system(vec![sound("a"), sound("b")]).await;
    let quiet = shown(&system, "b").path.expect("it has a place");
    for _ in 0..10 {
        let path = provider_of(&system, "a");
        system.tree().stop(&path, "down").await.expect("it runs");
        eventually("its absence is seen", || life(&system, "a") == Life::Failed).await;
        assert_eq!(fetch(&system, Do::Answer).await.expect("b serves"), "\"b\"");
        system.tree().start_child(&path, "up").await.expect("it is stopped");
        eventually("its return is seen", || life(&system, "a") == Life::Running).await;
    }
    // More crashes than its supervisor bears: it gives up, and comes back.
    for _ in 0..30 {
        let answer = fetch(&system, Do::PanicAt(&["a"])).await;
        assert_eq!(answer.expect("b serves"), "\"b\"");
    }
    eventually("it settles", || life(&system, "a") == Life::Running).await;
    assert_eq!(
        system.tree().node("/root/plugins/instances").expect("there").restarts(),
        0
    );
    assert_eq!(system.tree().node(&quiet).expect("there").restarts(), 0);
    assert_eq!(life(&system, "b"), Life::Running);
}

#[tokio::test(start_paused = true)]
async fn a_plugin_that_hangs_in_stop_is_cut_off() {
    let stuck = |name: &str| with(name, |script| script.stop = Step::Hangs);
    let system = system(vec![stuck("a"), stuck("b")]).await;
    system.plugins().stop("a").await.expect("within its bound");
    assert_eq!((life(&system, "a"), instances(&system)), (Life::Stopped, 1));
    system.plugins().start("a").await.expect("its name is free again");
    system
        .plugins()
        .update(sound("a"))
        .await
        .expect("the old one is cut off");
    system.plugins().remove("b").await.expect("within its bound");
    assert_eq!((life(&system, "a"), instances(&system)), (Life::Running, 1));
}

#[tokio::test(start_paused = true)]
async fn what_drains_finishes_and_shows_what_is_left_of_it() {
    let system = system(vec![sound("a")]).await;
    let slow = tokio::spawn({
        let system = system.clone();
        async move { fetch(&system, Do::AnswerAfter(Duration::from_secs(5))).await }
    });
    eventually("it is asked", || system.gateway().in_flight() == 1).await;
    let listed = system.gateway().calls(10);
    assert_eq!(
        (listed.len(), listed[0].operation, listed[0].attempts),
        (1, FETCH.name, 1)
    );
    assert_eq!(listed[0].provider.as_deref(), Some("a"));
    let stopping = tokio::spawn({
        let plugins = system.plugins().clone();
        async move { plugins.stop("a").await }
    });
    eventually("it drains", || life(&system, "a") == Life::Stopping).await;
    assert_eq!(shown(&system, "a").instance.expect("it drains").in_flight, 1);
    assert_eq!(slow.await.expect("no panic").expect("its time was enough"), "\"a\"");
    stopping.await.expect("no panic").expect("it is stopped");
    assert!(system.gateway().calls(10).is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_was_forced_open_stays_open_over_an_update() {
    let system = system(vec![sound("a")]).await;
    let gate = system.instance("a").expect("it runs").breaker.clone();
    gate.force_open("a rehearsal", None).await.expect("its actor runs");
    system.plugins().update(sound("a")).await.expect("it is well");
    assert_eq!(fetch(&system, Do::Answer).await.unwrap_err().kind, Kind::CircuitOpen);
    let gate = system.instance("a").expect("it runs").breaker.clone();
    gate.reset().await.expect("its actor runs");
    assert_eq!(fetch(&system, Do::Answer).await.expect("it serves"), "\"a\"");
}

#[tokio::test(start_paused = true)]
async fn a_drained_plugin_takes_no_calls_until_it_is_started() {
    let system = system(vec![sound("a")]).await;
    let plugins = system.plugins();
    plugins.drain("a").await.expect("it runs");
    plugins.update(sound("a")).await.expect("it is well");
    assert_eq!(life(&system, "a"), Life::Running);
    assert_eq!(fetch(&system, Do::Answer).await.unwrap_err().kind, Kind::NoProvider);
    plugins.start("a").await.expect("it is drained");
    assert_eq!(fetch(&system, Do::Answer).await.expect("it serves"), "\"a\"");
    plugins.start("a").await.expect_err("it runs");
}

#[tokio::test(start_paused = true)]
async fn what_is_removed_is_unknown_at_once() {
    let system = system(vec![sound("a"), sound("b")]).await;
    system.plugins().remove("a").await.expect("it runs");
    let mut pinned = call(&FETCH, Do::Answer);
    pinned.provider = Some(Arc::from("a"));
    let refused = system.gateway().call(pinned).await.unwrap_err();
    assert_eq!(
        (refused.kind, refused.field.as_deref()),
        (Kind::InvalidInput, Some("provider"))
    );
    system.plugins().add(sound("a")).await.expect("its name is free");
}

#[tokio::test(start_paused = true)]
async fn a_crash_of_the_manager_or_of_the_instances_supervisor_loses_no_plugin() {
    let system = system(vec![sound("a")]).await;
    let adding = tokio::spawn({
        let plugins = system.plugins().clone();
        async move { plugins.add(with("slow", |script| script.load = Step::Takes)).await }
    });
    eventually("it loads", || {
        system
            .plugins()
            .get("slow")
            .is_some_and(|plugin| plugin.life == Life::Validated)
    })
    .await;
    let tree = system.tree();
    tree.crash("/root/plugins/manager", "a rehearsal")
        .await
        .expect("it runs");
    adding.await.expect("no panic").expect("it goes on");
    let slow = shown(&system, "slow");
    assert_eq!((slow.life, slow.busy), (Life::Running, None));

    tree.crash("/root/plugins/instances", "a rehearsal")
        .await
        .expect("it runs");
    let up = |path: String| tree.node(&path).is_some_and(|node| node.state() == State::Running);
    eventually("both are put up again", || {
        ["a", "slow"].into_iter().all(|name| {
            life(&system, name) == Life::Running && up(provider_of(&system, name)) && instances(&system) == 2
        })
    })
    .await;
    assert!(fetch(&system, Do::Answer).await.is_ok());
}
