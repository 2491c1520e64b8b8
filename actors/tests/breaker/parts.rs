//! Breakers that are divided: by cost class, or by model.

use std::sync::Arc;

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::breaker::{BreakerPer, BreakerSnapshot};
use mosaic_actors::call::{Call, Operation};
use mosaic_actors::error::Kind;
use mosaic_actors::supervision::Event;
use mosaic_actors::system::System;

use crate::support::{Counts, Do, FETCH, PAID, WRITE, call, eventually, single};
use crate::{down, shown};

async fn divided(per: BreakerPer) -> (System, Arc<Counts>) {
    single(|spec| {
        spec.settings.recover.max_attempts = 1;
        spec.instances[0].breaker.failures_to_open = 2;
        spec.instances[0].breaker_per = per;
    })
    .await
}

fn circuits(system: &System) -> Vec<BreakerSnapshot> {
    system.snapshot().instances.remove(0).breakers
}

/// The state of the part of this name; of `None`, of the rest.
fn state(system: &System, part: Option<&str>) -> Option<&'static str> {
    let circuits = circuits(system);
    let found = circuits.iter().find(|circuit| circuit.part.as_deref() == part);
    found.map(|circuit| circuit.state)
}

fn about(model: &str, what: Do) -> Call {
    let mut call = call(&PAID, what);
    call.attributes.model = Some(Arc::from(model));
    call
}

async fn told(system: &System, call: Call) -> Option<Kind> {
    system.gateway().call(call).await.err().map(|failure| failure.kind)
}

async fn is(system: &System, part: Option<&str>, wanted: &str) {
    eventually(wanted, || state(system, part) == Some(wanted)).await;
}

#[tokio::test(start_paused = true)]
async fn where_writes_fail_reads_pass() {
    let (system, _) = divided(BreakerPer::CostClass).await;
    let mut events = system.events().subscribe();
    for _ in 0..2 {
        assert_eq!(told(&system, call(&WRITE, down())).await, Some(Kind::UpstreamFailed));
    }
    is(&system, Some("write"), "open").await;
    assert_eq!(told(&system, call(&WRITE, Do::Answer)).await, Some(Kind::CircuitOpen));
    assert_eq!(told(&system, call(&FETCH, Do::Answer)).await, None);
    assert_eq!(told(&system, call(&PAID, Do::Answer)).await, None);
    let others: Vec<_> = ["read", "heavy", "tokens"]
        .map(|part| state(&system, Some(part)))
        .to_vec();
    assert_eq!(others, [Some("closed"); 3]);
    // The worst stands for the whole.
    assert_eq!(
        (shown(&system).state, shown(&system).part.as_deref()),
        ("open", Some("write"))
    );
    let parts = std::iter::from_fn(|| events.try_recv().ok()).filter_map(|told| match told.event {
        Event::Breaker { part, state, .. } => Some((part.map(|part| part.to_string()), state)),
        _ => None,
    });
    assert_eq!(parts.collect::<Vec<_>>(), [(Some("write".to_owned()), "open")]);
}

#[tokio::test(start_paused = true)]
async fn where_one_model_fails_others_pass() {
    let (system, _) = divided(BreakerPer::Model { most: 2 }).await;
    assert_eq!(circuits(&system).len(), 1, "no model came");
    // Whoever makes up names takes no circuit from those that there are.
    assert_eq!(
        told(&system, about("made up", down())).await,
        Some(Kind::UpstreamFailed)
    );
    assert_eq!(circuits(&system).len(), 1);
    assert_eq!(told(&system, about("large", Do::Answer)).await, None);
    for _ in 0..2 {
        assert_eq!(told(&system, about("large", down())).await, Some(Kind::UpstreamFailed));
    }
    is(&system, Some("large"), "open").await;
    assert_eq!(told(&system, about("large", Do::Answer)).await, Some(Kind::CircuitOpen));
    assert_eq!(told(&system, about("small", Do::Answer)).await, None);
    assert_eq!(told(&system, call(&FETCH, Do::Answer)).await, None, "it names none");
    assert_eq!(state(&system, Some("small")), Some("closed"));
    // Those that come when all places are taken share one, with what names none.
    for model in ["third", "fourth"] {
        assert_eq!(told(&system, about(model, down())).await, Some(Kind::UpstreamFailed));
    }
    is(&system, None, "open").await;
    assert_eq!(told(&system, about("fifth", Do::Answer)).await, Some(Kind::CircuitOpen));
    assert_eq!(told(&system, about("small", Do::Answer)).await, None);
    assert_eq!(circuits(&system).len(), 3, "the bound holds");
}

