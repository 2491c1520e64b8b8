//! Ejection is ignored where too few are healthy, and never makes a call fail.

use mosaic_actors::error::Kind;

use crate::support::{Do, FETCH, call};
use crate::{down, stage};

#[tokio::test(start_paused = true)]
async fn where_too_few_are_healthy_ejection_is_ignored_and_counted() {
    let stage = stage(4, |spec| spec.settings.outlier.max_ejected_share = 1.0).await;
    stage.turns(4).await;
    for name in ["a", "b"] {
        stage.ask_of(name, down(), 5).await;
        stage.is_ejected(name).await;
    }
    // Half of them is not less than half.
    let answered = stage.turns(20).await;
    assert!(
        answered.len() == 2 && answered.contains_key("c") && answered.contains_key("d"),
        "{answered:?}"
    );
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(0.0));
    stage.ask_of("c", down(), 5).await;
    stage.is_ejected("c").await;
    let answered = stage.turns(20).await;
    assert_eq!(answered.len(), 4, "all are tried: {answered:?}");
    assert_eq!(stage.metric("mosaic_panic_attempts_total"), Some(20.0));
    stage.system.gateway().dry_run(call(&FETCH, Do::Answer)).await;
    let counted = stage.metric("mosaic_panic_attempts_total");
    assert_eq!(counted, Some(20.0), "a call that is not made is no attempt");
}

#[tokio::test(start_paused = true)]
async fn in_a_panic_open_circuits_stay_out_and_count_as_unhealthy() {
    let stage = stage(3, |spec| {
        spec.settings.outlier.max_ejected_share = 1.0;
    })
    .await;
    stage.turns(3).await;
    let open = stage.system.instance("a").unwrap().breaker.clone();
    open.force_open("a rehearsal", None).await.expect("its actor runs");
    stage.ask_of("b", down(), 5).await;
    stage.is_ejected("b").await;
    // One of three is healthy: the ejected one is tried, the open one is not.
    let answered = stage.turns(20).await;
    assert!(answered.len() == 2 && !answered.contains_key("a"), "{answered:?}");
}

#[tokio::test(start_paused = true)]
async fn an_ejected_one_is_asked_where_no_other_can_be() {
    let stage = stage(4, |spec| {
        spec.settings.recover.max_attempts = 10;
        spec.settings.outlier.consecutive_failures = 3;
    })
    .await;
    stage.turns(4).await;
    stage.ask_of("d", down(), 3).await;
    stage.is_ejected("d").await;
    // The others fail this call; the one that is ejected would answer it.
    let answered = stage.ask(Do::FailAt(&["a", "b", "c"], Kind::UpstreamFailed)).await;
    assert_eq!(answered.as_deref(), Ok("d"));
}
