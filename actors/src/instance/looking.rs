//! What one who asks nobody may know of an instance's pace.
//!
//! Invariant: looking takes no turn and counts nobody who waits.

use std::time::Duration;

use super::Instance;
use crate::call::Call;
use crate::error::{Failure, Kind};
use crate::policy::pacing::Pace;

impl Instance {
    /// After which time an attempt of this call would go, if what its provider grants is to last; `None`: now.
    pub(crate) fn would_wait(&self, call: &Call, now: u64) -> Option<Duration> {
        match self.turn(&self.drawn_on(call)?, call, now) {
            Pace::Go => None,
            Pace::Wait(wait) => Some(wait),
        }
    }

    /// Why a call is refused whose turn here comes after `wait` only. `alone`: nobody else could serve it.
    pub(crate) fn comes_too_late(&self, call: &Call, alone: bool, wait: Duration, now: u64) -> Failure {
        let name = &self.spec.name;
        let used_up = self.drawn_on(call).is_some_and(|drawn| drawn.pace.is_used_up(now));
        let (kind, why) = match used_up {
            // It would refuse whoever asks, as it does where nothing is paced.
            true => {
                let seconds = wait.as_secs_f64().ceil();
                let why = format!("the quota of {name} is used up until it is granted anew, in {seconds} s");
                (Kind::UpstreamRateLimited, why)
            }
            false => {
                let why = format!("{name} is to be asked more slowly, so that its quota lasts");
                (Kind::Overloaded, why)
            }
        };
        let failure = match alone {
            true => Failure::new(kind, why).by(name),
            false => Failure::new(kind, format!("no provider that could serve this is free, and {why}")),
        };
        failure.after(wait).never_sent()
    }
}
