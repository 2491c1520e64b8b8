//! Objects of a repository by their ids.
//!
//! Invariant: an object is found wherever a commit of the repository leads to it.

use crate::sandbox::forge::oid::is_id;
use crate::sandbox::forge::repo::Repo;
use crate::sandbox::forge::tree::{Blob, Snapshot};

impl Repo {
    /// The files that a revision or a tree's id means, and the directory among them.
    pub fn tree(&self, id: &str) -> Option<(Snapshot, String)> {
        if let Some(commit) = self.resolve(Some(id)) {
            return Some((commit.tree.clone(), String::new()));
        }
        let at = |tree: &Snapshot| tree.directory_with(id).map(|directory| (tree.clone(), directory));
        is_id(id).then(|| self.newest_first().find_map(at)).flatten()
    }

    /// The content that has this id.
    pub fn blob(&self, id: &str) -> Option<Blob> {
        let in_tree = |tree: &Snapshot| tree.files().map(|(_, blob)| blob).find(|blob| *blob.id == *id).cloned();
        is_id(id).then(|| self.newest_first().find_map(in_tree)).flatten()
    }

    /// All trees, those of the default branch's last commit first.
    fn newest_first(&self) -> impl Iterator<Item = &Snapshot> {
        let head = self.head().map(|head| &head.tree);
        head.into_iter().chain(self.history.all().map(|commit| &commit.tree))
    }
}

#[cfg(test)]
mod tests {
    use crate::sandbox::forge::State;

    #[test]
    fn trees_and_blobs_are_found_by_their_ids() {
        let state = State::seeded("one");
        let repo = state.repo("acme", "api").unwrap();
        let head = repo.head().unwrap();
        let source = head.tree.directory("src").unwrap().id;
        assert_eq!(repo.tree(&source).unwrap().1, "src");
        assert_eq!(repo.tree(&head.tree_id).unwrap().1, "");
        assert_eq!(repo.tree("develop").unwrap().1, "");
        let readme = head.tree.file("README.md").unwrap();
        assert_eq!(repo.blob(&readme.id).unwrap().content, readme.content);
        assert!(repo.tree(&readme.id).is_none() && repo.blob(&source).is_none());
    }
}
