//! Two systems in one process share nothing: no metric, no ledger, no name.

mod support;

use std::sync::Arc;
use std::time::Duration;

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::system::System;
use support::{Counts, Do, FETCH, READ, call, eventually, instance, spec};

#[tokio::test]
async fn two_systems_in_one_process_never_meet() {
    let counts = Arc::new(Counts::default());
    let start = async |name: &str| {
        let recorder = Arc::new(PrometheusBuilder::new().build_recorder());
        let mut spec = spec(vec![instance(name, &counts)]);
        spec.recorder = recorder.clone();
        (
            System::start(spec).await.expect("both start under the same names"),
            recorder,
        )
    };
    let (one, one_metrics) = start("a").await;
    let (two, two_metrics) = start("z").await;
    for _ in 0..3 {
        one.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
        one.gateway().call(call(&READ, Do::Answer)).await.unwrap();
    }
    one.tree().crash("/root/router", "rehearsal").await.unwrap();
    eventually("its ledger has it", || one.tree().ledger(10).len() == 1).await;
    eventually("it is up again", || {
        one.tree().node("/root/router").unwrap().generation() == 2
    })
    .await;
    two.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();

    let (one_text, two_text) = (one_metrics.handle().render(), two_metrics.handle().render());
    let fetched = |count: u32| format!("mosaic_calls_total{{operation=\"test.thing.fetch\",code=\"ok\"}} {count}");
    assert!(one_text.contains(&fetched(3)), "{one_text}");
    assert!(two_text.contains(&fetched(1)), "{two_text}");
    assert!(one_text.contains("provider=\"a\"") && !one_text.contains("provider=\"z\""));
    assert!(two_text.contains("provider=\"z\"") && !two_text.contains("provider=\"a\""));
    assert!(
        two_text.contains("mosaic_cache_requests_total{tier=\"l1\",result=\"hit\"} 0"),
        "{two_text}"
    );
    assert!(
        one_text.contains("mosaic_cache_requests_total{tier=\"l1\",result=\"hit\"} 2"),
        "{one_text}"
    );

    assert!(two.tree().ledger(10).is_empty());
    assert_eq!(two.tree().node("/root/router").unwrap().generation(), 1);
    assert!(two.instance("a").is_err());

    // One ends; the other does not notice.
    one.shutdown(Duration::from_secs(5)).await;
    two.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    assert!(one.gateway().call(call(&FETCH, Do::Answer)).await.is_err());
}
