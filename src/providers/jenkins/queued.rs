//! The queue's items that triggers were told of: Jenkins makes one of what is asked for alike and waits, and of a job
//! without parameters it does not say so (trap 8).
//!
//! Invariant: of two triggers that are told one item, one alone is told that it is its own. At most [`MOST`] items are
//! remembered, the last ones.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

/// Items remembered: more than wait at once at most servers; each takes some ten bytes beside its job's name.
const MOST: usize = 1024;

/// The items of one server, with the jobs that they are of: numbers begin anew where a server was set up again.
#[derive(Default)]
pub struct Queued(Mutex<VecDeque<(u64, String)>>);

impl Queued {
    /// Whether no trigger was told of this item before. From now on one was.
    pub fn is_new(&self, project: &str, item: u64) -> bool {
        // Each change leaves it whole, so a panic elsewhere spoils nothing.
        let mut told = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if told.iter().any(|(number, of)| *number == item && of == project) {
            return false;
        }
        if told.len() >= MOST {
            told.pop_front();
        }
        told.push_back((item, project.to_owned()));
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_item_is_new_once_and_the_oldest_are_forgotten() {
        let queued = Queued::default();
        assert!(queued.is_new("a", 1) && !queued.is_new("a", 1) && queued.is_new("b", 1));
        for item in 2..=MOST as u64 {
            assert!(queued.is_new("a", item));
        }
        assert_eq!(queued.0.lock().expect("alone").len(), MOST);
        assert!(queued.is_new("a", 1));
    }
}
