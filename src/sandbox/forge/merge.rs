//! Bringing one line of work into another.
//!
//! Two sides conflict where both changed the same file in different ways; lines are not looked at.
//!
//! Invariant: a merge that conflicts changes nothing.

use std::collections::BTreeSet;
use std::sync::Arc;

use super::commit::{Commit, Signature};
use super::history::History;
use super::tree::{Blob, Snapshot};

/// How commits are brought over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MergeStyle {
    /// A commit that follows from both.
    Merge,
    /// One commit with all changes.
    Squash,
    /// Each commit once more, on top.
    Rebase,
}

/// The files with the changes of both sides, or the paths that both changed.
pub(crate) fn merged(base: &Snapshot, ours: &Snapshot, theirs: &Snapshot) -> Result<Snapshot, Vec<String>> {
    let id = |tree: &Snapshot, path: &str| tree.file(path).map(|blob| blob.id.clone());
    let all = [base, ours, theirs];
    let paths: BTreeSet<&Arc<str>> = all.iter().flat_map(|tree| tree.files().map(|(path, _)| path)).collect();
    let (mut files, mut conflicts) = (Vec::new(), Vec::new());
    for path in paths {
        let (was, our, their) = (id(base, path), id(ours, path), id(theirs, path));
        let from = match () {
            () if our == their || was == their => ours,
            () if was == our => theirs,
            () => {
                conflicts.push(path.to_string());
                continue;
            }
        };
        files.extend(from.file(path).map(|blob| (path.clone(), blob.clone())));
    }
    conflicts.extend(overlaps(&files));
    match conflicts.is_empty() {
        true => Ok(files.into_iter().collect()),
        false => Err(conflicts),
    }
}

/// Files that stand where others need a directory.
fn overlaps(files: &[(Arc<str>, Blob)]) -> Vec<String> {
    let paths: BTreeSet<&str> = files.iter().map(|(path, _)| &**path).collect();
    let parents = |path: &'_ str| {
        path.match_indices('/')
            .map(|(at, _)| path[..at].to_owned())
            .collect::<Vec<_>>()
    };
    let parents = paths.iter().flat_map(|path| parents(path));
    parents.filter(|parent| paths.contains(parent.as_str())).collect()
}

/// What is merged into what, by whom.
pub(crate) struct Join<'a> {
    pub history: &'a History,
    pub base: &'a Arc<Commit>,
    pub head: &'a Arc<Commit>,
    pub by: &'a Signature,
    pub message: &'a str,
}

impl Join<'_> {
    /// The new commits, oldest first, or the paths that both sides changed.
    pub fn commits(&self, style: MergeStyle) -> Result<Vec<Arc<Commit>>, Vec<String>> {
        match style {
            MergeStyle::Merge => self.one(&[self.base, self.head]),
            MergeStyle::Squash => self.one(&[self.base]),
            MergeStyle::Rebase => self.replayed(),
        }
    }

    fn one(&self, parents: &[&Commit]) -> Result<Vec<Arc<Commit>>, Vec<String>> {
        let common = self.history.merge_base(&self.base.id, &self.head.id);
        let common = common.map(|common| common.tree.clone()).unwrap_or_default();
        let tree = merged(&common, &self.base.tree, &self.head.tree)?;
        let by = || self.by.clone();
        Ok(vec![Arc::new(Commit::new(tree, parents, by(), by(), self.message))])
    }

    fn replayed(&self) -> Result<Vec<Arc<Commit>>, Vec<String>> {
        let mut on = self.base.clone();
        let mut made = Vec::new();
        for commit in self.history.between(&self.base.id, &self.head.id).iter().rev() {
            // What a merge brought over is among the others.
            let [parent] = commit.parents.as_slice() else {
                continue;
            };
            let before = self
                .history
                .get(parent)
                .map(|parent| parent.tree.clone())
                .unwrap_or_default();
            let tree = merged(&before, &on.tree, &commit.tree)?;
            let (author, by) = (commit.author.clone(), self.by.clone());
            on = Arc::new(Commit::new(tree, &[&on], author, by, &commit.message));
            made.push(on.clone());
        }
        Ok(made)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_sides_keep_their_changes() {
        let base = Snapshot::of(&[("a", "1"), ("b", "1"), ("gone", "1")]);
        let ours = Snapshot::of(&[("a", "2"), ("b", "1"), ("gone", "1"), ("same", "x")]);
        let theirs = Snapshot::of(&[("a", "1"), ("b", "3"), ("same", "x")]);
        let expected = Snapshot::of(&[("a", "2"), ("b", "3"), ("same", "x")]);
        assert_eq!(merged(&base, &ours, &theirs).unwrap().id(), expected.id());
    }

    #[test]
    fn what_both_changed_is_a_conflict() {
        let base = Snapshot::of(&[("a", "1"), ("b", "1")]);
        let conflict = merged(
            &base,
            &Snapshot::of(&[("a", "2"), ("b", "1")]),
            &Snapshot::of(&[("a", "3")]),
        );
        assert_eq!(conflict.unwrap_err(), ["a"]);
        let removed = merged(
            &base,
            &Snapshot::of(&[("a", "2"), ("b", "1")]),
            &Snapshot::of(&[("b", "1")]),
        );
        assert_eq!(removed.unwrap_err(), ["a"]);
        let overlap = merged(
            &base,
            &Snapshot::of(&[("a", "1"), ("b", "1"), ("x", "")]),
            &Snapshot::of(&[("a", "1"), ("b", "1"), ("x/y", "")]),
        );
        assert_eq!(overlap.unwrap_err(), ["x"]);
    }
}
