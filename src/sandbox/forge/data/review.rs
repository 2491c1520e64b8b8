//! Judgements on pull requests.
//!
//! Invariant: a review names the commit that was looked at.

/// What a review comes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReviewState {
    Approved,
    ChangesRequested,
    Commented,
    /// Begun, and seen by nobody else yet.
    Pending,
}

impl ReviewState {
    /// Whether it says yes or no, which nobody does to what is their own.
    pub fn judges(self) -> bool {
        matches!(self, Self::Approved | Self::ChangesRequested)
    }
}

/// A review.
#[derive(Clone, Debug)]
pub(crate) struct Review {
    pub id: u64,
    pub author: &'static str,
    pub state: ReviewState,
    pub body: String,
    /// The head that was looked at.
    pub commit: String,
    pub comments: Vec<LineComment>,
    pub submitted_at: String,
}

/// A remark on a line of a file.
#[derive(Clone, Debug)]
pub(crate) struct LineComment {
    pub path: String,
    pub line: u64,
    pub body: String,
}
