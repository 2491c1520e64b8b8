//! What is measured of an instance's overload and of what is asked of it beyond what callers ask for.
//!
//! Invariant: every label has a bounded set of values.

use metrics::{Counter, Gauge, Histogram, Key, Label};

use super::METADATA;
use crate::call::Priority;
use crate::supervision::SharedRecorder;

/// What is measured of one instance's overload.
pub(crate) struct FlowMeters {
    /// Retries and failovers that its budget did not allow.
    pub retries_refused: Counter,
    /// Calls of which another was asked the same, because this one took too long.
    pub hedges: Counter,
    /// Those of them that the other answered first.
    pub hedges_won: Counter,
    /// Attempts that wait for a place.
    pub waiting: Gauge,
    /// Seconds that they waited.
    pub waited: Histogram,
    /// Attempts that may be in flight now.
    pub limit: Gauge,
    /// Times that a call was kept back for the pace of its quota.
    pub paced: Counter,
    /// By priority.
    shed: [Counter; 3],
}

impl FlowMeters {
    pub(super) fn new(recorder: &SharedRecorder, labels: &[Label]) -> Self {
        let counter =
            |name: &'static str| recorder.register_counter(&Key::from_parts(name, labels.to_vec()), &METADATA);
        let gauge = |name: &'static str| recorder.register_gauge(&Key::from_parts(name, labels.to_vec()), &METADATA);
        let shed = ["low", "normal", "high"].map(|priority| {
            let labels = [labels, &[Label::new("priority", priority)]].concat();
            recorder.register_counter(&Key::from_parts("mosaic_attempts_shed_total", labels), &METADATA)
        });
        FlowMeters {
            retries_refused: counter("mosaic_retries_refused_total"),
            hedges: counter("mosaic_hedges_total"),
            hedges_won: counter("mosaic_hedges_won_total"),
            waiting: gauge("mosaic_attempts_waiting"),
            waited: recorder.register_histogram(
                &Key::from_parts("mosaic_attempt_wait_seconds", labels.to_vec()),
                &METADATA,
            ),
            limit: gauge("mosaic_attempts_limit"),
            paced: counter("mosaic_attempts_paced_total"),
            shed,
        }
    }

    /// One of this priority found no place in time, or none in the queue.
    pub(crate) fn shed(&self, priority: Priority) {
        self.shed[priority as usize].increment(1);
    }
}
