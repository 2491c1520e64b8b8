//! The files of a commit.
//!
//! A snapshot is shared until it is changed, so that a hundred commits cost little more than what they change.
//!
//! Invariant: what a directory lists can be asked for by the path that it lists, and no path is a file and a directory.

use std::collections::BTreeMap;
use std::ops::Bound;
use std::sync::Arc;

use bytes::Bytes;

use super::oid::{git_id, raw_id};

/// A file's content.
#[derive(Clone, Debug)]
pub(crate) struct Blob {
    pub id: Arc<str>,
    pub content: Bytes,
}

impl Blob {
    pub fn new(content: impl Into<Bytes>) -> Self {
        let content = content.into();
        Self {
            id: git_id("blob", &content).into(),
            content,
        }
    }
}

/// A file or, without a size, a directory.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Entry {
    pub path: String,
    pub id: String,
    pub size: Option<usize>,
}

impl Entry {
    /// The last part of its path.
    pub fn name(&self) -> &str {
        self.path.rsplit('/').next().unwrap_or_default()
    }

    fn file(path: &str, blob: &Blob) -> Self {
        Self {
            path: path.to_owned(),
            id: blob.id.to_string(),
            size: Some(blob.content.len()),
        }
    }
}

/// All files at one time, by path.
#[derive(Clone, Debug, Default)]
pub(crate) struct Snapshot {
    files: Arc<BTreeMap<Arc<str>, Blob>>,
}

impl FromIterator<(Arc<str>, Blob)> for Snapshot {
    fn from_iter<I: IntoIterator<Item = (Arc<str>, Blob)>>(files: I) -> Self {
        Self {
            files: Arc::new(files.into_iter().collect()),
        }
    }
}

impl Snapshot {
    pub fn file(&self, path: &str) -> Option<&Blob> {
        self.files.get(path)
    }

    pub fn files(&self) -> impl Iterator<Item = (&Arc<str>, &Blob)> {
        self.files.iter()
    }

    /// The bytes of all files.
    pub fn size(&self) -> usize {
        self.files.values().map(|blob| blob.content.len()).sum()
    }

    /// A file as an entry.
    pub fn entry(&self, path: &str) -> Option<Entry> {
        self.file(path).map(|blob| Entry::file(path, blob))
    }

    /// The same with this file; `None`: the path cannot be a file's here.
    pub fn with(&self, path: &str, blob: Blob) -> Option<Self> {
        let parents = path.match_indices('/').map(|(at, _)| &path[..at]);
        let taken = parents.into_iter().any(|parent| self.file(parent).is_some());
        if !is_path(path) || taken || self.below(path).next().is_some() {
            return None;
        }
        let mut next = self.clone();
        Arc::make_mut(&mut next.files).insert(path.into(), blob);
        Some(next)
    }

    /// The same without this file; `None`: there is none.
    pub fn without(&self, path: &str) -> Option<Self> {
        let mut next = self.clone();
        Arc::make_mut(&mut next.files).remove(path)?;
        Some(next)
    }

    /// The id of the whole tree.
    pub fn id(&self) -> String {
        self.directory_id("")
    }

    /// A directory as an entry; `None`: there is none. The root is one even when it is empty.
    pub fn directory(&self, path: &str) -> Option<Entry> {
        let known = path.is_empty() || self.below(path).next().is_some();
        known.then(|| Entry {
            path: path.to_owned(),
            id: self.directory_id(path),
            size: None,
        })
    }

    /// What a directory holds, by name; `None`: there is no such directory.
    pub fn entries(&self, directory: &str) -> Option<Vec<Entry>> {
        let mut children: BTreeMap<&str, Entry> = BTreeMap::new();
        let start = if directory.is_empty() { 0 } else { directory.len() + 1 };
        for (path, blob) in self.below(directory) {
            match path[start..].split_once('/') {
                None => drop(children.insert(path, Entry::file(path, blob))),
                Some((child, _)) => {
                    let child = &path[..start + child.len()];
                    children.entry(child).or_insert_with(|| Entry {
                        path: child.to_owned(),
                        id: String::new(),
                        size: None,
                    });
                }
            }
        }
        for entry in children.values_mut().filter(|entry| entry.size.is_none()) {
            entry.id = self.directory_id(&entry.path);
        }
        (directory.is_empty() || !children.is_empty()).then(|| children.into_values().collect())
    }

