//! Ejections end before their time, or outlive what they were told to.

use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::plugin::{PluginSettings, ReadyMade};
use mosaic_actors::supervision::State;
use tokio::time::sleep;

use crate::support::scripted::{Scripted, SharedScript, Step, plugin};
use crate::support::{Counts, equivalent, eventually, instance};
use crate::{down, stage};

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
