//! GitHub's words for where a run is: a status, and a conclusion once it is completed.
//!
//! Invariant: a conclusion is there exactly when the status is `completed`, and a job never has a word that only runs have.

use jiff::Timestamp;

use crate::sandbox::ci::{Ending, Event, Gate, Run, Stage};

/// A status and a conclusion.
pub(crate) type Words = (&'static str, Option<&'static str>);

/// Of a run, in the stage of one of its attempts.
pub(crate) fn of_run(run: &Run, stage: Stage) -> Words {
    match stage {
        // What a stranger's pull request starts is completed before it has begun.
        Stage::Blocked if run.gate == Some(Gate::Stranger) => ("completed", Some("action_required")),
        Stage::Over(Ending::Error) => ("completed", Some("startup_failure")),
        stage => of_job(stage),
    }
}

pub(crate) fn of_job(stage: Stage) -> Words {
    match stage {
        Stage::Blocked => ("waiting", None),
        Stage::Queued => ("queued", None),
        Stage::Running => ("in_progress", None),
        Stage::Over(ending) => ("completed", Some(conclusion(ending))),
    }
}

/// A step waits for nobody.
pub(crate) fn of_step(stage: Stage) -> Words {
    match stage {
        Stage::Blocked => ("queued", None),
        stage => of_job(stage),
    }
}

fn conclusion(ending: Ending) -> &'static str {
    match ending {
        Ending::Success => "success",
        Ending::Failure | Ending::Error | Ending::Declined => "failure",
        Ending::Unstable => "neutral",
        Ending::Cancelled | Ending::Superseded => "cancelled",
        Ending::Skipped => "skipped",
    }
}

pub(crate) fn event(event: Event) -> &'static str {
    match event {
        Event::Push => "push",
        Event::Pull(_) => "pull_request",
        Event::Manual => "workflow_dispatch",
        Event::Schedule => "schedule",
    }
}

pub(crate) fn time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
