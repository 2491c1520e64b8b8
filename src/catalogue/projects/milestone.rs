//! Milestones.
//!
//! Invariant: a milestone's id is accepted as the milestone of an issue of its project.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::issue::{IssueState, StateFilter};
use super::topics::MILESTONES;
use crate::catalogue::fields::{Cursor, Day, Markdown, Name, PageSize, ProjectRef};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A milestone.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Milestone {
    /// What issues name it by.
    pub id: String,
    /// What it is called.
    pub title: String,
    /// What it is about, Markdown.
    pub description: Option<String>,
    /// Open or closed.
    pub state: IssueState,
    /// The day by which it shall be reached.
    pub due_on: Option<String>,
    /// How many of its issues are open, where the tracker tells.
    pub open_issues: Option<u64>,
    /// How many are closed, where the tracker tells.
    pub closed_issues: Option<u64>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// RFC 3339.
    pub closed_at: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Milestone {}

/// Input of `projects.milestone.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneListInput {
    pub project: ProjectRef,
    /// Default: open.
    #[serde(default)]
    pub state: StateFilter,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.milestone.list`
pub struct MilestoneList;

impl Op for MilestoneList {
    type Input = MilestoneListInput;
    type Output = Page<Milestone>;
    const DECLARATION: &'static Declaration = &Declaration::get::<Self>(
        "projects.milestone.list",
        "/projects/milestones",
        "List a project's milestones",
    )
    .args(&["project"])
    .carries(&[MILESTONES]);
    fn resource(input: &MilestoneListInput) -> Resource {
        input.project.resource()
    }
}

paged!(MilestoneListInput);

/// Input of `projects.milestone.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct MilestoneCreateInput {
    pub project: ProjectRef,
    /// What it shall be called.
    pub title: Name,
    /// What it is about.
    pub description: Option<Markdown>,
    /// The day by which it shall be reached.
    pub due_on: Option<Day>,
}

/// `projects.milestone.create`
pub struct MilestoneCreate;

impl Op for MilestoneCreate {
    type Input = MilestoneCreateInput;
    type Output = Milestone;
    const DECLARATION: &'static Declaration = &Declaration::post::<Self>(
        "projects.milestone.create",
        "/projects/milestones",
        "Create a milestone",
    )
    .args(&["project", "title"])
    .invalidates(&[MILESTONES]);
    fn resource(input: &MilestoneCreateInput) -> Resource {
        input.project.resource()
    }
}
