//! Redis gone, hanging, and back.

use std::sync::Arc;
use std::time::{Duration, Instant};

use mosaic_actors::call::CacheStatus;

use super::node::Rig;
use super::{PATIENCE, eventually};

const BUDGET: Duration = Duration::from_millis(300);
/// What a call may take beside its budget on a machine that is busy.
const EASE: Duration = Duration::from_secs(2);

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_it_costs_misses_and_it_comes_back() {
    let Some(mut rig) = Rig::start().await else { return };
    let node = Arc::new(
        rig.node_with(|config| {
            config.cache.l1.enabled = false;
            config.cache.l2.get_timeout = BUDGET;
        })
        .await,
    );
    node.issues().await;
    eventually("the answer is in Redis", || node.l2().fills == 1).await;
    let (stop, stopped) = tokio::sync::watch::channel(false);
    let callers: Vec<_> = (0..8)
        .map(|_| {
            let (node, stopped) = (node.clone(), stopped.clone());
            tokio::spawn(async move {
                let (mut calls, mut slowest) = (0, Duration::ZERO);
                while !*stopped.borrow() {
                    let began = Instant::now();
                    node.try_issues().await.expect("no call fails");
                    slowest = slowest.max(began.elapsed());
                    calls += 1;
                }
                (calls, slowest)
            })
        })
        .collect();
    eventually("hits flow", || node.l2().hits > 10).await;
    rig.redis.kill();
    eventually("the circuit opens", || node.l2().breaker.state == "open").await;
    let misses = node.l2().misses;
    eventually("calls go on", || node.l2().misses > misses + 20).await;
    rig.redis.up();
    let hits = node.l2().hits;
    eventually("hits flow again", || node.l2().hits > hits + 10).await;
    assert_eq!(node.l2().breaker.state, "closed");
    stop.send(true).expect("they listen");
    for caller in callers {
        let (calls, slowest) = tokio::time::timeout(PATIENCE, caller)
            .await
            .expect("in time")
            .expect("no call fails");
        assert!(calls > 0);
        assert!(slowest < BUDGET + EASE, "{slowest:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn hanging_it_costs_the_budget_and_then_nothing() {
    let Some(rig) = Rig::start().await else { return };
    let node = rig
        .node_with(|config| {
            config.cache.l1.enabled = false;
            config.cache.l2.get_timeout = BUDGET;
            config.cache.l2.put_timeout = BUDGET;
        })
        .await;
    node.issues().await;
    eventually("the answer is in Redis", || node.l2().fills == 1).await;
    rig.redis.freeze();
    let mut waited = 0;
    while node.l2().breaker.state != "open" {
        let began = Instant::now();
        assert_eq!(node.issues().await.1.cache, CacheStatus::Miss);
        assert!(began.elapsed() >= BUDGET && began.elapsed() < BUDGET + EASE);
        waited += 1;
        assert!(waited <= 6, "the circuit opens after five failures");
    }
    assert_eq!(node.l2().last_error, Some("timeout"));
    // Open, it is not asked: many calls together take less time than one that waits.
    let (errors, began) = (node.l2().errors, Instant::now());
    assert_eq!(node.issues().await.1.cache, CacheStatus::Miss);
    let took = began.elapsed();
    assert!(took < BUDGET || node.l2().errors > errors, "{took:?} without asking it");
    rig.redis.thaw();
    let since = Instant::now();
    while node.issues().await.1.cache != CacheStatus::Hit {
        assert!(since.elapsed() < PATIENCE, "it comes back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_invalidation_that_it_missed_is_made_good_and_nothing_old_is_served_meanwhile() {
    let Some(rig) = Rig::start().await else { return };
    let quick = |config: &mut mosaic::config::Config| {
        config.cache.l1.enabled = false;
        config.cache.l2.put_timeout = BUDGET;
    };
    let (one, two) = (rig.node_with(quick).await, rig.node_with(quick).await);
    one.issues().await;
    eventually("the answer is in Redis", || one.l2().fills == 1).await;
    assert_eq!(two.issues().await.1.cache, CacheStatus::Hit);
    rig.redis.freeze();
    let began = Instant::now();
    one.open_issue("while it hung").await;
    assert!(
        began.elapsed() < BUDGET + EASE,
        "the writer waits for the budget, no longer"
    );
    assert!(one.l2().pending_invalidations > 0);
    rig.redis.thaw();
    // The writer's own node never serves the old answer, however soon it asks.
    let (titles, _) = one.issues().await;
    assert!(titles.iter().any(|title| title == "while it hung"));
    // The other node does until the debt is paid.
    eventually("it is confirmed", || one.l2().pending_invalidations == 0).await;
    let (titles, _) = two.issues().await;
    assert!(titles.iter().any(|title| title == "while it hung"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_starts_without_it_and_finds_it_later() {
    let Some(mut rig) = Rig::start().await else { return };
    rig.redis.kill();
    let node = rig.far_node().await;
    assert_eq!(node.issues().await.1.cache, CacheStatus::Miss);
    assert_eq!(node.l2().last_error, Some("network"));
    rig.redis.up();
    let since = Instant::now();
    while node.issues().await.1.cache != CacheStatus::Hit {
        assert!(since.elapsed() < PATIENCE, "it is found");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_is_a_miss_too_and_heals() {
    let Some(rig) = Rig::start().await else { return };
    let node = rig.far_node().await;
    redis::cmd("CONFIG")
        .arg(&["SET", "requirepass", "another"])
        .exec(&mut rig.redis.connect())
        .expect("it is set");
    assert_eq!(node.issues().await.1.cache, CacheStatus::Miss);
    assert_eq!(node.l2().last_error, Some("refused"));
    let mut other = redis::Client::open(rig.redis.url().replace("redis://", "redis://:another@"))
        .and_then(|client| client.get_connection())
        .expect("the new password works");
    redis::cmd("CONFIG")
        .arg(&["SET", "requirepass", super::server::PASSWORD])
        .exec(&mut other)
        .expect("it is set back");
    let since = Instant::now();
    while node.issues().await.1.cache != CacheStatus::Hit {
        assert!(since.elapsed() < PATIENCE, "it heals");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_run_owed_it_is_not_served_by_the_next() {
    for orderly in [true, false] {
        let Some(rig) = Rig::start().await else { return };
        let folder = tempfile::tempdir().expect("a folder");
        let state = folder.path().join("state.db");
        let node = async |state: &std::path::Path| {
            rig.node_with(|config| {
                config.cache.l1.enabled = false;
                config.cache.l2.put_timeout = BUDGET;
                config.state.path = state.to_path_buf();
            })
            .await
        };
        let one = node(&state).await;
        one.issues().await;
        eventually("the answer is in Redis", || one.l2().fills == 1).await;
        // An orderly end that owes nothing leaves it trusted.
        one.0.shutdown().await;
        let two = node(&state).await;
        assert_eq!(two.issues().await.1.cache, CacheStatus::Hit);
        rig.redis.freeze();
        two.open_issue("while it hung").await;
        assert!(two.l2().pending_invalidations > 0);
        // A copy taken now is what a process that is killed leaves behind.
        let killed = folder.path().join("killed.db");
        mosaic::stores::backup(&two.0.config().state, &killed)
            .await
            .expect("a copy");
        two.0.shutdown().await;
        rig.redis.thaw();
        let three = node(if orderly { &state } else { &killed }).await;
        let (titles, head) = three.issues().await;
        assert!(
            titles.iter().any(|title| title == "while it hung"),
            "orderly: {orderly}"
        );
        assert_eq!(head.cache, CacheStatus::Miss);
        eventually("it is trusted again", || three.l2().pending_invalidations == 0).await;
    }
}
