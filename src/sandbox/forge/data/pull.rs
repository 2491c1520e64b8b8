//! What makes an issue a pull request.
//!
//! Invariant: when a side moves, whatever was known of the merge is forgotten.

use super::review::Review;

/// What makes an issue a pull request.
#[derive(Clone, Debug)]
pub(crate) struct Pull {
    /// The repository of the head branch.
    pub head_repo: u64,
    pub head_owner: String,
    pub head: String,
    pub head_id: String,
    pub base: String,
    pub base_id: String,
    pub draft: bool,
    pub merged: Option<Merge>,
    pub reviews: Vec<Review>,
    /// Whether somebody asked if it can be merged since a side moved: the answer takes a moment.
    pub(crate) asked: bool,
}

/// That it was merged.
#[derive(Clone, Debug)]
pub(crate) struct Merge {
    pub at: String,
    pub by: &'static str,
    pub commit: String,
}

impl Pull {
    /// Whether this is its head branch.
    pub fn comes_from(&self, repo: u64, branch: &str) -> bool {
        self.head_repo == repo && self.head == branch
    }

    pub(crate) fn head_moved(&mut self, commit: &str) {
        self.head_id = commit.to_owned();
        self.asked = false;
    }

    pub(crate) fn base_moved(&mut self, commit: &str) {
        self.base_id = commit.to_owned();
        self.asked = false;
    }
}
