//! The numeric ids of repositories, which Woodpecker's API wants in place of their names.
//!
//! Invariant: at most [`MOST`] are remembered, and one that has led nowhere is forgotten.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// Repositories remembered; each takes some hundred bytes.
const MOST: usize = 4096;

#[derive(Default)]
pub struct RepoIds(Mutex<HashMap<Box<str>, u64>>);

impl RepoIds {
    pub fn get(&self, project: &str) -> Option<u64> {
        self.map().get(project).copied()
    }

    pub fn remember(&self, project: &str, id: u64) {
        let mut map = self.map();
        if map.len() >= MOST && !map.contains_key(project) {
            // Rare, and each costs only one look-up to learn again: no order of use is kept.
            map.clear();
        }
        map.insert(project.into(), id);
    }

    pub fn forget(&self, project: &str) {
        self.map().remove(project);
    }

    /// Each change leaves the map whole, so a panic elsewhere spoils nothing.
    fn map(&self) -> MutexGuard<'_, HashMap<Box<str>, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_bounded_and_forgets() {
        let ids = RepoIds::default();
        for id in 0..=MOST as u64 {
            ids.remember(&format!("acme/{id}"), id);
        }
        assert_eq!(ids.map().len(), 1);
        let last = format!("acme/{MOST}");
        assert_eq!(ids.get(&last), Some(MOST as u64));
        ids.forget(&last);
        assert_eq!(ids.get(&last), None);
    }
}
