//! Runs of pipelines.
//!
//! Invariant: a run moves on by itself and invalidates nothing when it does, so an answer is fresh only shortly.

use std::collections::BTreeMap;

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::asked::Awaited;
use super::topics::{QUEUE, RUN, RUNS};
use crate::catalogue::fields::{Cursor, GitRef, Name, PageSize, PendingRef, ProjectRef, RunRef, named};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// One run of a project's pipeline.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// The neutral id, e.g. `ci-a~acme/api#12`.
    pub id: String,
    /// The project, as the CI server names it: mostly `owner/name`.
    pub project: String,
    /// The number that the CI server shows, where it numbers: mostly within the project, of GitHub within the pipeline. The id
    /// alone names the run.
    pub number: Option<u64>,
    /// The pipeline that it is a run of, as the list of pipelines tells its `key`, where a project has several.
    #[schemars(extend("x-column" = true))]
    pub pipeline: Option<String>,
    /// Which try it is, counted from 1, where a repetition keeps the run's id.
    pub attempt: Option<u64>,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it stands, in the provider's own word.
    pub raw_status: String,
    /// What it is about: mostly the first line of the commit's message.
    #[schemars(extend("x-column" = true))]
    pub title: Option<String>,
    /// What started it, in the provider's own word: `push`, `manual`, ….
    #[schemars(extend("x-column" = true))]
    pub event: Option<String>,
    /// The branch that it runs for.
    #[schemars(extend("x-column" = true))]
    pub branch: Option<String>,
    /// The commit that it runs for.
    pub commit: Option<String>,
    /// Whose change it runs for, or who started it.
    #[schemars(extend("x-column" = true))]
    pub author: Option<Person>,
    /// Its steps, where the answer holds them; see `cicd.run.jobs`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub steps: Vec<Step>,
    /// What it waits for where it is blocked and the provider tells that; lists leave it out.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waits_for: Vec<Awaited>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    #[schemars(extend("x-column" = true))]
    pub started_at: Option<String>,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

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
    /// is not known here, of a run that has ended.
    Error,
}

impl RunStatus {
    /// It moves on no more.
    pub fn has_ended(self) -> bool {
        match self {
            RunStatus::Queued | RunStatus::Running | RunStatus::Blocked => false,
            RunStatus::Success | RunStatus::Failure | RunStatus::Cancelled | RunStatus::Skipped | RunStatus::Error => {
                true
            }
        }
    }
}

/// One step of a run.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Step {
    /// Its id within the run, for `cicd.log.get`.
    pub id: String,
    /// Its name; several steps of a run may have the same.
    pub name: String,
    /// The job or workflow that it is a part of.
    pub group: Option<String>,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it stands, in the provider's own word.
    pub raw_status: String,
    /// What its process returned, once it has ended.
    pub exit_code: Option<i64>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub finished_at: Option<String>,
}

impl<I> Output<I> for Run {
    fn tags(&self) -> Vec<Tag> {
        vec![RUN.tag_of_id(&self.id)]
    }
}

/// Input of `cicd.run.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunListInput {
    pub project: ProjectRef,
    /// Only runs of this pipeline: its `key` or its id.
    pub pipeline: Option<Name>,
    /// Only runs for this branch.
    pub branch: Option<GitRef>,
    /// Only runs that stand so.
    pub status: Option<RunStatus>,
    /// Only runs that this started, in the provider's own word.
    pub event: Option<Name>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `cicd.run.list`
pub struct RunList;

impl Op for RunList {
    type Input = RunListInput;
    type Output = Page<Run>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.run.list", "/cicd/runs", "List a project's runs, newest first")
            .args(&["project"])
            .carries(&[RUNS])
            .cached(3, 60, 3)
            .common();
    fn resource(input: &RunListInput) -> Resource {
        input.project.resource()
    }
}

paged!(RunListInput);

/// Input of `cicd.run.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunGetInput {
    pub run: RunRef,
}

/// `cicd.run.get`
pub struct RunGet;

impl Op for RunGet {
    type Input = RunGetInput;
    type Output = Run;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("cicd.run.get", "/cicd/runs/{run}", "Get a run and its steps")
            .carries(&[RUN])
            .absent(&[RUNS])
            .cached(3, 60, 3)
            .common();
    fn resource(input: &RunGetInput) -> Resource {
        input.run.resource()
    }
}

/// Input of `cicd.run.trigger`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunTriggerInput {
    pub project: ProjectRef,
    /// The pipeline: its `key` or its id, as the list of pipelines tells them; required where a project has several.
    pub pipeline: Option<Name>,
    /// The branch to run for; default: the project's default branch.
    pub branch: Option<GitRef>,
    /// Variables that the run's steps see.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variables: BTreeMap<String, String>,
}

/// What became of a trigger.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Triggered {
    /// Whether anything runs.
    pub outcome: TriggerOutcome,
    /// The run, where there is one.
    pub run: Option<Run>,
    /// What `cicd.run.resolve` makes the run of, where it has no id yet.
    pub pending: Option<String>,
}

/// Whether a trigger made a run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum TriggerOutcome {
    /// There is a run.
    Started,
    /// The project's configuration has nothing to run for this branch and event: nothing ran, and nothing will.
    Filtered,
    /// It was asked for, and has no id yet; see `pending`.
    Pending,
    /// The same was asked for before and waits still: nothing was started for this one, and `pending` is the other's.
    Joined,
}

impl<I> Output<I> for Triggered {
    fn tags(&self) -> Vec<Tag> {
        self.run.iter().map(|run| RUN.tag_of_id(&run.id)).collect()
    }
}

/// `cicd.run.trigger`
pub struct RunTrigger;

impl Op for RunTrigger {
    type Input = RunTriggerInput;
    type Output = Triggered;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("cicd.run.trigger", "/cicd/runs", "Start a run")
            .args(&["project"])
            .invalidates(&[RUNS, QUEUE])
            .common();
    fn resource(input: &RunTriggerInput) -> Resource {
        input.project.resource()
    }
    fn check(input: &RunTriggerInput) -> Result<(), Failure> {
        bounded(&input.variables)?;
        let wrong = |sentence| Failure::invalid("variables", format!("variables {sentence}"));
        input.variables.keys().try_for_each(|name| named(name).map_err(wrong))
    }
}

/// Holds variables to their number.
pub(super) fn bounded(variables: &BTreeMap<String, String>) -> Result<(), Failure> {
    /// Far above what pipelines use; it bounds what one call makes a provider store.
    const MOST: usize = 100;
    match variables.len() > MOST {
        true => Err(Failure::invalid("variables", format!("at most {MOST} variables"))),
        false => Ok(()),
    }
}

/// Input of `cicd.run.resolve`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunResolveInput {
    pub pending: PendingRef,
}

/// `cicd.run.resolve`
pub struct RunResolve;

impl Op for RunResolve {
    type Input = RunResolveInput;
    type Output = Triggered;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "cicd.run.resolve",
        "/cicd/pending/{pending}",
        "Find the run that a trigger has made",
    )
    .uncached();
    fn resource(input: &RunResolveInput) -> Resource {
        input.pending.resource()
    }
}
