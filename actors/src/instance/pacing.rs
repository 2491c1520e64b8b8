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

/// A quota that a call takes one of.
pub(super) struct Drawn {
    resource: Arc<str>,
    pub(super) pace: Arc<SharedPace>,
    settings: PacingSettings,
}

impl Instance {
    /// Whether an attempt of `call` may go, if what its provider grants is to last.
    ///
    /// # Errors
    /// After which time it may.
    pub(crate) fn pace(&self, call: &Call, now: u64) -> Result<Paceable, Duration> {
        let Some(drawn) = self.drawn_on(call) else {
            return Ok(Paceable(None));
        };
        match self.turn(&drawn, call, now) {
            Pace::Go => Ok(Paceable(Some((drawn.pace, drawn.settings)))),
            Pace::Wait(wait) => {
                self.meters.flow.paced.increment(1);
                Err(wait)
            }
        }
    }

    /// The quota that `call` takes one of; `None`: none that is paced.
    pub(super) fn drawn_on(&self, call: &Call) -> Option<Drawn> {
        let settings = self.spec.overload.pacing?;
        let resource = self.driven.paced_by(call)?;
        let pace = self.paced.load().of(&resource)?;
        Some(Drawn {
            resource,
            pace,
            settings,
        })
    }

    /// When the turn of `call` comes. Nobody is kept back by what was true a while ago.
    pub(super) fn turn(&self, drawn: &Drawn, call: &Call, now: u64) -> Pace {
        let Drawn {
            resource,
            pace,
            settings,
        } = drawn;
        let fresh = pace.is_to_be_read(now);
        if fresh {
            self.read_limit(resource, pace, now);
        }
        let asked = pace.ask(call.attributes.priority, now, settings);
        if asked == Pace::Go || fresh {
            return asked;
        }
        self.read_limit(resource, pace, now);
        pace.ask(call.attributes.priority, now, settings)
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
