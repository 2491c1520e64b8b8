//! The phases of a call, as spans and as a histogram: the same eight words everywhere.

mod support;

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering::SeqCst};
use std::sync::{Arc, Mutex};

use metrics_exporter_prometheus::PrometheusBuilder;
use mosaic_actors::system::System;
use mosaic_actors::telemetry::PHASES;
use support::{Counts, Do, FETCH, READ, call, instance, spec};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Metadata, Subscriber};

/// Remembers the names of the spans of calls.
#[derive(Clone, Default)]
struct Names {
    seen: Arc<Mutex<BTreeSet<&'static str>>>,
    next: Arc<AtomicU64>,
}

impl Subscriber for Names {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        metadata.target() == "mosaic::calls"
    }
    fn new_span(&self, attributes: &Attributes<'_>) -> Id {
        self.seen.lock().unwrap().insert(attributes.metadata().name());
        Id::from_u64(self.next.fetch_add(1, SeqCst) + 1)
    }
    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
    fn enter(&self, _: &Id) {}
    fn exit(&self, _: &Id) {}
}

#[tokio::test]
async fn every_phase_has_its_span_and_its_time() {
    let names = Names::default();
    let _guard = tracing::subscriber::set_default(names.clone());
    let recorder = PrometheusBuilder::new().build_recorder();
    let rendered = recorder.handle();
    let counts = Arc::new(Counts::default());
    let mut spec = spec(vec![instance("a", &counts), instance("b", &counts)]);
    spec.recorder = Arc::new(recorder);
    let system = System::start(spec).await.unwrap();
    // The phases that never wait are timed for one call in sixteen: of so many calls, each is.
    for _ in 0..400 {
        system.gateway().call(call(&READ, Do::Answer)).await.unwrap();
        system.gateway().call(call(&FETCH, Do::Answer)).await.unwrap();
    }
    let metrics = rendered.render();
    for phase in PHASES {
        assert!(names.seen.lock().unwrap().contains(phase), "no span is called {phase}");
        let count = format!("mosaic_phase_duration_seconds_count{{phase=\"{phase}\"}}");
        let line = metrics.lines().find(|line| line.starts_with(&count));
        let timed: u64 = line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or(0);
        assert!(timed > 0, "{phase} was never timed");
    }
    system.shutdown(std::time::Duration::from_secs(5)).await;
}
