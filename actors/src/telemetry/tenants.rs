//! Calls by tenant, for those who want a tenant's name in their metrics.
//!
//! Invariant: no more tenants have a series of their own than were allowed; all others share one.

use std::sync::Arc;
use std::sync::atomic::AtomicUsize;
use std::sync::atomic::Ordering::Relaxed;

use dashmap::DashMap;
use foldhash::fast::RandomState;
use metrics::{Label, SharedString};

use super::{Outcomes, SharedRecorder};
use crate::error::Kind;

/// The tenant of those who have no series of their own. No tenant is called so: a name begins with no underscore.
const OTHERS: &str = "_other";

/// The meters of tenants, the first who come.
pub(super) struct TenantMeters {
    recorder: SharedRecorder,
    left: AtomicUsize,
    by_name: DashMap<Arc<str>, Arc<Outcomes>, RandomState>,
    /// `None`: tenants are not told apart.
    others: Option<Arc<Outcomes>>,
}

impl TenantMeters {
    pub(super) fn new(recorder: &SharedRecorder, most: usize) -> Self {
        TenantMeters {
            recorder: recorder.clone(),
            left: AtomicUsize::new(most),
            by_name: DashMap::default(),
            others: (most > 0).then(|| outcomes(recorder, Arc::from(OTHERS))),
        }
    }

    pub(super) fn count(&self, tenant: &Arc<str>, failure: Option<Kind>) {
        let Some(others) = &self.others else { return };
        if let Some(known) = self.by_name.get(tenant) {
            return known.count(failure);
        }
        let allowed = |left: usize| left.checked_sub(1);
        match self.left.fetch_update(Relaxed, Relaxed, allowed) {
            Ok(_) => {
                let made = || outcomes(&self.recorder, tenant.clone());
                self.by_name.entry(tenant.clone()).or_insert_with(made).count(failure);
            }
            Err(_) => others.count(failure),
        }
    }
}

fn outcomes(recorder: &SharedRecorder, tenant: Arc<str>) -> Arc<Outcomes> {
    let labels = vec![Label::new("tenant", SharedString::from(tenant.to_string()))];
    Arc::new(Outcomes::new(recorder, "mosaic_tenant_calls_total", labels))
}

#[cfg(test)]
mod tests {
    use super::*;
    use metrics_exporter_prometheus::PrometheusBuilder;

    #[test]
    fn those_beyond_the_bound_share_a_series_and_without_one_nobody_is_named() {
        let counted = |most| {
            let recorder = PrometheusBuilder::new().build_recorder();
            let handle = recorder.handle();
            let recorder: SharedRecorder = Arc::new(recorder);
            let meters = TenantMeters::new(&recorder, most);
            for tenant in ["a", "b", "c", "a", "d"] {
                meters.count(&Arc::from(tenant), None);
            }
            handle.render()
        };
        let text = counted(2);
        for line in [
            r#"{tenant="a",code="ok"} 2"#,
            r#"{tenant="b",code="ok"} 1"#,
            r#"{tenant="_other",code="ok"} 2"#,
        ] {
            assert!(text.contains(line), "{line} in {text}");
        }
        assert!(!text.contains("tenant=\"c\""), "{text}");
        assert!(!counted(0).contains("tenant"));
    }
}
