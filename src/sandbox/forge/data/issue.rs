//! Issues, of which pull requests are some, and what people say to them.
//!
//! Invariant: a closed issue has the time when it was closed.

use super::pull::Pull;
use crate::sandbox::forge::oid::now;
use crate::sandbox::seed::{GUEST, IssueSeed, SEEDED_AT, USER};

/// An issue.
#[derive(Clone, Debug)]
pub(crate) struct Issue {
    pub number: u64,
    pub title: String,
    pub body: Option<String>,
    pub open: bool,
    pub labels: Vec<String>,
    pub assignees: Vec<String>,
    pub author: &'static str,
    /// What it has more when it is a pull request.
    pub pull: Option<Box<Pull>>,
    pub comments: Vec<Comment>,
    /// The number of its milestone.
    pub milestone: Option<u64>,
    /// By when it shall be done, as whoever said it wrote it.
    pub due_on: Option<String>,
    /// Why it was closed, or opened again, where that is told.
    pub reason: Option<String>,
    /// Only members may comment.
    pub locked: bool,
    /// The path and the number that it has now, where it was moved.
    pub moved_to: Option<(String, u64)>,
    /// How often its body was changed.
    pub versions: u64,
    pub created_at: String,
    pub updated_at: String,
    pub closed_at: Option<String>,
}

/// What somebody said.
#[derive(Clone, Debug)]
pub(crate) struct Comment {
    pub id: u64,
    pub author: &'static str,
    pub body: String,
    pub created_at: String,
    pub updated_at: String,
}

impl Issue {
    /// An open issue of now, its number still 0.
    pub fn draft(title: String, author: &'static str) -> Self {
        let at = now();
        Self {
            number: 0,
            title,
            body: None,
            open: true,
            labels: Vec::new(),
            assignees: Vec::new(),
            author,
            pull: None,
            comments: Vec::new(),
            milestone: None,
            due_on: None,
            reason: None,
            locked: false,
            moved_to: None,
            versions: 0,
            created_at: at.clone(),
            updated_at: at,
            closed_at: None,
        }
    }

    /// A pull request's own part is added by those who know the branches.
    pub(crate) fn seeded(seed: IssueSeed) -> Self {
        Self {
            number: seed.number,
            title: seed.title,
            body: Some(seed.body),
            open: seed.open,
            labels: seed.labels.iter().map(ToString::to_string).collect(),
            assignees: Vec::new(),
            author: if seed.is_pull { GUEST } else { USER },
            pull: None,
            comments: Vec::new(),
            milestone: None,
            due_on: None,
            reason: None,
            locked: false,
            moved_to: None,
            versions: 0,
            created_at: SEEDED_AT.to_owned(),
            updated_at: SEEDED_AT.to_owned(),
            closed_at: (!seed.open).then(|| SEEDED_AT.to_owned()),
        }
    }

    pub fn is_pull(&self) -> bool {
        self.pull.is_some()
    }

    pub(crate) fn close(&mut self, at: &str) {
        self.open = false;
        self.closed_at = Some(at.to_owned());
        self.updated_at = at.to_owned();
    }

    /// Changes what is given.
    pub(crate) fn edit(&mut self, title: Option<String>, body: Option<Option<String>>, open: Option<bool>) {
        self.title = title.unwrap_or(std::mem::take(&mut self.title));
        self.versions += u64::from(body.is_some());
        self.body = body.unwrap_or(self.body.take());
        self.updated_at = now();
        match open {
            Some(true) => (self.open, self.closed_at) = (true, None),
            Some(false) if self.open => self.close(&now()),
            _ => {}
        }
    }
}
