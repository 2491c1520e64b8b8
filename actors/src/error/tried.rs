//! Who was asked for a call in vain.
//!
//! Invariant: a failure tells of a bounded number of attempts, however many there were.

use std::sync::Arc;

use serde::Serialize;

use super::{Failure, Kind};

/// An instance that was asked for a call in vain, and what came of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct TriedAt {
    /// Who was asked.
    pub instance: Arc<str>,
    /// What that attempt failed with.
    pub kind: Kind,
}

/// Attempts at most that a failure tells of.
pub const MOST_TRIED: usize = 8;

impl Failure {
    /// Who was asked in vain, in order, each time: at most [`MOST_TRIED`]. Empty where nobody was.
    pub fn tried(&self) -> &[TriedAt] {
        self.tried.as_ref().map_or(&[], |tried| tried)
    }

    /// The same for logs, where more than one attempt was made: `a network, b timeout`.
    pub fn tried_in_words(&self) -> Option<String> {
        let words = self.tried().iter().map(|at| format!("{} {}", at.instance, at.kind));
        (self.tried().len() > 1).then(|| words.collect::<Vec<_>>().join(", "))
    }

    /// Tells who was asked in vain; of more than [`MOST_TRIED`], the first ones.
    #[must_use]
    pub fn having_tried(mut self, mut tried: Vec<TriedAt>) -> Self {
        tried.truncate(MOST_TRIED);
        self.tried = (!tried.is_empty()).then(|| Arc::new(tried));
        self
    }
}
