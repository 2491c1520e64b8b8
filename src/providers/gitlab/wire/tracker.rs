//! Issues, and what surrounds them.
//!
//! Invariant: an issue is known by its `iid`, its number within the project; a milestone by its `id`.

use serde::{Deserialize, Serialize};
use serde_with::skip_serializing_none;

use super::{References, User};
use crate::providers::http::Time;

/// An issue, whole or in a list.
#[derive(Debug, Deserialize)]
pub struct Issue {
    pub iid: u64,
    #[serde(default)]
    pub title: String,
    pub description: Option<String>,
    /// `opened` or `closed`.
    #[serde(default)]
    pub state: String,
    #[serde(default)]
    pub labels: Vec<String>,
    #[serde(default)]
    pub assignees: Vec<User>,
    pub author: Option<User>,
    pub milestone: Option<InMilestone>,
    /// A day.
    pub due_date: Option<String>,
    /// Null where it was never locked.
    pub discussion_locked: Option<bool>,
    /// What it has become in another project.
    pub moved_to_id: Option<u64>,
    pub user_notes_count: Option<u64>,
    pub references: Option<References>,
    pub web_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
    pub closed_at: Time,
}

impl Issue {
    /// The path of the project that it is in, as far as it tells.
    pub fn home(&self) -> Option<String> {
        let full = self.references.as_ref()?.full.as_deref()?;
        full.rsplit_once('#').map(|(path, _)| path.to_owned())
    }
}

/// The milestone of an issue or a board.
#[derive(Debug, Deserialize)]
pub struct InMilestone {
    pub id: u64,
    #[serde(default)]
    pub title: String,
}

/// A new issue, or what shall be another of one.
#[skip_serializing_none]
#[derive(Debug, Default, Serialize)]
pub struct IssueChange<'a> {
    pub title: Option<&'a str>,
    pub description: Option<String>,
    /// With commas between them; an empty text stands for none.
    pub labels: Option<String>,
    /// 0 alone stands for nobody.
    pub assignee_ids: Option<Vec<u64>>,
    /// 0 stands for none.
    pub milestone_id: Option<u64>,
    /// An empty text stands for none.
    pub due_date: Option<&'a str>,
    pub state_event: Option<&'a str>,
    pub discussion_locked: Option<bool>,
}

/// An account, by its number.
#[derive(Debug, Deserialize)]
pub struct Account {
    pub id: u64,
    pub username: String,
}

/// A comment on an issue, or a line of its history.
#[derive(Debug, Deserialize)]
pub struct IssueNote {
    pub id: u64,
    #[serde(default)]
    pub body: String,
    pub author: Option<User>,
    /// A line of the history.
    #[serde(default)]
    pub system: bool,
    /// Only members see it.
    pub internal: Option<bool>,
    /// As older releases call that.
    pub confidential: Option<bool>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A label.
#[derive(Debug, Deserialize)]
pub struct Label {
    pub id: Option<u64>,
    pub name: String,
    pub color: Option<String>,
    pub description: Option<String>,
}

/// A label to be made.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewLabel<'a> {
    pub name: &'a str,
    pub color: &'a str,
    pub description: Option<&'a str>,
}

/// A milestone.
#[derive(Debug, Deserialize)]
pub struct Milestone {
    pub id: u64,
    #[serde(default)]
    pub title: String,
    pub description: Option<String>,
    /// `active` or `closed`.
    pub state: Option<String>,
    /// A day.
    pub due_date: Option<String>,
    pub web_url: Option<String>,
    pub created_at: Time,
    pub updated_at: Time,
}

/// A milestone to be made.
#[skip_serializing_none]
#[derive(Debug, Serialize)]
pub struct NewMilestone<'a> {
    pub title: &'a str,
    pub description: Option<String>,
    pub due_date: Option<&'a str>,
}

/// A board.
#[derive(Debug, Deserialize)]
pub struct Board {
    pub id: u64,
    #[serde(default)]
    pub name: String,
    /// What it is narrowed to.
    pub milestone: Option<InMilestone>,
    #[serde(default)]
    pub labels: Vec<Label>,
    #[serde(default)]
    pub lists: Vec<BoardList>,
}

impl Board {
    /// The labels of its lists.
    pub fn columns(&self) -> Vec<String> {
        let labels = self.lists.iter().filter_map(|list| list.label.as_ref());
        labels.map(|label| label.name.clone()).collect()
    }
}

/// A list of a board.
#[derive(Debug, Deserialize)]
pub struct BoardList {
    /// Absent where it is of a milestone, or of a person.
    pub label: Option<Label>,
}
