//! Branches.
//!
//! Invariant: the default branch and protected ones are not deleted, and protected ones change by pull requests only.

use std::sync::Arc;

use crate::sandbox::forge::commit::Commit;
use crate::sandbox::forge::data::branch::{Branch, is_name};
use crate::sandbox::forge::history::History;
use crate::sandbox::forge::oid::now;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;

impl State {
    /// Starts a branch at a revision.
    pub fn create_branch(&mut self, repo: u64, name: &str, from: &str) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        if found.is_empty() {
            return Err(Refused::Empty);
        }
        if !is_name(name) {
            return Err(Refused::BadName);
        }
        if found.branches.contains_key(name) {
            return Err(Refused::Exists(What::Branch));
        }
        let commit = found
            .resolve(Some(from))
            .ok_or(Refused::Missing(What::Commit))?
            .id
            .clone();
        self.created.take(0)?;
        self.by_id_mut(repo)?.set_branch(Branch {
            name: name.to_owned(),
            commit,
            protected: false,
        });
        Ok(())
    }

    /// Ends a branch, and closes the pull requests that came from it.
    pub fn delete_branch(&mut self, repo: u64, name: &str) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        let branch = found.branches.get(name).ok_or(Refused::Missing(What::Branch))?;
        if branch.protected || found.default_branch == name {
            return Err(Refused::Protected);
        }
        Arc::make_mut(&mut self.by_id_mut(repo)?.branches).remove(name);
        let at = now();
        for other in &mut self.repos {
            for issue in other.issues.iter_mut().filter(|issue| issue.open) {
                if issue.pull.as_ref().is_some_and(|pull| pull.comes_from(repo, name)) {
                    issue.close(&at);
                }
            }
        }
        Ok(())
    }

    /// Protects a branch, or lets everybody change it.
    pub fn protect_branch(&mut self, repo: u64, name: &str, protected: bool) -> Result<(), Refused> {
        let found = self.writable(repo)?;
        let branch = found.branches.get(name).ok_or(Refused::Missing(What::Branch))?;
        let branch = Branch {
            protected,
            ..branch.clone()
        };
        self.by_id_mut(repo)?.set_branch(branch);
        Ok(())
    }

    /// Puts a commit on a branch that exists or, in an empty repository, begins with it.
    pub(crate) fn advance(&mut self, repo: u64, name: &str, commit: Arc<Commit>) -> Result<(), Refused> {
        let at = now();
        let found = self.by_id_mut(repo)?;
        let protected = found.branches.get(name).is_some_and(|branch| branch.protected);
        found.set_branch(Branch {
            name: name.to_owned(),
            commit: commit.id.clone(),
            protected,
        });
        found.history.add(commit);
        found.updated_at = at;
        self.branch_moved(repo, name)
    }

    /// Open pull requests from and to this branch take notice.
    fn branch_moved(&mut self, repo: u64, name: &str) -> Result<(), Refused> {
        let found = self.by_id_mut(repo)?;
        let head = found.branch_head(name).map(|head| head.id.clone());
        let head = head.ok_or(Refused::Missing(What::Branch))?;
        let history = std::mem::take(&mut found.history);
        for other in &mut self.repos {
            follow(other, repo, name, &head, &history);
        }
        self.by_id_mut(repo)?.history = history;
        Ok(())
    }
}

/// Tells the open pull requests of a repository that the branch of `moved` ends with `head` now.
fn follow(repo: &mut Repo, moved: u64, name: &str, head: &str, history: &History) {
    let own = repo.id == moved;
    for issue in repo.issues.iter_mut().filter(|issue| issue.open) {
        let Some(pull) = issue.pull.as_mut() else {
            continue;
        };
        if pull.comes_from(moved, name) {
            // The repository's own history is away while this runs, and has it already.
            if !own {
                repo.history.import(history, head);
            }
            pull.head_moved(head);
            issue.updated_at = now();
        } else if own && pull.base == name {
            pull.base_moved(head);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_come_and_go() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        assert_eq!(state.create_branch(repo, "feature/x", "main"), Ok(()));
        let again = state.create_branch(repo, "feature/x", "main");
        assert_eq!(again, Err(Refused::Exists(What::Branch)));
        let unknown = state.create_branch(repo, "y", "none");
        assert_eq!(unknown, Err(Refused::Missing(What::Commit)));
        assert_eq!(state.delete_branch(repo, "main"), Err(Refused::Protected));
        assert_eq!(state.protect_branch(repo, "feature/x", true), Ok(()));
        assert_eq!(state.delete_branch(repo, "feature/x"), Err(Refused::Protected));
        assert_eq!(state.protect_branch(repo, "feature/x", false), Ok(()));
        assert_eq!(state.delete_branch(repo, "feature/x"), Ok(()));
        let gone = state.delete_branch(repo, "feature/x");
        assert_eq!(gone, Err(Refused::Missing(What::Branch)));
    }
}
