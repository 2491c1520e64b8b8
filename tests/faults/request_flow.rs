//! The branches of the request flow: the cache, the circuit, the fallback.
//!
//! Invariant: who answered is told by what arrived at each forge, not by the answer alone.

use mosaic::sandbox::Effect;

use crate::stage::{FRESH, READ, arrived, attempts, circuit, forges, strike};

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_hit_is_returned_and_no_provider_is_asked() {
    let stage = forges(1, "").await;
    let first = stage.gateway.get(READ).await;
    // Nothing of it is needed: neither the forge nor a closed circuit.
    strike(&stage, "forge-1", Effect::Reset { processed: false }, None);
    let kept = stage.gateway.get(READ).await;
    assert_eq!(first.ok(), kept.ok());
    assert!(kept.header("cache-status").contains("hit"), "{kept:?}");
    assert_eq!(arrived(&stage), [1]);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_miss_with_a_closed_circuit_is_executed_and_its_result_cached() {
    let stage = forges(1, "").await;
    let missed = stage.gateway.get(READ).await;
    assert_eq!((missed.ok()["path"].as_str(), attempts(&missed)), (Some("acme/api"), 1));
    assert!(!missed.header("cache-status").contains("hit"), "{missed:?}");
    assert_eq!(circuit(&stage, "forge-1").await, "closed");
    assert!(stage.gateway.get(READ).await.header("cache-status").contains("hit"));
    assert_eq!(arrived(&stage), [1]);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cache_miss_with_an_open_circuit_is_executed_by_the_fallback_and_its_result_cached() {
    let stage = forges(2, "[defaults.breaker]\nfailures_to_open = 1\nopen_for = \"1h\"\n").await;
    strike(&stage, "forge-1", Effect::Error { status: 500 }, None);
    // Each has its turn: the second call at the latest meets the one that fails.
    for _ in 0..2 {
        stage.gateway.get(FRESH).await.ok();
    }
    assert_eq!(circuit(&stage, "forge-1").await, "open");
    let failing = arrived(&stage)[0];
    for path in ["/v1/git/repos/acme/web", "/v1/git/repos/acme/api/branches"] {
        let fallback = stage.gateway.get(path).await;
        fallback.ok();
        assert_eq!((fallback.provider(), attempts(&fallback)), ("forge-2", 1), "{path}");
        assert!(stage.gateway.get(path).await.header("cache-status").contains("hit"));
    }
    assert_eq!(arrived(&stage)[0], failing, "an open circuit lets nothing through");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failure_is_returned_and_not_cached() {
    let stage = forges(1, "[gateway]\nmax_attempts = 1\n").await;
    strike(&stage, "forge-1", Effect::Error { status: 502 }, Some(1));
    assert_eq!(stage.gateway.get(READ).await.refused(502), "upstream_failed");
    stage.gateway.get(READ).await.ok();
    assert_eq!(arrived(&stage), [2]);
    stage.close().await.ok();
}
