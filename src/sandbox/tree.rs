//! The files of a branch as a tree.
//!
//! Invariant: what a directory lists can be asked for by the path that it lists.

use std::borrow::Cow;
use std::collections::BTreeMap;

use super::seed::{BranchSeed, FileSeed, git_id};

/// A file or, without a size, a directory.
#[derive(Clone, Debug)]
pub(crate) struct TreeNode<'a> {
    pub path: &'a str,
    pub sha: Cow<'a, str>,
    pub size: Option<usize>,
}

impl<'a> From<&'a FileSeed> for TreeNode<'a> {
    fn from(file: &'a FileSeed) -> Self {
        Self {
            path: file.path,
            sha: Cow::Borrowed(&file.blob),
            size: Some(file.content.len()),
        }
    }
}

impl BranchSeed {
    pub fn file(&self, path: &str) -> Option<&FileSeed> {
        self.files.iter().find(|file| file.path == path)
    }

    pub fn directory<'a>(&self, path: &'a str) -> TreeNode<'a> {
        let below = self.files.iter().filter(|file| is_below(file, path));
        let ids: String = below.map(|file| file.blob.as_str()).collect();
        TreeNode {
            path,
            sha: Cow::Owned(git_id("tree", ids.as_bytes())),
            size: None,
        }
    }

    /// What a directory holds, by name; `None`: there is no such directory.
    pub fn entries(&self, path: &str) -> Option<Vec<TreeNode<'_>>> {
        let mut children = BTreeMap::new();
        for file in self.files.iter().filter(|file| is_below(file, path)) {
            let start = if path.is_empty() { 0 } else { path.len() + 1 };
            match file.path[start..].split_once('/') {
                None => children.insert(file.path, file.into()),
                Some((child, _)) => {
                    let child = &file.path[..start + child.len()];
                    children.insert(child, self.directory(child))
                }
            };
        }
        (!children.is_empty()).then(|| children.into_values().collect())
    }
}

fn is_below(file: &FileSeed, directory: &str) -> bool {
    directory.is_empty()
        || file
            .path
            .strip_prefix(directory)
            .is_some_and(|rest| rest.starts_with('/'))
}
