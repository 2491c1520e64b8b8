//! Projects: the issues of a tracker.
//!
//! Invariant: an issue's neutral id, `instance~project#number`, names it at every surface.

use std::time::Duration;

use mosaic_actors::call::{CacheTimes, CostClass, Operation, Resource};
use mosaic_actors::error::Failure;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Declaration, Method, Op, Output, Page, check_limit, check_name};

const CACHE: Option<CacheTimes> = Some(CacheTimes {
    fresh: Duration::from_secs(10),
    stale: Duration::from_secs(300),
    negative: Duration::from_secs(5),
});

/// An issue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Issue {
    /// The neutral id, e.g. `forge-a~acme/api#7`.
    pub id: String,
    /// The number within the project, where the tracker numbers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<u64>,
    /// The headline.
    pub title: String,
    /// The text, in the tracker's own markup (mostly Markdown).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Open or closed.
    pub state: IssueState,
    /// Names of its labels.
    pub labels: Vec<String>,
    /// Logins of its assignees.
    pub assignees: Vec<String>,
    /// The login of who wrote it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub author: Option<String>,
    /// How many comments it has, where the tracker tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comments: Option<u64>,
    /// Its page for people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub web_url: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub created_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub updated_at: Option<String>,
    /// RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<String>,
    /// The provider's own JSON, on request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw: Option<Value>,
}

impl Output for Issue {}

/// Whether an issue is done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum IssueState {
    /// To do.
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

/// Input of `projects.issue.list`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueListInput {
    /// The project: at a forge `owner/name`; `instance~…` pins a provider.
    pub project: String,
    /// Default: open.
    #[serde(default)]
    pub state: StateFilter,
    /// Only issues that carry all of these labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// From the previous page.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
    /// Rows a page, 1 to 100; default: the provider's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// `projects.issue.list`
pub struct IssueList;

impl Op for IssueList {
    type Input = IssueListInput;
    type Output = Page<Issue>;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "projects.issue.list",
            service: "projects",
            safe: true,
            idempotent: true,
            streaming: false,
            cache: CACHE,
            carries: &["issues"],
            invalidates: &[],
            cost: CostClass::Read,
        },
        method: Method::Get,
        path: "/projects/issues",
        positional: &["project"],
        summary: "List a project's issues",
    };
    fn resource(input: &IssueListInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.project))
    }
    fn check(input: &IssueListInput) -> Result<(), Failure> {
        check_name("project", &input.project)?;
        check_labels(&input.labels)?;
        check_limit(input.limit)
    }
    fn cursor(input: &mut IssueListInput) -> Option<&mut Option<String>> {
        Some(&mut input.cursor)
    }
}

/// Input of `projects.issue.get`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueGetInput {
    /// `owner/name#number`, or a neutral id.
    pub issue: String,
}

/// `projects.issue.get`
pub struct IssueGet;

impl Op for IssueGet {
    type Input = IssueGetInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "projects.issue.get",
            service: "projects",
            safe: true,
            idempotent: true,
            streaming: false,
            cache: CACHE,
            carries: &["issue"],
            invalidates: &[],
            cost: CostClass::Read,
        },
        method: Method::Get,
        path: "/projects/issues/{issue}",
        positional: &["issue"],
        summary: "Get an issue",
    };
    fn resource(input: &IssueGetInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.issue))
    }
    fn check(input: &IssueGetInput) -> Result<(), Failure> {
        check_name("issue", &input.issue)
    }
}

/// Input of `projects.issue.create`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCreateInput {
    /// The project: at a forge `owner/name`; `instance~…` pins a provider.
    pub project: String,
    /// The headline.
    pub title: String,
    /// The text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Names of labels.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub labels: Vec<String>,
    /// Logins.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub assignees: Vec<String>,
}

/// `projects.issue.create`
pub struct IssueCreate;

impl Op for IssueCreate {
    type Input = IssueCreateInput;
    type Output = Issue;
    const DECLARATION: &'static Declaration = &Declaration {
        facts: Operation {
            name: "projects.issue.create",
            service: "projects",
            safe: false,
            idempotent: false,
            streaming: false,
            cache: None,
            carries: &[],
            invalidates: &["issues"],
            cost: CostClass::Write,
        },
        method: Method::Post,
        path: "/projects/issues",
        positional: &["project"],
        summary: "Create an issue",
    };
    fn resource(input: &IssueCreateInput) -> Result<Resource, Failure> {
        Ok(Resource::parse(&input.project))
    }
    fn check(input: &IssueCreateInput) -> Result<(), Failure> {
        check_name("project", &input.project)?;
        check_name("title", &input.title)?;
        check_labels(&input.labels)
    }
}

fn check_labels(labels: &[String]) -> Result<(), Failure> {
    const MOST: usize = 100;
    if labels.len() > MOST {
        return Err(Failure::invalid("labels", format!("at most {MOST} labels")));
    }
    labels.iter().try_for_each(|label| check_name("labels", label))
}
