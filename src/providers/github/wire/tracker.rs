//! What surrounds issues: comments, labels and milestones.
//!
//! Invariant: what an issue's page is called tells it from a pull request.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::User;
use crate::catalogue::fields::Name;
use crate::providers::http::Time;

/// `issue-comment`, of which it is looked at what it is on.
#[derive(Debug, Deserialize)]
pub struct IssueComment {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub user: Option<User>,
    pub html_url: Option<String>,
    pub issue_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

impl IssueComment {
    /// Whether it is on the issue of this number, as far as it tells.
    pub fn is_on(&self, number: &str) -> bool {
        let its = self.issue_url.as_deref().and_then(|url| url.rsplit('/').next());
        its.is_none_or(|its| its == number)
    }

    /// Whether it is on a pull request.
    pub fn is_on_pull(&self) -> bool {
        let page = self.html_url.as_deref().unwrap_or_default();
        let page = page.split('#').next().unwrap_or_default();
        page.rsplit('/').nth(1) == Some("pull")
    }
}

/// `label`.
#[derive(Debug, Deserialize)]
pub struct RepoLabel {
    pub id: Option<u64>,
    pub name: String,
    pub color: Option<String>,
    pub description: Option<String>,
}

/// The body of `POST /repos/{owner}/{repo}/labels`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewLabel<'a> {
    pub name: &'a str,
    /// Without its mark.
    pub color: Option<&'a str>,
    pub description: Option<&'a str>,
}

/// The body of `PUT /repos/{owner}/{repo}/issues/{issue_number}/labels`.
#[derive(Debug, Serialize)]
pub struct Labels<'a> {
    pub labels: &'a [Name],
}

/// `milestone`.
#[derive(Debug, Deserialize)]
pub struct Milestone {
    pub number: u64,
    #[serde(default)]
    pub title: String,
    pub description: Option<String>,
    pub state: Option<String>,
    pub due_on: Time,
    pub open_issues: Option<u64>,
    pub closed_issues: Option<u64>,
    pub html_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
}

/// The body of `POST /repos/{owner}/{repo}/milestones`.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewMilestone<'a> {
    pub title: &'a str,
    pub description: Option<&'a str>,
    pub due_on: Option<String>,
}
