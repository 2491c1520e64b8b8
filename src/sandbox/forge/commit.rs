//! Commits.
//!
//! Invariant: a commit's id is that of its content, and none is its own ancestor.

use super::oid::{epoch, git_id};
use super::tree::Snapshot;

/// Who did something, and when.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub name: String,
    pub email: String,
    pub at: String,
}

impl Signature {
    /// The one behind a login, at this time.
    pub fn of(login: &str, at: &str) -> Self {
        Self {
            name: login.to_owned(),
            email: format!("{login}@noreply.sandbox.invalid"),
            at: at.to_owned(),
        }
    }

    /// The login that has this address; `None`: it is nobody's here.
    pub fn login(&self) -> Option<&str> {
        self.email.strip_suffix("@noreply.sandbox.invalid")
    }

    fn line(&self) -> String {
        format!("{} <{}> {} +0000", self.name, self.email, epoch(&self.at))
    }
}

/// A commit.
#[derive(Clone, Debug)]
pub(crate) struct Commit {
    pub id: String,
    pub tree_id: String,
    pub tree: Snapshot,
    /// Those that it follows; the first is the branch that it was made on.
    pub parents: Vec<String>,
    pub author: Signature,
    pub committer: Signature,
    pub message: String,
    /// How many generations are behind it.
    pub depth: usize,
}

impl Commit {
    pub fn new(tree: Snapshot, parents: &[&Commit], author: Signature, committer: Signature, message: &str) -> Self {
        let tree_id = tree.id();
        let mut object = format!("tree {tree_id}\n");
        for parent in parents {
            object += &format!("parent {}\n", parent.id);
        }
        object += &format!("author {}\ncommitter {}\n\n{message}", author.line(), committer.line());
        Self {
            id: git_id("commit", object.as_bytes()),
            tree_id,
            tree,
            parents: parents.iter().map(|parent| parent.id.clone()).collect(),
            author,
            committer,
            message: message.to_owned(),
            depth: parents.iter().map(|parent| parent.depth + 1).max().unwrap_or_default(),
        }
    }

    /// The message's first line.
    pub fn title(&self) -> &str {
        self.message.lines().next().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_that_of_the_content() {
        let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
        let make = |message: &str| Commit::new(Snapshot::default(), &[], who.clone(), who.clone(), message);
        assert_eq!(make("one").id, make("one").id);
        assert_ne!(make("one").id, make("two").id);
        assert_eq!((make("one\n\ntwo").title(), who.login()), ("one", Some("somebody")));
    }
}
