//! Labels of a repository, and its milestones.
//!
//! Invariant: a label has one id, the same on every instance.

use crate::sandbox::forge::oid::stable_id;

/// Every repository has these.
const USUAL: &[&str] = &["bug", "documentation", "enhancement", "help wanted"];
/// The colour of what nobody gave one.
pub(crate) const PLAIN: &str = "ededed";

/// A label.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Label {
    pub id: u64,
    pub name: String,
    /// Six digits.
    pub color: String,
    pub description: String,
}

impl Label {
    /// One of a repository that begins with it.
    pub fn seeded(repo: &str, name: &str) -> Self {
        Self {
            id: stable_id(&format!("label {repo} {name}")),
            name: name.to_owned(),
            color: if name == "bug" { "d73a4a" } else { PLAIN }.to_owned(),
            description: String::new(),
        }
    }

    /// What every repository begins with.
    pub fn usual(repo: &str) -> Vec<Self> {
        USUAL.iter().map(|name| Self::seeded(repo, name)).collect()
    }
}

/// A milestone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Milestone {
    pub id: u64,
    /// Counted in its repository.
    pub number: u64,
    pub title: String,
    pub description: Option<String>,
    pub open: bool,
    /// A moment, as whoever made it wrote it.
    pub due_on: Option<String>,
    pub created_at: String,
    pub closed_at: Option<String>,
}
