//! What surrounds issues: comments, labels and milestones.
//!
//! Invariant: as in [`super`].

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::providers::http::Time;

/// `Comment`, of which it is looked at what it is on.
#[derive(Debug, Deserialize)]
pub struct IssueComment {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub user: Option<User>,
    pub html_url: Option<String>,
    /// Empty on a pull request.
    pub issue_url: Option<String>,
    /// Empty on an issue.
    pub pull_request_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl IssueComment {
    /// Whether it is on the issue of this number, as far as it tells.
    pub fn is_on(&self, number: &str) -> bool {
        let url = self.issue_url.as_deref().filter(|url| !url.is_empty());
        url.and_then(|url| url.rsplit('/').next())
            .is_none_or(|its| its == number)
    }

    /// Whether it is on a pull request.
    pub fn is_on_pull(&self) -> bool {
        self.pull_request_url.as_deref().is_some_and(|url| !url.is_empty())
    }
}

/// `Milestone`.
#[derive(Debug, Deserialize)]
pub struct Milestone {
    pub id: u64,
    #[serde(default)]
    pub title: String,
    pub description: Option<String>,
    pub state: Option<String>,
    pub due_on: Time,
    pub open_issues: Option<u64>,
    pub closed_issues: Option<u64>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
}

/// `CreateMilestoneOption`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewMilestone<'a> {
    pub title: &'a str,
    pub description: Option<&'a str>,
    pub due_on: Option<String>,
}

/// `CreateLabelOption`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewLabel<'a> {
    pub name: &'a str,
    pub color: &'a str,
    pub description: Option<&'a str>,
}

/// `IssueLabelsOption`.
#[derive(Debug, Serialize)]
pub struct LabelIds {
    pub labels: Vec<i64>,
}

/// `EditIssueOption`.
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
pub struct IssuePatch<'a> {
    pub title: Option<&'a str>,
    pub body: Option<&'a str>,
    pub state: Option<&'a str>,
    /// 0 takes it away.
    pub milestone: Option<u64>,
    pub due_date: Option<String>,
    pub unset_due_date: Option<bool>,
    pub assignees: Option<&'a [&'a str]>,
}
