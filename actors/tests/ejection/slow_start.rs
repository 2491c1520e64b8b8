//! Slow start of who comes back.

use std::time::Duration;

use mosaic_actors::policy::slow_start::SlowStart;
use mosaic_actors::supervision::State;
use tokio::time::sleep;

use crate::support::eventually;
use crate::{down, stage};

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
