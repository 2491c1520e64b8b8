//! Logs of runs.
//!
//! Invariant: a log is what was written so far; a run that goes on writes more. An answer that does not hold all of it says so,
//! and where it goes on.

use bytes::Bytes;
use mosaic_actors::call::Resource;
use mosaic_actors::error::{Failure, Kind};
use mosaic_actors::stream::Event;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::run::{RunStatus, Step};
use super::topics::{RUN, RUNS};
use crate::catalogue::fields::{Name, RunRef};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::outcome::Deleted;
use crate::catalogue::raw::Raw;

/// A log, as far as it is written and one answer holds it. `cicd.log.follow` tells all of it, however large.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// The run's neutral id.
    pub run: String,
    /// The step, where the log is one step's.
    pub step: Option<Step>,
    /// Its lines, oldest first.
    pub lines: Vec<LogLine>,
    /// It has more lines than one answer holds: it goes on behind `next_after`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// As `after`, it gives the lines that follow; absent where the answer holds the last one.
    pub next_after: Option<u64>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// One line of a log.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// RFC 3339, where the provider tells.
    pub time: Option<String>,
    /// Who wrote it.
    pub stream: LogStream,
    /// The line, without its end.
    pub text: String,
}

/// Who wrote a line of a log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum LogStream {
    /// The step, to its standard output; also where the provider does not tell both outputs apart.
    Stdout,
    /// The step, to its standard error.
    Stderr,
    /// The CI server: exit codes, metadata, progress.
    System,
}

impl<I> Output<I> for Log {}

/// Input of `cicd.log.get`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGetInput {
    pub run: RunRef,
    /// The id of a step, or of a job where logs are kept by job; or its name where only one of the run has it. Required
    /// where the provider keeps no log of a whole run.
    pub step: Option<Name>,
    /// Goes on behind the line of this number, counted from 0; default: from the first line.
    pub after: Option<u64>,
}

/// `cicd.log.get`
pub struct LogGet;

impl Op for LogGet {
    type Input = LogGetInput;
    type Output = Log;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.log.get", "/cicd/runs/{run}/log", "Get the log of a step")
            .args(&["step"])
            .in_parts()
            .carries(&[RUN])
            .absent(&[RUNS])
            .cached(3, 60, 3)
            .common();
    fn resource(input: &LogGetInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.log.follow`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogFollowInput {
    pub run: RunRef,
    /// As in `cicd.log.get`.
    pub step: Option<Name>,
    /// Goes on behind the line of this `seq`; default: from the first line.
    pub after: Option<u64>,
}

/// One event of a log that is followed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum LogEvent {
    /// A line.
    Line {
        /// Its number within the log, counted from 0.
        seq: u64,
        /// The line.
        #[serde(flatten)]
        line: LogLine,
    },
    /// Lines that were there are there no more, and the log begins anew with `seq` 0.
    Replaced {},
    /// The last event of a log that is whole.
    End {
        /// Where the step, the job or the run stands.
        status: RunStatus,
        /// The same in the provider's own word.
        raw_status: String,
    },
}

impl<I> Output<I> for LogEvent {}

impl Event for LogEvent {
    fn to_json(&self) -> Result<Bytes, Failure> {
        let json = serde_json::to_vec(self).map(Bytes::from);
        json.map_err(|error| Failure::new(Kind::Internal, "an event could not be serialised").because(error))
    }
}

/// `cicd.log.follow`
pub struct LogFollow;

impl Op for LogFollow {
    type Input = LogFollowInput;
    type Output = LogEvent;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "cicd.log.follow",
        "/cicd/runs/{run}/log/follow",
        "Follow a log while it is written, line by line",
    )
    .args(&["step"])
    .uncached()
    .follows()
    .goes_on("after", "seq");
    fn resource(input: &LogFollowInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.log.delete`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogDeleteInput {
    pub run: RunRef,
}

/// `cicd.log.delete`
pub struct LogDelete;

impl Op for LogDelete {
    type Input = LogDeleteInput;
    type Output = Deleted;
    const DECLARATION: &'static Declaration =
        &Declaration::delete::<Self>("cicd.log.delete", "/cicd/runs/{run}/log", "Delete a run's logs")
            .invalidates(&[RUN]);
    fn resource(input: &LogDeleteInput) -> Resource {
        input.run.resource()
    }
}
