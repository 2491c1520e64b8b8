//! Plugins whose steps are interrupted: by a manager that stops, by orders that race with looks, by health checks that
//! hang or panic; and a thousand of them at once.

mod support;

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::error::Kind;
use mosaic_actors::plugin::PluginSpec;
use mosaic_actors::policy::lifecycle::Life;
use mosaic_actors::system::{System, SystemSpec};
use support::scripted::{Scripted, SharedScript, Step, plugin, sound, system, with};
use support::{Counts, Do, FETCH, call, eventually, instance, single, spawn, spec};

const MANAGER: &str = "/root/plugins/manager";

fn life(system: &System, name: &str) -> Life {
    system.plugins().get(name).expect("it is registered").life
}

/// The children of the instances' supervisor.
fn children(system: &System) -> Vec<Arc<str>> {
    let node = system.tree().node("/root/plugins/instances").expect("it is there");
    node.children().iter().map(|child| child.name().clone()).collect()
}

/// A system that bears any number of crashes, and waits little after each.
async fn tireless(plugins: Vec<PluginSpec>) -> System {
    let mut tireless = SystemSpec {
        plugins,
        loaders: vec![Arc::new(Scripted)],
        ..spec(vec![])
    };
    tireless.intensity.restarts = u32::MAX;
    tireless.backoff.base = Duration::from_millis(1);
    tireless.backoff.max = Duration::from_millis(2);
    System::start(tireless).await.expect("it starts")
}

async fn serves(system: &System, name: &str) -> bool {
    let mut call = call(&FETCH, Do::Answer);
    call.provider = Some(Arc::from(name));
    system.gateway().call(call).await.is_ok()
}

#[tokio::test(start_paused = true)]
async fn a_stop_goes_on_when_the_manager_that_began_it_is_stopped() {
    let system = system(vec![sound("a")]).await;
    let slow = spawn(system.gateway(), call(&FETCH, Do::AnswerAfter(Duration::from_secs(8))));
    eventually("it is asked", || system.gateway().in_flight() == 1).await;
    let stopping = tokio::spawn({
        let plugins = system.plugins().clone();
        async move { plugins.stop("a").await }
    });
    eventually("it drains", || life(&system, "a") == Life::Stopping).await;
    system.tree().stop(MANAGER, "a rehearsal").await.expect("it runs");
    assert!(slow.await.expect("no panic").is_ok(), "it has its time");
    // Longer than anything waits for the manager.
    tokio::time::sleep(Duration::from_secs(10)).await;
    system.tree().start_child(MANAGER, "back").await.expect("it is stopped");
    eventually("it is stopped", || life(&system, "a") == Life::Stopped).await;
    stopping.await.expect("no panic").expect("who ordered it hears of it");
    assert!(children(&system).is_empty());
    system.plugins().start("a").await.expect("orders are taken again");
    assert!(serves(&system, "a").await);
}

