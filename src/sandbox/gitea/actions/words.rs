//! Gitea's words for where a run is. `waiting` means that it waits for somebody's word, `queued` that it waits for a runner.
//!
//! Invariant: a conclusion is there exactly when the status is `completed`.

use jiff::Timestamp;

use crate::sandbox::ci::{Ending, Event, Stage};

/// A status and a conclusion.
pub(crate) fn of(stage: Stage) -> (&'static str, Option<&'static str>) {
    match stage {
        Stage::Blocked => ("waiting", None),
        Stage::Queued => ("queued", None),
        Stage::Running => ("in_progress", None),
        Stage::Over(ending) => ("completed", Some(conclusion(ending))),
    }
}

fn conclusion(ending: Ending) -> &'static str {
    match ending {
        Ending::Success => "success",
        Ending::Failure | Ending::Unstable | Ending::Error => "failure",
        Ending::Cancelled | Ending::Superseded | Ending::Declined => "cancelled",
        Ending::Skipped => "skipped",
    }
}

/// Whether a stage is what a list's `status` asks for; `None`: that is no word of Gitea's.
pub(crate) fn asks_for(word: &str, stage: Stage) -> Option<bool> {
    let over = stage.ending().map(conclusion);
    Some(match word {
        "pending" | "waiting" | "requested" | "action_required" => stage == Stage::Blocked,
        "queued" => stage == Stage::Queued,
        "in_progress" => stage == Stage::Running,
        "completed" => over.is_some(),
        "success" | "failure" => over == Some(word),
        "skipped" | "neutral" => over == Some("skipped"),
        "cancelled" | "timed_out" => over == Some("cancelled"),
        _ => return None,
    })
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

/// A time that may not have come: then the beginning of the epoch.
pub(crate) fn time_or_never(at: Option<Timestamp>) -> String {
    time(at.unwrap_or_default())
}
