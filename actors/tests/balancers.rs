//! Balancers in a whole system: each is named by its rule, and the one that learns is told how attempts end.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use mosaic_actors::call::Operation;
use mosaic_actors::error::Kind;
use mosaic_actors::policy::balance::{Adaptive, Balance, Balancer, Learned, Weights};
use mosaic_actors::policy::estimate::Class;
use mosaic_actors::system::{System, SystemSpec};
use support::{Counts, Do, FETCH, STREAM, WRITE, call, eventually, frames_of, instance, spec};

const NAMES: [&str; 3] = ["a", "b", "c"];

fn balanced(balance: Balance) -> SystemSpec {
    let counts = Arc::new(Counts::default());
    let mut spec = spec(NAMES.iter().map(|name| instance(name, &counts)).collect());
    spec.rules[0].balance = balance;
    spec
}

async fn started(spec: SystemSpec) -> System {
    System::start(spec).await.expect("it starts")
}

/// Makes calls and counts who answered.
async fn answered(system: &System, calls: usize, operation: &'static Operation, what: Do) -> BTreeMap<String, usize> {
    let mut by = BTreeMap::new();
    for _ in 0..calls {
        let answer = system.gateway().call(call(operation, what.clone())).await;
        *by.entry(answer.expect("one can").head.provider.to_string())
            .or_default() += 1;
    }
    by
}

/// Answers after longer than who is not known is taken to need, so that nobody stays unknown.
const SLOWLY: Do = Do::AnswerAfter(Duration::from_millis(40));

fn adaptive() -> Balance {
    Balance::Adaptive(Weights::DEFAULT)
}

/// What one that has seen nothing would keep.
fn nothing() -> Learned {
    Adaptive::new(Weights::DEFAULT).learned().expect("it learns")
}

