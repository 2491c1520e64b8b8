//! Commits of several changes at once, on a branch that may begin with them.
//!
//! Invariant: either all changes are made, or none.

use std::sync::Arc;

use bytes::Bytes;

use crate::sandbox::forge::commit::{Commit, Signature};
use crate::sandbox::forge::data::branch::is_name;
use crate::sandbox::forge::refused::{Refused, What};
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::state::State;
use crate::sandbox::forge::tree::{Blob, Snapshot};

/// One change of a file. `known` is the last commit of the file that the caller has seen.
#[derive(Clone, Debug)]
pub(crate) enum FileAction {
    Create {
        path: String,
        content: Bytes,
    },
    Update {
        path: String,
        content: Bytes,
        known: Option<String>,
    },
    Delete {
        path: String,
        known: Option<String>,
    },
    /// Without content, it keeps what it had.
    Move {
        from: String,
        path: String,
        content: Option<Bytes>,
        known: Option<String>,
    },
}

/// A commit to be made.
#[derive(Clone, Debug)]
pub(crate) struct CommitDraft<'a> {
    pub branch: &'a str,
    /// Where the branch begins; `None`: it is there already.
    pub start: Option<&'a str>,
    pub actions: &'a [FileAction],
    pub message: &'a str,
    pub author: Signature,
    pub committer: Signature,
}

impl FileAction {
    /// The file that must be there, and what the caller knows of it.
    fn touches(&self) -> Option<(&str, Option<&str>)> {
        match self {
            Self::Create { .. } => None,
            Self::Update { path, known, .. } | Self::Delete { path, known } => Some((path, known.as_deref())),
            Self::Move { from, known, .. } => Some((from, known.as_deref())),
        }
    }

    fn size(&self) -> usize {
        match self {
            Self::Create { content, .. } | Self::Update { content, .. } => content.len(),
            Self::Move { content, .. } => content.as_ref().map_or(0, Bytes::len),
            Self::Delete { .. } => 0,
        }
    }

    /// The files as they are afterwards.
    fn applied(&self, before: &Snapshot) -> Result<Snapshot, Refused> {
        let missing = || Refused::Missing(What::File);
        let with = |tree: &Snapshot, path: &str, content: &Bytes| {
            tree.with(path, Blob::new(content.clone())).ok_or(Refused::BadName)
        };
        match self {
            Self::Create { path, .. } if before.file(path).is_some() => Err(Refused::Exists(What::File)),
            Self::Update { path, .. } if before.file(path).is_none() => Err(missing()),
            Self::Create { path, content } | Self::Update { path, content, .. } => with(before, path, content),
            Self::Delete { path, .. } => before.without(path).ok_or_else(missing),
            Self::Move {
                from, path, content, ..
            } => {
                let old = before.file(from).ok_or_else(missing)?.content.clone();
                if before.file(path).is_some() {
                    return Err(Refused::Exists(What::File));
                }
                let rest = before.without(from).ok_or_else(missing)?;
                with(&rest, path, content.as_ref().unwrap_or(&old))
            }
        }
    }
}

impl CommitDraft<'_> {
    /// The commit that this one follows; `None`: it is the repository's first.
    fn parent<'a>(&self, repo: &'a Repo) -> Result<Option<&'a Arc<Commit>>, Refused> {
        let there = repo.branches.get(self.branch);
        if there.is_some_and(|branch| branch.protected) {
            return Err(Refused::Protected);
        }
        match (there, self.start.filter(|start| *start != self.branch)) {
            _ if repo.is_empty() => Ok(None),
            (Some(_), None) => Ok(repo.branch_head(self.branch)),
            (Some(_), Some(_)) => Err(Refused::Exists(What::Branch)),
            (None, _) if !is_name(self.branch) => Err(Refused::BadName),
            (None, Some(start)) => repo
                .resolve(Some(start))
                .map(Some)
                .ok_or(Refused::Missing(What::Commit)),
            (None, None) => Err(Refused::Missing(What::Branch)),
        }
    }
}

/// Refuses a change of what has changed since the caller saw it.
fn seen(repo: &Repo, at: &Commit, action: &FileAction) -> Result<(), Refused> {
    let Some((path, Some(known))) = action.touches() else {
        return Ok(());
    };
    match repo.log_of(at, path).first() {
        Some(last) if last.id != known => Err(Refused::Stale(last.id.clone())),
        _ => Ok(()),
    }
}

