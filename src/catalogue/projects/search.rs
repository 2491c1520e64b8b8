//! Searching issues.
//!
//! Invariant: what is found is an issue; a pull request never is.

use mosaic_actors::call::Resource;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::issue::{Issue, IssueState};
use super::topics::FOUND;
use crate::catalogue::fields::{Cursor, Name, PageSize, ProjectRef};
use crate::catalogue::op::{Declaration, Op, Paged};
use crate::catalogue::page::Page;
use crate::catalogue::trail::Trail;

/// Input of `projects.issue.search`.
#[skip_serializing_none]
#[derive(Clone, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueSearchInput {
    /// Words, and nothing of a provider's own syntax.
    pub query: Name,
    /// Only issues of this project.
    pub project: Option<ProjectRef>,
    /// Only open ones, or only closed ones; default: both.
    pub state: Option<IssueState>,
    pub cursor: Option<Cursor>,
    pub limit: Option<PageSize>,
}

/// `projects.issue.search`
pub struct IssueSearch;

impl Op for IssueSearch {
    type Input = IssueSearchInput;
    type Output = Page<Issue>;
    const DECLARATION: &'static Declaration =
        &Declaration::get::<Self>("projects.issue.search", "/projects/search", "Find issues")
            .args(&["query"])
            .carries(&[FOUND])
            // A new issue is found as soon as the provider has indexed it, and it does not tell when.
            .cached(5, 300, 5)
            .common();
    fn resource(input: &IssueSearchInput) -> Resource {
        input.project.as_ref().map_or_else(Resource::none, ProjectRef::resource)
    }
}

paged!(IssueSearchInput);
