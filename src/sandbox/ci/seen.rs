//! Where a repository was when it was last looked at.
//!
//! Invariant: of pull requests only the open ones are seen.

use std::collections::BTreeMap;

use crate::sandbox::forge::Repo;

/// Where a repository's branches and open pull requests were when they were last looked at.
#[derive(Clone, Debug, Default)]
pub(crate) struct Seen {
    pub branches: BTreeMap<String, String>,
    pub pulls: BTreeMap<u64, String>,
}

impl Seen {
    pub fn of(repo: &Repo) -> Self {
        let branches = repo.branches.values();
        let open = repo.issues.iter().filter(|issue| issue.open);
        let pulls = open.filter_map(|issue| Some((issue.number, issue.pull.as_ref()?.head_id.clone())));
        Self {
            branches: branches
                .map(|branch| (branch.name.clone(), branch.commit.clone()))
                .collect(),
            pulls: pulls.collect(),
        }
    }
}