impl State {
    /// Makes a commit of several changes; where it changes nothing, [`Refused::NothingBetween`].
    pub fn commit_files(&mut self, repo: u64, draft: &CommitDraft<'_>) -> Result<Arc<Commit>, Refused> {
        let found = self.writable(repo)?;
        let (parent, first) = (draft.parent(found)?.cloned(), found.is_empty());
        let before = parent.as_ref().map(|parent| parent.tree.clone()).unwrap_or_default();
        let mut tree = before.clone();
        for action in draft.actions {
            if let Some(parent) = &parent {
                seen(found, parent, action)?;
            }
            tree = action.applied(&tree)?;
        }
        if !draft.actions.is_empty() && tree.id() == before.id() {
            return Err(Refused::NothingBetween);
        }
        let parents: Vec<&Commit> = parent.iter().map(|parent| &**parent).collect();
        let (author, committer) = (draft.author.clone(), draft.committer.clone());
        let commit = Arc::new(Commit::new(tree, &parents, author, committer, draft.message));
        self.created.take(draft.actions.iter().map(FileAction::size).sum())?;
        if first {
            draft.branch.clone_into(&mut self.by_id_mut(repo)?.default_branch);
        }
        self.advance(repo, draft.branch, commit.clone())?;
        Ok(commit)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn commit(
        state: &mut State,
        repo: u64,
        branch: &str,
        start: Option<&str>,
        actions: &[FileAction],
    ) -> Result<Arc<Commit>, Refused> {
        let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
        let draft = CommitDraft {
            branch,
            start,
            actions,
            message: "change",
            author: who.clone(),
            committer: who,
        };
        state.commit_files(repo, &draft)
    }

    fn create(path: &str) -> FileAction {
        FileAction::Create {
            path: path.to_owned(),
            content: Bytes::from_static(b"1"),
        }
    }

    #[test]
    fn all_changes_are_made_or_none() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let gone = FileAction::Delete {
            path: "none".to_owned(),
            known: None,
        };
        let half = commit(&mut state, repo, "develop", None, &[create("a"), gone]).unwrap_err();
        assert_eq!(half, Refused::Missing(What::File));
        assert!(
            commit(&mut state, repo, "develop", None, &[create("a")]).is_ok(),
            "it was not made"
        );
        let moved = FileAction::Move {
            from: "a".to_owned(),
            path: "b".to_owned(),
            content: None,
            known: None,
        };
        let both = commit(&mut state, repo, "develop", None, &[moved, create("a")]).unwrap();
        assert!(both.tree.file("a").is_some() && both.tree.file("b").is_some());
    }

    #[test]
    fn a_branch_begins_where_it_is_said_and_only_once() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let nowhere = commit(&mut state, repo, "new", None, &[create("a")]).unwrap_err();
        assert_eq!(nowhere, Refused::Missing(What::Branch));
        assert!(commit(&mut state, repo, "new", Some("main"), &[create("a")]).is_ok());
        let again = commit(&mut state, repo, "new", Some("main"), &[create("b")]).unwrap_err();
        assert_eq!(again, Refused::Exists(What::Branch));
        assert_eq!(
            commit(&mut state, repo, "main", None, &[create("b")]).unwrap_err(),
            Refused::Protected
        );
        let empty = state.repo("quirks", "empty").unwrap().id;
        assert!(commit(&mut state, empty, "trunk", None, &[create("a")]).is_ok());
        assert_eq!(state.by_id(empty).unwrap().default_branch, "trunk");
    }

    #[test]
    fn only_what_was_seen_is_changed_and_nothing_is_no_change() {
        let mut state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap().id;
        let first = commit(&mut state, repo, "develop", None, &[create("a")]).unwrap();
        let update = |text: &'static str, known: &str| FileAction::Update {
            path: "a".to_owned(),
            content: Bytes::from_static(text.as_bytes()),
            known: Some(known.to_owned()),
        };
        let second = commit(&mut state, repo, "develop", None, &[update("2", &first.id)]).unwrap();
        let stale = commit(&mut state, repo, "develop", None, &[update("3", &first.id)]).unwrap_err();
        assert_eq!(stale, Refused::Stale(second.id.clone()));
        let same = commit(&mut state, repo, "develop", None, &[update("2", &second.id)]).unwrap_err();
        assert_eq!(same, Refused::NothingBetween);
    }
}
