//! When an attempt may go to an instance, if what its provider grants is to last.
//!
//! Invariant: an instance whose pacing is off, or whose limit nobody knows, has nobody wait.

use std::time::Duration;

use super::Instance;
use crate::attributes::Priority;
use crate::paces::{Paced, SharedPace};
use crate::policy::pacing::{Pace, PacingSettings};

impl Instance {
    /// After which time an attempt of this priority may go, if what its provider grants is to last; `None`: now.
    pub(crate) fn pace(&self, priority: Priority, now: u64) -> Option<Duration> {
        let settings = self.spec.overload.pacing.as_ref()?;
        let pace = self.pace.load();
        self.read_limits(&pace, now);
        match pace.ask(priority, now, settings) {
            Pace::Go => None,
            Pace::Wait(wait) => {
                self.meters.flow.paced.increment(1);
                Some(wait)
            }
        }
    }

    /// An attempt goes at `now`: it counts as one that what is left does not show yet, until it has ended.
    pub(crate) fn goes(&self, now: u64) -> Option<Paced> {
        let settings = self.spec.overload.pacing.as_ref()?;
        Some(self.pace.load_full().went(now, settings))
    }

    /// The longest that an attempt really waits for its turn.
    pub(crate) fn longest_pace(&self) -> Duration {
        let settings: Option<PacingSettings> = self.spec.overload.pacing;
        settings.map_or(Duration::ZERO, |settings| settings.max_wait)
    }

    pub(super) fn read_limits(&self, pace: &SharedPace, now: u64) {
        if let Some(limit) = pace.is_to_be_read(now).then(|| self.driven.paced_by()).flatten() {
            pace.heard(limit, now);
        }
    }
}
