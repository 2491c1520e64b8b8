//! The leaves of the error-handling flow: network, rate limit, provider, and the end where no alternative is left. Those of
//! credentials are in `credentials`.
//!
//! Invariant: what decides is what arrived at which forge, and what the caller was told.

use std::time::{Duration, Instant};

use mosaic::sandbox::Effect;
use serde_json::json;

use crate::harness::Stage;
use crate::harness::http::Reply;
use crate::stage::{FRESH, arrived, attempts, calls_told, circuit, field, forges, forges_with, strike};

const RESET: Effect = Effect::Reset { processed: false };
const BROKEN: Effect = Effect::Error { status: 503 };

fn limited(retry_after_s: u64) -> Effect {
    Effect::RateLimit {
        retry_after_s,
        secondary: true,
    }
}

/// Two calls to two forges that have turns, so that each is the first choice of one, and that `forge-1` fails: it is asked so
/// many times, and then the other answers.
async fn failed_over(stage: &Stage, effect: Effect, asked: u32) {
    strike(stage, "forge-1", effect, None);
    let mut replies = [stage.gateway.get(FRESH).await, stage.gateway.get(FRESH).await];
    replies.iter().for_each(|reply| drop(reply.ok()));
    replies.sort_by_key(attempts);
    assert_eq!(replies.each_ref().map(attempts), [1, asked + 1]);
    assert_eq!(replies.each_ref().map(Reply::provider), ["forge-2"; 2]);
    assert_eq!(arrived(stage), [u64::from(asked), 2]);
}

/// A forge that fails once is asked again, and its circuit stays closed.
async fn retried(effect: Effect) {
    let stage = forges(1, "").await;
    strike(&stage, "forge-1", effect, Some(1));
    let reply = stage.gateway.get(FRESH).await;
    reply.ok();
    assert_eq!((attempts(&reply), arrived(&stage)), (2, vec![2]));
    assert_eq!(circuit(&stage, "forge-1").await, "closed");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn network_error_that_passes_is_retried() {
    retried(RESET).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn network_error_is_retried_then_failed_over() {
    let stage = forges(2, "").await;
    failed_over(&stage, RESET, 2).await;
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn network_silence_is_not_retried_but_failed_over() {
    // The other has all the time that there is.
    let hurried = [("MOSAIC__PROVIDERS__FORGE_1__ATTEMPT_TIMEOUT", "300ms")];
    let stage = forges_with(2, "", &hurried).await;
    failed_over(&stage, Effect::Hang { processed: false }, 1).await;
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_waited_for_when_the_deadline_allows() {
    let asked = Instant::now();
    retried(limited(1)).await;
    // A timer never ends before its time, however slow the machine.
    assert!(asked.elapsed() >= Duration::from_secs(1), "it was to be left alone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_is_told_when_the_deadline_does_not_allow_the_wait() {
    let stage = forges(1, "").await;
    strike(&stage, "forge-1", limited(2), None);
    let reply = stage.gateway.get(&format!("{FRESH}&timeout_ms=3900")).await;
    assert_eq!(reply.refused(429), "upstream_rate_limited");
    assert_eq!((reply.header("retry-after"), arrived(&stage)), ("2", vec![1]));
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_beyond_wait_max_fails_over() {
    let stage = forges(2, "").await;
    failed_over(&stage, limited(60), 1).await;
    // It is left alone for as long as it asked to be, and its circuit has nothing to do with it.
    for _ in 0..4 {
        assert_eq!(attempts(&stage.gateway.get(FRESH).await), 1);
    }
    assert_eq!(arrived(&stage), [1, 6]);
    assert_eq!(circuit(&stage, "forge-1").await, "closed");
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_limit_that_lasts_is_waited_for_once_then_failed_over() {
    let stage = forges(2, "").await;
    failed_over(&stage, limited(1), 2).await;
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_error_is_retried_while_the_circuit_is_closed() {
    retried(BROKEN).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_provider_error_whose_retry_fails_is_failed_over() {
    let stage = forges(2, "").await;
    failed_over(&stage, BROKEN, 2).await;
    assert_eq!(
        circuit(&stage, "forge-1").await,
        "closed",
        "it had two failures of five"
    );
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_cannot_be_read_is_not_retried_but_failed_over() {
    let stage = forges(2, "").await;
    failed_over(&stage, Effect::Malformed, 1).await;
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_circuit_fails_over() {
    let stage = forges(2, "[defaults.breaker]\nfailures_to_open = 2\nopen_for = \"1h\"\n").await;
    // The retry opens it, and the call that it belongs to fails over all the same.
    failed_over(&stage, BROKEN, 2).await;
    assert_eq!(circuit(&stage, "forge-1").await, "open");
    for _ in 0..4 {
        let reply = stage.gateway.get(FRESH).await;
        reply.ok();
        assert_eq!((reply.provider(), attempts(&reply)), ("forge-2", 1));
    }
    assert_eq!(arrived(&stage), [2, 6]);
    stage.close().await.ok();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_alternative_is_an_error_that_is_logged_and_told() {
    let stage = forges(2, "[defaults.breaker]\nfailures_to_open = 3\nopen_for = \"1h\"\n").await;
    for name in ["forge-1", "forge-2"] {
        strike(&stage, name, RESET, None);
    }
    let url = format!("http://{}{FRESH}", stage.gateway.public);
    let ask = async |id: &'static str| stage.gateway.client.get_with(&url, &[("x-request-id", id)]).await;
    let failed = ask("failed").await;
    assert_eq!(failed.refused(502), "network");
    // Both circuits open, and then nobody is asked.
    while arrived(&stage).iter().any(|count| *count < 3) {
        ask("meanwhile").await;
    }
    let asked = arrived(&stage);
    let open = ask("open").await;
    assert_eq!((open.refused(503), arrived(&stage)), ("circuit_open".to_owned(), asked));
    assert!(
        open.header("retry-after").parse::<u64>().is_ok_and(|wait| wait > 0),
        "{open:?}"
    );
    for (reply, id) in [(&failed, "failed"), (&open, "open")] {
        let told = reply.json();
        assert_eq!((&told["request_id"], &told["retryable"]), (&json!(id), &json!(true)));
        assert!(
            told["detail"].as_str().is_some_and(|detail| !detail.is_empty()),
            "{told}"
        );
    }
    let log = stage.close().await.stderr;
    let lines = calls_told(&log);
    for (id, code) in [("failed", "network"), ("open", "circuit_open")] {
        let of_it: Vec<_> = lines.iter().filter(|line| field(line, "request_id") == id).collect();
        let [line] = of_it[..] else { panic!("{id}: {of_it:#?}") };
        assert_eq!((&line["level"], field(line, "code")), (&json!("WARN"), &json!(code)));
    }
}