#[tokio::test(start_paused = true)]
async fn every_balancer_serves_the_calls_of_its_rule() {
    for balance in Balance::all() {
        let system = started(balanced(balance)).await;
        let by = answered(&system, 60, &FETCH, SLOWLY).await;
        assert_eq!(by.values().sum::<usize>(), 60, "{balance}");
        let spread = if balance == Balance::ConsistentHashing { 1 } else { 3 };
        // Of those that draw, sixty calls reach all three as good as always.
        assert_eq!(by.len(), spread, "{balance}: {by:?}");
        let failing = answered(&system, 20, &FETCH, Do::FailAt(&["a"], Kind::UpstreamFailed)).await;
        assert!(!failing.contains_key("a"), "{balance}: {failing:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn weights_are_those_of_the_instances() {
    let mut spec = balanced(Balance::Weighted);
    spec.instances[0].weight = 3;
    spec.instances[1].weight = 2;
    let by = answered(&started(spec).await, 60, &FETCH, Do::Answer).await;
    assert_eq!(by.into_values().collect::<Vec<_>>(), [30, 20, 10]);
}

#[tokio::test(start_paused = true)]
async fn a_conversation_returns_to_the_same_instance() {
    let system = started(balanced(Balance::ConsistentHashing)).await;
    let mut homes = BTreeMap::new();
    for round in 0..3 {
        for conversation in 0..20_u64 {
            let mut call = call(&FETCH, Do::Answer);
            call.attributes.affinity = Some(conversation);
            let by = system.gateway().call(call).await.expect("one can").head.provider;
            let home = homes.entry(conversation).or_insert_with(|| by.clone());
            assert_eq!(*home, by, "in round {round}");
        }
    }
    let mut all: Vec<_> = homes.into_values().collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 3);
}

#[tokio::test(start_paused = true)]
async fn what_was_learned_is_given_to_the_next_run() {
    let system = started(balanced(adaptive())).await;
    assert!(system.learned().await.is_empty(), "its rule was not used so far");
    answered(&system, 50, &FETCH, SLOWLY).await;
    let learned = system.learned().await;
    assert_eq!(learned.iter().map(|(rule, _)| *rule).collect::<Vec<_>>(), [0]);
    assert!(
        learned[0].1.as_bytes().len() > 2 * nothing().as_bytes().len(),
        "it knows the three"
    );
    let next = SystemSpec {
        learned: learned.clone(),
        ..balanced(adaptive())
    };
    let next = started(next).await;
    assert_eq!(next.learned().await, learned);
    answered(&next, 1, &FETCH, SLOWLY).await;
    let after = next.learned().await;
    assert_eq!(after[0].1.as_bytes().len(), learned[0].1.as_bytes().len());
    assert_ne!(after, learned, "it learns on");
}

#[tokio::test(start_paused = true)]
async fn what_is_broken_is_refused_and_calls_are_served() {
    let broken = SystemSpec {
        learned: vec![(0, Learned::from_bytes(b"mosaic-a, and no more".to_vec()))],
        ..balanced(adaptive())
    };
    let system = started(broken).await;
    answered(&system, 5, &FETCH, Do::Answer).await;
    let mut fresh = Adaptive::new(Weights::DEFAULT);
    let (_, learned) = &system.learned().await[0];
    assert_eq!(fresh.restore(learned, 0), Ok(()));
}

#[tokio::test(start_paused = true)]
async fn a_router_that_is_restarted_begins_with_what_was_kept_last() {
    let system = started(balanced(adaptive())).await;
    answered(&system, 50, &FETCH, SLOWLY).await;
    let kept = system.learned().await;
    let router = system.tree().node("/root/router").expect("it is there");
    system
        .tree()
        .crash("/root/router", "a rehearsal")
        .await
        .expect("it is there");
    eventually("the router is back", || router.restarts() > 0).await;
    answered(&system, 1, &FETCH, SLOWLY).await;
    let after = system.learned().await;
    assert_eq!(after[0].1.as_bytes().len(), kept[0].1.as_bytes().len());
    assert_ne!(after[0].1, nothing());
}

#[tokio::test]
async fn only_a_balancer_that_learns_is_told() {
    let system = started(balanced(Balance::ResponseTime)).await;
    answered(&system, 10, &FETCH, Do::Answer).await;
    assert!(system.learned().await.is_empty());
}

#[tokio::test]
async fn refusals_and_failures_teach_apart() {
    // Who refuses says nothing of how it serves; who fails does.
    let teach = |kind: Kind| async move {
        let system = started(balanced(adaptive())).await;
        let failing = Do::FailAt(&["a", "b", "c"], kind);
        let _failed = system.gateway().call(call(&WRITE, failing)).await.expect_err("all do");
        let (_, learned) = system.learned().await.remove(0);
        learned
    };
    let (refused, failed) = (teach(Kind::NotFound).await, teach(Kind::UpstreamFailed).await);
    assert_ne!(refused, failed);
    let again = teach(Kind::NotFound).await;
    assert_eq!(refused.as_bytes().len(), again.as_bytes().len());
}

#[tokio::test(start_paused = true)]
async fn a_stream_is_measured_to_its_first_event_and_apart_from_the_rest() {
    let system = started(balanced(Balance::ResponseTime)).await;
    for _ in 0..12 {
        let answer = system
            .gateway()
            .call(call(&STREAM, Do::Frames(5, Duration::from_millis(200))))
            .await;
        let mut frames = frames_of(answer.expect("one can"));
        while let Some(frame) = futures_util::StreamExt::next(&mut frames).await {
            frame.expect("it is whole");
        }
    }
    let of = |operation: &Operation, name: &str| {
        let instance = system.instance(name).expect("it is there");
        instance
            .latency(Class::of(operation), u64::MAX)
            .map(|estimate| estimate.expected)
    };
    let first: Vec<Duration> = NAMES.iter().filter_map(|name| of(&STREAM, name)).collect();
    assert!(!first.is_empty());
    let one_pause = Duration::from_millis(200)..Duration::from_millis(210);
    assert!(first.iter().all(|took| one_pause.contains(took)), "{first:?}");
    assert!(NAMES.iter().all(|name| of(&FETCH, name).is_none()));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_callers_at_once_are_all_served_and_learned_from() {
    for balance in Balance::all() {
        let system = started(balanced(balance)).await;
        let callers = (0..32).map(|caller| {
            let gateway = system.gateway().clone();
            tokio::spawn(async move {
                for number in 0..25_u64 {
                    let mut call = call(&FETCH, Do::Answer);
                    call.attributes.affinity = Some(number);
                    call.attributes.payload_bytes = caller * 1_000;
                    gateway.call(call).await.expect("one can");
                }
            })
        });
        for caller in callers.collect::<Vec<_>>() {
            caller.await.expect("no panic");
        }
        support::all_is_back(&system).await;
        let learned = system.learned().await;
        assert_eq!(learned.len(), usize::from(balance == adaptive()), "{balance}");
        for (_, learned) in &learned {
            assert_eq!(Adaptive::new(Weights::DEFAULT).restore(learned, 0), Ok(()));
        }
    }
}
