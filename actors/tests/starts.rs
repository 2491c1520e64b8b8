//! Starts that are given up half way, and gauges that outlive what they measured.

mod support;

use std::sync::Arc;
use std::sync::atomic::AtomicIsize;
use std::sync::atomic::Ordering::SeqCst;
use std::time::Duration;

use metrics_exporter_prometheus::{PrometheusBuilder, PrometheusHandle};
use mosaic_actors::error::Kind;
use mosaic_actors::plugin::ReadyMade;
use mosaic_actors::supervision::{ChildSpec, Context, Fault, Handle, Message, Worker};
use mosaic_actors::system::{System, SystemSpec};
use support::scripted::{Scripted, Step, with};
use support::{Counts, Do, FETCH, call, eventually, instance, spawn, spec};

fn tasks() -> usize {
    tokio::runtime::Handle::current().metrics().num_alive_tasks()
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_while_its_plugins_come_leaves_nothing_running() {
    let before = tasks();
    let stuck = SystemSpec {
        plugins: vec![with("a", |script| script.load = Step::Hangs)],
        loaders: vec![Arc::new(Scripted)],
        ..spec(vec![instance("b", &Arc::new(Counts::default()))])
    };
    let started = tokio::time::timeout(Duration::from_millis(200), System::start(stuck)).await;
    assert!(started.is_err(), "it hangs");
    eventually("nothing is left", || tasks() == before).await;
}

struct Nothing;

impl Message for Nothing {
    fn label(&self) -> &'static str {
        "nothing"
    }
}

/// Takes its time to start, and counts those that are there.
struct Slow(Arc<AtomicIsize>);

impl Worker for Slow {
    type Msg = Nothing;

    async fn start(&mut self, _cx: &Context<Nothing>) -> Result<(), Fault> {
        tokio::time::sleep(Duration::from_secs(1)).await;
        self.0.fetch_add(1, SeqCst);
        Ok(())
    }

    async fn stop(&mut self, _cx: &Context<Nothing>) {
        self.0.fetch_sub(1, SeqCst);
    }

    async fn handle(&mut self, _message: Nothing, _cx: &Context<Nothing>) -> Result<(), Fault> {
        Ok(())
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_dropped_while_its_tree_comes_leaves_nothing_running() {
    let (before, there) = (tasks(), Arc::new(AtomicIsize::new(0)));
    for after in [0, 1, 500, 1_000, 1_500, 2_000] {
        let mut slow = spec(vec![instance("b", &Arc::new(Counts::default()))]);
        slow.services = ["first", "second"]
            .map(|name| {
                let there = there.clone();
                ChildSpec::worker(name, &Handle::new(), move || Ok(Slow(there.clone())))
            })
            .into();
        let started = tokio::time::timeout(Duration::from_millis(after), System::start(slow)).await;
        if let Ok(Ok(system)) = started {
            system.shutdown(Duration::ZERO).await;
        }
        eventually("nothing is left", || tasks() == before).await;
        assert_eq!(there.load(SeqCst), 0, "stopped in order after {after} ms");
    }
}

#[tokio::test(start_paused = true)]
async fn a_start_that_is_whole_is_not_stopped_by_what_owned_it() {
    let system = System::start(spec(vec![instance("a", &Arc::new(Counts::default()))]));
    let system = system.await.expect("it starts");
    tokio::time::sleep(Duration::from_secs(60)).await;
    assert!(system.gateway().call(call(&FETCH, Do::Answer)).await.is_ok());
}

/// One gauge of an instance; none where it is not shown.
fn gauge(metrics: &PrometheusHandle, name: &str, instance: &str) -> Option<f64> {
    let label = format!("{name}{{provider=\"{instance}\"}} ");
    let text = metrics.render();
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(&label).map(str::to_owned));
    line.map(|value| value.parse().expect("a number"))
}

const STATE: &str = "mosaic_breaker_state";
const IN_FLIGHT: &str = "mosaic_attempts_in_flight";

#[tokio::test(start_paused = true)]
async fn a_gauge_shows_the_instance_that_is_there() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let metrics = recorder.handle();
    let counts = Arc::new(Counts::default());
    let mut fragile = instance("a", &counts);
    fragile.breaker.failures_to_open = 1;
    let mut system = spec(vec![fragile.clone()]);
    system.recorder = Arc::new(recorder);
    system.settings.recover.max_attempts = 1;
    let system = System::start(system).await.expect("it starts");
    let state = || gauge(&metrics, STATE, "a");
    let fail = || call(&FETCH, Do::FailAt(&["a"], Kind::UpstreamFailed));
    assert_eq!(state(), Some(0.0));
    let hanging = spawn(system.gateway(), call(&FETCH, Do::AnswerAfter(Duration::from_secs(20))));
    eventually("it is asked", || gauge(&metrics, IN_FLIGHT, "a") == Some(1.0)).await;

    // What its predecessor was does not show after an update, nor what becomes of it while it drains.
    let old = system.instance("a").expect("it runs");
    system.gateway().call(fail()).await.expect_err("as told");
    eventually("it is open", || state() == Some(2.0)).await;
    let updating = tokio::spawn({
        let (plugins, spec) = (system.plugins().clone(), ReadyMade::spec(fragile.clone()));
        async move { plugins.update(spec).await }
    });
    eventually("the successor serves", || state() == Some(0.0)).await;
    old.breaker.reset().await.expect("it drains");
    old.breaker.force_open("a rehearsal", None).await.expect("it drains");
    assert_eq!((state(), gauge(&metrics, IN_FLIGHT, "a")), (Some(0.0), Some(1.0)));
    hanging
        .await
        .expect("no panic")
        .expect_err("its attempt had ten seconds");
    updating.await.expect("no panic").expect("it is well");
    assert_eq!(gauge(&metrics, IN_FLIGHT, "a"), Some(0.0));

    // What is forced open stays so, and shows so.
    let forced = system.instance("a").expect("it runs");
    forced
        .breaker
        .force_open("a rehearsal", None)
        .await
        .expect("its actor runs");
    system
        .plugins()
        .update(ReadyMade::spec(fragile.clone()))
        .await
        .expect("it is well");
    assert_eq!(state(), Some(2.0));
    system.plugins().remove("a").await.expect("it runs");
    assert_eq!(state().unwrap_or_default(), 0.0, "nothing is there");
    system
        .plugins()
        .add(ReadyMade::spec(fragile))
        .await
        .expect("its name is free");
    assert_eq!((state(), gauge(&metrics, IN_FLIGHT, "a")), (Some(0.0), Some(0.0)));
}
