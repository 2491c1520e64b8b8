//! What only GitLab keeps: groups of their own, projects that wait for their end, forks under way, merges that wait.
//!
//! Invariant: what is kept of a project does not outlive it.

use std::collections::{BTreeMap, HashMap};

/// How far a fork is, each time that it is read.
const IMPORTS: [&str; 4] = ["scheduled", "scheduled", "started", "finished"];

/// All of it.
#[derive(Debug, Default)]
pub(crate) struct Own {
    /// Groups that clients made, by their paths.
    pub groups: BTreeMap<String, GroupDraft>,
    /// When a project was marked for deletion.
    pub doomed: HashMap<u64, String>,
    imports: HashMap<u64, usize>,
    /// What was wished of a merge request, by project and number.
    pub wishes: HashMap<(u64, u64), Wish>,
    /// The branch that a status was said for; a status has its number for good.
    pub status_refs: HashMap<u64, String>,
}

/// A group as it was made.
#[derive(Clone, Debug)]
pub(crate) struct GroupDraft {
    pub name: String,
    pub description: String,
}

/// How a merge request is to be merged.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wish {
    pub squash: bool,
    pub remove_branch: Option<bool>,
    /// It is merged as soon as its statuses are all good.
    pub auto: bool,
    pub reviewers: Vec<String>,
    /// It was just made, and nothing is prepared before it is read.
    pub fresh: bool,
    /// Whether anybody has read it by itself, which begins the test of its merge.
    pub read: bool,
}

impl Own {
    pub fn import_begins(&mut self, project: u64) {
        self.imports.insert(project, 0);
    }

    /// How far the import of a project is; `None`: it was never imported.
    pub fn import(&self, project: u64) -> Option<&'static str> {
        self.imports.get(&project).map(|at| IMPORTS[*at])
    }

    /// Somebody read the project: its import goes on.
    pub fn import_read(&mut self, project: u64) {
        if let Some(at) = self.imports.get_mut(&project) {
            *at = (*at + 1).min(IMPORTS.len() - 1);
        }
    }

    /// The project is gone, and with it what was kept of it.
    pub fn forget(&mut self, project: u64) {
        self.doomed.remove(&project);
        self.imports.remove(&project);
        self.wishes.retain(|(of, _), _| *of != project);
    }

    pub fn wish(&self, project: u64, number: u64) -> Wish {
        self.wishes.get(&(project, number)).cloned().unwrap_or_default()
    }

    pub fn wish_mut(&mut self, project: u64, number: u64) -> &mut Wish {
        self.wishes.entry((project, number)).or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fork_is_finished_by_being_read() {
        let mut own = Own::default();
        assert_eq!(own.import(1), None);
        own.import_begins(1);
        let mut seen = vec![own.import(1)];
        for _ in 0..4 {
            own.import_read(1);
            seen.push(own.import(1));
        }
        let expected = ["scheduled", "scheduled", "started", "finished", "finished"];
        assert_eq!(seen, expected.map(Some));
        own.wish_mut(1, 2).squash = true;
        own.wish_mut(3, 2).squash = true;
        own.forget(1);
        assert_eq!(
            (own.import(1), own.wish(1, 2).squash, own.wish(3, 2).squash),
            (None, false, true)
        );
    }
}
