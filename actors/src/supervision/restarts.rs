//! How the engine's actors are restarted: one place for what is configured.
//!
//! Invariant: every supervisor and child of the engine is made through it, except those that bear any number of restarts
//! by design.

use super::spec::{ChildSpec, Strategy, SupervisorSpec};
use crate::policy::backoff::Backoff;
use crate::policy::intensity::Intensity;

/// How the engine's actors are restarted.
#[derive(Clone, Copy)]
pub(crate) struct RestartPolicy {
    pub(crate) intensity: Intensity,
    pub(crate) backoff: Backoff,
}

impl RestartPolicy {
    pub(crate) fn supervisor(self, strategy: Strategy) -> SupervisorSpec {
        SupervisorSpec::new(strategy).intensity(self.intensity)
    }

    pub(crate) fn child(self, spec: ChildSpec) -> ChildSpec {
        spec.backoff(self.backoff)
    }
}
