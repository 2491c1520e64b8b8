//! Jobs: the parts of a run that a machine each works on.
//!
//! Invariant: a job's id is what `cicd.log.get` takes as `step` where the provider keeps logs by job, or the job has one step
//! alone; where it keeps them by step, the ids of its steps are.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::run::{RunStatus, Step};
use super::topics::{RUN, RUNS};
use crate::catalogue::fields::{Cursor, PageSize, RunRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A job of a run.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Job {
    /// Its id within the run.
    pub id: String,
    /// Its name.
    pub name: String,
    /// Where it stands.
    pub status: RunStatus,
    /// Where it stands, in the provider's own word.
    pub raw_status: String,
    /// Its steps, where the provider tells.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(extend("x-column" = true))]
    pub steps: Vec<Step>,
    /// Which machine works on it, where the provider tells.
    pub runner: Option<String>,
    /// Which try of the run it belongs to, counted from 1, where the provider tells.
    pub attempt: Option<u64>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub started_at: Option<String>,
    /// RFC 3339.
    pub finished_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// Input of `cicd.run.jobs`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RunJobsInput {
    pub run: RunRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `cicd.run.jobs`
pub struct RunJobs;

impl Op for RunJobs {
    type Input = RunJobsInput;
    type Output = Page<Job>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "cicd.run.jobs",
        "/cicd/runs/{run}/jobs",
        "List a run's jobs and their steps",
    )
    .carries(&[RUN])
    .absent(&[RUNS])
    .cached(3, 60, 3);
    fn resource(input: &RunJobsInput) -> Resource {
        input.run.resource()
    }
}

paged!(RunJobsInput);
