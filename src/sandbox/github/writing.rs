//! Who writes to which branch.
//!
//! Invariant: one writes to a branch at a time, and whoever goes away leaves it free.

use std::collections::HashSet;
use std::sync::Mutex;

use crate::sandbox::kit::lock::lock;

/// The branches that are being written to.
#[derive(Debug, Default)]
pub(crate) struct Writing(Mutex<HashSet<(u64, String)>>);

/// A branch that is being written to, until this is dropped.
pub(crate) struct Turn<'a> {
    writing: &'a Writing,
    branch: (u64, String),
}

impl Writing {
    /// Takes the branch; `None`: somebody else is writing to it.
    pub fn begin(&self, repo: u64, branch: &str) -> Option<Turn<'_>> {
        let branch = (repo, branch.to_owned());
        let free = lock(&self.0).insert(branch.clone());
        free.then(|| Turn { writing: self, branch })
    }
}

impl Drop for Turn<'_> {
    fn drop(&mut self) {
        lock(&self.writing.0).remove(&self.branch);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_writes_to_a_branch_at_a_time() {
        let writing = Writing::default();
        let first = writing.begin(1, "main");
        assert!(first.is_some() && writing.begin(1, "main").is_none());
        assert!(writing.begin(1, "other").is_some() && writing.begin(2, "main").is_some());
        drop(first);
        assert!(writing.begin(1, "main").is_some());
    }
}
