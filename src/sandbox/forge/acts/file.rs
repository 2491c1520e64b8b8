//! Files that are written and removed, each by a commit of its own.
//!
//! Invariant: nobody replaces or removes what they have not seen.

use std::sync::Arc;

use bytes::Bytes;

use crate::sandbox::forge::commit::{Commit, Signature};
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;
use crate::sandbox::forge::tree::{Blob, Snapshot};

/// A file to be written or removed.
#[derive(Clone, Debug)]
pub(crate) struct FileWrite<'a> {
    /// `None`: the default branch.
    pub branch: Option<&'a str>,
    pub path: &'a str,
    /// `None`: it is removed.
    pub content: Option<Bytes>,
    /// The id of the content that the caller replaces or removes; `None`: the caller takes the file for new.
    pub known: Option<&'a str>,
    pub message: &'a str,
    pub author: Signature,
    pub committer: Signature,
}

impl FileWrite<'_> {
    /// The files as they are afterwards.
    fn applied(&self, before: &Snapshot) -> Result<Snapshot, Refused> {
        let present = before.file(self.path);
        match (present, self.known) {
            (None, Some(_)) => return Err(Refused::Missing(What::File)),
            (Some(blob), Some(known)) if *blob.id != *known => return Err(Refused::Stale(blob.id.to_string())),
            (Some(_), None) => return Err(Refused::Exists(What::File)),
            _ => {}
        }
        match &self.content {
            Some(content) => before
                .with(self.path, Blob::new(content.clone()))
                .ok_or(Refused::BadName),
            None => before.without(self.path).ok_or(Refused::Missing(What::File)),
        }
    }

    /// The branch, and its last commit unless the repository has none.
    fn place<'a>(&self, repo: &'a Repo) -> Result<(String, Option<&'a Arc<Commit>>), Refused> {
        let name = self.branch.unwrap_or(&repo.default_branch);
        let name = name.strip_prefix("refs/heads/").unwrap_or(name);
        let begins = repo.is_empty() && name == repo.default_branch;
        match repo.branches.get(name) {
            Some(branch) if branch.protected => Err(Refused::Protected),
            None if !begins => Err(Refused::Missing(What::Branch)),
            _ => Ok((name.to_owned(), repo.branch_head(name))),
        }
    }
}

impl State {
    /// Writes or removes a file; the answer is the commit that did it.
    pub fn write_file(&mut self, repo: u64, write: &FileWrite<'_>) -> Result<Arc<Commit>, Refused> {
        let found = self.writable(repo)?;
        let (branch, parent) = write.place(found)?;
        let before = parent.map(|parent| parent.tree.clone()).unwrap_or_default();
        let tree = write.applied(&before)?;
        let parents: Vec<&Commit> = parent.iter().map(|parent| &***parent).collect();
        let (author, committer) = (write.author.clone(), write.committer.clone());
        let commit = Arc::new(Commit::new(tree, &parents, author, committer, write.message));
        self.created.take(write.content.as_ref().map_or(0, Bytes::len))?;
        self.advance(repo, &branch, commit.clone())?;
        Ok(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn write<'a>(path: &'a str, content: Option<&'static str>, known: Option<&'a str>) -> FileWrite<'a> {
        let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
        FileWrite {
            branch: Some("develop"),
            path,
            content: content.map(Bytes::from),
            known,
            message: "change",
            author: who.clone(),
            committer: who,
        }
    }

    #[test]
    fn only_what_was_seen_is_replaced() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let first = state.write_file(repo, &write("new.txt", Some("1"), None)).unwrap();
        let blob = first.tree.file("new.txt").unwrap().id.clone();
        let blind = state.write_file(repo, &write("new.txt", Some("2"), None)).unwrap_err();
        assert_eq!(blind, Refused::Exists(What::File));
        let second = state
            .write_file(repo, &write("new.txt", Some("2"), Some(&blob)))
            .unwrap();
        assert_eq!(second.parents[0], first.id);
        let stale = state
            .write_file(repo, &write("new.txt", None, Some(&blob)))
            .unwrap_err();
        let current = second.tree.file("new.txt").unwrap().id.clone();
        assert_eq!(stale, Refused::Stale(current.to_string()));
        let gone = state.write_file(repo, &write("new.txt", None, Some(&current))).unwrap();
        assert!(gone.tree.file("new.txt").is_none() && first.tree.file("new.txt").is_some());
    }

    #[test]
    fn a_protected_branch_takes_none_and_an_empty_repository_begins_with_the_first() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let mut to_main = write("x", Some("1"), None);
        to_main.branch = None;
        assert_eq!(state.write_file(repo, &to_main).unwrap_err(), Refused::Protected);
        let empty = state.repo("quirks", "empty").unwrap().id;
        let commit = state.write_file(empty, &to_main).unwrap();
        assert!(commit.parents.is_empty());
        assert_eq!(state.by_id(empty).unwrap().head().unwrap().id, commit.id);
    }
}
