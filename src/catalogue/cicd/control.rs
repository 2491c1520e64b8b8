//! What is done with runs that are there: ended, done again, approved, waited for, deleted.
//!
//! Invariant: what the provider only takes note of says `requested`, and never that it is done.

use std::collections::BTreeMap;

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::run::{Run, RunStatus, Triggered, bounded};
use super::topics::{QUEUE, RUN, RUNS};
use crate::catalogue::fields::RunRef;
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::outcome::Deleted;

/// The tag of a run, by its id without the instance: of what is asked for by what a trigger has answered as pending, the
/// driver alone knows which it is.
pub fn tag_of_run(native: &str) -> Tag {
    RUN.tag(native)
}

/// What became of an order to a run.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Ordered {
    /// Whether it is done.
    pub outcome: OrderOutcome,
    /// The run as it stands now, where the provider tells.
    pub run: Option<Run>,
    /// Tags of the run, where it was named otherwise than by its own id; they are not told.
    #[serde(skip)]
    pub about: Vec<Tag>,
}

/// Whether an order to a run is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderOutcome {
    /// It is done.
    Done,
    /// The provider has taken note and does it soon.
    Requested,
}

impl<I> Output<I> for Ordered {
    fn tags(&self) -> Vec<Tag> {
        let told = self.run.iter().map(|run| RUN.tag_of_id(&run.id));
        self.about.iter().cloned().chain(told).collect()
    }
}

/// Input of `cicd.run.cancel`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunCancelInput {
    pub run: RunRef,
    /// Ends it also where it does not listen, where the provider can; default: asks it to end.
    pub force: Option<bool>,
}

/// `cicd.run.cancel`
pub struct RunCancel;

impl Op for RunCancel {
    type Input = RunCancelInput;
    type Output = Ordered;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("cicd.run.cancel", "/cicd/runs/{run}/cancel", "End a run")
            .invalidates(&[RUN, RUNS, QUEUE]);
    fn resource(input: &RunCancelInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.run.rerun`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRerunInput {
    pub run: RunRef,
}

/// `cicd.run.rerun`
pub struct RunRerun;

impl Op for RunRerun {
    type Input = RunRerunInput;
    type Output = Triggered;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "cicd.run.rerun",
        "/cicd/runs/{run}/rerun",
        "Run a run again; the answer tells whether it keeps its id",
    )
    .invalidates(&[RUN, RUNS, QUEUE]);
    fn resource(input: &RunRerunInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.run.rerun_failed`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunRerunFailedInput {
    pub run: RunRef,
}

/// `cicd.run.rerun_failed`
pub struct RunRerunFailed;

impl Op for RunRerunFailed {
    type Input = RunRerunFailedInput;
    type Output = Triggered;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "cicd.run.rerun_failed",
        "/cicd/runs/{run}/rerun-failed",
        "Run a run's failed jobs again",
    )
    .invalidates(&[RUN, RUNS, QUEUE]);
    fn resource(input: &RunRerunFailedInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.run.approve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunApproveInput {
    pub run: RunRef,
    /// What the run asks for, where it asks for more than a word; default: as it proposes.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// `cicd.run.approve`
pub struct RunApprove;

impl Op for RunApprove {
    type Input = RunApproveInput;
    type Output = Ordered;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "cicd.run.approve",
        "/cicd/runs/{run}/approve",
        "Let a blocked run go on",
    )
    .invalidates(&[RUN, RUNS, QUEUE]);
    fn resource(input: &RunApproveInput) -> Resource {
        input.run.resource()
    }
    fn check(input: &RunApproveInput) -> Result<(), Failure> {
        bounded(&input.variables)
    }
}

/// Input of `cicd.run.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunDeleteInput {
    pub run: RunRef,
}

/// `cicd.run.delete`
pub struct RunDelete;

impl Op for RunDelete {
    type Input = RunDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration =
        &Declaration::delete::<Self>("cicd.run.delete", "/cicd/runs/{run}", "Delete a run that has ended")
            .invalidates(&[RUN, RUNS]);
    fn resource(input: &RunDeleteInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.run.wait`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunWaitInput {
    pub run: RunRef,
    /// Waits at most so many seconds; default: as long as the call may take. The command line asks again until it has
    /// ended or its own time is over.
    pub seconds: Option<u64>,
}

/// What a wait has seen.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Waited {
    /// Whether the run has ended; if not, the time was over first.
    pub ended: bool,
    /// Where it stands.
    pub status: RunStatus,
    /// The run.
    pub run: Run,
}

impl<I> Output<I> for Waited {}

/// `cicd.run.wait`
pub struct RunWait;

impl Op for RunWait {
    type Input = RunWaitInput;
    type Output = Waited;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.run.wait", "/cicd/runs/{run}/wait", "Wait until a run has ended").waits();
    fn resource(input: &RunWaitInput) -> Resource {
        input.run.resource()
    }
    fn check(input: &RunWaitInput) -> Result<(), Failure> {
        const LONGEST: u64 = 86_400;
        match input.seconds {
            Some(0) => Err(Failure::invalid("seconds", "seconds must be at least 1")),
            Some(seconds) if seconds > LONGEST => Err(Failure::invalid(
                "seconds",
                format!("seconds must be at most {LONGEST}, a day"),
            )),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_order_changes_the_run_that_it_was_resolved_to_and_tells_no_tag() {
        let about = vec![tag_of_run("Acme/api#12")];
        let ordered = Ordered {
            outcome: OrderOutcome::Done,
            run: None,
            about: about.clone(),
        };
        assert_eq!(Output::<RunApproveInput>::tags(&ordered), about);
        assert_eq!(
            serde_json::to_value(&ordered).expect("JSON"),
            json!({"outcome": "done"})
        );
        let deleted = Deleted::of(tag_of_run("acme/api#12"));
        assert_eq!(Output::<RunDeleteInput>::tags(&deleted), about);
        assert_eq!(
            serde_json::to_value(&deleted).expect("JSON"),
            json!({"outcome": "deleted"})
        );
    }
}
