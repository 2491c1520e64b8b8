//! What changed between two snapshots.
//!
//! Invariant: applied to the first, the changes give the second.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::lines;
use super::tree::{Blob, Snapshot};

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ChangeKind {
    Added,
    Modified,
    Removed,
    Renamed,
}

/// The change of one file.
#[derive(Clone, Debug)]
pub(crate) struct FileChange {
    pub path: String,
    /// Where it was before it was renamed.
    pub previous: Option<String>,
    pub kind: ChangeKind,
    /// Of the content after the change; before it, for a file that was removed.
    pub blob: Arc<str>,
    pub added: usize,
    pub removed: usize,
    /// The hunks of a unified diff; `None`: the file is no text, or only moved.
    pub patch: Option<String>,
}

impl FileChange {
    fn of(path: &str, kind: ChangeKind, before: Option<&Blob>, after: Option<&Blob>) -> Self {
        let bytes = |blob: Option<&Blob>| blob.map(|blob| blob.content.clone()).unwrap_or_default();
        let lines = lines::change(&bytes(before), &bytes(after));
        let blob = after.or(before).map(|blob| blob.id.clone());
        Self {
            path: path.to_owned(),
            previous: None,
            kind,
            blob: blob.unwrap_or_default(),
            added: lines.added,
            removed: lines.removed,
            patch: lines.patch,
        }
    }
}

/// The changes from one snapshot to the next, by path.
pub(crate) fn changes(before: &Snapshot, after: &Snapshot) -> Vec<FileChange> {
    let mut changes = BTreeMap::new();
    let mut gone: Vec<(&Arc<str>, &Blob)> = before.files().filter(|(path, _)| after.file(path).is_none()).collect();
    for (path, blob) in after.files() {
        let change = match before.file(path) {
            Some(old) if old.id == blob.id => continue,
            Some(old) => FileChange::of(path, ChangeKind::Modified, Some(old), Some(blob)),
            None => match gone.iter().position(|(_, old)| old.id == blob.id) {
                Some(at) => moved(path, gone.remove(at)),
                None => FileChange::of(path, ChangeKind::Added, None, Some(blob)),
            },
        };
        changes.insert(path.clone(), change);
    }
    for (path, blob) in gone {
        let change = FileChange::of(path, ChangeKind::Removed, Some(blob), None);
        changes.insert(path.clone(), change);
    }
    changes.into_values().collect()
}

fn moved(path: &str, (previous, blob): (&Arc<str>, &Blob)) -> FileChange {
    FileChange {
        path: path.to_owned(),
        previous: Some(previous.to_string()),
        kind: ChangeKind::Renamed,
        blob: blob.id.clone(),
        added: 0,
        removed: 0,
        patch: None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_added_changed_removed_and_renamed() {
        let before = Snapshot::of(&[("kept", "k"), ("old", "moves\n"), ("changed", "1\n"), ("gone", "g\n")]);
        let after = Snapshot::of(&[("kept", "k"), ("new", "moves\n"), ("changed", "2\n"), ("fresh", "f\n")]);
        let found = changes(&before, &after);
        let kinds: Vec<_> = found.iter().map(|change| (change.path.as_str(), change.kind)).collect();
        let expected = [
            ("changed", ChangeKind::Modified),
            ("fresh", ChangeKind::Added),
            ("gone", ChangeKind::Removed),
            ("new", ChangeKind::Renamed),
        ];
        assert_eq!(kinds, expected);
        assert_eq!(found[3].previous.as_deref(), Some("old"));
        assert_eq!((found[0].added, found[0].removed), (1, 1));
    }
}
