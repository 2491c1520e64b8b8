//! The gauges of a provider's limits on us.
//!
//! Invariant: a provider has at most [`MOST`] series of each name, whatever it calls its limits; what is not known, or no
//! longer, is not a number.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use metrics::{Gauge, Key, Label, SharedString};

use super::METADATA;
use crate::rate_limit::RateLimit;
use crate::supervision::SharedRecorder;

/// The limits of one instance that have series.
const MOST: usize = 32;

/// The gauges of one instance's limits, by resource.
pub(crate) struct RateLimitMeters {
    recorder: SharedRecorder,
    labels: Vec<Label>,
    gauges: Mutex<HashMap<Arc<str>, Gauges>>,
}

struct Gauges {
    limit: Gauge,
    remaining: Gauge,
    reset: Gauge,
}

impl RateLimitMeters {
    pub(super) fn new(recorder: &SharedRecorder, labels: Vec<Label>) -> Self {
        RateLimitMeters {
            recorder: recorder.clone(),
            labels,
            gauges: Mutex::default(),
        }
    }

    /// Shows the limits that are known now.
    pub(crate) fn show(&self, limits: &[RateLimit]) {
        // Held to set gauges, and no panic leaves half of that.
        let mut gauges = self.gauges.lock().unwrap_or_else(PoisonError::into_inner);
        for (resource, gauges) in gauges.iter() {
            if !limits.iter().any(|limit| limit.resource == *resource) {
                gauges.set(None, None, None);
            }
        }
        for limit in limits {
            if gauges.len() == MOST && !gauges.contains_key(&limit.resource) {
                continue;
            }
            let resource = limit.resource.clone();
            let gauges = gauges.entry(resource).or_insert_with(|| self.gauges(&limit.resource));
            gauges.set(limit.limit, limit.remaining, limit.reset_unix_ms);
        }
    }

    fn gauges(&self, resource: &Arc<str>) -> Gauges {
        let gauge = |name: &'static str| {
            let mut labels = self.labels.clone();
            labels.push(Label::new("resource", SharedString::from(resource.to_string())));
            self.recorder.register_gauge(&Key::from_parts(name, labels), &METADATA)
        };
        Gauges {
            limit: gauge("mosaic_provider_rate_limit_limit"),
            remaining: gauge("mosaic_provider_rate_limit_remaining"),
            reset: gauge("mosaic_provider_rate_limit_reset_timestamp_seconds"),
        }
    }
}

impl Gauges {
    fn set(&self, limit: Option<u64>, remaining: Option<u64>, reset_unix_ms: Option<u64>) {
        let number = |known: Option<u64>| known.map_or(f64::NAN, |number| number as f64);
        self.limit.set(number(limit));
        self.remaining.set(number(remaining));
        self.reset.set(number(reset_unix_ms) / 1e3);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    fn limit(resource: &str, remaining: Option<u64>) -> RateLimit {
        RateLimit {
            resource: Arc::from(resource),
            limit: Some(100),
            remaining,
            used: None,
            reset_unix_ms: Some(5_500),
            seen_unix_ms: 1_000,
        }
    }

    /// What is exported after these were shown, one after the other.
    fn series(shown: &[&[RateLimit]]) -> Vec<String> {
        let recorder = PrometheusBuilder::new().build_recorder();
        let handle = recorder.handle();
        let meters = RateLimitMeters::new(&(Arc::new(recorder) as SharedRecorder), vec![]);
        for limits in shown {
            meters.show(limits);
        }
        let text = handle.render();
        let samples = text.lines().filter(|line| !line.starts_with('#') && !line.is_empty());
        samples.map(str::to_owned).collect()
    }

    #[test]
    fn what_is_known_is_shown_and_what_has_passed_is_no_number() {
        let has = |shown: &[String], name: &str, sample: &str| {
            let sample = format!("mosaic_provider_rate_limit_{name}{{{sample}");
            assert!(shown.contains(&sample), "{sample} in {shown:#?}");
        };
        let shown = series(&[&[limit("core", Some(7)), limit("search", None)]]);
        has(&shown, "limit", "resource=\"core\"} 100");
        has(&shown, "remaining", "resource=\"core\"} 7");
        has(&shown, "reset_timestamp_seconds", "resource=\"core\"} 5.5");
        has(&shown, "remaining", "resource=\"search\"} NaN");
        // Another credential has other limits.
        let shown = series(&[&[limit("core", Some(7))], &[limit("search", Some(3))]]);
        has(&shown, "remaining", "resource=\"core\"} NaN");
        has(&shown, "limit", "resource=\"core\"} NaN");
        has(&shown, "remaining", "resource=\"search\"} 3");
    }

    #[test]
    fn series_are_bounded() {
        let many: Vec<RateLimit> = (0..1_000).map(|n| limit(&format!("r{n}"), Some(n))).collect();
        assert_eq!(series(&[&many]).len(), 3 * MOST);
    }
}
