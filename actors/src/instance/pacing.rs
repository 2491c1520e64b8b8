//! When an attempt may go to an instance, if what its provider grants is to last.
//!
//! Invariant: an instance whose pacing is off has nobody wait, nor has one for a call that draws on a limit that nobody
//! knows.

use std::sync::Arc;
use std::time::Duration;

use super::Instance;
use crate::call::Call;
use crate::paces::{Paced, SharedPace};
use crate::policy::pacing::{Pace, PacingSettings};

/// That an attempt may go.
pub(crate) struct Paceable(Option<(Arc<SharedPace>, PacingSettings)>);

impl Paceable {
    /// It goes at `now`: it counts as one that what is left does not show yet.
    pub(crate) fn goes(self, now: u64) -> Option<Paced> {
        self.0.map(|(pace, settings)| pace.went(now, &settings))
    }
}

impl Instance {
    /// Whether an attempt of `call` may go, if what its provider grants is to last.
    ///
    /// # Errors
    /// After which time it may.
    pub(crate) fn pace(&self, call: &Call, now: u64) -> Result<Paceable, Duration> {
        let Some(settings) = self.spec.overload.pacing else {
            return Ok(Paceable(None));
        };
        let Some(resource) = self.driven.paced_by(call) else {
            return Ok(Paceable(None));
        };
        let Some(pace) = self.paced.load().of(&resource) else {
            return Ok(Paceable(None));
        };
        let fresh = pace.is_to_be_read(now);
        if fresh {
            self.read_limit(&resource, &pace, now);
        }
        let mut asked = pace.ask(call.attributes.priority, now, &settings);
        if asked != Pace::Go && !fresh {
            // Nobody is kept back by what was true a while ago.
            self.read_limit(&resource, &pace, now);
            asked = pace.ask(call.attributes.priority, now, &settings);
        }
        match asked {
            Pace::Go => Ok(Paceable(Some((pace, settings)))),
            Pace::Wait(wait) => {
                self.meters.flow.paced.increment(1);
                Err(wait)
            }
        }
    }

    /// The longest that an attempt really waits for its turn.
    pub(crate) fn longest_pace(&self) -> Duration {
        let settings: Option<PacingSettings> = self.spec.overload.pacing;
        settings.map_or(Duration::ZERO, |settings| settings.max_wait)
    }

    fn read_limit(&self, resource: &str, pace: &SharedPace, now: u64) {
        let mut limits = self.driven.rate_limits().into_iter();
        if let Some(limit) = limits.find(|limit| *limit.resource == *resource) {
            pace.heard(limit, now);
        }
    }
}