    /// All that is below a directory, directories before what they hold.
    pub fn walk(&self, directory: &str) -> Vec<Entry> {
        let mut found = Vec::new();
        for entry in self.entries(directory).unwrap_or_default() {
            let below = entry.size.is_none().then(|| self.walk(&entry.path));
            found.push(entry);
            found.extend(below.into_iter().flatten());
        }
        found
    }

    /// The directory whose tree has this id.
    pub fn directory_with(&self, id: &str) -> Option<String> {
        if self.id() == id {
            return Some(String::new());
        }
        let found = self.walk("").into_iter();
        let mut found = found.filter(|entry| entry.size.is_none() && entry.id == id);
        found.next().map(|entry| entry.path)
    }

    fn below<'a>(&'a self, directory: &str) -> impl Iterator<Item = (&'a str, &'a Blob)> + use<'a> {
        let prefix = if directory.is_empty() {
            String::new()
        } else {
            format!("{directory}/")
        };
        self.files
            .range::<str, _>((Bound::Included(prefix.as_str()), Bound::Unbounded))
            .map(|(path, blob)| (&**path, blob))
            .take_while(move |(path, _)| path.starts_with(&prefix))
    }

    /// As git computes it: entries in the order of their names, a directory's with a slash at its end.
    fn directory_id(&self, path: &str) -> String {
        let mut entries = self.entries(path).unwrap_or_default();
        entries.sort_by_cached_key(|entry| match entry.size {
            Some(_) => entry.name().to_owned(),
            None => format!("{}/", entry.name()),
        });
        let mut object = Vec::new();
        for entry in entries {
            let mode = if entry.size.is_some() { "100644" } else { "40000" };
            object.extend_from_slice(format!("{mode} {}\0", entry.name()).as_bytes());
            object.extend(raw_id(&entry.id));
        }
        git_id("tree", &object)
    }
}

/// Whether git takes this for a path.
fn is_path(path: &str) -> bool {
    let part = |part: &str| !matches!(part, "" | "." | "..") && !part.eq_ignore_ascii_case(".git");
    !path.contains('\0') && path.split('/').all(part)
}

#[cfg(test)]
impl Snapshot {
    /// These files with these texts.
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter();
        files
            .map(|(path, text)| (Arc::from(*path), Blob::new(text.to_string())))
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_has_the_id_that_git_gives_it() {
        // `git write-tree` of a repository with a file `a` that holds "hello\n".
        assert_eq!(
            Snapshot::of(&[("a", "hello\n")]).id(),
            "0976950c1fdbcb52435a433913017bf044b3a58f"
        );
        assert_eq!(Snapshot::of(&[]).id(), "4b825dc642cb6eb9a060e54bf8d69288fbee4904");
    }

    #[test]
    fn a_directory_lists_what_is_directly_below_it() {
        let tree = Snapshot::of(&[("a", ""), ("b/c", ""), ("b/d/e", ""), ("b.txt", "")]);
        let paths = |entries: Vec<Entry>| entries.into_iter().map(|entry| entry.path).collect::<Vec<_>>();
        assert_eq!(paths(tree.entries("").unwrap()), ["a", "b", "b.txt"]);
        assert_eq!(paths(tree.entries("b").unwrap()), ["b/c", "b/d"]);
        assert_eq!(paths(tree.walk("")), ["a", "b", "b/c", "b/d", "b/d/e", "b.txt"]);
        assert_eq!((tree.entries("a"), tree.entries("none")), (None, None));
        let id = tree.directory("b/d").unwrap().id;
        assert_eq!(tree.directory_with(&id).as_deref(), Some("b/d"));
    }

    #[test]
    fn no_path_becomes_a_file_and_a_directory() {
        let tree = Snapshot::of(&[("a", ""), ("b/c", "")]);
        for path in ["a/x", "b", "", "x//y", "../x", "x/.git/config"] {
            assert!(tree.with(path, Blob::new("")).is_none(), "{path}");
        }
        let more = tree.with("b/d", Blob::new("")).unwrap();
        assert_eq!(
            (tree.files().count(), more.files().count()),
            (2, 3),
            "the first is as it was"
        );
        assert!(more.without("none").is_none());
    }
}
