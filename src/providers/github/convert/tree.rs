//! Trees.
//!
//! Invariant: a path is that within the repository.

use crate::catalogue::git::{EntryKind, TreeEntry};
use crate::providers::github::wire;
use crate::providers::http::Row;

/// An entry of the tree at `below`; none where GitHub calls it by a word that git does not know.
pub fn tree_entry(below: Option<&str>, Row { wire, raw }: Row<wire::TreeEntry>) -> Option<TreeEntry> {
    let kind = match (&*wire.kind, wire.mode.as_deref()) {
        ("blob", Some("120000")) => EntryKind::Symlink,
        ("blob", _) => EntryKind::File,
        ("tree", _) => EntryKind::Directory,
        ("commit", _) => EntryKind::Submodule,
        _ => return None,
    };
    Some(TreeEntry {
        name: wire.path.rsplit('/').next().unwrap_or_default().to_owned(),
        path: match below {
            Some(below) => format!("{below}/{}", wire.path),
            None => wire.path,
        },
        kind,
        mode: wire.mode,
        sha: wire.sha,
        size: wire.size,
        raw,
    })
}
