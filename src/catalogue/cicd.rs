//! CI/CD: runs of pipelines and their logs.
//!
//! Invariant: a run's neutral id, `instance~project#number`, names it at every surface, and a unified status never
//! stands without the provider's own word beside it.

use std::collections::BTreeMap;
use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declaration, Method, Op, Output, Page, check_limit, check_name};

/// A run moves on by itself and invalidates nothing when it does, so an answer is fresh only shortly.
const fn read(name: &'static str, carries: &'static [&'static str]) -> Operation {
    Operation {
        name,
        service: "cicd",
        safe: true,
        idempotent: true,
        streaming: false,
        cache: Some(CacheTimes {
            fresh: Duration::from_secs(3),
            stale: Duration::from_secs(60),
            negative: Duration::from_secs(3),
        }),
        carries,
        invalidates: &[],
        cost: CostClass::Read,
    }
}

/// One run of a project's pipeline.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The neutral id, e.g. `ci-a~acme/api#12`.
    pub id: String,
    /// The project, as the CI server names it: mostly `owner/name`.
    pub project: String,
    /// The number within the project, where the CI server numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it stands, in the provider's own word.
    pub raw_status: String,
    /// What it is about: mostly the first line of the commit's message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// What started it, in the provider's own word: `push`, `manual`, ….
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub event: Option<String>,
    /// The branch that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// The commit that it runs for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub commit: Option<String>,
    /// The login of whose change it runs for, or who started it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// Its steps, where the answer holds them: `cicd.run.get` does, a list may not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Output for Run {}

/// Where a run or a step stands, in the same words at every provider.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum RunStatus {
    /// It waits for its turn.
    Queued,
    /// It runs.
    Running,
    /// It waits for somebody's approval.
    Blocked,
    /// It ended well.
    Success,
    /// It ended badly.
    Failure,
    /// Somebody ended it, or declined it.
    Cancelled,
    /// Its conditions were not met.
    Skipped,
    /// It could not be run: its configuration or the CI server failed. Also where the provider's word is one that
    /// is not known here.
    Error,
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its id within the run, for `cicd.log.get`.
    pub id: String,
    /// Its name; several steps of a run may have the same.
    pub name: String,
    /// The job or workflow that it is a part of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it stands, in the provider's own word.
    pub raw_status: String,
    /// What its process returned, once it has ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub finished_at: Option<String>,
}

/// Input of `cicd.run.list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunListInput {
    /// The project: mostly `owner/name`; `instance~…` pins a provider.
    pub project: String,
    /// Only runs for this branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100; default and highest: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `cicd.run.list`
pub struct RunList;

impl Op for RunList {
    type Input = RunListInput;
    type Output = Page<Run>;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("cicd.run.list", &["runs"]),
        method: Method::Get,
        path: "/cicd/runs",
        positional: &["project"],
        summary: "List a project's runs, newest first",
    };
    fn resource(input: &RunListInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.project))
    }
    fn check(input: &RunListInput) -> Result<(), Failure> {
        check_name("project", &input.project)?;
        check_branch(input.branch.as_deref())?;
        check_limit(input.limit)
    }
    fn cursor(input: &mut RunListInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}

/// Input of `cicd.run.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunGetInput {
    /// `owner/name#number`, or a neutral id.
    pub run: String,
}

/// `cicd.run.get`
pub struct RunGet;

impl Op for RunGet {
    type Input = RunGetInput;
    type Output = Run;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("cicd.run.get", &["run"]),
        method: Method::Get,
        path: "/cicd/runs/{run}",
        positional: &["run"],
        summary: "Get a run and its steps",
    };
    fn resource(input: &RunGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.run))
    }
    fn check(input: &RunGetInput) -> Result<(), Failure> {
        check_name("run", &input.run)
    }
}

/// Input of `cicd.run.trigger`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunTriggerInput {
    /// The project: mostly `owner/name`; `instance~…` pins a provider.
    pub project: String,
    /// The branch to run for; default: the project's default branch.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Variables that the run's steps see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What became of a trigger.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Triggered {
    /// Whether anything runs.
    pub outcome: TriggerOutcome,
    /// The run, where there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub run: Option<Run>,
}

/// Whether a trigger made a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOutcome {
    /// There is a run.
    Started,
    /// The project's configuration has nothing to run for this branch and event: nothing ran, and nothing will.
    Filtered,
}

impl Output for Triggered {}

/// `cicd.run.trigger`
pub struct RunTrigger;

impl Op for RunTrigger {
    type Input = RunTriggerInput;
    type Output = Triggered;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "cicd.run.trigger",
            service: "cicd",
            safe: false,
            idempotent: false,
            streaming: false,
            cache: None,
            carries: &[],
            invalidates: &["runs"],
            cost: CostClass::Write,
        },
        method: Method::Post,
        path: "/cicd/runs",
        positional: &["project"],
        summary: "Start a run",
    };
    fn resource(input: &RunTriggerInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.project))
    }
    fn check(input: &RunTriggerInput) -> Result<(), Failure> {
        /// Far above what pipelines use; it bounds what one call makes a provider store.
        const MOST: usize = 100;
        check_name("project", &input.project)?;
        check_branch(input.branch.as_deref())?;
        if input.variables.len() > MOST {
            return Err(Failure::invalid("variables", format!("at most {MOST} variables")));
        }
        input
            .variables
            .keys()
            .try_for_each(|name| check_name("variables", name))
    }
}

/// A log, as far as it is written.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Log {
    /// The run's neutral id.
    pub run: String,
    /// The step, where the log is one step's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<Step>,
    /// Its lines, oldest first.
    pub lines: Vec<LogLine>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

/// One line of a log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LogLine {
    /// RFC 3339, where the provider tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
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

impl Output for Log {}

/// Input of `cicd.log.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LogGetInput {
    /// `owner/name#number`, or a neutral id.
    pub run: String,
    /// A step's id, or its name where only one step of the run has it; required where the provider keeps logs by step.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<String>,
}

/// `cicd.log.get`
pub struct LogGet;

impl Op for LogGet {
    type Input = LogGetInput;
    type Output = Log;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: read("cicd.log.get", &["log"]),
        method: Method::Get,
        path: "/cicd/runs/{run}/log",
        positional: &["run", "step"],
        summary: "Get the log of a step",
    };
    fn resource(input: &LogGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.run))
    }
    fn check(input: &LogGetInput) -> Result<(), Failure> {
        check_name("run", &input.run)?;
        input.step.as_deref().map_or(Ok(()), |step| check_name("step", step))
    }
}

fn check_branch(branch: Option<&str>) -> Result<(), Failure> {
    branch.map_or(Ok(()), |branch| check_name("branch", branch))
}
