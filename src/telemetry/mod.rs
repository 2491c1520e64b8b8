//! What an instance tells of itself: metrics, and for the server's process its log.
//!
//! Invariant: nothing global is installed here but the log, and that by [`init_logging`] and [`log_panics`] alone, which
//! no library code calls: several instances live in one process, each with its own metrics.

mod fields;
mod json;
mod logging;
mod panics;

use std::fmt;
use std::sync::{Arc, OnceLock};

use metrics::{Counter, Key, Label, Level, Metadata, Recorder, Unit};
use metrics_exporter_prometheus::{BuildError, Matcher, PrometheusBuilder, PrometheusHandle};
use metrics_process::Collector;

pub use logging::{LogError, LogFilter, LogFlush, LogHandle, init_logging};
pub use panics::log_panics;

/// Upper bounds of the histograms' buckets, in seconds: from a hit in memory to the longest deadline and stream.
pub const DURATION_BUCKETS: [f64; 19] = [
    0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 600.0,
    3600.0,
];

/// As [`DURATION_BUCKETS`], for a call's phases, of which most take microseconds.
pub const PHASE_BUCKETS: [f64; 17] = [
    0.000_002_5,
    0.000_005,
    0.000_01,
    0.000_025,
    0.000_05,
    0.000_1,
    0.000_25,
    0.000_5,
    0.001,
    0.005,
    0.025,
    0.1,
    0.5,
    2.5,
    10.0,
    60.0,
    600.0,
];
const PHASES: &str = "mosaic_phase_duration_seconds";

/// The metrics of one instance.
pub struct Telemetry {
    recorder: Arc<dyn Recorder + Send + Sync>,
    text: Text,
    log: OnceLock<(Arc<LogHandle>, Counter)>,
}

/// Who makes text of the metrics.
enum Text {
    Own(PrometheusHandle, Collector),
    /// The program around us, if it wants them shown here at all.
    Elsewhere(Option<Arc<dyn Fn() -> String + Send + Sync>>),
}

impl Telemetry {
    /// A recorder of its own, installed nowhere.
    ///
    /// # Errors
    /// [`BuildError`] where the exporter refuses the buckets, which it does not.
    pub fn new() -> Result<Self, BuildError> {
        let recorder = PrometheusBuilder::new()
            .set_buckets(&DURATION_BUCKETS)?
            .set_buckets_for_metric(Matcher::Full(PHASES.to_owned()), &PHASE_BUCKETS)?
            .build_recorder();
        let handle = recorder.handle();
        let process = Collector::default();
        metrics::with_local_recorder(&recorder, || process.describe());
        Ok(Telemetry::told(Arc::new(recorder), Text::Own(handle, process)))
    }

    /// A recorder of the program around us, which does its own upkeep; `render` makes text of what it holds.
    pub fn elsewhere(
        recorder: Arc<dyn Recorder + Send + Sync>,
        render: Option<Arc<dyn Fn() -> String + Send + Sync>>,
    ) -> Self {
        Telemetry::told(recorder, Text::Elsewhere(render))
    }

    fn told(recorder: Arc<dyn Recorder + Send + Sync>, text: Text) -> Self {
        let name = "mosaic_build_info";
        recorder.describe_gauge(
            name.into(),
            Some(Unit::Count),
            "Always 1; the version is a label.".into(),
        );
        let key = Key::from_parts(name, vec![Label::new("version", env!("CARGO_PKG_VERSION"))]);
        let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
        recorder.register_gauge(&key, &metadata).set(1.0);
        Telemetry {
            recorder,
            text,
            log: OnceLock::new(),
        }
    }

    /// Where metrics are registered. Register once, at start, and keep the handles.
    pub fn recorder(&self) -> Arc<dyn Recorder + Send + Sync> {
        self.recorder.clone()
    }

    /// The metrics in Prometheus's text form; empty where they are kept elsewhere and not shown here. Also does the
    /// exporter's upkeep: without it the samples of histograms would pile up between scrapes.
    pub fn render(&self) -> String {
        self.upkeep();
        match &self.text {
            Text::Own(handle, process) => {
                // Read when somebody looks; a program around us has its own.
                metrics::with_local_recorder(&*self.recorder, || process.collect());
                handle.render()
            }
            Text::Elsewhere(render) => render.as_ref().map(|render| render()).unwrap_or_default(),
        }
    }

    /// Counts the lines that this log drops, from now on.
    pub fn watch_log(&self, log: &Arc<LogHandle>) {
        let name = "mosaic_log_dropped_total";
        self.recorder.describe_counter(
            name.into(),
            None,
            "Lines of the log that were dropped because its reader was too slow.".into(),
        );
        let metadata = Metadata::new(module_path!(), Level::INFO, Some(module_path!()));
        let counter = self.recorder.register_counter(&Key::from_name(name), &metadata);
        counter.absolute(log.dropped());
        // A second log has no use here: a process has one.
        let _first_counts = self.log.set((log.clone(), counter));
    }

    /// The exporter's upkeep, and the count of dropped lines. To be called from time to time, because nobody may ever
    /// scrape.
    pub fn upkeep(&self) {
        if let Some((log, counter)) = self.log.get() {
            counter.absolute(log.dropped());
            log.tell_dropped();
        }
        if let Text::Own(handle, _) = &self.text {
            handle.run_upkeep();
        }
    }
}

impl fmt::Debug for Telemetry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telemetry").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instances_do_not_share_metrics() {
        let (a, b) = (Telemetry::new().unwrap(), Telemetry::new().unwrap());
        metrics::with_local_recorder(&*a.recorder(), || {
            metrics::counter!("mosaic_calls_total", "outcome" => "ok").increment(2);
            metrics::histogram!("mosaic_call_seconds").record(0.003);
        });
        let (a, b) = (a.render(), b.render());
        assert!(a.contains("mosaic_calls_total{outcome=\"ok\"} 2"), "{a}");
        assert!(a.contains("mosaic_call_seconds_bucket{le=\"0.0025\"} 0"), "{a}");
        assert!(a.contains("mosaic_call_seconds_bucket{le=\"0.005\"} 1"), "{a}");
        assert!(a.contains("mosaic_call_seconds_bucket{le=\"30\"} 1"), "{a}");
        assert!(!b.contains("mosaic_call"), "{b}");
        let info = format!("mosaic_build_info{{version=\"{}\"}} 1", env!("CARGO_PKG_VERSION"));
        assert!(a.contains(&info) && b.contains(&info), "{b}");
    }
}
