//! What is measured of how instances stand among their equivalents, and of the parts of a divided breaker.
//!
//! Invariant: labels are names of instances and of cost classes, which are configured: never a model's, which callers make up.

use std::sync::Arc;

use metrics::{Counter, Gauge, Key, Label, SharedString};

use super::{BreakerMeters, METADATA, Meters, SharedRecorder, breaker};

/// What is measured of an instance's ejections.
pub(crate) struct EjectionMeters {
    /// 1 while it is ejected.
    pub ejected: Gauge,
    /// Times that it was.
    pub ejections: Counter,
}

impl EjectionMeters {
    pub(super) fn new(recorder: &SharedRecorder, labels: &[Label]) -> Self {
        let key = |name: &'static str| Key::from_parts(name, labels.to_vec());
        let meters = EjectionMeters {
            ejected: recorder.register_gauge(&key("mosaic_provider_ejected"), &METADATA),
            ejections: recorder.register_counter(&key("mosaic_provider_ejections_total"), &METADATA),
        };
        meters.ejected.set(0.0);
        meters
    }
}

impl Meters {
    /// The meters of the parts of an instance's breaker.
    pub(crate) fn breaker_parts(&self, provider: &Arc<str>, parts: &[&'static str]) -> Vec<BreakerMeters> {
        let names = ["mosaic_breaker_class_state", "mosaic_breaker_class_opened_total"];
        let labels = |part: &&'static str| {
            vec![
                Label::new("provider", SharedString::from(provider.to_string())),
                Label::new("class", *part),
            ]
        };
        let meters = |part| breaker(&self.recorder, names, &labels(part));
        parts.iter().map(meters).collect()
    }
}
