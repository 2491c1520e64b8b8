//! Logs of runs.
//!
//! Invariant: a log is what was written so far; a run that goes on writes more.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::run::{RUN, RUNS, Step};
use crate::catalogue::fields::{Name, RunRef};
use crate::catalogue::op::{Declaration, Op, Output};
use crate::catalogue::raw::Raw;

/// A log, as far as it is written.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// The run's neutral id.
    pub run: String,
    /// The step, where the log is one step's.
    pub step: Option<Step>,
    /// Its lines, oldest first.
    pub lines: Vec<LogLine>,
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
    /// A step's id, or its name where only one step of the run has it; required where the provider keeps logs by step.
    pub step: Option<Name>,
}

/// `cicd.log.get`
pub struct LogGet;

impl Op for LogGet {
    type Input = LogGetInput;
    type Output = Log;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.log.get", "/cicd/runs/{run}/log", "Get the log of a step")
            .args(&["step"])
            .carries(&[RUN])
            .absent(&[RUNS])
            .cached(3, 60, 3);
    fn resource(input: &LogGetInput) -> Resource {
        input.run.resource()
    }
}
