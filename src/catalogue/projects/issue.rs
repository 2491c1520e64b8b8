//! Issues.
//!
//! Invariant: whatever creates or changes an issue invalidates its project's lists.

use mosaic_actors::call::{Resource, Tag};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::topics::{BOARD_ITEMS, FOUND, ISSUE, ISSUES};
use crate::catalogue::fields::{
    Cursor, Day, IssueRef, Markdown, MilestoneRef, Moment, Name, PageSize, PersonRef, ProjectRef,
};
use crate::catalogue::link::Link;
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::page_url::is_no_page;
use crate::catalogue::person::Person;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// An issue.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// The neutral id, e.g. `forge-a~acme/api#7`.
    pub id: String,
    /// The number within the project, where the tracker numbers.
    pub number: Option<u64>,
    /// The headline.
    pub title: String,
    /// The text, in the tracker's own markup (mostly Markdown).
    pub body: Option<String>,
    /// Open or closed.
    pub state: IssueState,
    /// Its state in the tracker's own word, where that says more: a column, or why it was closed.
    pub raw_state: Option<String>,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Who shall see to it.
    pub assignees: Vec<Person>,
    /// Who wrote it.
    pub author: Option<Person>,
    /// The milestone that it belongs to.
    pub milestone: Option<InMilestone>,
    /// The day by which it shall be done, or the moment where the tracker keeps one.
    pub due_on: Option<String>,
    /// Whether only members may comment, where the tracker tells.
    pub locked: Option<bool>,
    /// How many comments it has, where the tracker tells.
    pub comments: Option<u64>,
    /// Its page for people.
    #[serde(skip_serializing_if = "is_no_page")]
    pub web_url: Option<Link>,
    /// RFC 3339.
    pub created_at: Option<String>,
    /// RFC 3339.
    pub updated_at: Option<String>,
    /// RFC 3339.
    pub closed_at: Option<String>,
    /// Of a write: fields of its input that the provider has passed over, mostly for want of a right.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub dropped: Vec<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

/// A milestone, as an issue names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InMilestone {
    /// Its id, as the list of milestones tells it.
    pub id: String,
    /// What it is called.
    pub title: String,
}

/// Whether an issue is done.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    /// To do.
    #[default]
    Open,
    /// Done, or given up.
    Closed,
}

/// Which issues a list holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StateFilter {
    /// Open ones.
    #[default]
    Open,
    /// Closed ones.
    Closed,
    /// Both.
    All,
}

impl<I> Output<I> for Issue {
    fn tags(&self) -> Vec<Tag> {
        vec![ISSUE.tag_of_id(&self.id)]
    }
}

/// Input of `projects.issue.list`.
///
/// ```
/// use mosaic::catalogue::projects::IssueListInput;
///
/// let input = IssueListInput { project: "acme/api".into(), ..Default::default() };
/// assert!(serde_json::to_value(&input).is_ok());
/// // What is required and left out is refused where the call begins.
/// assert!(serde_json::to_value(IssueListInput::default()).is_err());
/// ```
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueListInput {
    pub project: ProjectRef,
    /// Default: open.
    #[serde(default)]
    pub state: StateFilter,
    /// Only issues that carry all of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Name>,
    /// Only issues that this one shall see to.
    pub assignee: Option<PersonRef>,
    /// Only issues of this milestone.
    pub milestone: Option<MilestoneRef>,
    /// Only issues that have changed since.
    pub updated_since: Option<Moment>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.issue.list`
pub struct IssueList;

impl Op for IssueList {
    type Input = IssueListInput;
    type Output = Page<Issue>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("projects.issue.list", "/projects/issues", "List a project's issues")
            .args(&["project"])
            .carries(&[ISSUES])
            .cached(10, 300, 5)
            .common();
    fn resource(input: &IssueListInput) -> Resource {
        input.project.resource()
    }
    fn check(input: &IssueListInput) -> Result<(), Failure> {
        few_labels(&input.labels)
    }
}

paged!(IssueListInput);

/// Input of `projects.issue.get`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueGetInput {
    pub issue: IssueRef,
}

/// `projects.issue.get`
pub struct IssueGet;

impl Op for IssueGet {
    type Input = IssueGetInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("projects.issue.get", "/projects/issues/{issue}", "Get an issue")
            .carries(&[ISSUE])
            .absent(&[ISSUES])
            .cached(10, 300, 5)
            .common();
    fn resource(input: &IssueGetInput) -> Resource {
        input.issue.resource()
    }
}

/// Input of `projects.issue.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCreateInput {
    pub project: ProjectRef,
    /// The headline.
    pub title: Name,
    pub body: Option<Markdown>,
    /// Names of labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<Name>,
    /// Who shall see to it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<PersonRef>,
    pub milestone: Option<MilestoneRef>,
    pub due_on: Option<Day>,
}

/// `projects.issue.create`
pub struct IssueCreate;

impl Op for IssueCreate {
    type Input = IssueCreateInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("projects.issue.create", "/projects/issues", "Create an issue")
            .args(&["project"])
            .invalidates(&[ISSUES, BOARD_ITEMS, FOUND])
            .common();
    fn resource(input: &IssueCreateInput) -> Resource {
        input.project.resource()
    }
    fn check(input: &IssueCreateInput) -> Result<(), Failure> {
        few_labels(&input.labels)?;
        few("assignees", input.assignees.len())
    }
}

pub(super) fn few_labels(labels: &[Name]) -> Result<(), Failure> {
    few("labels", labels.len())
}

pub(super) fn few(field: &str, found: usize) -> Result<(), Failure> {
    const MOST: usize = 100;
    match found > MOST {
        true => Err(Failure::invalid(field, format!("at most {MOST} {field}"))),
        false => Ok(()),
    }
}