#[tokio::test(start_paused = true)]
async fn an_order_is_about_all_parts() {
    for per in [BreakerPer::CostClass, BreakerPer::Model { most: 4 }] {
        let (system, _) = divided(per).await;
        for what in [Do::Answer, down(), down()] {
            told(&system, about("large", what)).await;
        }
        eventually("one is open", || shown(&system).state == "open").await;
        let breaker = system.instance("a").unwrap().breaker.clone();
        let mut events = system.events().subscribe();
        breaker.force_open("a rehearsal", None).await.expect("its actor runs");
        assert!(circuits(&system).iter().all(|circuit| circuit.state == "forced_open"));
        for refused in [
            call(&FETCH, Do::Answer),
            call(&WRITE, Do::Answer),
            about("never seen", Do::Answer),
        ] {
            assert_eq!(told(&system, refused).await, Some(Kind::CircuitOpen));
        }
        breaker.reset().await.expect("its actor runs");
        assert!(circuits(&system).iter().all(|circuit| circuit.state == "closed"));
        assert_eq!(told(&system, about("large", Do::Answer)).await, None);
        let states = std::iter::from_fn(|| events.try_recv().ok()).filter_map(|told| match told.event {
            Event::Breaker { part, state, why, .. } => Some((part, state, why.is_some())),
            _ => None,
        });
        let told: Vec<_> = states.collect();
        assert_eq!(
            told,
            [(None, "forced_open", true), (None, "closed", false)],
            "one word for all"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn its_parts_outlive_a_crash_of_their_actor() {
    let (system, _) = divided(BreakerPer::CostClass).await;
    for _ in 0..2 {
        told(&system, call(&WRITE, down())).await;
    }
    is(&system, Some("write"), "open").await;
    let path = "/root/plugins/instances/a/breaker";
    system.tree().crash(path, "rehearsal").await.expect("it runs");
    let node = system.tree().node(path).expect("it is in the tree");
    eventually("it is up again", || node.generation() == 2).await;
    assert_eq!(state(&system, Some("write")), Some("open"));
    tokio::time::sleep(std::time::Duration::from_secs(31)).await;
    assert_eq!(told(&system, call(&WRITE, Do::Answer)).await, None, "a probe may pass");
    is(&system, Some("write"), "closed").await;
}

/// The lines of a metric, without its name.
fn lines(text: &str, name: &str) -> Vec<String> {
    let mut found: Vec<_> = text
        .lines()
        .filter_map(|line| line.strip_prefix(name))
        .map(str::to_owned)
        .collect();
    found.sort();
    found
}

#[tokio::test(start_paused = true)]
async fn metrics_tell_classes_apart_and_never_models() {
    for (per, classes) in [
        (BreakerPer::CostClass, 4),
        (BreakerPer::Model { most: 4 }, 0),
        (BreakerPer::Instance, 0),
    ] {
        let recorder = PrometheusBuilder::new().build_recorder();
        let metrics = recorder.handle();
        let (system, _) = single(|spec| {
            spec.recorder = Arc::new(recorder);
            spec.settings.recover.max_attempts = 1;
            spec.instances[0].breaker.failures_to_open = 2;
            spec.instances[0].breaker_per = per;
        })
        .await;
        for _ in 0..2 {
            told(&system, about("large", down())).await;
        }
        eventually("it is open", || shown(&system).state == "open").await;
        let text = metrics.render();
        assert_eq!(lines(&text, "mosaic_breaker_state{"), ["provider=\"a\"} 2"], "{per:?}");
        assert_eq!(
            lines(&text, "mosaic_breaker_opened_total{"),
            ["provider=\"a\"} 1"],
            "{per:?}"
        );
        let parts = lines(&text, "mosaic_breaker_class_state{");
        assert_eq!(parts.len(), classes, "{parts:?}");
        let open: Vec<_> = parts.iter().filter(|line| line.ends_with(" 2")).collect();
        assert!(
            open.len() == classes.min(1) && open.iter().all(|line| line.contains("class=\"tokens\"")),
            "{open:?}"
        );
        assert!(!text.contains("large"), "a model is a caller's word");
    }
}

/// Each operation has its class's circuit.
#[test]
fn the_classes_of_the_tests_differ() {
    let class = |operation: &'static Operation| operation.cost.as_str();
    assert_eq!([&FETCH, &WRITE, &PAID].map(class), ["read", "write", "tokens"]);
}
