//! Two revisions of a repository beside each other.
//!
//! Invariant: commits and files are those that merging `head` into `base` would bring.

use std::sync::Arc;

use crate::sandbox::forge::commit::Commit;
use crate::sandbox::forge::diff::{FileChange, changes};
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::tree::Snapshot;

/// What lies between two revisions.
#[derive(Clone, Debug)]
pub(crate) struct Comparison {
    pub base: Arc<Commit>,
    pub head: Arc<Commit>,
    pub merge_base: Arc<Commit>,
    /// In `head` and not in `base`, oldest first.
    pub ahead: Vec<Arc<Commit>>,
    /// How many are in `base` and not in `head`.
    pub behind: usize,
    pub files: Vec<FileChange>,
}

impl Repo {
    /// Compares two revisions by their common ancestor.
    pub fn compare(&self, base: &str, head: &str) -> Result<Comparison, Refused> {
        let commit = |revision| {
            self.resolve(Some(revision))
                .cloned()
                .ok_or(Refused::Missing(What::Commit))
        };
        let (base, head) = (commit(base)?, commit(head)?);
        let merge_base = self.history.merge_base(&base.id, &head.id).ok_or(Refused::Unrelated)?;
        let mut ahead = self.history.between(&base.id, &head.id);
        ahead.reverse();
        Ok(Comparison {
            behind: self.history.between(&head.id, &base.id).len(),
            files: changes(&merge_base.tree, &head.tree),
            ahead,
            merge_base,
            base,
            head,
        })
    }

    /// What a commit changed against the first that it follows.
    pub fn changes_of(&self, commit: &Commit) -> Vec<FileChange> {
        let parent = commit.parents.first().and_then(|id| self.history.get(id));
        changes(
            &parent.map(|parent| parent.tree.clone()).unwrap_or_default(),
            &commit.tree,
        )
    }

    /// The commits behind a revision that changed this path or something below it, newest first.
    pub fn log_of(&self, from: &Commit, path: &str) -> Vec<Arc<Commit>> {
        let below = |file: &str| file == path || file.strip_prefix(path).is_some_and(|rest| rest.starts_with('/'));
        let touches = |commit: &Arc<Commit>| {
            let before = commit.parents.first().and_then(|id| self.history.get(id));
            let before = before.map(|parent| parent.tree.clone()).unwrap_or_default();
            let ids = |tree: &Snapshot| {
                let files = tree.files().filter(|(file, _)| below(file));
                files
                    .map(|(file, blob)| (file.clone(), blob.id.clone()))
                    .collect::<Vec<_>>()
            };
            ids(&before) != ids(&commit.tree)
        };
        let mut commits = self.history.log(&from.id);
        commits.retain(touches);
        commits
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::forge::state::State;

    #[test]
    fn branches_are_compared_by_what_they_have_in_common() {
        let state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap();
        let found = repo.compare("main", "develop").unwrap();
        assert_eq!((found.ahead.len(), found.behind), (1, 1));
        assert_eq!(found.merge_base.title(), "Initial commit");
        assert!(found.files.iter().any(|file| file.path == "README.md"));
        let same = repo.compare("main", "main").unwrap();
        assert!(same.ahead.is_empty() && same.files.is_empty());
        assert!(repo.compare("main", "none").is_err());
        let log = repo.log_of(repo.head().unwrap(), "src");
        assert_eq!(log.len(), 1, "the first commit has no such directory");
    }
}
