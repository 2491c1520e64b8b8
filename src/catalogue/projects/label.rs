//! Labels.
//!
//! Invariant: an issue's labels are names; what a provider calls them by stays with its driver.

use mosaic_actors::call::Resource;
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::issue::few_labels;
use super::topics::{ISSUE_CHANGES, LABELS};
use crate::catalogue::fields::{Colour, Cursor, IssueRef, Name, PageSize, ProjectRef};
use crate::catalogue::op::{Declaration, Op, Output, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::raw::Raw;
use crate::catalogue::trail::Trail;

/// A label.
#[skip_serializing_none]
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Label {
    /// The provider's id of it, where it has one.
    pub id: Option<String>,
    /// What it is called.
    pub name: String,
    /// `#d73a4a`; absent where the tracker has none, or only names.
    pub color: Option<String>,
    /// What it stands for.
    pub description: Option<String>,
    /// The provider's own JSON, on request.
    pub raw: Option<Raw>,
}

impl<I> Output<I> for Label {}

/// Input of `projects.label.list`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelListInput {
    pub project: ProjectRef,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.label.list`
pub struct LabelList;

impl Op for LabelList {
    type Input = LabelListInput;
    type Output = Page<Label>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("projects.label.list", "/projects/labels", "List a project's labels")
            .args(&["project"])
            .carries(&[LABELS]);
    fn resource(input: &LabelListInput) -> Resource {
        input.project.resource()
    }
}

paged!(LabelListInput);

/// Input of `projects.label.create`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelCreateInput {
    pub project: ProjectRef,
    pub name: Name,
    /// Default: the provider's, or grey where it wants one.
    pub color: Option<Colour>,
    /// What it stands for.
    pub description: Option<Name>,
}

/// `projects.label.create`
pub struct LabelCreate;

impl Op for LabelCreate {
    type Input = LabelCreateInput;
    type Output = Label;
    const DECLARATION: &'static Declaration =
        &Declaration::post::<Self>("projects.label.create", "/projects/labels", "Create a label")
            .args(&["project", "name"])
            .invalidates(&[LABELS]);
    fn resource(input: &LabelCreateInput) -> Resource {
        input.project.resource()
    }
}

/// Input of `projects.label.set`.
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LabelSetInput {
    pub issue: IssueRef,
    /// Names of the labels that it shall carry: these, and no other. None: none.
    pub labels: Vec<Name>,
}

/// An issue's labels.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct IssueLabels {
    /// The issue's neutral id.
    pub id: String,
    /// Names of its labels now.
    pub labels: Vec<String>,
}

impl<I> Output<I> for IssueLabels {}

/// `projects.label.set`
pub struct LabelSet;

impl Op for LabelSet {
    type Input = LabelSetInput;
    type Output = IssueLabels;
    const DECLARATION: &'static Declaration = &Declaration::put::<Self>(
        "projects.label.set",
        "/projects/issues/{issue}/labels",
        "Say which labels an issue carries",
    )
    .invalidates(ISSUE_CHANGES);
    fn resource(input: &LabelSetInput) -> Resource {
        input.issue.resource()
    }
    fn check(input: &LabelSetInput) -> Result<(), Failure> {
        few_labels(&input.labels)
    }
}
