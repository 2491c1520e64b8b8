//! What drivers know of their providers' limits: who is asked first, and what is seen of it.

mod support;

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::system::{System, SystemSpec};
use support::scripted::{Script, Scripted, SharedScript, Step, plugin, system};
use support::{Do, WRITE, call, spec};

fn set(script: &SharedScript, change: impl FnOnce(&mut Script)) {
    change(&mut script.lock().expect("no panic"));
}

/// Calls that each of `a` and `b` answered, after ten more.
async fn answered_after_ten(system: &System) -> [u64; 2] {
    for _ in 0..10 {
        let answer = system.gateway().call(call(&WRITE, Do::Answer)).await;
        answer.expect("either can");
    }
    ["a", "b"].map(|name| {
        let plugin = system.plugins().get(name).expect("it is there");
        plugin.instance.expect("it runs").traffic.answered
    })
}

#[tokio::test]
async fn of_equivalents_the_one_of_whose_quota_little_is_left_is_asked_last() {
    let scripts = [SharedScript::default(), SharedScript::default()];
    let [a, b] = &scripts;
    let system = system(vec![plugin("a", a), plugin("b", b)]).await;
    assert_eq!(answered_after_ten(&system).await, [5, 5]);
    set(a, |script| script.scarce = true);
    assert_eq!(answered_after_ten(&system).await, [5, 15]);
    set(b, |script| script.scarce = true);
    assert_eq!(answered_after_ten(&system).await, [10, 20], "both are used up alike");
    set(a, |script| script.scarce = false);
    assert_eq!(answered_after_ten(&system).await, [20, 20]);
}

#[tokio::test]
async fn what_is_left_is_seen_as_it_stands_and_a_driver_that_panics_over_it_says_nothing() {
    let recorder = PrometheusBuilder::new().build_recorder();
    let handle = recorder.handle();
    let script = SharedScript::default();
    let system = System::start(SystemSpec {
        recorder: Arc::new(recorder),
        plugins: vec![plugin("a", &script)],
        loaders: vec![Arc::new(Scripted)],
        ..spec(vec![])
    });
    let system = system.await.expect("it starts");
    let left = || {
        let instance = system
            .plugins()
            .get("a")
            .expect("it is there")
            .instance
            .expect("it runs");
        instance.rate_limits.first().map(|limit| limit.remaining)
    };
    let exported = |value: &str| {
        system.refresh_gauges();
        let sample = format!("mosaic_provider_rate_limit_remaining{{provider=\"a\",resource=\"core\"}} {value}\n");
        let text = handle.render();
        assert!(text.contains(&sample), "{sample} in {text}");
    };
    assert_eq!(left(), None);
    set(&script, |script| script.left = Some(7));
    assert_eq!(left(), Some(Some(7)));
    exported("7");
    set(&script, |script| script.left = Some(6));
    exported("6");
    set(&script, |script| script.limits = Step::Panics);
    assert_eq!(left(), None);
    exported("NaN");
    system
        .gateway()
        .call(call(&WRITE, Do::Answer))
        .await
        .expect("calls go on");
}