#[tokio::test(start_paused = true)]
async fn every_order_outlives_a_manager_that_is_stopped_under_it() {
    let script = SharedScript::default();
    let system = system(vec![plugin("a", &script), sound("b")]).await;
    for (order, reached) in [
        ("update", Some(Life::Running)),
        ("drain", Some(Life::Running)),
        ("stop", Some(Life::Stopped)),
        ("start", Some(Life::Running)),
        ("remove", None),
    ] {
        script.lock().expect("no panic").load = Step::Takes;
        let slow = (order != "start").then(|| {
            let mut call = call(&FETCH, Do::AnswerAfter(Duration::from_millis(400)));
            call.provider = Some(Arc::from("a"));
            spawn(system.gateway(), call)
        });
        tokio::time::sleep(Duration::from_millis(20)).await;
        let ordered = tokio::spawn({
            let (plugins, spec) = (system.plugins().clone(), plugin("a", &script));
            async move {
                match order {
                    "update" => plugins.update(spec).await,
                    "drain" => plugins.drain("a").await,
                    "stop" => plugins.stop("a").await,
                    "start" => plugins.start("a").await,
                    _ => plugins.remove("a").await,
                }
            }
        });
        eventually("it has begun", || {
            let busy = system.plugins().get("a").and_then(|plugin| plugin.busy);
            busy == Some(order)
        })
        .await;
        system.tree().stop(MANAGER, "a rehearsal").await.expect("it runs");
        tokio::time::sleep(Duration::from_secs(1)).await;
        system.tree().start_child(MANAGER, "back").await.expect("it is stopped");
        ordered
            .await
            .expect("no panic")
            .unwrap_or_else(|failure| panic!("{order}: {failure}"));
        assert_eq!(system.plugins().get("a").map(|plugin| plugin.life), reached, "{order}");
        if let Some(slow) = slow {
            assert!(slow.await.expect("no panic").is_ok(), "{order}");
        }
        if order == "drain" {
            system.plugins().start("a").await.expect("it is drained");
        }
    }
    assert_eq!(children(&system), [Arc::from("b")]);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_look_that_puts_up_again_loses_against_a_stop() {
    let system = tireless(vec![sound("a")]).await;
    for round in 0..40 {
        system
            .tree()
            .crash("/root/plugins/instances", "a rehearsal")
            .await
            .expect("it runs");
        tokio::time::sleep(Duration::from_micros(round * 400)).await;
        // Refused as long as the manager is away, too.
        let stopped = system.plugins().stop("a").await;
        if stopped.is_ok() {
            assert_eq!(life(&system, "a"), Life::Stopped, "round {round}");
            tokio::time::sleep(Duration::from_millis(5)).await;
            assert!(children(&system).is_empty(), "round {round}: {:?}", children(&system));
            system.plugins().start("a").await.expect("it is stopped");
        }
        eventually("it serves", || {
            life(&system, "a") == Life::Running && system.instance("a").is_ok_and(|a| a.is_up())
        })
        .await;
        assert_eq!(children(&system).len(), 1, "round {round}");
    }
}

#[tokio::test(start_paused = true)]
async fn an_update_takes_no_other_plugins_child() {
    let numbered = |number: u64| format!("a.{number}");
    let mut plugins = vec![sound("a")];
    // Wherever a count of steps or of plugins may be by then.
    let numbers = || 22..=60;
    plugins.extend(numbers().map(|number| sound(&numbered(number))));
    let system = system(plugins).await;
    let paths = || -> Vec<_> {
        let of = |number| system.plugins().get(&numbered(number)).and_then(|plugin| plugin.path);
        numbers().map(of).collect()
    };
    let before = paths();
    for _ in 0..10 {
        system.plugins().update(sound("a")).await.expect("it is well");
    }
    assert_eq!(paths(), before);
    assert_eq!(children(&system).len(), 40);
    for number in numbers() {
        assert!(serves(&system, &numbered(number)).await, "a.{number}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_name_that_could_be_a_successors_is_refused() {
    let system = system(vec![sound("a")]).await;
    let long = "a".repeat(101);
    for name in ["a~3", "", "a/b", &long] {
        let refused = system.plugins().add(sound(name)).await.unwrap_err();
        assert_eq!(
            (refused.kind, refused.field.as_deref()),
            (Kind::InvalidInput, Some("name")),
            "{name}"
        );
        assert!(system.plugins().get(name).is_none(), "{name}");
    }
    let longest = "a".repeat(100);
    system.plugins().add(sound(&longest)).await.expect("it fits");
    system
        .plugins()
        .update(sound(&longest))
        .await
        .expect("its successor does, too");
}

#[tokio::test(start_paused = true)]
async fn a_health_check_that_hangs_leaves_no_task_behind() {
    let tasks = || tokio::runtime::Handle::current().metrics().num_alive_tasks();
    let system = system(vec![with("a", |script| script.health = Step::Hangs)]).await;
    assert_eq!(life(&system, "a"), Life::Failed);
    tokio::time::sleep(Duration::from_secs(60)).await;
    let before = tasks();
    // 71 minutes, more than a hundred rounds.
    tokio::time::sleep(Duration::from_secs(71 * 60)).await;
    let after = tasks();
    assert!(after <= before + 3, "{before} tasks before, {after} after");
    assert_eq!(life(&system, "a"), Life::Failed);
}

#[tokio::test(start_paused = true)]
async fn a_panic_before_the_health_checks_future_is_told_as_any_other() {
    let system = system(vec![sound("a")]).await;
    let early = with("a", |script| script.health = Step::PanicsAtOnce);
    let told = system.plugins().update(early).await.unwrap_err();
    let late = with("a", |script| script.health = Step::Panics);
    let expected = system.plugins().update(late).await.unwrap_err();
    assert_eq!((told.kind, told.to_string()), (Kind::Internal, expected.to_string()));
    assert!(serves(&system, "a").await, "the old one serves on");
}

#[tokio::test(start_paused = true)]
async fn a_thousand_plugins_cost_few_rebuilds_of_the_directory() {
    let counts = Arc::new(Counts::default());
    let mut many = spec(vec![]);
    many.instances = (0..1_000)
        .map(|number| instance(&format!("p{number}"), &counts))
        .collect();
    let system = System::start(many).await.expect("it starts");
    let handled = || system.tree().node("/root/router").expect("it is there").handled();
    let rebuilds = handled();
    assert!((1..=60).contains(&rebuilds), "{rebuilds} rebuilds");
    assert!(serves(&system, "p999").await, "every one that has come is known");
    assert_eq!(handled(), rebuilds + 1, "no rebuild waits before the first call");
    assert_eq!(system.capable(fetch_operation(), "t").len(), 1_000);

    // Steps that no call can notice cost none.
    system.plugins().drain("p7").await.expect("it runs");
    system.plugins().start("p7").await.expect("it is drained");
    assert_eq!(handled(), rebuilds + 1);
}

#[tokio::test(start_paused = true)]
async fn the_directory_follows_over_a_crash_of_the_router() {
    let system = tireless(vec![sound("a"), sound("b")]).await;
    for round in 0..20 {
        let crash = tokio::spawn({
            let tree = system.tree().clone();
            async move { tree.crash("/root/router", "a rehearsal").await }
        });
        let name = format!("c{round}");
        system.plugins().add(sound(&name)).await.expect("it is well");
        crash.await.expect("no panic").expect("it ran");
        eventually("the router is back", || {
            let router = system.tree().node("/root/router").expect("it is there");
            router.state() == mosaic_actors::supervision::State::Running
        })
        .await;
        assert!(serves(&system, &name).await, "round {round}");
        system.plugins().remove(&name).await.expect("it runs");
        assert!(!system.capable(fetch_operation(), "t").contains(&Arc::from(name)));
    }
}

#[tokio::test(start_paused = true)]
async fn the_supervisors_of_plugins_bear_what_is_configured() {
    let (system, _) = single(|spec| {
        spec.intensity.restarts = 77;
        spec.intensity.period = Duration::from_secs(99);
    })
    .await;
    let root = system.tree().snapshot().root;
    let below = |node: &mosaic_actors::supervision::NodeSnapshot, name: &str| {
        let found = node
            .children
            .iter()
            .find(|child| child.path.ends_with(&format!("/{name}")));
        found.expect("it is there").clone()
    };
    let plugins = below(&root, "plugins");
    let instance = below(&below(&plugins, "instances"), "a");
    for node in [plugins, instance] {
        let supervisor = node.supervisor.expect("it is one");
        assert_eq!(
            (supervisor.intensity, supervisor.period_ms),
            (77, 99_000),
            "{}",
            node.path
        );
    }
}

fn fetch_operation() -> mosaic_actors::call::OperationRef {
    support::OPERATIONS.get(FETCH.name).expect("an operation of the tests")
}
