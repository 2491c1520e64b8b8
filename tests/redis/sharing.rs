//! What nodes leave each other, and what they do not.

use std::time::Duration;

use mosaic_actors::call::{CacheStatus, Head};

use super::eventually;
use super::node::{CLUSTER_KEY, Node, Rig, TOKEN};
use super::server::PASSWORD;

fn how(head: &Head) -> (CacheStatus, Option<&'static str>) {
    (head.cache, head.cached_by.map(|by| by.tier))
}

const MISS: (CacheStatus, Option<&str>) = (CacheStatus::Miss, None);
const L1: (CacheStatus, Option<&str>) = (CacheStatus::Hit, Some("l1"));
const L2: (CacheStatus, Option<&str>) = (CacheStatus::Hit, Some("l2"));

/// Asks once, and waits until the answer is in Redis.
async fn filled(node: &Node) -> Vec<String> {
    let before = node.l2().fills;
    let (titles, head) = node.issues().await;
    assert_eq!(how(&head), MISS);
    eventually("the answer is in Redis", || node.l2().fills > before).await;
    titles
}

#[tokio::test(flavor = "multi_thread")]
async fn another_node_gets_the_hit_and_keeps_it_near() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.node().await, rig.node().await);
    let titles = filled(&one).await;
    assert!(!titles.is_empty());
    let (same, head) = two.issues().await;
    assert_eq!((same, how(&head)), (titles, L2));
    assert!((0..=10).contains(&head.cached_by.expect("a tier").ttl_seconds));
    assert_eq!(how(&two.issues().await.1), L1);
    assert_eq!((two.l2().hits, two.l2().errors), (1, 0));
    let metrics = two.0.metrics();
    for line in [
        "mosaic_cache_requests_total{tier=\"l2\",result=\"hit\"} 1",
        "mosaic_cache_breaker_state{tier=\"l2\"} 0",
    ] {
        assert!(metrics.contains(line), "{line} in {metrics}");
    }
    assert!(metrics.contains("mosaic_cache_duration_seconds"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_answer_tells_of_itself_keeps_it_from_nobody() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.node().await, rig.node().await);
    let before = one.l2().fills;
    assert_eq!(how(&one.repo().await), MISS);
    eventually("the answer is in Redis", || one.l2().fills > before).await;
    assert_eq!(how(&two.repo().await), L2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_on_one_node_makes_it_invalid_on_the_other() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.node().await, rig.far_node().await);
    filled(&one).await;
    assert_eq!(how(&two.issues().await.1), L2);
    one.open_issue("found by the other node").await;
    let (titles, head) = two.issues().await;
    assert_eq!(how(&head), MISS);
    assert!(titles.iter().any(|title| title == "found by the other node"));
    eventually("the newer answer is in Redis", || two.l2().fills == 1).await;
    assert_eq!(how(&one.issues().await.1), L2);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_write_overtook_is_never_served() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.far_node().await, rig.far_node().await);
    filled(&one).await;
    // What a slow node puts after a write carries the stamp from before it: the old value, put back under the key.
    let [key] = &*rig.redis.keys("mosaic:e:") else {
        panic!("one entry")
    };
    let old = rig.redis.value(key);
    two.open_issue("overtakes").await;
    rig.redis.to_the_entry("SET", old);
    rig.redis.to_the_entry("PEXPIRE", 300_000);
    let (titles, head) = one.issues().await;
    assert_eq!(how(&head), MISS);
    assert!(titles.iter().any(|title| title == "overtakes"));
    assert_eq!(one.l2().errors, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn generations_that_redis_lost_match_nothing() {
    let Some(rig) = Rig::start().await else { return };
    let one = rig.far_node().await;
    filled(&one).await;
    for generation in rig.redis.keys("mosaic:g:") {
        redis::cmd("DEL")
            .arg(generation)
            .exec(&mut rig.redis.connect())
            .expect("DEL");
    }
    filled(&one).await;
    assert_eq!(how(&one.issues().await.1), L2);
}

#[tokio::test(flavor = "multi_thread")]
async fn garbage_and_other_versions_are_misses() {
    let Some(rig) = Rig::start().await else { return };
    let one = rig.far_node().await;
    filled(&one).await;
    let [key] = &*rig.redis.keys("mosaic:e:") else {
        panic!("one entry")
    };
    let good = rig.redis.value(key);
    let mut other_version = good.clone();
    other_version[3] += 1;
    let mut damaged = good.clone();
    *damaged.last_mut().expect("bytes") ^= 1;
    let mut errors = 0;
    for bad in [
        other_version,
        damaged,
        good[..good.len() / 2].to_vec(),
        b"garbage".to_vec(),
        vec![],
    ] {
        rig.redis.to_the_entry("SET", bad);
        rig.redis.to_the_entry("PEXPIRE", 300_000);
        filled(&one).await;
        errors += 1;
        assert_eq!((one.l2().errors, one.l2().last_error), (errors, Some("unreadable")));
    }
    // An entry without an end was not written by us.
    rig.redis.to_the_entry("SET", good);
    filled(&one).await;
    assert_eq!(one.l2().breaker.state, "closed");
}

#[tokio::test(flavor = "multi_thread")]
async fn entries_end_and_before_that_serve_when_the_provider_fails() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.node().await, rig.far_node().await);
    let titles = filled(&one).await;
    let [key] = &*rig.redis.keys("mosaic:e:") else {
        panic!("one entry")
    };
    let left: u64 = redis::cmd("PTTL")
        .arg(key)
        .query(&mut rig.redis.connect())
        .expect("PTTL");
    assert!((250_000..=310_000).contains(&left), "{left} ms");
    // The server's expiry is the clock: with so little left, it is long past its fresh time.
    rig.redis.to_the_entry("PEXPIRE", 100_000);
    rig.break_provider();
    let (stale, head) = two.issues().await;
    assert_eq!((stale, how(&head)), (titles, (CacheStatus::Stale, Some("l2"))));
    assert!((-210..=-190).contains(&head.cached_by.expect("a tier").ttl_seconds));
    assert!(head.age > Duration::from_secs(200));
    rig.redis.to_the_entry("PEXPIRE", 1);
    eventually("it is gone", || rig.redis.keys("mosaic:e:").is_empty()).await;
    assert!(two.try_issues().await.is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn no_secret_and_no_name_stands_in_redis() {
    let Some(rig) = Rig::start().await else { return };
    let one = rig.node().await;
    filled(&one).await;
    let keys = rig.redis.keys("");
    assert!(keys.len() >= 3, "an entry and its generations: {keys:?}");
    for key in keys {
        assert!(key.starts_with("mosaic:"));
        let value = rig.redis.value(&key);
        let text = format!("{key} {}", String::from_utf8_lossy(&value));
        for secret in [TOKEN, PASSWORD, CLUSTER_KEY] {
            assert!(!text.contains(secret), "a secret in {key}");
        }
        assert!(!key.contains("acme") && !key.contains("local"), "{key}");
    }
    let shown = format!("{:?} {}", one.0.snapshot(), one.0.metrics());
    assert!(!shown.contains(PASSWORD) && !shown.contains(CLUSTER_KEY));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_kept_is_asked_about_and_costs_no_quota() {
    let Some(rig) = Rig::start().await else { return };
    let (one, two) = (rig.node().await, rig.far_node().await);
    let left = |node: &Node| {
        let instances = node.0.snapshot().instances;
        instances[0].rate_limits.first().and_then(|limit| limit.remaining)
    };
    let before = one.l2().fills;
    assert_eq!(how(&one.repo().await), MISS);
    eventually("the answer is in Redis", || one.l2().fills > before).await;
    let paid = left(&one);
    // With so little left to live, it is long past its fresh time.
    rig.redis.to_the_entry("PEXPIRE", 100_000);
    assert_eq!(how(&two.repo().await), (CacheStatus::Revalidated, None));
    assert_eq!(left(&two), paid, "it was free");
    eventually("it is in Redis anew", || two.l2().fills == 1).await;
    let again = two.repo().await;
    assert_eq!(how(&again), L2);
    assert!(again.cached_by.is_some_and(|by| by.ttl_seconds >= 0), "fresh again");
}
