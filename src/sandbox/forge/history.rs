//! The commits of a repository, and how they follow each other.
//!
//! Invariant: the parents of every commit are there, too.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use super::commit::Commit;

/// The shortest beginning of an id that stands for it.
const MIN_SHORT_ID: usize = 7;

/// Commits by id.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    commits: HashMap<String, Arc<Commit>>,
}

impl History {
    pub fn get(&self, id: &str) -> Option<&Arc<Commit>> {
        self.commits.get(id)
    }

    /// The commit with this id, or the only one whose id begins so.
    pub fn find(&self, id: &str) -> Option<&Arc<Commit>> {
        if let Some(commit) = self.get(id) {
            return Some(commit);
        }
        let short = id.len() >= MIN_SHORT_ID && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        let id = id.to_ascii_lowercase();
        let mut found = self
            .commits
            .values()
            .filter(|commit| short && commit.id.starts_with(&id));
        found.next().filter(|_| found.next().is_none())
    }

    /// All commits, in no order.
    pub fn all(&self) -> impl Iterator<Item = &Arc<Commit>> {
        self.commits.values()
    }

    /// Adds a commit, whose parents are there.
    pub fn add(&mut self, commit: Arc<Commit>) {
        self.commits.insert(commit.id.clone(), commit);
    }

    /// Takes over a commit and all that is behind it.
    pub fn import(&mut self, from: &History, id: &str) {
        for commit in from.log(id) {
            self.add(commit);
        }
    }

    /// A commit and all that is behind it, newest first.
    pub fn log(&self, id: &str) -> Vec<Arc<Commit>> {
        self.without(id, &HashSet::new())
    }

    /// The commits behind `head` that are not behind `base`, newest first.
    pub fn between(&self, base: &str, head: &str) -> Vec<Arc<Commit>> {
        let known = self.log(base).into_iter().map(|commit| commit.id.clone()).collect();
        self.without(head, &known)
    }

    /// The youngest commit that both follow from.
    pub fn merge_base(&self, one: &str, other: &str) -> Option<Arc<Commit>> {
        let behind: HashSet<String> = self.log(one).into_iter().map(|commit| commit.id.clone()).collect();
        self.log(other).into_iter().find(|commit| behind.contains(&commit.id))
    }

    /// A parent is always less deep than its child: going down by depth, every commit is met once.
    fn without(&self, id: &str, known: &HashSet<String>) -> Vec<Arc<Commit>> {
        let at = |id: &String| self.get(id).map(|commit| (commit.depth, commit.id.clone()));
        let mut open: BTreeSet<(usize, String)> = at(&id.to_owned()).into_iter().collect();
        let mut found = Vec::new();
        while let Some((_, id)) = open.pop_last() {
            if known.contains(&id) {
                continue;
            }
            if let Some(commit) = self.get(&id) {
                open.extend(commit.parents.iter().filter_map(at));
                found.push(commit.clone());
            }
        }
        found
    }
}

#[cfg(test)]
mod tests {
    use super::super::commit::Signature;
    use super::super::tree::Snapshot;
    use super::*;

    fn commit(history: &mut History, message: &str, parents: &[&Arc<Commit>]) -> Arc<Commit> {
        let who = Signature::of("somebody", "2026-01-05T09:00:00Z");
        let parents: Vec<&Commit> = parents.iter().map(|parent| &***parent).collect();
        let commit = Arc::new(Commit::new(Snapshot::default(), &parents, who.clone(), who, message));
        history.add(commit.clone());
        commit
    }

    #[test]
    fn branches_part_and_meet() {
        let mut history = History::default();
        let root = commit(&mut history, "root", &[]);
        let left = commit(&mut history, "left", &[&root]);
        let right = commit(&mut history, "right", &[&root]);
        let more = commit(&mut history, "more", &[&right]);
        let merge = commit(&mut history, "merge", &[&left, &more]);
        let titles = |commits: Vec<Arc<Commit>>| commits.iter().map(|c| c.title().to_owned()).collect::<Vec<_>>();
        assert_eq!(history.merge_base(&left.id, &more.id).unwrap().id, root.id);
        assert_eq!(titles(history.between(&left.id, &more.id)), ["more", "right"]);
        assert_eq!(history.log(&merge.id).len(), 5);
        assert_eq!(history.find(&merge.id[..7]).unwrap().id, merge.id);
        assert!(history.find("abc").is_none());
        let mut other = History::default();
        other.import(&history, &more.id);
        assert_eq!(other.all().count(), 3);
    }
}
